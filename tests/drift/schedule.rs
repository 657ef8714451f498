//! `provision schedule`: what is written is taken back, and systemd's own tool finds nothing wrong.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const STACK: &str = "name = \"shop\"\nregion = \"eu-west-1\"\n\n[services.app]\nimage = \"nginx:1.27\"\n\n\
                     [state]\nbucket = \"acme-states\"\n\n[drift]\nwebhook = \"env:DRIFT_WEBHOOK\"\n";

/// A directory with a stack's file, and tools that write down what they are asked.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("bin")).unwrap();
        fs::write(desk.path("provision.toml"), STACK).unwrap();
        desk.tool("systemctl", "echo \"$*\" >> \"$HOME/systemctl.log\"");
        desk.tool(
            "crontab",
            "case \"$1\" in -l) cat \"$HOME/crontab\" 2>/dev/null || { echo 'no crontab for me' >&2; exit 1; } ;; \
             -) cat > \"$HOME/crontab\" ;; esac",
        );
        desk
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn tool(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, arguments: &str) -> Output {
        self.run_in("", arguments)
    }

    fn run_in(&self, directory: &str, arguments: &str) -> Output {
        let tools = format!("{}:/usr/bin:/bin", self.path("bin").display());
        Command::new(env!("CARGO_BIN_EXE_provision"))
            .args(arguments.split_whitespace())
            .current_dir(self.path(directory))
            .env_clear()
            .env("HOME", self.0.path())
            .env("PATH", tools)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// What the program prints; it must do what it is asked.
    fn says(&self, arguments: &str) -> String {
        let Output { status, stdout, stderr } = self.run(arguments);
        let error = String::from_utf8(stderr).unwrap();
        assert!(status.success(), "{arguments}: {error}");
        String::from_utf8(stdout).unwrap() + &error
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

const UNITS: &str = ".config/systemd/user";
const NAME: &str = "provision-drift-shop-dev";

#[test]
fn a_timer_is_put_in_place_and_taken_back() {
    let desk = Desk::new();
    let shown = desk.says("schedule install systemd --every 15m --show");
    assert!(shown.contains("OnUnitInactiveSec=900s"), "{shown}");
    assert!(!desk.path(UNITS).exists(), "showing writes nothing");
    let said = desk.says("schedule install systemd --every 15m");
    assert!(said.contains("Put the line `DRIFT_WEBHOOK='…'` into"), "{said}");
    let timer = format!("{NAME}.timer");
    let asked = format!("--user daemon-reload\n--user enable --now {timer}\n");
    assert_eq!(desk.read("systemctl.log"), asked);
    verify_units(&desk.path(UNITS));
    let again = desk.says("schedule install systemd --every 15m");
    assert!(again.contains("is as it should be"), "{again}");
    desk.says("schedule uninstall systemd");
    assert_eq!(fs::read_dir(desk.path(UNITS)).unwrap().count(), 0);
    let log = desk.read("systemctl.log");
    assert!(
        log.ends_with(&format!("--user disable --now {timer}\n--user daemon-reload\n")),
        "{log}"
    );
}

/// Asks systemd itself, where it is installed.
fn verify_units(directory: &Path) {
    let units = ["service", "timer"].map(|kind| directory.join(format!("{NAME}.{kind}")));
    let Ok(judged) = Command::new("systemd-analyze")
        .args(["verify", "--recursive-errors=no"])
        .args(units)
        .output()
    else {
        return;
    };
    let said = String::from_utf8_lossy(&judged.stderr);
    assert!(judged.status.success(), "{said}");
    let about: Vec<&str> = said.lines().filter(|line| line.contains("provision-drift")).collect();
    assert!(about.is_empty(), "{said}");
}

#[test]
fn what_somebody_else_wrote_is_left_alone() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path(UNITS)).unwrap();
    let theirs = desk.path(UNITS).join(format!("{NAME}.service"));
    fs::write(&theirs, "[Service]\nExecStart=/bin/true\n").unwrap();
    for command in ["install", "uninstall"] {
        let refused = desk.run(&format!("schedule {command} systemd"));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("was not written by `provision schedule`"), "{said}");
    }
    assert!(fs::read_to_string(theirs).unwrap().starts_with("[Service]"));
    // Nor is half of it written, or their timer switched off.
    let timer = desk.path(UNITS).join(format!("{NAME}.timer"));
    assert!(!timer.exists());
    fs::write(&timer, "[Timer]\nOnCalendar=daily\n").unwrap();
    assert_eq!(desk.run("schedule uninstall systemd").status.code(), Some(1));
    assert_eq!(desk.read("systemctl.log"), "");
}

