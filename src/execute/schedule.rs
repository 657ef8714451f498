//! Which task waits for which, and which goes first: a pure reading of a plan.
//!
//! Two rules make the order. What is made or changed waits for what it needs. What is removed
//! waits until nothing needs it any more: until whatever needed it is removed itself, or has been
//! moved to something else and works there. An update that takes something away keeps both.
//!
//! What works all the while without a task of its own is moved by what it needs: the old goes when
//! all of the new works, and the new takes over in an order in which each part of it leads on to one
//! that works.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::Verb;
use crate::graph::Until;
use crate::plan::{Action, Course, Plan, Planned};
use crate::resource::Address;

/// One thing to do to one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Which entry of the plan it belongs to.
    pub planned: usize,
    /// What is done.
    pub verb: Verb,
    /// What it waits for: places in the schedule.
    pub waits: Vec<(usize, Until)>,
    /// How long all that waits for it takes, itself included: the longest chain goes first.
    pub urgency: Duration,
}

/// How long a delete usually takes; they are all alike enough.
const TYPICAL_DELETE: Duration = Duration::from_secs(2);

/// Reads a plan into tasks.
pub fn schedule(plan: &Plan) -> Vec<Task> {
    let mut tasks = tasks(plan);
    let places = Places::of(plan, &tasks);
    for (place, task) in tasks.iter_mut().enumerate() {
        let planned = &plan.resources[task.planned];
        let mut waits = match task.verb {
            Verb::Delete => removal_waits(planned, &places),
            Verb::Update if !planned.course.is_at_once() => narrowing_waits(planned, &places),
            Verb::Create | Verb::Update | Verb::Widen | Verb::Await => {
                making_waits(planned, &places)
            }
        };
        waits.retain(|(other, _)| *other != place);
        waits.sort();
        waits.dedup();
        task.waits = waits;
    }
    rank(plan, &mut tasks);
    tasks
}

/// What has to move before an update takes away what it takes away; nothing where it goes at once.
pub fn moves_first(plan: &Plan, tasks: &[Task], address: &Address) -> BTreeSet<Address> {
    let of = |task: &Task| &plan.resources[task.planned];
    let is_it = |task: &&Task| {
        task.verb == Verb::Update && of(task).address == *address && !of(task).course.is_at_once()
    };
    let awaited = tasks.iter().filter(is_it).flat_map(|task| &task.waits);
    let awaited = awaited.filter(|(_, until)| *until == Until::Ready);
    let addresses = awaited.map(|(place, _)| of(&tasks[*place]).address.clone());
    addresses.filter(|other| other != address).collect()
}

/// The places of a schedule in an order in which one after another could be done: of those that
/// can, the one with the longest chain behind it first.
pub fn in_order(tasks: &[Task]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(tasks.len());
    let mut left: Vec<usize> = (0..tasks.len()).collect();
    left.sort_by_key(|place| std::cmp::Reverse(tasks[*place].urgency));
    while !left.is_empty() {
        let can = |place: &usize| tasks[*place].waits.iter().all(|(on, _)| order.contains(on));
        // A schedule has no cycles; were there one, it would still be shown.
        let next = left.iter().position(can).unwrap_or_default();
        order.push(left.remove(next));
    }
    order
}

fn tasks(plan: &Plan) -> Vec<Task> {
    let task = |planned, verb| Task { planned, verb, waits: vec![], urgency: Duration::ZERO };
    let entries = plan.resources.iter().enumerate();
    entries
        .flat_map(|(planned, entry)| {
            let verbs: &[Verb] = match entry.action {
                Action::Create => &[Verb::Create],
                Action::Update if matches!(entry.course, Course::InTwo { .. }) => {
                    &[Verb::Widen, Verb::Update]
                }
                Action::Update => &[Verb::Update],
                Action::Replace => &[Verb::Create, Verb::Delete],
                Action::Delete => &[Verb::Delete],
                Action::Keep if entry.is_unready() => &[Verb::Await],
                Action::Keep => &[],
            };
            verbs.iter().map(move |verb| task(planned, *verb))
        })
        .collect()
}

