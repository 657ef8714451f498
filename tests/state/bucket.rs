//! The program itself with its state in a bucket, against a server of the simulated AWS: two
//! machines, and what a person does about a state that is somewhere else.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::served::Server;
use super::world::FILE;

/// How many times faster than real time passes: a lease that ends in two minutes has four seconds.
const SCALE: &str = "30";

/// What the file says of the state.
const STATE: &str = "\n[state]\nbucket = \"acme-state\"\nprefix = \"team\"\n";

/// A server of a cloud that holds a bucket.
fn start() -> Server {
    let server = Server::start(SCALE);
    let constraint = "<CreateBucketConfiguration><LocationConstraint>eu-west-1\
                      </LocationConstraint></CreateBucketConfiguration>";
    server.asks("PUT", "/acme-state", constraint);
    server.asks("PUT", "/acme-state?versioning", &status("Enabled"));
    server
}

impl Server {
    /// The keys of all objects, without their prefix.
    fn keys(&self) -> Vec<String> {
        let listed = self.asks("GET", "/acme-state?list-type=2", "");
        let keys = listed.split("<Key>team/").skip(1);
        keys.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }

    /// Waits until an object is there.
    fn waits_for(&self, is_it: impl Fn(&str) -> bool) {
        let is_there = || {
            std::thread::sleep(Duration::from_millis(20));
            self.keys().iter().any(|key| is_it(key))
        };
        assert!((0..3000).any(|_| is_there()), "it never comes: {:?}", self.keys());
    }
}

fn status(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn is(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.error);
        self
    }
}

/// A machine of its own: a directory with a file.
struct Machine<'a> {
    directory: TempDir,
    server: &'a Server,
}

impl<'a> Machine<'a> {
    fn new(server: &'a Server, file: &str) -> Self {
        let machine = Self { directory: tempfile::tempdir().unwrap(), server };
        machine.declare(file);
        machine
    }

    fn declare(&self, file: &str) {
        fs::write(self.directory.path().join("provision.toml"), file).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            .env("USER", "tester")
            .env("AWS_ENDPOINT_URL", self.server.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .args(["--time-scale", SCALE])
            .args(words.split(' '))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn says(&self, words: &str) -> Said {
        Said::of(self.command(words).output().unwrap())
    }

    /// The command on a terminal, where questions are asked. What is written to its input is typed.
    fn on_a_terminal(&self, words: &str) -> Command {
        let program = env!("CARGO_BIN_EXE_provision");
        let line = format!("{program} --time-scale {SCALE} {words}");
        let plain = self.command(words);
        let mut command = Command::new("script");
        command
            .args(["-qec", line.as_str(), "/dev/null"])
            .current_dir(self.directory.path())
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    fn has(&self, name: &str) -> bool {
        self.directory.path().join(name).exists()
    }
}

#[test]
fn every_command_works_as_with_files() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}"));
    machine.says("plan --detailed-exitcode").is(2);
    machine.says("up --yes").is(0);
    assert!(!machine.has("state"), "nothing of the state is on the machine");
    machine.declare(&format!("protect = true\n{FILE}{STATE}"));
    machine.says("up --yes").is(0);
    assert!(machine.says("unprotect").is(1).error.contains("--yes"));
    machine.says("unprotect --yes").is(0);
    let other = Machine::new(&server, &format!("{FILE}{STATE}"));
    other.says("plan --detailed-exitcode").is(0);
    other.says("drift").is(0);
    assert!(other.says("status").is(0).out.contains("service.app"));
    assert!(other.says("output alb_dns_name").is(0).out.contains("elb.amazonaws.com"));
    assert!(other.says("state list").is(0).out.contains("vpc.main"));
    other.says("state mv service.app service.web").is(0);
    other.says("state mv service.web service.app").is(0);
    assert!(other.says("state lock").is(0).out.contains("Nobody is at work on web-dev."));
    assert!(other.says("state restore").is(0).error.contains("The state is whole"));
    assert!(other.says("recover --yes").is(0).error.contains("Nothing"));
    // Without the file its place has to be named.
    fs::remove_file(other.directory.path().join("provision.toml")).unwrap();
    other.says("--state-dir s3://acme-state/team down --yes").is(0);
    let keys = server.keys();
    assert!(keys.iter().all(|key| key.starts_with("web-dev.backups/")), "{keys:?}");
    assert!(
        machine.says("down --yes").is(0).error.contains("there is no state of web-dev in s3://")
    );
}

#[test]
fn a_bucket_in_another_region_is_told_to_be_there() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}region = \"us-east-1\"\n"));
    let refused = machine.says("up --yes").is(1);
    assert!(refused.error.contains("the bucket is in another region"), "{refused:?}");
    assert!(server.keys().is_empty());
}