#[test]
fn a_crontab_that_can_not_be_read_whole_is_left_alone() {
    let desk = Desk::new();
    let theirs = b"# caf\xe9\n0 4 * * * theirs\n";
    fs::write(desk.path("crontab"), theirs).unwrap();
    for command in ["install", "uninstall"] {
        let refused = desk.run(&format!("schedule {command} crontab"));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("what it says is not UTF-8"), "{said}");
        assert_eq!(fs::read(desk.path("crontab")).unwrap(), theirs);
    }
}

#[test]
fn an_address_of_a_webhook_comes_through_the_shell_whole() {
    let desk = Desk::new();
    desk.says("schedule install crontab");
    let address = "https://example.com/hook?a=1&b=two words";
    fs::create_dir_all(desk.path(".config/provision")).unwrap();
    let variables = desk.path(".config/provision/shop-dev.env");
    fs::write(&variables, format!("DRIFT_WEBHOOK='{address}'\n")).unwrap();
    let crontab = desk.read("crontab");
    let line = crontab.lines().find(|line| !line.starts_with('#')).unwrap();
    let (_, command) = line.split_once("cd ").unwrap();
    let program = env!("CARGO_BIN_EXE_provision");
    let shown = format!("cd {command}").replace(program, "printenv DRIFT_WEBHOOK; : ");
    let shown = shown.replace("> /dev/null", "");
    let said = Command::new("/bin/sh").args(["-c", shown.as_str()]).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap().trim_end(), address);
}

#[test]
fn what_ci_systems_run_is_at_the_root_of_the_repository() {
    let desk = Desk::new();
    for directory in ["repository/.git", "repository/team"] {
        fs::create_dir_all(desk.path(directory)).unwrap();
    }
    fs::write(desk.path("repository/team/provision.toml"), STACK).unwrap();
    let role = "--role arn:aws:iam::123456789012:role/drift --image acme/provision:1";
    let run = |arguments: &str| desk.run_in("repository/team", arguments);
    for (by, path) in [
        ("github", format!("repository/.github/workflows/{NAME}.yml")),
        ("gitlab", format!("repository/.gitlab/{NAME}.yml")),
    ] {
        assert!(run(&format!("schedule install {by} {role}")).status.success(), "{by}");
        let text = desk.read(&path);
        assert!(text.contains("-e dev -f team/provision.toml drift"), "{text}");
        assert!(run(&format!("schedule uninstall {by}")).status.success(), "{by}");
        assert!(!desk.path(&path).exists());
    }
    let outside = run(&format!("-f ../../provision.toml schedule install github {role}"));
    let said = String::from_utf8(outside.stderr).unwrap();
    assert!(said.contains("it is outside of the repository"), "{said}");
}

