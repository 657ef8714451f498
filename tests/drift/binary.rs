//! The real program, against an AWS over HTTP in which somebody else is at work.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::served::Server;

const STACK: &str =
    "name = \"shop\"\nregion = \"eu-west-1\"\n\n[services.app]\nimage = \"nginx:1.27\"\n";

/// A directory with a stack's file, and an AWS that serves it.
struct Room {
    directory: TempDir,
    server: Server,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("provision.toml"), STACK).unwrap();
        Self { directory, server: Server::start("1000") }
    }

    /// A command with credentials, by whatever program it is run.
    fn prepared<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.directory.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL", self.server.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command.args(["--time-scale", "1000"]).args(arguments.split_whitespace());
        self.prepared(&mut command).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The code with which the program exits, and what it printed.
    fn says(&self, arguments: &str) -> (i32, String) {
        let Output { status, stdout, stderr } = self.run(arguments);
        let error = String::from_utf8(stderr).unwrap();
        let out = String::from_utf8(stdout).unwrap();
        (status.code().unwrap_or_else(|| panic!("{error}")), out)
    }

    /// What the program says on a terminal on which somebody gives these answers.
    fn answers(&self, arguments: &str, answers: &str) -> String {
        let program = env!("CARGO_BIN_EXE_provision");
        let line = format!("{program} --time-scale 1000 {arguments}");
        let mut script = Command::new("script");
        let terminal = self.prepared(script.args(["-qec", line.as_str(), "/dev/null"]));
        let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        terminal.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        let output = terminal.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}");
        said
    }

    /// Asks CloudWatch Logs for something, as anybody might.
    fn logs(&self, operation: &str, request: &Value) {
        self.server.does("logs", &format!("Logs_20140328.{operation}"), request);
    }
}

#[test]
fn what_drifts_is_told_by_exit_code_and_put_back_on_request() {
    let room = Room::new();
    assert_eq!(room.says("drift").0, 1, "there is no state yet");
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    let settled = room.says("drift");
    let calm = "No drift: all 21 resources are as they were left.\n".to_owned();
    assert_eq!(settled, (0, calm.clone()));

    let group = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 1});
    room.logs("PutRetentionPolicy", &group);
    let (code, said) = room.says("drift");
    assert_eq!(code, 2, "{said}");
    assert!(
        said.starts_with("critical  log_group.app retention_days  changed outside\n"),
        "{said}"
    );
    assert!(
        said.contains("logs are deleted sooner than wanted (log-group:/ecs/shop-dev)"),
        "{said}"
    );
    assert!(said.ends_with("Drift: 1 critical in 21 resources.\n"), "{said}");

    let (code, said) = room.says("--json drift --fail-on critical");
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &document["counts"]["critical"]), (2, &json!(1)));
    assert_eq!(document["findings"][0]["live"], 1);

    let (code, said) = room.says("drift --format sarif");
    let log: Value = serde_json::from_str(&said).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((code, &result["level"]), (2, &json!("error")));
    let shown = &result["locations"][0]["physicalLocation"];
    assert_eq!(shown["artifactLocation"]["uri"], "provision.toml");
    assert_eq!(shown["region"]["startLine"], 4, "the file does not say it: its table stands there");
    let (code, said) = room.says("drift --format junit --fail-on critical");
    assert!(code == 2 && said.contains("tests=\"21\" failures=\"1\""), "{said}");
    let (code, said) = room.says("drift --format markdown");
    assert!(code == 2 && said.contains("| critical | `log_group.app retention_days` |"), "{said}");

    let unasked = room.run("drift --fix");
    assert_eq!(unasked.status.code(), Some(1), "nobody can be asked");
    assert_eq!(room.says("drift").0, 2, "nothing was done");
    assert_eq!(room.says("drift --fix --yes"), (0, calm.clone()));
    assert_eq!(room.says("drift"), (0, calm));

    let forever = json!({"logGroupName": "/ecs/shop-dev"});
    room.logs("DeleteRetentionPolicy", &forever);
    assert_eq!(room.says("drift --fail-on medium").0, 0, "it is only low");
    let ignoring = "[drift]\nignore = [{ address = \"log_group.*\" }]\n";
    std::fs::write(room.directory.path().join("provision.toml"), format!("{STACK}{ignoring}"))
        .unwrap();
    let (code, said) = room.says("drift");
    assert_eq!(code, 0, "{said}");
    assert!(said.ends_with("1 difference is ignored.\n"), "{said}");
}

