//! Whether the tasks can reach the internet while something changes around them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use provision::config::Config;
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::ec2::interface::{InternetRoute, internet_route};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Run, World, ask};

/// How often it is looked.
const STEP: Duration = Duration::from_millis(300);

impl World {
    /// Makes the stack as `config` declares it, and asserts that every task has a way out meanwhile.
    pub async fn up_with_a_way_out(&mut self, config: &Config) -> Run {
        let watch = Watch::start(self);
        let run = self.up(config).await;
        watch.finish();
        run
    }

    /// Removes the stack, and asserts that every task has a way out for as long as it is there.
    pub async fn down_with_a_way_out(&mut self) -> Run {
        let watch = Watch::start(self);
        let run = self.down().await;
        watch.finish();
        run
    }
}

/// Looks for tasks without a way out, as long as a run goes on.
struct Watch {
    met: Arc<Mutex<Vec<String>>>,
    looking: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn start(world: &World) -> Self {
        let (endpoint, started) = (Arc::clone(&world.endpoint), Instant::now());
        let met = Arc::<Mutex<Vec<String>>>::default();
        let found = Arc::clone(&met);
        let looking = tokio::spawn(async move {
            loop {
                let cut_off = endpoint.with_cloud(cut_off);
                let told = cut_off.iter().map(|way| format!("{:?}: {way}", started.elapsed()));
                found.lock().unwrap().extend(told);
                tokio::time::sleep(STEP).await;
            }
        });
        Self { met, looking }
    }

    fn finish(self) {
        assert!(!self.looking.is_finished(), "nobody has looked until the end");
        self.looking.abort();
        let met = self.met.lock().unwrap();
        let (first, last) = (met.first(), met.last());
        assert!(met.is_empty(), "{} times without a way out: {first:?} to {last:?}", met.len());
    }
}

/// The subnets in which something works that can't reach the internet.
fn cut_off(cloud: &mut Cloud) -> Vec<String> {
    let subnets = subnets_of_tasks(cloud);
    let routes = subnets.into_iter().map(|subnet| (internet_route(cloud, &subnet), subnet));
    let cut_off = routes.filter(|(route, _)| *route != InternetRoute::Nat { available: true });
    cut_off.map(|(route, subnet)| format!("{subnet} has {route:?}")).collect()
}

/// The subnets of all tasks that have begun to work and are not over yet.
fn subnets_of_tasks(cloud: &mut Cloud) -> BTreeSet<String> {
    let clusters = ask(cloud, "ecs", "ListClusters", &json!({})).unwrap();
    let mut subnets = BTreeSet::new();
    for cluster in clusters["clusterArns"].as_array().into_iter().flatten() {
        for desired in ["RUNNING", "STOPPED"] {
            let asked = json!({"cluster": cluster, "desiredStatus": desired});
            let tasks = ask(cloud, "ecs", "ListTasks", &asked).unwrap();
            if tasks["taskArns"] == json!([]) {
                continue;
            }
            let asked = json!({"cluster": cluster, "tasks": tasks["taskArns"]});
            let found = ask(cloud, "ecs", "DescribeTasks", &asked).unwrap();
            subnets.extend(found["tasks"].as_array().into_iter().flatten().filter_map(subnet_of));
        }
    }
    subnets
}

fn subnet_of(task: &Value) -> Option<String> {
    let working = ["RUNNING", "DEACTIVATING", "STOPPING"];
    working.iter().find(|status| task["lastStatus"] == **status)?;
    let details = task["attachments"][0]["details"].as_array()?;
    let subnet = details.iter().find(|detail| detail["name"] == "subnetId")?;
    subnet["value"].as_str().map(str::to_owned)
}
