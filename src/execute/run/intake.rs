//! Takes in what came of a step, what the poller saw, and what a closer look has shown: the outcome
//! on disk first, then whatever depends on it.

use serde_json::Value;
use tokio::time::Instant;

use super::super::inspection::{Ending, Looked};
use super::super::operation::Outcome;
use super::super::poller::{Answered, Watched};
use super::super::{Failure, Hopeless, StepError};
use super::{Progress, Run};
use crate::diagnose::Finding;
use crate::event::{Event, Verb};
use crate::graph::Until;
use crate::resource::{Address, LiveValue, Readiness, SoughtValue};
use crate::state::store::{Recorder, StoreError};
use crate::state::{Entry, physical_id};

impl<R: Recorder> Run<'_, R> {
    /// Takes in what came of steps: all of it is written down before any of it counts.
    pub(super) async fn stepped(
        &mut self,
        ended: Vec<(usize, Result<Outcome, StepError>)>,
    ) -> Result<(), StoreError> {
        let entries = ended.iter().filter_map(|(place, outcome)| self.entry(*place, outcome));
        let entries = entries.collect();
        self.recorder.record_all(entries).await?;
        for (place, outcome) in ended {
            self.go_on(place, outcome);
        }
        Ok(())
    }

    /// What is written down of what came of a step; nothing where it is not over yet.
    fn entry(&self, place: usize, outcome: &Result<Outcome, StepError>) -> Option<Entry> {
        let address = self.address(place);
        let made = |outputs: &Value, configured| Entry::Made {
            address: address.clone(),
            outputs: outputs.clone(),
            configured,
        };
        match outcome {
            Ok(Outcome::Made(outputs)) => Some(made(outputs, true)),
            Ok(Outcome::Found(outputs)) => Some(made(outputs, false)),
            Ok(Outcome::Removed) if address.kind().facts().lingers => None,
            Ok(Outcome::Removed) => Some(self.end(place)),
            Err(error) => after_failure(self.tasks[place].verb, error, address),
        }
    }

    /// Goes on from what came of a step, and is written down.
    fn go_on(&mut self, place: usize, outcome: Result<Outcome, StepError>) {
        match outcome {
            Ok(Outcome::Made(outputs)) => {
                self.made(place, &outputs);
                self.start_judging_over(place);
            }
            Ok(Outcome::Found(outputs)) => self.made(place, &outputs),
            Ok(Outcome::Removed) if self.address(place).kind().facts().lingers => {
                self.progress[place] = Progress::Exists;
                self.watch(place);
            }
            Ok(Outcome::Removed) => self.ready(place),
            Err(StepError::Halted { .. }) if self.is_stopping() => self.give_up(place),
            Err(error) => self.fail(place, Failure::of_step(error)),
        }
    }

    fn made(&mut self, place: usize, outputs: &Value) {
        self.progress[place] = Progress::Exists;
        self.tell(Event::Exists { address: self.address(place), id: physical_id(outputs) });
        self.watch(place);
    }

    /// Has the poller look at a resource until it works, or is gone.
    pub(super) fn watch(&mut self, place: usize) {
        let planned = self.planned(place);
        let address = planned.address.clone();
        let kind = address.kind();
        let verb = self.tasks[place].verb;
        let may_leave = !self.options.wait_for_services && !self.is_awaited(place);
        if may_leave && verb != Verb::Delete && kind.facts().converges {
            self.progress[place] = Progress::Ready;
            self.finish(place);
            return;
        }
        let sought = match (verb, &planned.present) {
            (Verb::Delete, Some(present)) => present.sought(&address),
            // What an earlier run left unfinished may have been taken further by others since.
            (Verb::Await, Some(present)) if present.live.is_some() => present.sought_live(&address),
            _ => self.recorded(&address),
        };
        if verb != Verb::Delete {
            self.inspector.begin(place, &sought);
        }
        if verb == Verb::Await && self.has_changed_anything() {
            self.inspector.start_over(place);
        }
        let within = self.options.limits.within(kind, verb, self.draining);
        let deadline = self.halt.sooner(Instant::now() + self.aws.pace().scaled(within));
        let wanted = if verb == Verb::Delete { Readiness::Absent } else { Readiness::Ready };
        let since = Instant::now();
        self.poller.watch(Watched { place, sought, wanted, since, deadline, failing: None });
    }

    /// Whether something is to go once this works: what the tasks of before still use.
    fn is_awaited(&self, place: usize) -> bool {
        let mut others = self.tasks.iter().filter(|task| task.verb != Verb::Create);
        others.any(|task| task.waits.contains(&(place, Until::Ready)))
    }

    fn recorded(&self, address: &Address) -> SoughtValue {
        let record = self.recorder.state().resources.get(address);
        let record = record.expect("what was made is recorded");
        SoughtValue {
            address: address.clone(),
            outputs: record.outputs.clone(),
            applied: record.applied.clone(),
        }
    }

    /// Takes in what the poller saw: what has come to its end is written down first.
    pub(super) async fn polled(&mut self, mut answered: Vec<Answered>) -> Result<(), StoreError> {
        answered.retain(|Answered { watched: Watched { place, .. }, .. }| {
            !self.inspector.is_ending(*place) && self.progress[*place] != Progress::Over
        });
        let is_at_end =
            |one: &&Answered| matches!(&one.seen, Ok(seen) if *seen == one.watched.wanted);
        let ends = answered.iter().filter(is_at_end).map(|one| self.end(one.watched.place));
        let ends = ends.collect();
        self.recorder.record_all(ends).await?;
        for Answered { watched, seen } in answered {
            let place = watched.place;
            let waited = self.aws.pace().unscaled(watched.since.elapsed());
            match seen {
                Ok(readiness) if readiness == watched.wanted => self.ready(place),
                Ok(Readiness::Failed(why)) if watched.wanted == Readiness::Ready => {
                    self.end_badly(place, Ending::Failed(why));
                }
                Ok(Readiness::Leaving(status)) if watched.wanted == Readiness::Ready => {
                    self.fail(place, Failure::Broken(format!("somebody deleted it: {status}")));
                }
                Ok(readiness) => {
                    let status = status(&readiness);
                    if Instant::now() >= watched.deadline {
                        self.end_badly(place, Ending::TimedOut { status, waited });
                    } else {
                        let address = self.address(place);
                        self.tell(Event::Waiting { address, status, waited });
                        self.poller.watch(watched);
                        self.inspector.remind(place);
                    }
                }
                Err(error) => self.fail(place, StepError::from(error).into()),
            }
        }
        Ok(())
    }

    /// A wait ends badly: at once, or when it has been looked at once more.
    fn end_badly(&mut self, place: usize, ending: Ending) {
        if let Some(ending) = self.inspector.end(place, ending) {
            self.fail(place, Failure::of(ending, Vec::new()));
        }
    }

    /// Takes in what a closer look at a deployment has shown.
    pub(super) async fn looked(&mut self, looked: Looked) -> Result<(), StoreError> {
        let Looked { place, rollout, findings, news, ending, live } = looked;
        let address = self.address(place);
        if let Some(rollout) = rollout.filter(|rollout| !rollout.revision.is_empty()) {
            self.tell(Event::Rollout { address: address.clone(), rollout });
        }
        for finding in news {
            let finding = Box::new(finding);
            self.tell(Event::Cause { address: address.clone(), finding });
        }
        if let Some(ending) = ending {
            self.record_what_runs(address, live).await?;
            self.fail(place, Failure::of(ending, findings));
        } else if self.options.hopeless == Hopeless::GiveUp
            && !self.may_be_mended(place)
            && findings.iter().any(Finding::is_lasting)
        {
            self.poller.forget(place);
            self.end_badly(place, Ending::Hopeless);
        }
        Ok(())
    }

    /// What was there before the run, and is waited for, is judged by what comes after each of the
    /// run's changes: what failed before may have failed of what was changed.
    fn start_judging_over(&mut self, changed: usize) {
        for place in (0..self.tasks.len()).filter(|place| *place != changed) {
            if self.tasks[place].verb == Verb::Await {
                self.inspector.start_over(place);
            }
        }
    }

    /// Whether the run has changed anything that was not only waited for.
    fn has_changed_anything(&self) -> bool {
        self.is_any_change(&[Progress::Exists, Progress::Ready])
    }

    /// Whether the run is still changing something that may keep what was there before it from
    /// working.
    fn may_be_mended(&self, place: usize) -> bool {
        let under_way = [Progress::Running, Progress::Exists];
        self.tasks[place].verb == Verb::Await && self.is_any_change(&under_way)
    }

    fn is_any_change(&self, progress: &[Progress]) -> bool {
        let changes = self.tasks.iter().zip(&self.progress);
        let mut changes = changes.filter(|(task, _)| task.verb != Verb::Await);
        changes.any(|(_, come)| progress.contains(come))
    }

    /// After a deployment that failed, the earlier revision may be running again: the state says
    /// so, and the next plan sees the difference.
    async fn record_what_runs(
        &mut self,
        address: Address,
        live: Option<LiveValue>,
    ) -> Result<(), StoreError> {
        let record = self.recorder.state().resources.get(&address);
        match (record, live) {
            (Some(record), Some(live))
                if record.applied != live.spec || record.outputs != live.outputs =>
            {
                let LiveValue { spec, outputs, .. } = live;
                self.recorder.record(Entry::Seen { address, spec, outputs }).await
            }
            _ => Ok(()),
        }
    }

    /// What is written down of a task that has reached its end.
    fn end(&self, place: usize) -> Entry {
        let address = self.address(place);
        if self.tasks[place].verb == Verb::Delete {
            Entry::Unmade { address, generation: self.generation(place) }
        } else {
            Entry::Ready { address }
        }
    }

    /// A task has reached its end, and that is written down.
    fn ready(&mut self, place: usize) {
        self.inspector.forget(place);
        self.progress[place] = Progress::Ready;
        self.start_judging_over(place);
        self.finish(place);
    }

    pub(super) fn finish(&mut self, place: usize) {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        self.tell(Event::Finished { address: address.clone(), verb });
        self.summary.done.push((address, verb));
    }

    /// A task has failed: nothing behind it is started.
    pub(super) fn fail(&mut self, place: usize, failure: Failure) {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        let error = failure.to_string();
        self.inspector.forget(place);
        self.tell(Event::Failed { address: address.clone(), verb, error });
        self.summary.failed.push((address.clone(), verb, failure));
        // What only needed it to exist has what it needs.
        let existed = self.progress[place] == Progress::Exists;
        self.progress[place] = Progress::Over;
        self.skip_behind(place, &address, existed);
    }

    fn skip_behind(&mut self, place: usize, because_of: &Address, existed: bool) {
        let behind: Vec<usize> = (0..self.tasks.len())
            .filter(|other| self.progress[*other] == Progress::Waiting)
            .filter(|other| {
                self.tasks[*other].waits.iter().any(|(awaited, until)| {
                    *awaited == place && !(existed && *until == Until::Exists)
                })
            })
            .collect();
        for other in behind {
            if self.progress[other] != Progress::Waiting {
                continue;
            }
            self.progress[other] = Progress::Over;
            let (address, verb) = (self.address(other), self.tasks[other].verb);
            let because_of = because_of.clone();
            self.tell(Event::Skipped {
                address: address.clone(),
                verb,
                because_of: because_of.clone(),
            });
            self.summary.skipped.push((address, verb, because_of.clone()));
            self.skip_behind(other, &because_of, false);
        }
    }
}

/// What is written down of a step that failed; nothing where it stays in doubt.
fn after_failure(verb: Verb, error: &StepError, address: Address) -> Option<Entry> {
    match verb {
        Verb::Create => error.made_nothing(&address).then_some(Entry::Untouched { address }),
        // Some of it may be done.
        Verb::Update | Verb::Widen => error.is_refusal().then_some(Entry::Unresolved { address }),
        Verb::Delete | Verb::Await => error.is_refusal().then_some(Entry::Untouched { address }),
    }
}

fn status(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready => "still there".into(),
        Readiness::Pending(status) | Readiness::Leaving(status) => status.clone(),
        Readiness::Failed(why) => why.clone(),
        Readiness::Absent => "not visible yet".into(),
    }
}
