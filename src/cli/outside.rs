//! The changes of others, before a plan undoes them: what is done about each, as the command line
//! says it or whoever is asked.
//!
//! The rule: nothing that somebody else has changed is undone without a word about it.

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::config::{Config, Lines, Source};
use crate::deployment::{Drawing, DrawingError};
use crate::drift::{self, Answer, Decided, Group, Outside};
use crate::report::outside::{Answers, taking};
use crate::state::{Entry, State};

use super::ask;
use super::context::Context;
use super::failure::{self, Failure};

/// What is done about the changes of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
pub struct Deciding {
    /// Put back what others have changed, as the file says it.
    #[arg(long, conflicts_with = "accept_drift")]
    pub revert_drift: bool,
    /// Leave what others have changed as it is, and take it for applied.
    #[arg(long)]
    pub accept_drift: bool,
}

impl Deciding {
    /// The answer to all questions; `None` where they are to be asked.
    fn answer(self) -> Option<Answer> {
        match (self.revert_drift, self.accept_drift) {
            (true, _) => Some(Answer::PutBack),
            (_, true) => Some(Answer::Accept),
            (false, false) => None,
        }
    }

    /// What is answered already: where nothing is undone, there is nothing to ask.
    pub fn answers(self, outside: &Outside) -> Option<Answers> {
        match self.answer() {
            Some(answer) => Some(outside.all(answer)),
            None => outside.undone.is_empty().then(Answers::default),
        }
    }

    /// The state to draw a plan up from, and what has to be recorded for it: where everything is to
    /// be put back, what was accepted earlier is too.
    pub fn revoked(self, state: &State) -> (State, Vec<Entry>) {
        let entries = if self.revert_drift { drift::revocations(state) } else { vec![] };
        let mut state = state.clone();
        for entry in &entries {
            state.apply(entry.clone());
        }
        (state, entries)
    }
}

/// A plan that is to be decided about.
pub struct Question<'a> {
    pub config: &'a Config,
    /// The state that it was drawn up from.
    pub state: &'a State,
    pub drawing: &'a Drawing,
    pub outside: Outside,
}

impl<'a> Question<'a> {
    pub fn of(config: &'a Config, state: &'a State, drawing: &'a Drawing) -> Self {
        let subject = drawing.subject(state, &config.tags);
        let drift = drift::check(&subject, &config.drift.ignore, jiff::Zoned::now().date());
        let outside = drift::outside(&subject, &drift, &drawing.plan);
        Self { config, state, drawing, outside }
    }

    /// The plan with these answers; what is not answered is put back.
    pub fn decided(&self, answers: Option<&Answers>) -> Result<Decided, Failure> {
        let subject = self.drawing.subject(self.state, &self.config.tags);
        let decided = drift::decide(&subject, &self.outside, answers.unwrap_or(&Answers::new()));
        Ok(decided.map_err(DrawingError::Obstacles)?)
    }

    /// Asks about each resource that others have changed.
    ///
    /// # Errors
    ///
    /// [`Failure::WouldUndo`] where `may_ask` is not given, or nobody can be asked.
    pub fn ask(&self, context: &Context, may_ask: bool) -> Result<Answers, Failure> {
        if !may_ask || context.global.json || !ask::is_anybody_there() {
            return Err(Failure::WouldUndo(self.outside.undone.clone()));
        }
        let groups = self.outside.undone.iter();
        groups.map(|group| Ok((group.address.clone(), self.ask_about(context, group)?))).collect()
    }

    fn ask_about(&self, context: &Context, group: &Group) -> Result<Answer, Failure> {
        let question = format!(
            "{}: put it back, take it into the file, or leave it? [put/take/leave]",
            group.address
        );
        let choices =
            [("put", Answer::PutBack), ("take", Answer::Accept), ("leave", Answer::Leave)];
        let answer = ask::choose(&question, &choices)?;
        if answer == Answer::Accept {
            failure::write(&self.taking(context, group));
        }
        Ok(answer)
    }

    /// What to change in the file.
    fn taking(&self, context: &Context, group: &Group) -> String {
        let subject = self.drawing.subject(self.state, &self.config.tags);
        let settings: Vec<_> =
            group.findings.iter().flat_map(|one| subject.settings(self.config, one)).collect();
        let file = &context.global.file;
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let source = Source { path: file.clone(), text };
        let lines = Lines::of(&source, &self.config.environment);
        let taking = taking(&settings, lines.as_ref());
        format!("To take it into {}:\n\n{taking}\n", file.display())
    }
}