#[test]
fn a_fleet_is_told_in_a_line_a_stack_and_by_one_exit_code() {
    let room = Room::new();
    let (code, said) = room.says("drift --all");
    assert_eq!((code, said.as_str()), (1, ""), "no stack is not a fleet that is well");
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    assert_eq!(room.says("-e prod up --yes --no-verify").0, 0);
    let (code, said) = room.says("drift --all");
    assert_eq!(code, 0, "{said}");
    let settled = "settled   shop-dev   21 resources as they were left\n\
                   settled   shop-prod  21 resources as they were left\n\n\
                   2 stacks: 2 as they were left.\nNot looked at, since";
    assert!(said.starts_with(settled), "{said}");
    let (code, said) = room.says("status --all");
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("ready     shop-dev   21 resources, http://shop-dev-"), "{said}");
    assert!(said.ends_with("\n2 stacks: 2 ready.\n"), "{said}");

    room.logs(
        "PutRetentionPolicy",
        &json!({"logGroupName": "/ecs/shop-prod", "retentionInDays": 1}),
    );
    let (code, said) = room.says("drift --all --thorough");
    assert_eq!(code, 2, "{said}");
    let worst = "critical  shop-prod  log_group.app retention_days changed outside: \
                 logs are deleted sooner than wanted\n";
    assert!(said.starts_with(worst), "{said}");
    let total = "\n2 stacks: 1 drifted (1 critical), 1 as it was left.\n";
    assert!(said.ends_with(total), "{said}");
    let (code, said) = room.says("drift --all --format junit");
    assert!(code == 2 && said.contains("tests=\"42\" failures=\"1\""), "{said}");

    // The file is there no more, and one state is damaged.
    std::fs::remove_file(room.directory.path().join("provision.toml")).unwrap();
    std::fs::write(room.directory.path().join("state/shop-dev.json"), "{}").unwrap();
    let (code, said) = room.says("--json drift --all");
    assert_eq!(code, 1, "{said}");
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["stacks"][0]["environment"], "dev");
    assert!(document["stacks"][0]["error"].as_str().unwrap().contains("is damaged"), "{said}");
    assert_eq!(document["stacks"][1]["counts"]["critical"], 1);
    assert_eq!(document["stacks"][1]["against"], "applied");
    let counted = json!({"critical": 1, "high": 0, "medium": 0, "low": 0, "notice": 0});
    let total = json!({"stacks": 2, "drifted": 1, "unknown": 1, "counts": counted});
    assert_eq!(document["total"], total);
}

/// A webhook that answers everybody with thanks, and gives what was posted.
fn webhook() -> (String, std::sync::mpsc::Receiver<Value>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let header = line.to_ascii_lowercase();
                if let Some(value) = header.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let thanks = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            reader.get_mut().write_all(thanks).unwrap();
            let _ = sender.send(serde_json::from_slice(&body).unwrap());
        }
    });
    (address, receiver)
}

#[test]
fn changes_are_posted_once_by_single_checks_and_by_those_that_stay() {
    let room = Room::new();
    let (address, posted) = webhook();
    let told = format!("{STACK}[drift]\nwebhook = \"{address}\"\n");
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    assert_eq!(room.run("drift --tell").status.code(), Some(1), "the file names no webhook");
    std::fs::write(room.directory.path().join("provision.toml"), told).unwrap();
    assert_eq!(room.says("drift --tell").0, 0);
    let group = json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 1});
    room.logs("PutRetentionPolicy", &group);
    assert_eq!(room.says("drift --tell").0, 2);
    let first = posted.recv().unwrap();
    assert_eq!(first["summary"], "shop-dev: 1 critical first seen");
    assert_eq!(first["first_seen"][0]["place"], "log_group.app retention_days");
    assert_eq!(room.says("drift --tell").0, 2, "it has still drifted");

    let mut stays = room
        .command("drift --every 10s")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(stays.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.next().unwrap();
    assert!(
        line.ends_with("Drift: 1 critical in 21 resources. 1 first seen, 0 still there, 0 gone."),
        "{line}"
    );
    assert!(
        lines.next().unwrap().starts_with("    first seen  critical  log_group.app retention_days")
    );
    room.logs("DeleteRetentionPolicy", &json!({"logGroupName": "/ecs/shop-dev"}));
    room.logs(
        "PutRetentionPolicy",
        &json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": 30}),
    );
    let signal = |name: &str| {
        let id = stays.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-HUP");
    let line = lines.next().unwrap();
    assert!(line.contains("No drift"), "{line}");
    assert!(lines.next().unwrap().starts_with("    gone        critical  log_group.app"));
    let second = posted.recv().unwrap();
    assert_eq!(
        (&second["summary"], &second["still_there"]),
        (&json!("shop-dev: 1 gone"), &json!(0))
    );
    signal("-TERM");
    let ended = stays.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("provision.toml was read anew."), "{said}");
    assert!(posted.try_recv().is_err(), "nothing was told twice");
}

