//! What has drifted, in each of many stacks.

use std::collections::BTreeSet;

use futures::future::try_join_all;
use jiff::civil::Date;
use serde::Serialize;

use super::declared::Files;
use super::{Look, Recorded};
use crate::aws::Aws;
use crate::deployment::DrawingError;
use crate::drift::{self, Drift, Subject};
use crate::observe::{Depth, Scene, look_around_all, observe_all};
use crate::resource::Address;
use crate::state::State;

/// Holds stacks against what they are to be.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// What is declared of those whose files are there.
    pub files: &'a Files,
    /// The day, by which what is ignored for a time is judged.
    pub today: Date,
    /// How closely each is looked at.
    pub depth: Depth,
}

/// A stack that was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// What was found.
    pub drift: Drift,
    /// What it was held against.
    pub against: Against,
    /// The resources that it has.
    pub addresses: BTreeSet<Address>,
}

/// What a stack was held against, besides what was last applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// What its file declares.
    File,
    /// Nothing: its file is not there. What the file would have ignored is told.
    Applied,
}

impl Look for Check<'_> {
    type Seen = Checked;

    const IS_UNDISTURBED: bool = true;

    async fn look(&self, aws: &Aws, stacks: &[Recorded]) -> Result<Vec<Checked>, DrawingError> {
        let states: Vec<&State> = stacks.iter().map(|stack| &stack.state).collect();
        let declared = states.iter().map(|state| self.files.declared(aws, state));
        let declared = try_join_all(declared).await?;
        let observed = observe_all(aws, &states, self.depth).await?;
        let scenes: Vec<Scene<'_>> = states
            .iter()
            .zip(declared.iter().zip(&observed))
            .map(|(state, (declared, observed))| Scene { graph: &declared.graph, state, observed })
            .collect();
        let surroundings = look_around_all(aws, &scenes, self.depth).await?;
        let all = scenes.iter().zip(declared.iter().zip(&surroundings));
        let checked = all.map(|(scene, (declared, surroundings))| {
            let Scene { graph, state, observed } = *scene;
            let subject = Subject { graph, state, observed, surroundings, user: &declared.user };
            let drift = drift::check(&subject, &declared.ignore, self.today);
            let addresses = state.resources.keys().cloned().collect();
            Checked { drift, against: declared.against, addresses }
        });
        Ok(checked.collect())
    }
}
