//! How long a run had to take: the longest chain of its tasks, each as long as AWS itself took.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use provision::event::{Event, Verb};
use provision::execute::schedule::{Task, schedule};
use provision::graph::Until;
use provision::plan::Plan;
use provision::resource::{Address, Kind};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::state::{State, physical_id};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Run, ask};

/// How often the observer looks.
const STEP: Duration = Duration::from_millis(100);

/// What the cloud itself knows of something that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    OnItsWay,
    Working,
    Gone,
}

type Sample = BTreeMap<String, Condition>;

/// Looks into the cloud, past the door at which calls are counted, as long as a run goes on.
#[derive(Debug)]
pub struct Observer {
    samples: Arc<std::sync::Mutex<Vec<(Duration, Sample)>>>,
    looking: JoinHandle<()>,
}

impl Observer {
    /// Begins to look.
    pub fn start(endpoint: Arc<Endpoint>) -> Self {
        let samples = Arc::<std::sync::Mutex<Vec<(Duration, Sample)>>>::default();
        let taken = Arc::clone(&samples);
        let started = Instant::now();
        let looking = tokio::spawn(async move {
            loop {
                tokio::time::sleep(STEP).await;
                let sample = endpoint.with_cloud(sample);
                taken.lock().unwrap().push((started.elapsed(), sample));
            }
        });
        Self { samples, looking }
    }

    /// Ends it, and tells when each task's resource first was as the task wanted it.
    pub fn finish(
        self,
        events: &[(Duration, Event)],
        plan: &Plan,
        state: &State,
    ) -> BTreeMap<(Address, Verb), Duration> {
        self.looking.abort();
        let samples = self.samples.lock().unwrap();
        let mut truth = BTreeMap::new();
        for (at, event) in events {
            let (address, verb, wanted) = match event {
                Event::Started { address, verb: Verb::Delete } => {
                    (address, Verb::Delete, Condition::Gone)
                }
                Event::Started { address, verb } => (address, *verb, Condition::Working),
                _ => continue,
            };
            let present = plan.resources.iter().find(|planned| planned.address == *address);
            let old = present.and_then(|planned| planned.present.as_ref());
            let id = match (verb, old, state.resources.get(address)) {
                (Verb::Delete, Some(old), _) => physical_id(&old.record.outputs),
                (_, _, Some(record)) => physical_id(&record.outputs),
                _ => continue,
            };
            // An update of what works already is done when it is no longer as it was.
            let from = exists_at(events, address, verb).unwrap_or(*at);
            let is_so = |sample: &Sample| match sample.get(&id) {
                Some(condition) => *condition == wanted,
                None => wanted == Condition::Gone && takes_its_time(address.kind()),
            };
            let first = samples.iter().find(|(when, sample)| *when >= from && is_so(sample));
            if let Some((when, _)) = first {
                truth.insert((address.clone(), verb), when.saturating_sub(STEP));
            }
        }
        truth
    }
}

fn exists_at(events: &[(Duration, Event)], of: &Address, verb: Verb) -> Option<Duration> {
    events.iter().find_map(|(at, event)| match event {
        Event::Exists { address, .. } if address == of && verb != Verb::Delete => Some(*at),
        _ => None,
    })
}

