//! A fleet: one stack that was made, and as many others that differ from it in names and ids alone.
//!
//! To make a thousand stacks one after the other would take the better part of an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use provision::fleet::{Line, Look, look_at_all};
use provision::simulated_aws::clock::Clock;
use provision::simulated_aws::cloud::{ACCOUNT, Cloud};
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::simulated_aws::wire::Service;
use provision::state::State;
use provision::state::store::{Directory, DirectoryLock, Holder, Recorder as _, Store};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::{REGION, World, clients, config};

/// Many stacks in one account, and their states in a directory.
pub struct Fleet {
    pub endpoint: Arc<Endpoint>,
    pub directory: TempDir,
    pub states: Vec<State>,
}

/// What a look at a fleet took.
pub struct Taken<T> {
    pub lines: Vec<Line<T>>,
    pub calls: Vec<Call>,
    pub seconds: f64,
}

impl Fleet {
    /// So many settled stacks, as the smallest configuration with `changes` makes them.
    pub async fn of(count: usize, changes: &str) -> Self {
        let mut world = World::new();
        let before = world.endpoint.with_cloud(|cloud| as_value(cloud));
        world.up(&config(changes)).await;
        let after = world.endpoint.with_cloud(|cloud| as_value(cloud));
        let (cloud, state) = (after.to_string(), as_value(&world.memory.state).to_string());
        let known = words(&before.to_string()).map(str::to_owned).collect();
        let mut whole = before;
        let mut states = Vec::new();
        for number in 0..count {
            merge(&mut whole, parsed(&renamed(&cloud, number, &known)));
            states.push(parsed(&renamed(&state, number, &known)));
        }
        let cloud: Cloud = serde_json::from_value(whole).unwrap();
        let clock = Clock::starting_at(cloud.now, 1.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let fleet = Self { endpoint, directory: tempfile::tempdir().unwrap(), states };
        fleet.states.iter().for_each(|state| fleet.record(state));
        fleet
    }

    pub fn directory(&self) -> Directory {
        Directory::new(self.directory.path())
    }

    pub fn store(&self) -> Store {
        Store::Directory(self.directory())
    }

    /// Is at work on a stack.
    pub fn lock(&self, state: &State) -> DirectoryLock {
        let holder = Holder {
            host: "here".into(),
            process: 1,
            user: "test".into(),
            since: jiff::Timestamp::UNIX_EPOCH,
            command: "up".into(),
        };
        self.directory().lock(&state.stack, &state.environment, &holder).unwrap()
    }

    /// Puts a state into the directory.
    pub fn record(&self, state: &State) {
        let writer = self.lock(state).begin(state.clone()).unwrap();
        assert_eq!(writer.state().stack, state.stack);
        writer.finish().unwrap();
    }

    /// The name of a stack.
    pub fn name(number: usize) -> String {
        format!("s{number:04}")
    }

    /// One output of a resource of a stack.
    pub fn output(&self, number: usize, address: &str, name: &str) -> String {
        let record = &self.states[number].resources[&address.parse().unwrap()];
        record.outputs[name].as_str().unwrap().to_owned()
    }

    /// Looks at all of them.
    pub async fn look_at<L: Look>(&self, look: &L) -> Taken<L::Seen> {
        let (before, started) = (self.endpoint.calls().len(), Instant::now());
        let connect = async |region: &str| match region {
            REGION => Ok(clients(&self.endpoint)),
            other => Err(format!("there is no way to {other}")),
        };
        let lines = look_at_all(&self.store(), connect, look, |_| ()).await.unwrap();
        let seconds = started.elapsed().as_secs_f64();
        Taken { lines, calls: self.endpoint.calls().split_off(before), seconds }
    }
}

/// How many seconds the token buckets of aws-behaviour 27 keep such calls waiting at the least.
#[expect(clippy::cast_precision_loss, reason = "counts of calls are small")]
pub fn least_seconds(calls: &[Call]) -> f64 {
    let mut families: BTreeMap<&str, (usize, f64, f64)> = BTreeMap::new();
    for call in calls {
        let (family, burst, rate) = match call.service {
            Service::Ec2 => ("ec2", 100.0, 20.0),
            Service::Elb => ("elb", 40.0, 10.0),
            Service::Ecs if call.operation.contains("Cluster") => ("clusters", 50.0, 20.0),
            Service::Ecs => ("services", 100.0, 20.0),
            _ => continue,
        };
        families.entry(family).or_insert((0, burst, rate)).0 += 1;
    }
    let waits = families.values().map(|(count, burst, rate)| (*count as f64 - burst) / rate);
    waits.fold(0.0, f64::max)
}

fn as_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

/// The text with the names and ids of another stack: every word that looks like an id and was not
/// `known` before the stack was made ends in `number`, and so stays in its place in every order.
fn renamed(text: &str, number: usize, known: &BTreeSet<String>) -> String {
    let mut other = String::with_capacity(text.len());
    let mut rest = text;
    for word in words(text) {
        let at = word.as_ptr() as usize - rest.as_ptr() as usize;
        other.push_str(&rest[..at]);
        if known.contains(word) || word == ACCOUNT {
            other.push_str(word);
        } else {
            other.push_str(&format!("{}{number:04}", &word[..word.len() - 4]));
        }
        rest = &rest[at + word.len()..];
    }
    other.push_str(rest);
    other.replace("shop", &Fleet::name(number))
}

/// The words that look like ids: twelve hexadecimal digits or more.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    let is_digit = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    words.filter(move |word| word.len() >= 12 && word.chars().all(is_digit))
}

/// Lays one document over another: what both have is the other's.
fn merge(whole: &mut Value, other: Value) {
    match (whole, other) {
        (Value::Object(whole), Value::Object(other)) => {
            for (name, value) in other {
                match whole.get_mut(&name) {
                    Some(same) => merge(same, value),
                    None => drop(whole.insert(name, value)),
                }
            }
        }
        (Value::Array(whole), Value::Array(other)) => {
            for item in other {
                if !whole.contains(&item) {
                    whole.push(item);
                }
            }
        }
        (whole, other) => *whole = other,
    }
}
