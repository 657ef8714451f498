//! The same deaths where the state is in a bucket: every write is a call there, so every call that
//! changes something, in AWS or in the bucket, is every write too. A read leaves nothing behind that
//! the change before it has not left.
//!
//! By default a sample; every change with `PROVISION_MATRIX=full`.

use std::sync::Arc;
use std::time::Duration;

use provision::aftermath;
use provision::config::Config;
use provision::execute::recovery::settle_doubts;
use provision::execute::{Hopeless, Options, execute};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::endpoint::Call;
use provision::state::State;
use provision::state::store::{Bucket, BucketLock, BucketPlace, Recorder as _, StoreError};
use tokio::sync::{mpsc, watch};

use crate::death::Death;
use crate::inventory::{Inventory, difference, inventory};
use crate::matrix::{Case, command, first, one_in, other_network, other_port, try_all};
use crate::world::{
    Command, ENVIRONMENT, End, Files, InFlight, Remains, STACK, World, holder, in_paused_time,
    new_state, plan_for, said,
};

const BUCKET: &str = "acme-state";

/// How long the lease of a dead holder lasts, and a little more.
const MOURNING: Duration = Duration::from_secs(130);

/// An account in which nothing is but a bucket.
fn nothing() -> Remains {
    let mut remains = Remains::nothing();
    remains.cloud.s3.furnish(BUCKET);
    remains
}

/// What is left when everything that is under way in the account has come to its end.
async fn ended(world: &World) -> Cloud {
    world.ended().await.cloud
}

impl World {
    fn bucket(&self, in_flight: InFlight) -> Bucket {
        let place = BucketPlace { bucket: BUCKET.into(), prefix: "a/b".into(), kms_key: None };
        Bucket::new(self.aws(in_flight), place)
    }

    /// Runs a command from start to end, or to the caller's death.
    async fn run_in_bucket(&self, command: Command<'_>, death: &Death) -> Result<End, String> {
        let doomed = death.stand_between(&self.endpoint);
        let ran = tokio::select! {
            biased;
            () = doomed.notified() => Ok(End::Died),
            ran = self.live_in_bucket(command, death.in_flight()) => ran.map(|()| End::Lived),
        };
        self.endpoint.interfere(None);
        ran
    }

    async fn live_in_bucket(
        &self,
        command: Command<'_>,
        in_flight: InFlight,
    ) -> Result<(), String> {
        let (aws, store) = (self.aws(in_flight), self.bucket(in_flight));
        let lock = awaited_lock(&store).await?;
        let state = recorded(&store).await?.unwrap_or_else(new_state);
        let mut writer = lock.begin(state).await.map_err(|error| said(&error))?;
        let (events, _shown) = mpsc::unbounded_channel();
        settle_doubts(&aws, &mut writer, &events).await.map_err(|error| said(&error))?;
        let plan = plan_for(&aws, command, writer.state()).await?;
        let options = Options {
            wait_for_services: true,
            hopeless: Hopeless::WaitOn,
            timeout: None,
            limits: provision::execute::Limits::default(),
            stop: watch::channel(false).1,
        };
        let summary = execute(&aws, &plan, &mut writer, &events, options).await;
        let summary = summary.map_err(|error| said(&error))?;
        if !summary.is_complete() {
            return Err(format!("not all of the plan was carried out: {summary:#?}"));
        }
        let ended = if matches!(command, Command::Down) && writer.state().is_empty() {
            let left = aftermath::clear(&aws, &plan).await.map_err(|error| said(&error))?;
            assert!(left.is_empty(), "{left:?}");
            writer.retire().await
        } else {
            writer.finish().await.map(drop)
        };
        ended.map_err(|error| said(&error))
    }

    async fn is_settled_in_bucket(&self, command: Command<'_>) -> Result<(), String> {
        let store = self.bucket(InFlight::Lost);
        let Some(state) = recorded(&store).await? else {
            return match command {
                Command::Down => Ok(()),
                Command::Up(_) => Err("there is no state".into()),
            };
        };
        if !state.in_doubt.is_empty() || !state.replaced.is_empty() {
            return Err(format!("something is left: {:#?} {:#?}", state.in_doubt, state.replaced));
        }
        let plan = plan_for(&self.aws(InFlight::Lost), command, &state).await?;
        let left: Vec<_> = plan.changes().collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("there is something left to do: {left:#?}"))
        }
    }

    /// Whether an account holds this and nothing else, once everything has come to its end.
    async fn holds_for_bucket(&self, wanted: &Inventory) -> Result<(), String> {
        let found = inventory(&ended(self).await);
        if found == *wanted { Ok(()) } else { Err(difference(wanted, &found)) }
    }
}