#[test]
fn uninstalling_needs_nothing_of_what_installing_needed() {
    let desk = Desk::new();
    let role = "--role arn:aws:iam::123456789012:role/drift --image acme/provision:1";
    let all = ["systemd", "crontab", "github", "gitlab", "kubernetes"];
    for by in all {
        let needed = if ["systemd", "crontab"].contains(&by) { "" } else { role };
        desk.says(&format!("schedule install {by} {needed}"));
    }
    let bare = STACK.split("[state]").next().unwrap();
    fs::write(desk.path("provision.toml"), bare).unwrap();
    for by in all {
        desk.says(&format!("schedule uninstall {by}"));
    }
    assert_eq!(desk.read("crontab"), "");
    for path in [
        format!(".github/workflows/{NAME}.yml"),
        format!(".gitlab/{NAME}.yml"),
        format!("{NAME}.yaml"),
    ] {
        assert!(!desk.path(&path).exists(), "{path}");
    }
    assert_eq!(fs::read_dir(desk.path(UNITS)).unwrap().count(), 0);
}

#[test]
fn a_bucket_that_is_named_on_the_command_line_is_in_reach_of_all() {
    let desk = Desk::new();
    let file = STACK.replace("[state]\nbucket = \"acme-states\"\n\n", "");
    fs::write(desk.path("provision.toml"), file).unwrap();
    let role = "--role arn:aws:iam::123456789012:role/drift --image acme/provision:1";
    let shown = desk.says(&format!("--state-dir s3://acme schedule install github --show {role}"));
    assert!(shown.contains("--state-dir s3://acme drift"), "{shown}");
}

#[test]
fn a_crontab_is_put_back_as_it_was() {
    let desk = Desk::new();
    let theirs = "MAILTO=me\n0 4 * * * theirs\n";
    fs::write(desk.path("crontab"), theirs).unwrap();
    desk.says("schedule install crontab --every 30m");
    let installed = desk.read("crontab");
    assert!(installed.starts_with(theirs) && installed.contains(" drift --tell > /dev/null\n"));
    assert!(desk.says("schedule install crontab --every 30m").contains("is as it should be"));
    desk.says("schedule install crontab --every 1h");
    assert_eq!(desk.read("crontab").matches("# BEGIN").count(), 1);
    desk.says("schedule uninstall crontab");
    assert_eq!(desk.read("crontab"), theirs);
    assert!(desk.says("schedule uninstall crontab").contains("is as it should be"));
    fs::remove_file(desk.path("crontab")).unwrap();
    desk.says("schedule install crontab");
    assert!(desk.read("crontab").starts_with("# BEGIN provision drift shop-dev\n"));
}

#[test]
fn files_of_ci_systems_are_written_and_removed() {
    let desk = Desk::new();
    let role = "--role arn:aws:iam::123456789012:role/drift --image acme/provision:1";
    for (by, path) in [
        ("github", format!(".github/workflows/{NAME}.yml")),
        ("gitlab", format!(".gitlab/{NAME}.yml")),
        ("kubernetes", format!("{NAME}.yaml")),
    ] {
        assert_eq!(desk.run(&format!("schedule install {by}")).status.code(), Some(1), "{by}");
        desk.says(&format!("schedule install {by} {role}"));
        let text = desk.read(&path);
        assert!(text.contains("acme/provision:1") && text.contains("role/drift"), "{text}");
        desk.says(&format!("schedule uninstall {by}"));
        assert!(!desk.path(&path).exists());
    }
}

#[test]
fn a_check_that_nobody_would_hear_of_or_that_finds_no_state_is_not_installed() {
    let desk = Desk::new();
    let (with_state, webhook) = STACK.split_once("[drift]").unwrap();
    fs::write(desk.path("provision.toml"), with_state).unwrap();
    let deaf = desk.run("schedule install systemd");
    assert!(String::from_utf8(deaf.stderr).unwrap().contains("there is nobody to tell"));
    let without_state = with_state.split("[state]").next().unwrap();
    fs::write(desk.path("provision.toml"), format!("{without_state}[drift]{webhook}")).unwrap();
    let role = "--role arn:aws:iam::123456789012:role/drift --image acme/provision:1";
    let lost = desk.run(&format!("schedule install github {role}"));
    let said = String::from_utf8(lost.stderr).unwrap();
    assert!(said.contains("the state is in a directory of this machine"), "{said}");
}