#[test]
fn of_two_machines_one_works_and_the_other_says_who_is_at_it() {
    let server = start();
    let file = format!("{FILE}{STATE}");
    let (one, other) = (Machine::new(&server, &file), Machine::new(&server, &file));
    let first = one.command("up --yes").spawn().unwrap();
    server.waits_for(|key| key.starts_with("web-dev.journal/"));
    let refused = other.says("up --yes").is(1);
    let process = first.id().to_string();
    assert!(refused.error.contains("somebody is at work on this stack: tester on"), "{refused:?}");
    assert!(refused.error.contains(&process), "{refused:?}");
    let shown = other.says("--json state lock").is(0);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["holder"]["command"], "up");
    assert_eq!(shown["holder"]["process"].to_string(), process);
    assert!(shown["ends_in_s"].as_u64().unwrap() <= 120);
    other.says("up --yes --lock-timeout 5m").is(0);
    Said::of(first.wait_with_output().unwrap()).is(0);
    one.says("plan --detailed-exitcode").is(0);
}

/// Whoever is asked and goes away has changed nothing, and keeps nobody waiting.
#[test]
fn an_interruption_at_a_question_gives_the_lock_back() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}"));
    let mut asked = machine.on_a_terminal("up").spawn().unwrap();
    server.waits_for(|key| key == "web-dev.lock");
    let mut out = BufReader::new(asked.stdout.take().unwrap());
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("Only `yes` is a yes") {
        assert!(out.read_until(b' ', &mut said).unwrap() > 0, "it never asked");
    }
    asked.stdin.take().unwrap().write_all(b"\x03").unwrap();
    assert_eq!(asked.wait().unwrap().code(), Some(130));
    assert!(machine.says("state lock").is(0).out.contains("Nobody is at work on web-dev."));
    machine.says("plan --detailed-exitcode").is(2);
}

#[test]
fn a_lock_that_was_taken_away_stops_the_run_and_the_next_goes_on() {
    let server = start();
    let file = format!("{FILE}{STATE}");
    let (one, other) = (Machine::new(&server, &file), Machine::new(&server, &file));
    let first = one.command("up --yes").spawn().unwrap();
    server.waits_for(|key| key.ends_with("/000002"));
    other.says("state unlock").is(1);
    other.says("state unlock --yes").is(0);
    other.says("up --yes").is(0);
    let lost = Said::of(first.wait_with_output().unwrap()).is(1);
    assert!(lost.error.contains("the lock on this stack was lost"), "{lost:?}");
    one.says("plan --detailed-exitcode").is(0);
    one.says("down --yes").is(0);
}

