//! What a check looks at: a stack as it is to be, and as AWS says that it is.

use jiff::civil::Date;

use super::{DrawingError, graph_of};
use crate::aws::{Aws, Tags};
use crate::config::{Config, Ignore};
use crate::drift::{self, Drift, Subject};
use crate::graph::{Graph, Others};
use crate::observe::{Observed, Surroundings, look_around, observe};
use crate::state::State;

/// A stack that was looked at, without its state.
#[derive(Clone, Debug)]
pub struct Seen {
    graph: Graph,
    user: Tags,
    observed: Observed,
    surroundings: Surroundings,
}

impl Seen {
    /// Looks at a stack that is to be what its file declares.
    ///
    /// # Errors
    ///
    /// [`DrawingError`] when AWS does not answer, or the file can't be laid out.
    pub async fn of(aws: &Aws, config: &Config, state: &State) -> Result<Self, DrawingError> {
        let graph = graph_of(aws, config, state).await?;
        Self::against(aws, (graph, config.tags.clone()), state).await
    }

    /// Looks at a stack that is to be what was last applied, but for what is left to `others`.
    ///
    /// # Errors
    ///
    /// [`DrawingError`] when AWS does not answer.
    pub async fn alone(aws: &Aws, state: &State, others: &Others) -> Result<Self, DrawingError> {
        Self::against(aws, drift::as_applied(state, others), state).await
    }

    async fn against(
        aws: &Aws,
        (graph, user): (Graph, Tags),
        state: &State,
    ) -> Result<Self, DrawingError> {
        // What is not recorded yet is not looked for: a check is of what was made.
        let observed = observe(aws, &Graph::default(), state, &user).await?;
        let surroundings = look_around(aws, &graph, state, &observed).await?;
        Ok(Self { graph, user, observed, surroundings })
    }

    /// What a check is of; `state` is the one that was looked at.
    pub fn subject<'a>(&'a self, state: &'a State) -> Subject<'a> {
        let Self { graph, user, observed, surroundings } = self;
        Subject { graph, state, observed, surroundings, user }
    }

    /// What has drifted; `ignore` says what of it is not to be told, as of `today`.
    pub fn check(&self, state: &State, ignore: &[Ignore], today: Date) -> Drift {
        drift::check(&self.subject(state), ignore, today)
    }
}
