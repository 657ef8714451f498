//! Starts what waits for nothing any more: the intent on disk first, then the call.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::operation::{self, Step};
use super::{Progress, Run, leg};
use crate::event::{Event, Verb};
use crate::graph::Until;
use crate::resource::reference::resolve;
use crate::resource::{Address, Kind};
use crate::state::store::{Recorder, StoreError};
use crate::state::{Entry, Intent};

/// A task that is to begin.
struct Start {
    place: usize,
    /// What is written down before.
    entry: Option<Entry>,
    /// What AWS is asked; nothing where it is only waited for.
    step: Option<Step>,
}

impl<R: Recorder> Run<'_, R> {
    /// Starts every task that waits for nothing any more, the longest chains first. What is about
    /// to be asked of AWS is written down for all of them at once.
    pub(super) async fn start_what_can(&mut self) -> Result<(), StoreError> {
        let mut startable: Vec<usize> =
            (0..self.tasks.len()).filter(|place| self.can_start(*place)).collect();
        startable.sort_by_key(|place| std::cmp::Reverse(self.tasks[*place].urgency));
        let starts: Vec<Start> = startable.into_iter().map(|place| self.prepare(place)).collect();
        let entries = starts.iter().filter_map(|start| start.entry.clone()).collect();
        self.recorder.record_all(entries).await?;
        for start in starts {
            self.begin(start);
        }
        Ok(())
    }

    fn can_start(&self, place: usize) -> bool {
        self.progress[place] == Progress::Waiting
            && self.tasks[place].waits.iter().all(|(other, until)| match until {
                Until::Exists => {
                    matches!(self.progress[*other], Progress::Exists | Progress::Ready)
                }
                Until::Ready => self.progress[*other] == Progress::Ready,
            })
    }

    /// What a task begins with: what is written down of it, and what AWS is then asked.
    fn prepare(&mut self, place: usize) -> Start {
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        self.tell(Event::Started { address, verb });
        self.progress[place] = Progress::Running;
        if verb == Verb::Await {
            return Start { place, entry: self.confirmation(place), step: None };
        }
        let step = self.step(place);
        let entry = Some(self.intent(place, &step));
        Start { place, entry, step: Some(step) }
    }

    fn begin(&mut self, Start { place, step, .. }: Start) {
        let Some(step) = step else {
            self.progress[place] = Progress::Exists;
            self.watch(place);
            return;
        };
        let (address, verb) = (self.address(place), self.tasks[place].verb);
        let aws = self.aws_of(&address, verb).halting(self.halt.heard());
        let tell = self.retries.0.clone();
        self.steps.spawn(async move {
            let outcome = operation::perform_unless_halted(aws, &address, step, &tell).await;
            (place, outcome)
        });
    }

    /// That a resource is as it is wanted, where an interrupted run could not say so.
    fn confirmation(&self, place: usize) -> Option<Entry> {
        let planned = self.planned(place);
        let (present, desired) = (planned.present.as_ref()?, planned.desired.as_ref()?);
        let live = present.live.as_ref().filter(|_| !present.record.configured)?;
        let (address, outputs) = (planned.address.clone(), live.outputs.clone());
        let spec = desired.applied(&desired.spec, &present.record.applied);
        let spec = spec.unwrap_or_else(|| desired.spec.clone());
        Some(Entry::Confirmed { address, spec, outputs })
    }

    fn intent(&self, place: usize, step: &Step) -> Entry {
        let planned = self.planned(place);
        let address = planned.address.clone();
        let verb = self.tasks[place].verb;
        let generation = self.generation(place);
        let mut needs: BTreeSet<Address> =
            planned.desired.iter().flat_map(|desired| desired.needs.keys().cloned()).collect();
        let (spec, identity) = match step {
            Step::Create { spec, identity, .. } | Step::Update { spec, identity, .. } => {
                (spec.clone(), identity.clone())
            }
            Step::Delete { .. } => {
                let present = planned.present.as_ref().expect("what is removed was recorded");
                (Value::Null, present.record.identity.clone())
            }
        };
        let applied = match (&planned.desired, &planned.present) {
            (Some(desired), Some(present)) => desired.applied(&spec, &present.record.applied),
            _ => None,
        };
        let verb = if verb == Verb::Widen {
            // What it refers to besides is needed until the update that follows.
            let before = planned.present.iter().flat_map(|present| &present.record.needs);
            needs.extend(before.cloned());
            Verb::Update
        } else {
            verb
        };
        let intent = Intent { verb, generation, identity, spec, needs, unfound: false, applied };
        Entry::Begin { address, intent }
    }

    /// The generation that a task is about: the old one's for a removal, the wanted one otherwise.
    pub(super) fn generation(&self, place: usize) -> u32 {
        let planned = self.planned(place);
        let present = planned.present.as_ref().map(|present| present.record.generation);
        let desired = planned.desired.as_ref().map(|desired| desired.generation);
        let generation = match self.tasks[place].verb {
            Verb::Delete => present,
            Verb::Create | Verb::Update | Verb::Widen | Verb::Await => desired.or(present),
        };
        generation.unwrap_or_default()
    }

    fn step(&self, place: usize) -> Step {
        let planned = self.planned(place);
        match (self.tasks[place].verb, &planned.desired, &planned.present) {
            (Verb::Create, Some(desired), _) => {
                let state = self.recorder.state();
                Step::Create {
                    spec: self.resolved(planned.address.kind(), &desired.spec),
                    identity: desired.identity.clone(),
                    others: state.others_at(&planned.address, desired.generation),
                    in_doubt: state.in_doubt.contains_key(&planned.address),
                }
            }
            (verb @ (Verb::Update | Verb::Widen), Some(desired), Some(present)) => {
                let resolved = |spec: &Value| self.resolved(planned.address.kind(), spec);
                let leg = leg::of(verb, planned, desired, present, resolved);
                let identity = desired.identity.clone();
                Step::Update {
                    spec: leg.to,
                    identity,
                    from: Box::new(leg.from),
                    fields: leg.fields,
                }
            }
            (_, _, Some(present)) => Step::Delete { gone: present.sought(&planned.address) },
            _ => unreachable!("a plan's entry has what its action needs"),
        }
    }

    /// The spec with every reference replaced: what it refers to has been made.
    fn resolved(&self, kind: Kind, spec: &Value) -> Value {
        let resources = &self.recorder.state().resources;
        let spec = resolve(spec, &|reference| {
            resources.get(&reference.address)?.outputs.get(&reference.output).cloned()
        });
        kind.canonical(&spec).unwrap_or(spec)
    }
}
