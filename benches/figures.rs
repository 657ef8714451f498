//! The figures that the program is held to, as one table. Virtual times are the same on every
//! machine; the planner's and the binary's are this machine's.

#![expect(clippy::print_stdout, reason = "a table is what it is for")]
#![expect(clippy::cast_precision_loss, reason = "sizes are shown to a tenth of a megabyte")]
#![expect(clippy::disallowed_methods, reason = "the wall clock is what is measured")]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::fleet::{Fleet, least_seconds};
use harness::timing::{critical_path, waves};
use harness::{Run, World, config};
use provision::aws::Tags;
use provision::execute::schedule::schedule;
use provision::fleet::{Check, Checked, Files, Line};
use provision::graph::Graph;
use provision::observe::{Depth, Observed};
use provision::plan::plan;
use provision::resource::subnet::Subnet;
use provision::resource::vpc::Vpc;
use provision::resource::{Address, Handle, LiveValue, Readiness};
use provision::simulated_aws::clock::Clock;
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::endpoint::{Call, Endpoint};
use provision::simulated_aws::faults::{Buckets, Faults};
use provision::simulated_aws::serve::serve;
use provision::state::{Record, State};

/// What the simulated AWS takes to answer.
const LATENCY: Duration = Duration::from_millis(80);

fn main() {
    // `cargo bench -- "fleet of 1000"` makes those rows alone.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    let is_wanted = |name: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    };
    println!("{:<44} {:>12}  of which, or bound", "figure", "value");
    for (name, changes) in [("the smallest stack", ""), ("the largest stack", LARGE)] {
        if is_wanted(name) {
            stack(name, changes);
        }
    }
    for size in [100, 1_000, 10_000] {
        if is_wanted("planner") {
            planner(size);
        }
    }
    for size in [1, 10, 100, 1_000] {
        let name = format!("fleet of {size}");
        if is_wanted(&format!("{name} ")) {
            fleet(&name, size);
        }
    }
    if is_wanted("binary") {
        binary();
    }
}

/// Everything that a configuration may ask for.
const LARGE: &str = "network.nat = per-zone\nnetwork.zones = 4\nservices.app.count = 8\n\
    services.app.autoscaling = { min = 2, max = 9, cpu = 60, memory = 60, \
    requests_per_target = 100 }\n\
    services.app.secrets.KEY = arn:aws:ssm:us-east-1:123456789012:parameter/key";

fn row(figure: &str, value: impl std::fmt::Display, note: &str) {
    println!("{figure:<44} {value:>12}  {note}");
}

fn stack(name: &str, changes: &str) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime can be built");
    runtime.block_on(async {
        let mut world = World { observing: true, ..World::new() };
        let config = config(changes);
        let up = world.up(&config).await;
        run(&format!("{name}: up"), &up);
        world.aws = harness::clients(&world.endpoint);
        let before = world.endpoint.calls().len();
        world.assert_settled(&config).await;
        let calls = world.endpoint.calls().split_off(before);
        calls_of(&format!("{name}: settled plan"), &calls);
        run(&format!("{name}: down"), &world.down().await);
    });
}