#[test]
fn a_state_goes_from_a_directory_into_a_bucket_and_back() {
    let server = start();
    let machine = Machine::new(&server, FILE);
    machine.says("up --yes --no-wait").is(0);
    machine.declare(&format!("{FILE}{STATE}"));
    machine.says("state migrate --from state").is(1);
    let moved = machine.says("state migrate --from state --yes").is(0);
    assert!(moved.error.contains("goes from state to s3://acme-state/team"), "{moved:?}");
    assert!(!machine.has("state/web-dev.json"));
    assert!(server.keys().contains(&"web-dev.json".to_owned()));
    machine.says("state list").is(0);
    let again = machine.says("state migrate --from state --yes").is(1);
    assert!(again.error.contains("there is no state of web-dev in state"), "{again:?}");
    let same = machine.says("state migrate --from s3://acme-state/team/ --yes").is(1);
    assert!(same.error.contains("already"), "{same:?}");
    machine.declare(FILE);
    machine.says("state migrate --from s3://acme-state/team --yes").is(0);
    assert!(
        machine.has("state/web-dev.json") && !server.keys().contains(&"web-dev.json".to_owned())
    );
    machine.says("down --yes").is(0);
}

#[test]
fn a_state_is_pulled_and_pushed_but_not_over_what_it_does_not_continue() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}"));
    machine.says("up --yes --no-wait").is(0);
    machine.says("state pull kept.json").is(0);
    let printed = machine.says("state pull").is(0).out;
    assert_eq!(printed, fs::read_to_string(machine.directory.path().join("kept.json")).unwrap());
    machine.says("state forget log_group.app --yes").is(0);
    let refused = machine.says("state push kept.json --yes").is(1);
    assert!(refused.error.contains("has serial"), "{refused:?}");
    machine.says("state push kept.json --yes --force").is(0);
    assert!(machine.says("state list").is(0).out.contains("log_group.app"));
    let other = machine.says("-e prod state push kept.json --yes").is(1);
    assert!(other.error.contains("is the state of web in dev, not of web in prod"), "{other:?}");
}

#[test]
fn a_bucket_that_others_can_read_is_refused_with_what_to_do() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}"));
    server.asks("PUT", "/acme-state?versioning", &status("Suspended"));
    let warned = machine.says("up --yes --no-wait").is(0);
    assert!(warned.error.contains("keeps no old versions"), "{warned:?}");
    server.asks("DELETE", "/acme-state?publicAccessBlock", "");
    let refused = machine.says("down --yes").is(1);
    assert!(refused.error.contains("it does not block public access"), "{refused:?}");
    assert!(refused.error.contains("aws s3api put-public-access-block --bucket acme-state"));
    // Looking writes nothing there.
    machine.says("status").is(0);
}

#[test]
fn in_a_ci_job_a_state_that_goes_with_the_machine_is_told_of_once() {
    let server = start();
    let machine = Machine::new(&server, FILE);
    let run = |words: &str| Said::of(machine.command(words).env("CI", "true").output().unwrap());
    let told = run("up --yes --no-wait").is(0);
    let warning = "this is a CI job, and the state of web-dev is kept in state";
    assert_eq!(told.error.matches(warning).count(), 1, "{told:?}");
    assert!(told.error.contains("\n    [state]\n    bucket = "), "{told:?}");
    let machines = run("--json up --yes --no-wait").is(0);
    assert!(machines.error.contains("{\"warning\":\"this is a CI job"), "{machines:?}");
    machine.declare(&format!("{FILE}{STATE}"));
    let told = run("state migrate --from state --yes").is(0);
    assert!(!told.error.contains("CI job"), "{told:?}");
}

