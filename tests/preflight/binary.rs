//! Sessions with the real program.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const MISSING: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key-AbCdEf";

/// A directory with the file of a stack that needs a secret which is not there.
fn room() -> TempDir {
    let room = tempfile::tempdir().unwrap();
    let stack = format!(
        "name = \"shop\"\nregion = \"eu-west-1\"\n[services.app]\nimage = \"nginx:1.27\"\n\
         [services.app.secrets]\nKEY = \"{MISSING}\"\n"
    );
    fs::write(room.path().join("provision.toml"), stack).unwrap();
    room
}

fn run(room: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provision"))
        .args(["--local", "--time-scale", "1000"])
        .args(arguments)
        .current_dir(room.path())
        .env_clear()
        .env("HOME", room.path())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_run_that_would_fail_is_not_begun() {
    let room = room();
    let up = run(&room, &["up"]);
    let error = text(&up.stderr);
    assert_eq!(up.status.code(), Some(1), "{error}");
    assert!(error.contains("✗ the secret shop/key-AbCdEf does not exist\n"), "{error}");
    assert!(error.contains("error: this would end halfway: nothing was done\n"), "{error}");
    assert!(error.contains("hint: `up --no-preflight` goes on"), "{error}");
    assert!(!room.path().join("state/local/shop-dev.json").exists());
    let state = text(&run(&room, &["status"]).stderr);
    assert!(state.contains("there is no state of shop-dev"), "{state}");
}

#[test]
fn a_run_that_would_fail_is_begun_when_the_user_says_so() {
    let room = room();
    let up = run(&room, &["up", "--no-preflight", "--no-wait"]);
    assert_eq!(up.status.code(), Some(0), "{}", text(&up.stderr));
    assert!(!text(&up.stderr).contains("shop/key-AbCdEf does not exist"));
}

#[test]
fn a_plan_says_that_the_run_would_fail_and_why() {
    let room = room();
    let plan = run(&room, &["plan"]);
    assert_eq!(plan.status.code(), Some(0));
    let error = text(&plan.stderr);
    assert!(error.contains("✗ the secret shop/key-AbCdEf does not exist\n"), "{error}");
    assert!(error.ends_with("`up` will refuse this: it would end halfway.\n"), "{error}");
    assert!(!text(&plan.stdout).contains("does not exist"));
}

#[test]
fn machines_read_the_findings() {
    let room = room();
    let plan: Value = serde_json::from_slice(&run(&room, &["--json", "plan"]).stdout).unwrap();
    let finding = &plan["preflight"][0];
    assert_eq!((&finding["weight"], &finding["check"]), (&"certain".into(), &"secret".into()));
    let up = run(&room, &["--json", "up"]);
    let events: Vec<Value> =
        text(&up.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["event"], "preflight");
    let error: Value = serde_json::from_slice(&up.stderr).unwrap();
    assert_eq!(error["details"][0]["title"], finding["title"]);
    assert_eq!(error["exit_code"], 1);
}

#[test]
fn taken_names_and_what_else_would_fail_are_shown_at_once() {
    let room = room();
    let mine = room.path().join("provision.toml");
    let theirs = fs::read_to_string(&mine).unwrap().replace("\"shop\"", "\"shop-x\"");
    fs::write(room.path().join("theirs.toml"), theirs).unwrap();
    let up = ["-f", "theirs.toml", "up", "--no-preflight", "--no-wait"];
    assert_eq!(run(&room, &up).status.code(), Some(0));
    // What `shop-x` calls its own in `dev` is what `shop` would in `x-dev`. The record is elsewhere.
    for entry in fs::read_dir(room.path().join("state/local")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.file_name().unwrap().to_string_lossy().starts_with("shop-x-dev") {
            fs::remove_file(path).unwrap();
        }
    }
    for command in ["plan", "up"] {
        let refused = run(&room, &["-e", "x-dev", command]);
        let error = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{error}");
        assert!(error.contains("✗ the secret shop/key-AbCdEf does not exist\n"), "{error}");
        assert!(error.contains("error: role.app-execution can't be made"), "{error}");
        assert!(error.contains("cluster.main can't be made"), "{error}");
    }
}

#[test]
fn the_roles_of_aws_are_made_once_and_stay() {
    let room = room();
    let stack = "name = \"shop\"\nregion = \"eu-west-1\"\n[services.app]\nimage = \"nginx:1.27\"\n";
    fs::write(room.path().join("provision.toml"), stack).unwrap();
    let note = "note: this account uses a service of AWS for the first time\n";
    let up = run(&room, &["up", "--no-wait"]);
    assert_eq!(up.status.code(), Some(0), "{}", text(&up.stderr));
    assert!(text(&up.stderr).contains(note));
    assert_eq!(run(&room, &["down"]).status.code(), Some(0));
    let again = text(&run(&room, &["up", "--no-wait"]).stderr);
    assert!(!again.contains(note), "{again}");
}
