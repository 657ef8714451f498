//! What is declared of a stack: by its file where that is at hand, and otherwise what was last
//! applied to it, as if the file still said so.
//!
//! A state does not hold its file. Without one a check still finds all that others have changed,
//! since that is what differs between applied and live; it can't know what the file would have
//! ignored, or wants by now.

use std::collections::BTreeMap;

use super::Against;
use crate::aws::{Aws, Tags};
use crate::config::{Config, Ignore};
use crate::deployment::{DrawingError, graph_of};
use crate::drift::as_applied;
use crate::graph::{Graph, Others};
use crate::state::State;
use crate::state::store::StackName;

/// The configurations that are at hand.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<StackName, Config>);

/// What is declared of one stack.
#[derive(Debug)]
pub(super) struct Declared {
    pub graph: Graph,
    pub user: Tags,
    pub ignore: Vec<Ignore>,
    pub against: Against,
}

impl FromIterator<Config> for Files {
    fn from_iter<I: IntoIterator<Item = Config>>(configs: I) -> Self {
        let named = configs.into_iter().map(|config| {
            let (stack, environment) = (config.name.clone(), config.environment.clone());
            (StackName { stack, environment }, config)
        });
        Self(named.collect())
    }
}

impl Files {
    /// What is declared of the stack whose state it is.
    pub(super) async fn declared(
        &self,
        aws: &Aws,
        state: &State,
    ) -> Result<Declared, DrawingError> {
        let (stack, environment) = (state.stack.clone(), state.environment.clone());
        let Some(config) = self.0.get(&StackName { stack, environment }) else {
            let (graph, user) = as_applied(state, &Others::new());
            return Ok(Declared { graph, user, ignore: Vec::new(), against: Against::Applied });
        };
        Ok(Declared {
            graph: graph_of(aws, config, state).await?,
            user: config.tags.clone(),
            ignore: config.drift.ignore.clone(),
            against: Against::File,
        })
    }
}