/// Where the tasks of each resource stand.
struct Places<'a> {
    /// The task after which what is at an address is all that others can need of it.
    making: BTreeMap<&'a Address, usize>,
    /// The task after which it needs nothing any more that it is not to need.
    ending: BTreeMap<&'a Address, usize>,
    /// The task that removes one generation of an address.
    removing: BTreeMap<(&'a Address, u32), usize>,
    /// What is there and needs an address: its own address and generation.
    needing: BTreeMap<&'a Address, Vec<(&'a Address, u32)>>,
    /// What each resource that is there is to need to work.
    bases: Vec<BTreeSet<&'a Address>>,
    /// The tasks that make what a resource is to need which has no task itself.
    moving: BTreeMap<&'a Address, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(plan: &'a Plan, tasks: &[Task]) -> Self {
        let (making, ending, removing, moving) = Default::default();
        let (needing, bases) = (needing(plan), bases(plan));
        let mut places = Self { making, ending, removing, needing, bases, moving };
        for (place, task) in tasks.iter().enumerate() {
            let planned = &plan.resources[task.planned];
            match (task.verb, &planned.present) {
                (Verb::Delete, Some(present)) => {
                    let key = (&planned.address, present.record.generation);
                    places.removing.insert(key, place);
                }
                (verb, _) => {
                    if verb != Verb::Update || planned.course.is_at_once() {
                        places.making.insert(&planned.address, place);
                    }
                    places.ending.insert(&planned.address, place);
                }
            }
        }
        for planned in plan.resources.iter().filter(|planned| planned.action == Action::Keep) {
            let needs = planned.desired.iter().flat_map(|desired| desired.needs.keys());
            let making = needs.filter_map(|on| places.making.get(on).copied()).collect();
            places.moving.insert(&planned.address, making);
        }
        places
    }

    /// The tasks after which nothing needs one generation of an address any more.
    fn left_by(&self, planned: &'a Planned) -> impl Iterator<Item = usize> {
        let needing = self.needing.get(&planned.address).into_iter().flatten();
        needing.flat_map(|(address, generation)| {
            let removing = self.removing.get(&(*address, *generation));
            let moved = self.moving.get(address).map(Vec::as_slice).unwrap_or_default();
            let left = removing.or_else(|| self.ending.get(address));
            left.map_or(moved, std::slice::from_ref).iter().copied()
        })
    }

    /// How long `planned` waits for what it needs: until that works, where something that is there
    /// is to stand on both. A route leads to a gateway as soon as that exists, and nothing passes
    /// through it for minutes (aws-behaviour 5.c, 5.d).
    fn until(&self, planned: &Planned, on: &Address, until: Until) -> Until {
        let is_base =
            |base: &BTreeSet<&Address>| base.contains(&planned.address) && base.contains(on);
        if self.bases.iter().any(is_base) { Until::Ready } else { until }
    }

    /// The tasks that remove older generations of an address.
    fn removed_before(&self, planned: &'a Planned) -> impl Iterator<Item = usize> {
        let generation = planned.present.as_ref().map(|present| present.record.generation);
        let older = (&planned.address, 0)..(&planned.address, generation.unwrap_or_default());
        self.removing.range(older).map(|(_, place)| *place)
    }
}

/// What is there, by what it needs.
fn needing(plan: &Plan) -> BTreeMap<&Address, Vec<(&Address, u32)>> {
    let mut needing: BTreeMap<&Address, Vec<(&Address, u32)>> = BTreeMap::new();
    for planned in &plan.resources {
        let Some(present) = &planned.present else { continue };
        for needed in &present.record.needs {
            needing.entry(needed).or_default().push((&planned.address, present.record.generation));
        }
    }
    needing
}