/// What somebody has changed is not undone by an `up` that was not told to; nobody is asked here.
#[test]
fn an_up_stops_before_it_undoes_what_somebody_has_changed() {
    let room = Room::new();
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    let keep = |days: u32| {
        room.logs(
            "PutRetentionPolicy",
            &json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": days}),
        );
    };
    keep(1);
    let (code, said) = room.says("plan");
    assert_eq!(code, 0);
    assert!(said.starts_with("Changed outside of provision:\n\ncritical  log_group.app"), "{said}");
    let sides =
        "          live      1\n          applied   30\n          → log_group.app: `up` asks";
    assert!(said.contains(sides), "{said}");
    for arguments in ["up --yes", "up", "up --yes --set services.app.count=3"] {
        let stopped = room.run(arguments);
        let error = String::from_utf8(stopped.stderr).unwrap();
        assert_eq!(stopped.status.code(), Some(1), "{error}");
        let what =
            "error: this would undo what somebody else has changed: log_group.app retention_days";
        assert!(error.contains(what), "{error}");
        assert!(error.contains("hint: `--revert-drift` puts it back"), "{error}");
    }
    assert_eq!(room.says("drift").0, 2, "nothing was done");

    // Accepted, it stays: for `drift`, for `plan`, and for every `up` until the file changes.
    assert_eq!(room.says("up --yes --no-verify --accept-drift").0, 0);
    assert_eq!(room.says("drift").0, 0);
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    let (code, said) = room.says("plan --detailed-exitcode");
    assert_eq!(code, 0, "{said}");
    let accepted = "accepted  log_group.app retention_days  live 1, the file 30\n";
    assert!(said.starts_with(accepted), "{said}");
    let file = room.directory.path().join("provision.toml");
    std::fs::write(&file, format!("{STACK}log_retention_days = 1\n")).unwrap();
    let (code, said) = room.says("plan --detailed-exitcode");
    assert_eq!((code, said.contains("accepted")), (0, false), "{said}");
    std::fs::write(&file, STACK).unwrap();

    // A saved plan keeps to what was said when it was made.
    keep(3);
    assert_eq!(room.says("plan --out asked.json").0, 0);
    assert_eq!(room.says("up asked.json").0, 1);
    assert_eq!(room.says("plan --revert-drift --out back.json").0, 0);
    assert_eq!(room.says("up back.json --no-verify").0, 0);
    let (code, said) = room.says("drift");
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("No drift"), "{said}");
}

/// On a terminal each change is asked about.
#[test]
fn on_a_terminal_each_change_is_put_back_taken_or_left() {
    let room = Room::new();
    assert_eq!(room.says("up --yes --no-verify").0, 0);
    let keep = |days: u32| {
        room.logs(
            "PutRetentionPolicy",
            &json!({"logGroupName": "/ecs/shop-dev", "retentionInDays": days}),
        );
    };
    keep(1);
    let said = room.answers("up --no-verify", "what?\nleave\n");
    assert!(
        said.matches("[put/take/leave]").count() == 2,
        "what is no answer is asked again: {said}"
    );
    assert_eq!(room.says("drift").0, 2, "it was left: {said}");
    let said = room.answers("up --no-verify", "t\n");
    assert!(said.contains("[services.app]\r\nlog_retention_days = 1\r\n"), "{said}");
    assert_eq!(room.says("drift").0, 0, "it was taken: {said}");
    keep(3);
    let said = room.answers("up --no-verify", "put\nyes\n");
    assert!(said.contains("Done: 1 updated"), "{said}");
    let group = "it goes back to what was accepted";
    assert_eq!(room.says("drift").0, 0, "{group}: {said}");
}