/// The statuses of the deployments of the only service.
fn deployments(server: &Server) -> Vec<String> {
    let asked = json!({"cluster": "web-dev", "service": "web-dev"});
    let operation = "AmazonEC2ContainerServiceV20141113.ListServiceDeployments";
    let listed = server.does("ecs", operation, &asked);
    let all = listed["serviceDeployments"].as_array().unwrap();
    all.iter().map(|one| one["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn who_lost_the_lock_takes_no_deployment_back() {
    let server = start();
    let machine = Machine::new(&server, &format!("{FILE}{STATE}"));
    machine.says("up --yes").is(0);
    let words = "up --yes --image ghcr.io/example/app:2 --rollback-on-interrupt";
    let run = machine.command(words).spawn().unwrap();
    let is_under_way = || {
        std::thread::sleep(Duration::from_millis(20));
        deployments(&server).iter().any(|status| status == "IN_PROGRESS")
    };
    assert!((0..3000).any(|_| is_under_way()), "{:?}", deployments(&server));
    machine.says("state unlock --yes").is(0);
    let id = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let said = Said::of(run.wait_with_output().unwrap()).is(1);
    assert!(said.error.contains("the lock on this stack was lost"), "{said:?}");
    let statuses = deployments(&server);
    let is_left = |status: &String| ["IN_PROGRESS", "SUCCESSFUL"].contains(&status.as_str());
    assert!(statuses.iter().all(is_left), "{statuses:?}");
}

/// What the account's own check runs: the command of its task, in an empty room, with no more than
/// the task's environment.
fn task(server: &Server, room: &TempDir) -> Command {
    let asked = json!({"taskDefinition": "web-dev-drift"});
    let operation = "AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition";
    let definition = server.does("ecs", operation, &asked);
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    let words = container["command"].as_array().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command
        .current_dir(room.path())
        .env_clear()
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .args(["--time-scale", SCALE])
        .args(words.iter().map(|word| word.as_str().unwrap()))
        .stdin(Stdio::null());
    for variable in container["environment"].as_array().unwrap() {
        command.env(variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap());
    }
    command
}

#[test]
fn the_task_of_the_accounts_own_check_runs_from_the_bucket_alone() {
    let server = start();
    let drift = "\n[drift]\nschedule = \"rate(1 hour)\"\nimage = \"acme/provision:1\"\n";
    let machine = Machine::new(&server, &format!("{FILE}{drift}{STATE}"));
    machine.says("up --yes").is(0);
    let room = tempfile::tempdir().unwrap();
    let check = || Said::of(task(&server, &room).output().unwrap());
    let calm = check().is(0);
    assert!(calm.out.contains("No drift"), "{calm:?}");
    assert!(server.keys().contains(&"web-dev.drift.json".to_owned()));
    let retention = json!({"logGroupName": "/ecs/web-dev", "retentionInDays": 1});
    server.does("logs", "Logs_20140328.PutRetentionPolicy", &retention);
    let drifted = check().is(2);
    assert!(drifted.out.contains("log_group.app"), "{drifted:?}");
    assert!(drifted.error.contains("The topic was told: web-dev: 1 "), "{drifted:?}");
    // What was told is remembered in the bucket.
    let again = check().is(2);
    assert!(!again.error.contains("was told"), "{again:?}");
    assert_eq!(room.path().read_dir().unwrap().count(), 0, "nothing is left where it ran");
    // Whoever is at work is waited for, and what they leave is what is checked.
    let run = machine.command("drift --fix --yes").spawn().unwrap();
    server.waits_for(|key| key == "web-dev.lock");
    let after = check().is(0);
    assert!(after.error.contains("Waiting for tester on"), "{after:?}");
    assert!(after.error.contains("The topic was told: web-dev: 1 gone"), "{after:?}");
    Said::of(run.wait_with_output().unwrap()).is(0);
    // Somebody who is only asked whether the stack is to go keeps nobody from hearing of it.
    let mut asked = machine.on_a_terminal("down").spawn().unwrap();
    server.waits_for(|key| key == "web-dev.lock");
    let tired = Said::of(task(&server, &room).args(["--lock-timeout", "1s"]).output().unwrap());
    assert!(tired.is(1).error.contains("somebody is at work"));
    asked.stdin.take().unwrap().write_all(b"no\n").unwrap();
    assert!(!asked.wait_with_output().unwrap().status.success());
    // Who takes it down waits for the very task, which is in the network.
    let run = machine.command("down --yes").spawn().unwrap();
    server.waits_for(|key| key.starts_with("web-dev.journal/") && key.ends_with("/000002"));
    let left = check().is(0);
    assert!(left.error.contains("being taken down"), "{left:?}");
    Said::of(run.wait_with_output().unwrap()).is(0);
}
