//! From a configuration and a state to a plan: the reads that it takes, and nothing that writes.

mod seen;

use aws_sdk_ec2::types::Filter;
use thiserror::Error;

use crate::aws::{Aws, AwsError, Operation, Tags};
use crate::config::{Config, Zones};
use crate::drift::{self, Left, Subject};
use crate::execute::recovery::{RecoveryError, answers};
use crate::graph::Graph;
use crate::observe::{Observed, Surroundings, look_in_place, observe};
use crate::plan::{self, Plan, PlanError};
use crate::resource::kind::KindError;
use crate::stack::{self, PlacementError};
use crate::state::State;

pub use seen::Seen;

/// A stack as it is wanted, as it is, and what leads from one to the other.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// What is wanted.
    pub graph: Graph,
    /// What is there.
    pub observed: Observed,
    /// What stands in the place of what was applied.
    pub surroundings: Surroundings,
    /// What is to be done, if the changes of others are put back.
    pub plan: Plan,
}

/// No plan could be made.
#[derive(Debug, Error)]
pub enum DrawingError {
    /// AWS refused a read.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A kind could not be read.
    #[error(transparent)]
    Kind(#[from] KindError),
    /// The subnets could not be placed.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// What an interrupted run had begun could not be looked up.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// Something stands in the way.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Obstacles(Vec<PlanError>),
    /// The state is of another account or region.
    #[error("this stack is in account {} and region {}, but these credentials are for account {account} and region {region}", of.0, of.1)]
    Elsewhere {
        /// The account and region that the state names.
        of: (String, String),
        /// The account that the credentials belong to.
        account: String,
        /// The region that was asked for.
        region: String,
    },
}

/// Draws up what makes AWS as `config` declares it.
///
/// # Errors
///
/// [`DrawingError`].
pub async fn draw(aws: &Aws, config: &Config, state: &State) -> Result<Drawing, DrawingError> {
    let graph = graph_of(aws, config, state).await?;
    draw_graph(aws, graph, state, &config.tags).await
}

/// What `config` declares, where `state` says that the stack is.
///
/// A stack that is protected stays so when the configuration no longer says it.
///
/// # Errors
///
/// [`DrawingError`] when the zones can't be read, or the subnets not placed.
pub async fn graph_of(aws: &Aws, config: &Config, state: &State) -> Result<Graph, DrawingError> {
    let zones = zones(aws, config, state).await?;
    let placement = stack::place(&config.network, &config.region, &zones, Some(state))?;
    let protect = config.protect || state.protected;
    Ok(stack::build(&Config { protect, ..config.clone() }, &placement))
}

/// The plan as it would be if no name were taken: to look at what else speaks against it.
///
/// # Errors
///
/// [`DrawingError`], but for [`DrawingError::Obstacles`].
pub async fn draw_regardless(
    aws: &Aws,
    config: &Config,
    state: &State,
) -> Result<Plan, DrawingError> {
    let graph = graph_of(aws, config, state).await?;
    let observed = observe(aws, &graph, state, &config.tags).await?;
    Ok(plan::regardless(&graph, state, &observed, &config.tags))
}

/// Draws up the removal of everything that `state` records.
///
/// # Errors
///
/// [`DrawingError`].
pub async fn draw_removal(aws: &Aws, state: &State) -> Result<Drawing, DrawingError> {
    draw_graph(aws, Graph::default(), state, &Tags::new()).await
}

async fn draw_graph(
    aws: &Aws,
    graph: Graph,
    state: &State,
    user: &Tags,
) -> Result<Drawing, DrawingError> {
    let recorded = state.resources.len();
    tracing::info!(declared = graph.nodes().len(), recorded, "reading what AWS has");
    let ((), observed) = futures::try_join!(async { check_place(aws, state).await }, async {
        Ok(observe(aws, &graph, state, user).await?)
    },)?;
    let surroundings = look_in_place(aws, &graph, state, &observed).await?;
    let mut drawing = Drawing { graph, observed, surroundings, plan: Plan::nothing(state) };
    tracing::info!(unrecorded = drawing.observed.unrecorded.len(), "read what AWS has");
    let planned = drift::planned(&drawing.subject(state, user), &Left::new());
    drawing.plan = planned.map_err(DrawingError::Obstacles)?;
    tracing::info!(to_do = drawing.plan.changes().count(), "drew up the plan");
    Ok(drawing)
}

impl Drawing {
    /// What of it a check looks at; `user` are the tags that the file gives every resource.
    pub fn subject<'a>(&'a self, state: &'a State, user: &'a Tags) -> Subject<'a> {
        let Self { graph, observed, surroundings, .. } = self;
        Subject { graph, state, observed, surroundings, user }
    }
}

/// Checks that the credentials are for the account and region that the state names: anything
/// that is missing elsewhere would look deleted (aws-behaviour 24.5).
///
/// # Errors
///
/// [`DrawingError::Elsewhere`] when they are not.
pub async fn check_place(aws: &Aws, state: &State) -> Result<(), DrawingError> {
    check_is_in(aws, &state.account, &state.region).await
}

/// Checks that the credentials are for an account and region.
///
/// # Errors
///
/// [`DrawingError::Elsewhere`] when they are not.
pub async fn check_is_in(aws: &Aws, of: &str, in_region: &str) -> Result<(), DrawingError> {
    let account = aws.account().await?;
    tracing::info!(account, region = aws.region(), "the credentials are known");
    if account == of && aws.region() == in_region {
        return Ok(());
    }
    Err(DrawingError::Elsewhere {
        of: (of.to_owned(), in_region.to_owned()),
        account: account.to_owned(),
        region: aws.region().to_owned(),
    })
}

/// The state with everything settled that an interrupted run left in doubt, for looking at:
/// nothing is written.
///
/// # Errors
///
/// [`DrawingError::Recovery`] when AWS does not answer.
pub async fn settled(aws: &Aws, mut state: State) -> Result<State, DrawingError> {
    for entry in answers(aws, &state).await? {
        state.apply(entry);
    }
    Ok(state)
}

/// The zones to place subnets in: AWS is asked only when the state does not know enough.
pub(crate) async fn zones(
    aws: &Aws,
    config: &Config,
    state: &State,
) -> Result<Vec<String>, AwsError> {
    let remembered = stack::remembered_zones(&config.network, state);
    let suffices = match &config.network.zones {
        Zones::Count(count) => remembered.len() >= usize::from(*count),
        Zones::Named(names) => names.iter().all(|name| remembered.contains(name)),
    };
    if suffices {
        return Ok(remembered);
    }
    available_zones(aws).await
}

/// The region's ordinary zones by name, without local and wavelength zones.
async fn available_zones(aws: &Aws) -> Result<Vec<String>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeAvailabilityZones");
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let send = || {
        let request = aws.ec2().describe_availability_zones();
        request
            .filters(filter("state", "available"))
            .filters(filter("zone-type", "availability-zone"))
            .send()
    };
    let output = aws.call(DESCRIBE, send).await?;
    let zones = output.availability_zones.unwrap_or_default();
    let mut names: Vec<String> = zones.into_iter().filter_map(|zone| zone.zone_name).collect();
    names.sort();
    Ok(names)
}