/// Gateways, load balancers and services: what works, or goes, some time after the call.
fn sample(cloud: &mut Cloud) -> Sample {
    let mut sample = Sample::new();
    let found = ask(cloud, "ec2", "DescribeNatGateways", &json!({}));
    for gateway in items(&found, "natGatewaySet") {
        let condition = match gateway["state"].as_str() {
            Some("available") => Condition::Working,
            Some("deleted") => Condition::Gone,
            _ => Condition::OnItsWay,
        };
        sample.insert(text(&gateway["natGatewayId"]), condition);
    }
    let found = ask(cloud, "elb", "DescribeLoadBalancers", &json!({}));
    for balancer in items(&found, "LoadBalancers") {
        let works = balancer["State"]["Code"] == "active";
        let condition = if works { Condition::Working } else { Condition::OnItsWay };
        sample.insert(text(&balancer["LoadBalancerArn"]), condition);
    }
    let found = ask(cloud, "ec2", "DescribeNetworkInterfaces", &json!({}));
    for interface in items(&found, "networkInterfaceSet") {
        let description = text(&interface["description"]);
        let Some(name) = description.strip_prefix("ELB ") else { continue };
        let arn = cloud.arn("elasticloadbalancing", &format!("loadbalancer/{name}"));
        sample.entry(arn).or_insert(Condition::OnItsWay);
    }
    let clusters = ask(cloud, "ecs", "ListClusters", &json!({}));
    for cluster in items(&clusters, "clusterArns") {
        sample_services(cloud, &cluster, &mut sample);
    }
    sample
}

fn sample_services(cloud: &mut Cloud, cluster: &Value, sample: &mut Sample) {
    let names: Vec<String> =
        cloud.ecs.services.values().map(|service| service.name.clone()).collect();
    let asked = json!({"cluster": cluster, "services": names});
    let found = ask(cloud, "ecs", "DescribeServices", &asked);
    for service in items(&found, "services") {
        let (arn, works) = (text(&service["serviceArn"]), is_steady(cloud, &service));
        let condition = match (service["status"].as_str(), works) {
            (Some("ACTIVE"), true) => Condition::Working,
            (Some("INACTIVE"), _) if has_no_tasks(cloud, cluster, &service) => Condition::Gone,
            _ => Condition::OnItsWay,
        };
        sample.insert(arn, condition);
    }
}

fn is_steady(cloud: &mut Cloud, service: &Value) -> bool {
    let primary = &service["deployments"][0];
    let counts = service["runningCount"] == service["desiredCount"] && service["pendingCount"] == 0;
    let group = &service["loadBalancers"][0]["targetGroupArn"];
    let health = ask(cloud, "elb", "DescribeTargetHealth", &json!({"TargetGroupArn": group}));
    let healthy = items(&health, "TargetHealthDescriptions")
        .into_iter()
        .filter(|target| target["TargetHealth"]["State"] == "healthy")
        .count();
    let running = service["runningCount"].as_u64().unwrap_or_default();
    primary["rolloutState"] == "COMPLETED" && counts && healthy as u64 >= running
}

fn has_no_tasks(cloud: &mut Cloud, cluster: &Value, service: &Value) -> bool {
    ["RUNNING", "STOPPED"].iter().all(|desired| {
        let asked = json!({
            "cluster": cluster, "serviceName": service["serviceName"], "desiredStatus": desired,
        });
        let tasks = items(&ask(cloud, "ecs", "ListTasks", &asked), "taskArns");
        if tasks.is_empty() {
            return true;
        }
        let asked = json!({"cluster": cluster, "tasks": tasks});
        let found = items(&ask(cloud, "ecs", "DescribeTasks", &asked), "tasks");
        found.iter().all(|task| task["lastStatus"] == "STOPPED")
    })
}

