//! Which task waits for which, and which goes first: a pure reading of a plan.
//!
//! Two rules make the order. What is made or changed waits for what it needs. What is removed
//! waits until nothing needs it any more: until whatever needed it is removed itself, or has been
//! moved to something else and works there.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::Verb;
use crate::graph::Until;
use crate::plan::{Action, Plan, Planned};
use crate::resource::{Address, Readiness};

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
            Verb::Create | Verb::Update | Verb::Await => making_waits(planned, &places),
        };
        waits.retain(|(other, _)| *other != place);
        waits.sort();
        waits.dedup();
        task.waits = waits;
    }
    rank(plan, &mut tasks);
    tasks
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
                Action::Update => &[Verb::Update],
                Action::Replace => &[Verb::Create, Verb::Delete],
                Action::Delete => &[Verb::Delete],
                Action::Keep if is_unready(entry) => &[Verb::Await],
                Action::Keep => &[],
            };
            verbs.iter().map(move |verb| task(planned, *verb))
        })
        .collect()
}

/// Whether a resource that stays as it is was never seen to work, or does not now.
fn is_unready(planned: &Planned) -> bool {
    planned.present.as_ref().is_some_and(|present| {
        let live = present.live.as_ref().map(|live| &live.readiness);
        !present.record.ready || live != Some(&Readiness::Ready)
    })
}

/// Where the tasks of each resource stand.
struct Places<'a> {
    /// The task that makes or changes what is at an address.
    making: BTreeMap<&'a Address, usize>,
    /// The task that removes one generation of an address.
    removing: BTreeMap<(&'a Address, u32), usize>,
    /// What is there and needs an address: its own address and generation.
    needing: BTreeMap<&'a Address, Vec<(&'a Address, u32)>>,
}

impl<'a> Places<'a> {
    fn of(plan: &'a Plan, tasks: &[Task]) -> Self {
        let (making, removing) = (BTreeMap::new(), BTreeMap::new());
        let mut places = Self { making, removing, needing: needing(plan) };
        for (place, task) in tasks.iter().enumerate() {
            let planned = &plan.resources[task.planned];
            match (task.verb, &planned.present) {
                (Verb::Delete, Some(present)) => {
                    let key = (&planned.address, present.record.generation);
                    places.removing.insert(key, place);
                }
                _ => {
                    places.making.insert(&planned.address, place);
                }
            }
        }
        places
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

fn making_waits(planned: &Planned, places: &Places<'_>) -> Vec<(usize, Until)> {
    let mut waits = Vec::new();
    for (on, until) in planned.desired.iter().flat_map(|desired| &desired.needs) {
        waits.extend(places.making.get(on).map(|place| (*place, *until)));
    }
    if let (true, Some(old)) = (planned.old_goes_first(), &planned.present) {
        let key = (&planned.address, old.record.generation);
        waits.extend(places.removing.get(&key).map(|place| (*place, Until::Ready)));
    }
    waits
}

fn removal_waits<'a>(planned: &'a Planned, places: &Places<'a>) -> Vec<(usize, Until)> {
    // AWS lets it go while others still name it, and its successor needs its place.
    if planned.old_goes_first() {
        return Vec::new();
    }
    // At one address one thing is done at a time, and the newest generation is seen to work before
    // any older one goes, also where a run was cut off between the two.
    let making = places.making.get(&planned.address);
    let mut waits: Vec<_> = making.map(|place| (*place, Until::Ready)).into_iter().collect();
    waits.extend(places.removed_before(planned).map(|place| (place, Until::Ready)));
    for (address, generation) in places.needing.get(&planned.address).into_iter().flatten() {
        let removing = places.removing.get(&(*address, *generation));
        let place = removing.or_else(|| places.making.get(address));
        waits.extend(place.map(|place| (*place, Until::Ready)));
    }
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