/// What each resource that is there, and stays, is to need to work.
fn bases(plan: &Plan) -> Vec<BTreeSet<&Address>> {
    let there = plan.resources.iter().filter(|planned| planned.present.is_some());
    let staying = there.filter_map(|planned| planned.desired.as_ref());
    staying
        .map(|desired| {
            let needs = desired.needs.iter();
            needs.filter(|(_, until)| **until == Until::Ready).map(|(on, _)| on).collect()
        })
        .collect()
}

fn making_waits(planned: &Planned, places: &Places<'_>) -> Vec<(usize, Until)> {
    let mut waits = Vec::new();
    for (on, until) in planned.desired.iter().flat_map(|desired| &desired.needs) {
        let until = places.until(planned, on, *until);
        waits.extend(places.making.get(on).map(|place| (*place, until)));
    }
    if let (true, Some(old)) = (planned.old_goes_first(), &planned.present) {
        let key = (&planned.address, old.record.generation);
        waits.extend(places.removing.get(&key).map(|place| (*place, Until::Ready)));
    }
    waits
}

/// What the new part of it refers to must be there, and the old part be left.
fn narrowing_waits<'a>(planned: &'a Planned, places: &Places<'a>) -> Vec<(usize, Until)> {
    let mut waits = making_waits(planned, places);
    let widening = places.making.get(&planned.address);
    waits.extend(widening.map(|place| (*place, Until::Ready)));
    waits.extend(places.left_by(planned).map(|place| (place, Until::Ready)));
    waits
}

fn removal_waits<'a>(planned: &'a Planned, places: &Places<'a>) -> Vec<(usize, Until)> {
    // AWS lets it go while others still name it, and its successor needs its place.
    if planned.old_goes_first() {
        return Vec::new();
    }
    // At one address one thing is done at a time, and the newest generation is seen to work before
    // any older one goes, also where a run was cut off between the two.
    let ending = places.ending.get(&planned.address);
    let mut waits: Vec<_> = ending.map(|place| (*place, Until::Ready)).into_iter().collect();
    waits.extend(places.removed_before(planned).map(|place| (place, Until::Ready)));
    waits.extend(places.left_by(planned).map(|place| (place, Until::Ready)));
    waits
}

/// Gives every task the length of the longest chain behind it.
fn rank(plan: &Plan, tasks: &mut [Task]) {
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (place, task) in tasks.iter().enumerate() {
        for (other, _) in &task.waits {
            behind[*other].push(place);
        }
    }
    let mut urgency: Vec<Option<Duration>> = vec![None; tasks.len()];
    for place in 0..tasks.len() {
        chain(place, plan, tasks, &behind, &mut urgency);
    }
    for (task, urgency) in tasks.iter_mut().zip(urgency) {
        task.urgency = urgency.unwrap_or_default();
    }
}

/// The longest chain that begins at a place, without recursion: chains may be long.
fn chain(
    start: usize,
    plan: &Plan,
    tasks: &[Task],
    behind: &[Vec<usize>],
    urgency: &mut [Option<Duration>],
) {
    let mut stack = vec![start];
    while let Some(place) = stack.last().copied() {
        if urgency[place].is_some() {
            stack.pop();
            continue;
        }
        let unknown: Vec<usize> =
            behind[place].iter().copied().filter(|next| urgency[*next].is_none()).collect();
        if unknown.is_empty() {
            let longest = behind[place].iter().filter_map(|next| urgency[*next]).max();
            urgency[place] = Some(cost(plan, &tasks[place]) + longest.unwrap_or_default());
            stack.pop();
        } else {
            stack.extend(unknown);
        }
    }
}

fn cost(plan: &Plan, task: &Task) -> Duration {
    match task.verb {
        Verb::Delete => TYPICAL_DELETE,
        _ => plan.resources[task.planned].address.kind().facts().typical,
    }
}