fn items(answer: &Result<Value, String>, name: &str) -> Vec<Value> {
    let answer = answer.as_ref().ok().and_then(|answer| answer[name].as_array().cloned());
    answer.unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The longest chain of tasks, each as long as AWS took for it, and the tasks on it.
///
/// A call that was refused and repeated counts up to its last refusal: it could not have worked
/// before.
pub fn critical_path(run: &Run) -> (Duration, Vec<String>) {
    let tasks = schedule(&run.plan);
    let mut ends = vec![None; tasks.len()];
    for place in 0..tasks.len() {
        end(place, run, &tasks, &mut ends);
    }
    let last = (0..tasks.len()).max_by_key(|place| ends[*place].as_ref().map(|end| end.ready));
    let Some(mut place) = last else { return (Duration::ZERO, vec![]) };
    let mut path = Vec::new();
    let whole = ends[place].as_ref().map_or(Duration::ZERO, |end: &End| end.ready);
    loop {
        let task = &tasks[place];
        let Some(end) = &ends[place] else { break };
        let address = &run.plan.resources[task.planned].address;
        path.push(format!(
            "{:?} {address} from {:.1} exists {:.1} ready {:.1} (really {})",
            task.verb,
            end.start.as_secs_f64(),
            end.exists.as_secs_f64(),
            end.ready.as_secs_f64(),
            really(run, address, task.verb),
        ));
        let Some(before) = end.because_of else { break };
        place = before;
    }
    path.reverse();
    (whole, path)
}

fn really(run: &Run, of: &Address, wanted: Verb) -> String {
    let mut text = String::new();
    for (at, event) in &run.events {
        let name = match event {
            Event::Started { address, verb } if address == of && *verb == wanted => "started",
            Event::Exists { address, .. } if address == of => "exists",
            Event::Finished { address, verb } if address == of && *verb == wanted => "finished",
            _ => continue,
        };
        text.push_str(&format!("{name} {:.1} ", at.as_secs_f64()));
    }
    text.trim_end().to_owned()
}

/// When a task could have begun and ended at the earliest.
#[derive(Clone, Debug)]
struct End {
    start: Duration,
    exists: Duration,
    ready: Duration,
    because_of: Option<usize>,
}

fn end(place: usize, run: &Run, tasks: &[Task], ends: &mut Vec<Option<End>>) -> End {
    if let Some(end) = &ends[place] {
        return end.clone();
    }
    let mut start = Duration::ZERO;
    let mut because_of = None;
    for (other, until) in &tasks[place].waits {
        let other_end = end(*other, run, tasks, ends);
        let at = if *until == Until::Exists { other_end.exists } else { other_end.ready };
        if at > start {
            (start, because_of) = (at, Some(*other));
        }
    }
    let address = &run.plan.resources[tasks[place].planned].address;
    let (exists, ready) = durations(run, address, tasks[place].verb);
    let end = End { start, exists: start + exists, ready: start + ready, because_of };
    ends[place] = Some(end.clone());
    end
}

/// How long the call took, and how long until the resource was as it was wanted.
fn durations(run: &Run, of: &Address, wanted: Verb) -> (Duration, Duration) {
    let mut started = Duration::ZERO;
    let (mut called, mut refused) = (None, None);
    for (at, event) in &run.events {
        match event {
            Event::Started { address, verb } if address == of && *verb == wanted => {
                (started, called, refused) = (*at, None, None);
            }
            Event::Retrying { address, .. } if address == of => refused = Some(*at),
            Event::Exists { address, .. } if address == of && wanted != Verb::Delete => {
                called = called.or(refused).or(Some(*at));
            }
            Event::Finished { address, verb } if address == of && *verb == wanted => {
                let slow = takes_its_time(of.kind());
                called = called.or(refused).or((!slow).then_some(*at));
            }
            _ => {}
        }
    }
    let called = called.unwrap_or(started).saturating_sub(started);
    let truth = run.truth.get(&(of.clone(), wanted)).map(|at| at.saturating_sub(started));
    (called, truth.unwrap_or(called).max(called))
}

fn takes_its_time(kind: Kind) -> bool {
    matches!(kind, Kind::NatGateway | Kind::LoadBalancer | Kind::Service)
}

/// In how many waves calls were made: how often somebody waited for an answer before asking on.
///
/// A call is of a later wave than another when it was made after that one's answer had come.
pub fn waves(calls: &[Call], latency: Duration) -> usize {
    let mut arrivals: Vec<_> = calls.iter().map(|call| call.arrived).collect();
    arrivals.sort();
    let mut waves = 0;
    let mut wave_ends = None;
    for arrived in arrivals {
        if wave_ends.is_none_or(|end| arrived >= end) {
            waves += 1;
            wave_ends = Some(arrived.after(latency));
        }
    }
    waves
}