/// A check of so many settled stacks, with AWS's token buckets.
fn fleet(name: &str, size: usize) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime can be built");
    let (fleet, cloud) = runtime.block_on(async {
        let fleet = Fleet::of(size, "").await;
        let cloud = fleet.endpoint.with_cloud(|cloud| cloud.clone());
        Faults::new(&fleet.endpoint, 1).with(Buckets::new(1.0)).begin();
        let today = jiff::civil::date(2026, 1, 1);
        let check = Check { files: &Files::default(), today, depth: Depth::Shared };
        let taken = fleet.look_at(&check).await;
        let settled = |line: &Line<Checked>| {
            line.outcome.as_ref().is_ok_and(|seen| seen.drift.findings.is_empty())
        };
        assert!(taken.lines.iter().all(settled), "a settled fleet has not drifted");
        calls_of(&format!("{name}: drift"), &taken.calls);
        let each = taken.calls.len() as f64 / size as f64;
        row(&format!("{name}: drift, calls a stack"), format!("{each:.2}"), "at most 7 of 1000");
        let least = least_seconds(&taken.calls);
        let note = match least {
            0.0 => "within what the token buckets give at once".to_owned(),
            least => format!("{:.3} times what they allow (at most 1.2)", taken.seconds / least),
        };
        row(&format!("{name}: drift, virtual"), format!("{:.1} s", taken.seconds), &note);
        (fleet, cloud)
    });
    let peak = peak_memory_of_a_check(&fleet, cloud);
    let peak = peak.map_or("unknown".into(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    row(&format!("{name}: drift, memory"), peak, "of the program alone");
}

/// The most memory that a check of a fleet held, with AWS in another process: in this one.
fn peak_memory_of_a_check(fleet: &Fleet, cloud: Cloud) -> Option<u64> {
    let runtime = tokio::runtime::Runtime::new().ok()?;
    runtime.block_on(async {
        let clock = Clock::starting_at(cloud.now, 1000.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.ok()?;
        let address = format!("http://{}", listener.local_addr().ok()?);
        let server = tokio::spawn(serve(listener, endpoint, std::future::pending()));
        let child = Command::new(env!("CARGO_BIN_EXE_provision"))
            .args(["--time-scale", "1000", "drift", "--all", "--state-dir"])
            .arg(fleet.directory.path())
            .env("AWS_ENDPOINT_URL", address)
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .ok()?;
        let peak = tokio::task::spawn_blocking(move || peak_of(child)).await.ok()?;
        server.abort();
        peak
    })
}

fn run(name: &str, run: &Run) {
    let (least, _) = critical_path(run);
    let took = run.took.as_secs_f64();
    let note = format!("{:.3} times its critical path (at most 1.05)", took / least.as_secs_f64());
    row(&format!("{name}, virtual"), format!("{took:.1} s"), &note);
    calls_of(name, &run.calls);
}

fn calls_of(name: &str, calls: &[Call]) {
    let mut by_operation: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *by_operation.entry(&call.operation).or_default() += 1;
    }
    let most = by_operation.iter().max_by_key(|(_, count)| **count);
    let most = most.map_or(String::new(), |(operation, count)| format!(", {count} {operation}"));
    let mutating = calls.iter().filter(|call| call.is_mutating()).count();
    let note = format!("{} waves, {mutating} that change something{most}", waves(calls, LATENCY));
    row(&format!("{name}, calls"), calls.len(), &note);
}

/// Times the planner and the schedule alone: from nothing, settled, and down again.
fn planner(size: usize) {
    let graph = graph(size);
    let empty = State::new("bench", "dev", "123456789012", "us-east-1");
    let tags = Tags::new();
    let (up, making) = timed(|| plan(&graph, &empty, &Observed::default(), &tags));
    row(&format!("plan of {size} resources to make"), milliseconds(making), "");
    let up = up.expect("nothing stands in the way");
    let (_, scheduling) = timed(|| schedule(&up));
    row(&format!("schedule of {size} resources to make"), milliseconds(scheduling), "");
    let (state, observed) = made(&graph, empty);
    let (settled, keeping) = timed(|| plan(&graph, &state, &observed, &tags));
    let settled = settled.expect("nothing stands in the way");
    row(&format!("plan of {size} settled resources"), milliseconds(keeping), "");
    assert!(settled.resources.len() == size);
    let down =
        plan(&Graph::default(), &state, &observed, &tags).expect("nothing stands in the way");
    let (_, removing) = timed(|| schedule(&down));
    row(&format!("schedule of {size} resources to remove"), milliseconds(removing), "");
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

/// Networks with nine subnets each.
fn graph(size: usize) -> Graph {
    let mut graph = Graph::default();
    let cidr = "10.0.0.0/16".parse().expect("it is a block of addresses");
    let mut vpc: Option<Handle<Vpc>> = None;
    for number in 0..size {
        let name = format!("{number}");
        vpc = match vpc.filter(|_| number % 10 != 0) {
            None => {
                let spec = Vpc { cidr, dns_support: true, dns_hostnames: true };
                Some(graph.add(&name, spec))
            }
            Some(vpc) => {
                let spec = Subnet {
                    vpc: vpc.id(),
                    cidr,
                    zone: "us-east-1a".into(),
                    public_addresses: false,
                };
                graph.add(&name, spec);
                Some(vpc)
            }
        };
    }
    graph
}

/// The state and the cloud as if all of a graph had been made.
fn made(graph: &Graph, mut state: State) -> (State, Observed) {
    let mut observed = Observed::default();
    let made = plan(graph, &state, &observed, &Tags::new()).expect("nothing stands in the way");
    for planned in made.resources {
        let desired = planned.desired.expect("all is to be made");
        let id = |address: &Address| format!("id-{}", address.name());
        let outputs = serde_json::json!({"id": id(&planned.address), "main_route_table": "rtb"});
        let spec = provision::resource::reference::resolve(&desired.spec, &|reference| {
            Some(id(&reference.address).into())
        });
        let live = LiveValue {
            spec: spec.clone(),
            outputs: outputs.clone(),
            tags: desired.identity.tags.clone(),
            readiness: Readiness::Ready,
        };
        observed.insert(planned.address.clone(), 0, live);
        let record = Record {
            type_name: planned.address.kind().facts().type_name.into(),
            id: id(&planned.address),
            identity: desired.identity,
            generation: 0,
            outputs,
            applied: spec,
            needs: desired.needs.into_keys().collect(),
            ready: true,
            configured: true,
        };
        state.resources.insert(planned.address, record);
    }
    (state, observed)
}

/// Measures the program itself: the release build under `cargo bench`.
fn binary() {
    let target = PathBuf::from(env!("CARGO_BIN_EXE_provision"));
    let build = if cfg!(debug_assertions) { "debug binary" } else { "release binary" };
    let Ok(file) = std::fs::metadata(&target) else {
        row(build, "none", "it is not where cargo says that it is");
        return;
    };
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    row(&format!("{build}, size"), megabytes(file.len()), "at most 30 MB");
    let version = || drop(Command::new(&target).arg("--version").output());
    version();
    let fastest = (0..10).map(|_| timed(version).1).min().unwrap_or_default();
    row(&format!("{build}, --version"), milliseconds(fastest), "at most 20 ms");
    let peak = peak_memory_of_a_settled_plan(&target).map_or("unknown".into(), megabytes);
    row(&format!("{build}, memory of a settled plan"), peak, "at most 60 MB");
}

/// The most memory that a settled `plan --local` held, in bytes, as the kernel saw it.
fn peak_memory_of_a_settled_plan(binary: &Path) -> Option<u64> {
    let directory = tempfile::tempdir().ok()?;
    let file = directory.path().join("provision.toml");
    let text = "name = \"bench\"\nregion = \"us-east-1\"\n[services.app]\nimage = \"a/b:1\"\n";
    std::fs::write(&file, text).ok()?;
    let command = |name: &str| {
        let mut command = Command::new(binary);
        command.arg("-f").arg(&file).args(["--local", "--time-scale", "3000", name]);
        command.current_dir(directory.path());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    command("up").status().ok()?;
    peak_of(command("plan").spawn().ok()?)
}

/// The most memory that a process held, in bytes, as the kernel saw it; `None` if it failed.
fn peak_of(mut child: Child) -> Option<u64> {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = None;
    let status = loop {
        if let Some(status) = child.try_wait().ok()? {
            break status;
        }
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        peak = peak.max(kibibytes);
        std::thread::sleep(Duration::from_millis(1));
    };
    peak.filter(|_| status.success()).map(|kibibytes| kibibytes * 1024)
}