/// Whether a call changes anything, in AWS or in the bucket.
fn is_change(call: &Call) -> bool {
    !["Describe", "Get", "Head", "List"].iter().any(|verb| call.operation.starts_with(verb))
}

/// Takes the lock as soon as nobody has it.
async fn awaited_lock(store: &Bucket) -> Result<BucketLock, String> {
    for _ in 0..100 {
        match store.lock(STACK, ENVIRONMENT, &holder()).await {
            Err(StoreError::Held { .. }) => tokio::time::sleep(Duration::from_secs(5)).await,
            settled => return settled.map_err(|error| said(&error)),
        }
    }
    Err("the lock of the dead is never free".into())
}

async fn recorded(store: &Bucket) -> Result<Option<State>, String> {
    store.load(STACK, ENVIRONMENT).await.map_err(|error| said(&error))
}

/// What is to be done, from what, and what must be there when it is done.
struct Scenario {
    name: &'static str,
    before: Remains,
    config: Option<Config>,
    wanted: Inventory,
    /// How many calls there are, and which of them change something, counted from one.
    calls: usize,
    changes: Vec<usize>,
}

impl Scenario {
    /// Does it once undisturbed, to know what is to come of it.
    fn new(name: &'static str, before: Remains, config: Option<Config>) -> (Self, Remains) {
        let (calls, changes, after) = in_paused_time(async {
            let world = World::of(before.clone());
            let command = command(config.as_ref());
            assert_eq!(world.run_in_bucket(command, &Death::Never).await, Ok(End::Lived));
            let calls = world.endpoint.calls();
            let changes = (1..).zip(&calls).filter(|(_, call)| is_change(call));
            let (calls, changes) = (calls.len(), changes.map(|(number, _)| number).collect());
            world.is_settled_in_bucket(command).await.unwrap();
            let cloud = ended(&world).await;
            (calls, changes, Remains { cloud, files: Files::new() })
        });
        let wanted = inventory(&after.cloud);
        (Self { name, before, config, wanted, calls, changes }, after)
    }

    fn made() -> Remains {
        Self::new("up", nothing(), Some(first())).1
    }

    /// Dies, goes on, and checks that it is as if nothing had happened.
    fn survives(&self, death: &Death) -> Result<(), String> {
        in_paused_time(async {
            let world = World::of(self.before.clone());
            let command = command(self.config.as_ref());
            world.run_in_bucket(command, death).await?;
            // What the dead had under way AWS may carry out yet.
            tokio::time::sleep(MOURNING).await;
            world.run_in_bucket(command, &Death::Never).await?;
            world.is_settled_in_bucket(command).await?;
            world.holds_for_bucket(&self.wanted).await?;
            if self.config.is_none() {
                return Ok(());
            }
            world.run_in_bucket(Command::Down, &Death::Never).await?;
            let gone = inventory(&nothing().cloud);
            world.holds_for_bucket(&gone).await.map_err(|left| format!("after a down: {left}"))
        })
    }

    fn survives_everywhere(self, sample: usize) {
        let (calls, changes) = (self.calls, self.changes.clone());
        let (count, name, every) = (changes.len(), self.name, one_in(sample));
        let scenario = Arc::new(self);
        let survived = try_all(|cases| {
            for number in changes.into_iter().step_by(every) {
                for in_flight in [InFlight::Lost, InFlight::CarriedOut] {
                    let deaths =
                        [Death::BeforeCall(number, in_flight), Death::AfterCall(number, in_flight)];
                    for death in deaths {
                        let scenario = Arc::clone(&scenario);
                        let holds = move || scenario.survives(&death);
                        cases.send(Case::new(format!("{death:?}"), holds)).unwrap();
                    }
                }
            }
        });
        eprintln!(
            "{name}, state in a bucket: a run of {calls} calls, {count} of which change something; \
             {survived} deaths survived"
        );
    }
}

#[test]
fn an_up_killed_anywhere_goes_on_from_the_bucket() {
    Scenario::new("up", nothing(), Some(first())).0.survives_everywhere(43);
}

#[test]
fn a_move_to_another_port_killed_anywhere_goes_on_from_the_bucket() {
    Scenario::new("another port", Scenario::made(), Some(other_port())).0.survives_everywhere(19);
}

#[test]
fn a_replacement_of_the_network_killed_anywhere_goes_on_from_the_bucket() {
    Scenario::new("another network", Scenario::made(), Some(other_network()))
        .0
        .survives_everywhere(67);
}

#[test]
fn a_down_killed_anywhere_goes_on_from_the_bucket_and_leaves_nothing() {
    Scenario::new("down", Scenario::made(), None).0.survives_everywhere(43);
}
