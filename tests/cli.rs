//! Sessions with the real program, on the AWS inside it: what it prints, and how it exits.

#![cfg(feature = "simulated-aws")]
#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const STACK: &str =
    "name = \"shop\"\nregion = \"eu-west-1\"\n\n[services.app]\nimage = \"nginx:1.27\"\n";

/// A directory with a stack's file.
struct Room(TempDir);

/// What a command said, and its exit code.
struct Said {
    out: String,
    error: String,
    code: i32,
}

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        room.write(STACK);
        room
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, stack: &str) {
        fs::write(self.path().join("provision.toml"), stack).unwrap();
    }

    /// The program with an environment of its own.
    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Said {
        let output = self.command(arguments).output().unwrap();
        Said {
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap(),
        }
    }

    /// The same on the AWS inside the program, fast.
    fn local(&self, arguments: &str) -> Said {
        self.run(&format!("--local --time-scale 1000 {arguments}"))
    }
}

impl Said {
    /// The error, in one piece, for a snapshot.
    fn refusal(&self) -> String {
        assert_eq!(self.out, "");
        format!("{}=> {}", self.error, self.code)
    }

    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_plan_shows_what_would_be_made_and_changes_nothing() {
    let room = Room::new();
    let said = room.local("plan");
    insta::assert_snapshot!("plan_of_a_new_stack", said.out);
    assert_eq!(said.code, 0);
    let note = "note: this account uses a service of AWS for the first time\n";
    assert!(said.error.starts_with(note), "{}", said.error);
    assert_eq!(room.local("plan --detailed-exitcode").code, 2);
    assert!(!room.path().join("state/local/shop-dev.json").exists());
}

#[test]
fn a_stack_lives_from_up_to_down() {
    let room = Room::new();
    let up = room.local("up");
    assert_eq!(up.code, 0, "{}", up.error);
    assert!(up.out.starts_with("url "), "{}", up.out);
    assert!(up.error.contains("Done: 21 created in "), "{}", up.error);
    assert!(up.error.contains("simulated time"), "{}", up.error);

    let again = room.local("up");
    assert!(again.error.contains("Nothing to do: all 21 resources are as declared."));
    assert!(!again.error.contains("Done"), "{}", again.error);
    assert_eq!(room.local("plan --detailed-exitcode").code, 0);

    let name = room.local("output alb_dns_name").out;
    assert_eq!(name.lines().count(), 1);
    assert_eq!(room.local("output url").out, format!("http://{name}"));

    let status: Value = serde_json::from_str(&room.local("status --json").out).unwrap();
    assert_eq!(status["services"][0]["running"], 2);
    assert!(room.local("status").out.contains("tasks    2 running, 0 pending, 2 desired"));

    let down = room.local("down");
    assert_eq!((down.code, down.out.as_str()), (0, ""), "{}", down.error);
    assert!(down.error.contains("Done: 21 deleted in "), "{}", down.error);
    assert!(!down.error.contains("DependencyViolation"), "{}", down.error);
    assert!(down.error.ends_with("Nothing of the stack is left.\n"), "{}", down.error);
    assert!(room.local("down").error.starts_with("Nothing to do"));
}

#[test]
fn a_saved_plan_is_carried_out_as_it_was_shown_or_refused() {
    let room = Room::new();
    assert_eq!(room.local("plan --out first.plan").code, 0);
    let stack = fs::read_to_string(room.path().join("provision.toml")).unwrap();
    room.write(&format!("{stack}count = 3\n"));
    let moved = room.local("up first.plan");
    assert_eq!(moved.code, 1, "{}", moved.error);
    assert!(moved.error.contains("the saved plan first.plan no longer fits"), "{}", moved.error);
    let count = "service.app: create as then, but `count` moved";
    assert!(moved.error.contains(count), "{}", moved.error);
    room.write(&stack);
    assert!(room.local("up first.plan").error.contains("Done: 21 created in "));
    let again = room.local("up first.plan");
    assert_eq!(again.code, 1, "{}", again.error);

    assert_eq!(room.local("plan --out second.plan --set services.app.port=9000").code, 0);
    // What overrode the file is part of it.
    let up = room.local("up second.plan");
    assert!(up.error.contains("Done: 3 updated in "), "{}", up.error);
    fs::write(room.path().join("third.plan"), "{").unwrap();
    let damaged = room.local("up third.plan");
    assert!(damaged.error.contains("third.plan is no saved plan"), "{}", damaged.error);
    assert_eq!((damaged.code, damaged.out.as_str()), (1, ""));
}

#[test]
fn a_state_that_records_nothing_does_not_promise_that_nothing_is_left() {
    let room = Room::new();
    assert_eq!(room.local("up").code, 0);
    assert_eq!(room.local("state restore 1").code, 0);
    let down = room.local("down");
    assert_eq!(down.code, 0);
    assert!(!down.error.contains("Nothing of the stack is left"), "{}", down.error);
    assert!(down.error.contains("`provision recover` finds it"), "{}", down.error);
    assert_eq!(room.local("recover").code, 0);
    let down = room.local("down");
    assert!(down.error.contains("Done: 21 deleted in "), "{}", down.error);
}

#[test]
fn a_saved_plan_is_carried_out_as_it_was_planned_or_not_at_all() {
    let room = Room::new();
    assert_eq!(room.local("up").code, 0);
    let overridden = "plan --image nginx:1.28 --set services.app.count=3";
    assert_eq!(room.local(&format!("{overridden} --out saved.json")).code, 0);
    let up = room.local("up saved.json");
    assert_eq!(up.code, 0, "{}", up.error);
    assert!(up.error.contains("Done: 2 updated in "), "{}", up.error);
    assert_eq!(room.local(&format!("{overridden} --detailed-exitcode")).code, 0);

    let again = room.local("up saved.json");
    assert_eq!(again.code, 1);
    assert!(again.error.contains("saved plan saved.json no longer fits"), "{}", again.error);
    let mistaken = room.local("up provision.toml");
    assert_eq!(mistaken.code, 1);
    assert!(mistaken.error.contains("provision.toml is no saved plan"), "{}", mistaken.error);
}

#[test]
fn what_works_from_the_state_refuses_another_region() {
    let room = Room::new();
    assert_eq!(room.local("up").code, 0);
    let commands = [
        "down",
        "status",
        "drift",
        "drift --fix",
        "unprotect --yes",
        "state list",
        "output",
        "plan",
    ];
    for command in commands {
        let said = room.local(&format!("--region eu-central-1 {command}"));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{command}: {}", said.error);
        let refusal = "error: this stack is in region eu-west-1, and `--region` says eu-central-1";
        assert!(said.error.contains(refusal), "{command}: {}", said.error);
    }
    assert_eq!(room.local("--region eu-west-1 plan --detailed-exitcode").code, 0);
}

#[test]
fn a_count_within_the_autoscalers_bounds_is_no_change() {
    let room = Room::new();
    let scaled =
        |most| format!("{STACK}count = 3\nautoscaling = {{ min = 2, max = {most}, cpu = 60 }}\n");
    room.write(&scaled(6));
    let plan = room.local("plan").out;
    assert!(plan.contains("2 to 6 tasks of task_definition.app, 3 at first"), "{plan}");
    assert_eq!(room.local("up").code, 0);
    let four = room.local("plan --set services.app.count=4 --detailed-exitcode");
    assert_eq!(four.code, 0, "{}", four.out);
    room.write(&scaled(8));
    let wider = room.local("plan").out;
    assert!(wider.contains("Plan: 1 to update, 22 unchanged."), "{wider}");
    assert!(wider.contains("scalable_target.app"), "{wider}");
    assert_eq!(room.local("up").code, 0);
    // A check that has no file goes by what was applied.
    let applied = room.local("state show service.app").out;
    assert!(applied.contains("\"maximum\": 8"), "{applied}");
    assert_eq!(room.local("drift").code, 0);
    let fewer = room.local("plan --set services.app.autoscaling.min=4 --set services.app.count=4");
    assert!(fewer.out.contains("count: 3 → 4 to 8, 4 at first"), "{}", fewer.out);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let room = Room::new();
    for command in ["--json plan", "schema", "graph", "completions bash", "--help", "--json up"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut program = room.command(&format!("--local --time-scale 1000 {command}"));
        let output = program.stdout(full).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}: {error}");
        assert!(error.contains("not all of the output could be written"), "{command}: {error}");
    }
}

#[test]
fn a_verbose_run_logs_what_it_does() {
    let room = Room::new();
    let up = room.local("-v --json up").error;
    let lines: Vec<Value> = up.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |message: &str| lines.iter().find(|line| line["fields"]["message"] == message);
    let messages = [
        "reaching AWS",
        "the credentials are known",
        "took the lock",
        "reading what AWS has",
        "drew up the plan",
        "looked for what would end the run halfway",
        "started",
        "exists",
        "wrote the state",
    ];
    for message in messages {
        assert!(of(message).is_some(), "{message}: {up}");
    }
    let finished = &of("finished").unwrap()["fields"];
    assert!(finished["address"].is_string() && finished["took_seconds"].is_u64(), "{finished}");
    let plan = room.local("-v plan").error;
    assert!(plan.contains("read the state"), "{plan}");
    assert!(!room.local("plan").error.contains("INFO"));
}

#[test]
fn a_plan_is_saved_over_nothing_but_another_plan() {
    let room = Room::new();
    fs::write(room.path().join("notes.txt"), "mine").unwrap();
    for (file, refusal) in [
        ("provision.toml", "provision.toml is there, and is no saved plan"),
        ("./notes.txt", "./notes.txt is there, and is no saved plan"),
        ("nodir/x.plan", "nodir/x.plan can't be written: there is no directory nodir"),
    ] {
        let said = room.local(&format!("plan --out {file}"));
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{file}");
        assert!(said.error.contains(refusal), "{}", said.error);
    }
    assert_eq!(fs::read_to_string(room.path().join("provision.toml")).unwrap(), STACK);
    // Nor does it wait for what nobody writes into a pipe.
    assert!(Command::new("mkfifo").arg(room.path().join("pipe")).status().unwrap().success());
    let said = room.local("plan --out pipe");
    assert!(said.code == 1 && said.error.contains("pipe is there"), "{}", said.error);
    assert_eq!(room.local("plan --out x.plan").code, 0);
    assert_eq!(room.local("plan --out x.plan").code, 0);
}

/// The help of a command and of all commands below it.
fn helps(room: &Room, command: &str) -> Vec<String> {
    let said = room.run(&format!("{command} --help"));
    assert_eq!((said.code, said.error.as_str()), (0, ""), "{command}");
    let listed = said.out.split("Commands:\n").nth(1).unwrap_or_default().to_owned();
    let names = listed.lines().map_while(|line| line.split_whitespace().next());
    let below = names.filter(|name| *name != "help");
    let below: Vec<_> = below.flat_map(|name| helps(room, &format!("{command} {name}"))).collect();
    [vec![said.out], below].concat()
}

#[test]
fn the_help_is_as_it_was_written() {
    let room = Room::new();
    let help = room.run("--help");
    assert_eq!((help.code, help.error.as_str()), (0, ""));
    insta::assert_snapshot!("help", help.out);
    for command in ["plan", "up"] {
        let name = format!("help_of_{}", command.replace(' ', "_"));
        insta::assert_snapshot!(name, room.run(&format!("{command} --help")).out);
    }
}

#[test]
fn every_help_fits_and_tells_a_commands_own_options_first() {
    let helps = helps(&Room::new(), "");
    assert!(helps.len() > 20);
    for help in helps {
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        let (own, shared) = help.split_once("Options of every command:").unwrap();
        assert!(!own.contains("--state-dir") && shared.contains("--state-dir"), "{help}");
    }
}

#[test]
fn the_documents_tell_the_exit_codes_of_the_help() {
    let help = Room::new().run("--help").out;
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<_> = codes.lines().filter_map(|line| line.trim().split_once("  ")).collect();
    assert_eq!(codes.len(), 6);
    for page in [include_str!("../README.md"), include_str!("../docs/commands.md")] {
        for (code, meaning) in &codes {
            assert!(page.contains(&format!("| {code} | {meaning} |")), "{code}  {meaning}");
        }
    }
}

#[test]
fn the_graph_is_told_in_three_languages() {
    let room = Room::new();
    assert!(room.local("graph").out.starts_with("digraph stack {"));
    assert!(room.local("graph --format mermaid").out.starts_with("flowchart RL"));
    let graph = room.local("graph --json").out;
    assert_eq!(graph, room.local("graph --format json").out);
    let graph: Value = serde_json::from_str(&graph).unwrap();
    assert_eq!(graph["resources"].as_array().unwrap().len(), 21);
    let waits = graph["waits"].as_array().unwrap();
    let route = |wait: &&Value| wait["resource"] == "service.app" && wait["on"] == "listener.http";
    assert_eq!(waits.iter().find(route).unwrap()["until"], "exists");
}

#[test]
fn a_file_that_init_writes_can_be_tried_at_once() {
    let room = Room::new();
    let init = room.run("-f other.toml init");
    assert!(init.error.contains("`provision -f other.toml --local up` tries it"), "{}", init.error);
    let plan = room.local("-f other.toml plan");
    assert_eq!(plan.code, 0);
    assert!(!plan.error.contains("error"), "{}", plan.error);
    let nowhere = room.run("-f sub/other.toml init");
    assert!(nowhere.error.contains("there is no directory sub"), "{}", nowhere.error);
    let again = room.run("-f other.toml init");
    assert_eq!(again.code, 1);
    assert!(again.error.contains("`--force` writes over it"), "{}", again.error);
}

#[test]
fn a_run_in_json_is_one_object_a_line_and_ends_with_a_summary() {
    let room = Room::new();
    let up = room.local("--json up");
    let lines = up.lines();
    assert_eq!(lines[0]["event"], "plan");
    let (outputs, summary) = (&lines[lines.len() - 2], &lines[lines.len() - 1]);
    assert_eq!(outputs["event"], "outputs");
    assert!(outputs["outputs"]["url"].as_str().unwrap().starts_with("http://"));
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["counts"]["created"], 21);
    assert_eq!(summary["exit_code"], 0);
    assert!(lines.iter().all(|line| line["event"].is_string()));
    let plan: Value = serde_json::from_str(&room.local("plan --json").out).unwrap();
    assert_eq!(plan["counts"]["keep"], 21);
    let down = room.local("--json down").lines();
    assert_eq!(down[0]["resources"][0]["reason"], "the stack is taken down");
    assert_eq!(down.last().unwrap()["counts"]["deleted"], 21);
}

#[test]
fn an_error_in_json_is_one_object_on_standard_error() {
    let said = Room::new().local("--json output url");
    let error: Value = serde_json::from_str(&said.error).unwrap();
    assert_eq!(error["exit_code"], 1);
    assert!(error["error"].as_str().unwrap().starts_with("there is no state of shop-dev"));
    let room = Room::new();
    room.write("name = 'shop'\nregion = 'eu-west-9'\n[services.app]\nimage = 'nginx:1'\n");
    let error: Value = serde_json::from_str(&room.local("--json plan").error).unwrap();
    assert_eq!(error["details"][0]["line"], 2);
}

#[test]
fn without_a_terminal_there_are_no_control_codes() {
    let room = Room::new();
    for command in ["plan", "up", "status", "output", "-v plan", "down"] {
        let said = room.local(command);
        assert!(!said.out.contains('\u{1b}') && !said.error.contains('\u{1b}'), "{command}");
    }
}

#[test]
fn quiet_says_nothing_but_results() {
    let room = Room::new();
    let up = room.local("-q up");
    assert_eq!((up.code, up.error.as_str()), (0, ""));
    assert!(up.out.starts_with("url "));
    let down = room.local("-q down");
    assert_eq!((down.code, down.out.as_str(), down.error.as_str()), (0, "", ""));
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let room = Room::new();
    insta::assert_snapshot!("no_file", room.local("-f other.toml plan").refusal());
    insta::assert_snapshot!("no_state", room.local("status").refusal());
    insta::assert_snapshot!("odd_environment", room.local("-e ../prod plan").refusal());
    insta::assert_snapshot!("time_stands_still", room.run("--local --time-scale 0 plan").refusal());
    insta::assert_snapshot!("backwards", room.run("--local --time-scale=-3 plan").refusal());
    insta::assert_snapshot!("no_bucket", room.run("--state-dir s3:///team plan").refusal());
    insta::assert_snapshot!("job_without_stack", room.run("drift --job").refusal());
    insta::assert_snapshot!("not_a_pair", room.local("plan --set nat").refusal());
    insta::assert_snapshot!("unknown_command", room.local("upp").refusal());
    room.write("name = \"shop\"\nregion = \"eu-west-1\"\nservises = 1\n");
    insta::assert_snapshot!("unknown_key", room.local("plan").refusal());
    room.write("name = [\n");
    insta::assert_snapshot!("not_toml", room.local("plan").refusal());
}

#[test]
fn an_unknown_output_lists_the_known_ones() {
    let room = Room::new();
    room.local("up");
    let said = room.local("output urll");
    assert_eq!(said.code, 1);
    assert!(said.error.contains("there is no output `urll`"));
    assert!(said.error.contains("alb_dns_name"));
}

#[test]
fn a_state_that_cannot_be_written_stops_everything() {
    let room = Room::new();
    fs::write(room.path().join("file"), "").unwrap();
    let said = room.local("--state-dir file/state up");
    assert_eq!(said.code, 1);
    assert!(said.error.starts_with("error: "), "{}", said.error);
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let room = Room::new();
    room.write(&STACK.replace("nginx:1.27", "nginx"));
    assert!(room.local("plan").error.contains("warning: `services.app.image` has no tag"));
    let plan: Value = serde_json::from_str(&room.local("--json plan").out).unwrap();
    assert_eq!(plan["warnings"].as_array().unwrap().len(), 1);
}

#[test]
fn without_credentials_it_says_so_at_once() {
    let room = Room::new();
    let started = std::time::SystemTime::now();
    insta::assert_snapshot!("no_credentials", room.run("plan").refusal());
    assert!(started.elapsed().unwrap().as_secs() < 5);
}

/// A server that refuses whatever it is asked. `KEY` in the message is whose request it was.
fn refusing(code: &'static str, message: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 16384];
            let _ = stream.read(&mut request);
            let request = String::from_utf8_lossy(&request);
            let key = request.split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
            let message = message.replace("KEY", key.unwrap_or_default());
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
            );
            let _ = write!(
                stream,
                "HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

fn refused(code: &'static str, message: &'static str) -> String {
    let room = Room::new();
    let output = room
        .command("plan")
        .env("AWS_ENDPOINT_URL", refusing(code, message))
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn credentials_that_have_expired_are_told_apart_from_what_is_not_allowed() {
    let expired = refused("ExpiredToken", "The security token included in the request is expired");
    insta::assert_snapshot!("expired_credentials", expired);
    let message = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: \
                   sts:GetCallerIdentity on resource: *";
    insta::assert_snapshot!("access_denied", refused("AccessDenied", message));
}

#[test]
fn a_profile_that_is_asked_for_wins_over_the_keys_of_the_environment() {
    let room = Room::new();
    fs::create_dir(room.path().join(".aws")).unwrap();
    let known = "[other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = secret\n";
    fs::write(room.path().join(".aws/credentials"), known).unwrap();
    let url = refusing("AccessDenied", "the key KEY may not");
    let said = |arguments: &str| {
        let mut command = room.command(arguments);
        let command = command.env("HOME", room.path()).env("AWS_ENDPOINT_URL", &url);
        let command = command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE");
        let output = command.env("AWS_SECRET_ACCESS_KEY", "secret").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let (own, other) = (said("plan"), said("--profile other plan"));
    assert!(own.contains("the key AKIAEXAMPLE may not"), "{own}");
    assert!(other.contains("the key AKIAOTHER may not"), "{other}");
    fs::write(room.path().join(".aws/config"), "[profile bare]\nregion = eu-west-1\n").unwrap();
    let bare = said("--profile bare plan");
    assert!(bare.contains("the profile `bare` is not there, or names none"), "{bare}");
    let slip = said("--profile ohter plan");
    assert!(slip.contains("ohter") && slip.contains("no AWS credentials"), "{slip}");
}

#[test]
fn nothing_is_done_unasked_where_nobody_can_be_asked() {
    let room = Room::new();
    let serve = room.command("local serve --port 0").stdout(Stdio::piped()).spawn();
    let mut serve = serve.unwrap();
    let mut line = String::new();
    BufReader::new(serve.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().trim_start_matches("listening on ").to_owned();
    let output = room
        .command("up")
        .env("AWS_ENDPOINT_URL", address)
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .output();
    serve.kill().unwrap();
    serve.wait().unwrap();
    let output = output.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("no terminal to ask on"), "{error}");
    assert!(error.contains("--yes"), "{error}");
}

#[test]
fn a_run_that_takes_too_long_exits_with_4_and_goes_on_next_time() {
    let room = Room::new();
    // Slow enough for a busy machine to look before the NAT gateway works, in five real seconds.
    let said = room.run("--local --time-scale 20 up --timeout 60s");
    assert_eq!(said.code, 4, "{}", said.error);
    assert_eq!(room.local("up").code, 0);
}

/// Interrupts a run once it has said `word`, so many times; gives what it said.
fn interrupted(room: &Room, arguments: &str, word: &str, signals: &[&str]) -> Said {
    let mut child = room
        .command(&format!("--local --time-scale 60 {arguments}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut error = BufReader::new(child.stderr.take().unwrap());
    while !said.contains(word) {
        assert_ne!(error.read_line(&mut said).unwrap(), 0, "{said}");
    }
    for signal in signals {
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, id.as_str()]).status().unwrap().success());
    }
    error.read_to_string(&mut said).unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    Said { out, error: said, code: child.wait().unwrap().code().unwrap() }
}

#[test]
fn an_interrupted_run_says_what_is_left_and_goes_on_next_time() {
    for signal in ["-INT", "-TERM"] {
        let room = Room::new();
        let said = interrupted(&room, "up", "created vpc-", &[signal]);
        assert_eq!(said.code, 130, "{}", said.error);
        assert!(said.error.contains("Stopping: nothing new is started"), "{}", said.error);
        assert!(said.error.contains("not started: "), "{}", said.error);
        assert!(said.error.contains("Interrupted: "), "{}", said.error);
        assert!(said.error.contains("`provision up` again"), "{}", said.error);
        assert_eq!(room.local("up").code, 0);
        assert_eq!(room.local("plan --detailed-exitcode").code, 0);
        assert_eq!(room.local("down").code, 0);
    }
}

#[test]
fn a_run_interrupted_twice_leaves_at_once_and_loses_nothing() {
    let room = Room::new();
    // Until the second signal is sent the first may have ended the run by itself.
    let said = interrupted(&room, "up", "created vpc-", &["-INT"]);
    assert_eq!(said.code, 130, "{}", said.error);
    let mut child =
        room.command("--local --time-scale 1 up").stderr(Stdio::piped()).spawn().unwrap();
    let mut error = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    error.read_line(&mut line).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    for _ in 0..2 {
        let id = child.id().to_string();
        let _ = Command::new("kill").args(["-INT", id.as_str()]).status().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(room.local("up").code, 0);
    assert_eq!(room.local("plan --detailed-exitcode").code, 0);
}

#[test]
fn an_interrupted_deployment_goes_on_or_is_rolled_back() {
    let room = Room::new();
    assert_eq!(room.local("up").code, 0);
    let left = interrupted(&room, "up --image nginx:2", "updating: ", &["-INT"]);
    assert_eq!(left.code, 130, "{}", left.error);
    assert!(left.error.contains("service.app goes on in AWS (updating: "), "{}", left.error);
    assert_eq!(room.local("up --image nginx:2").code, 0);

    let back = "up --image nginx:3 --rollback-on-interrupt";
    let back = interrupted(&room, back, "updating: ", &["-INT"]);
    assert_eq!(back.code, 130, "{}", back.error);
    assert!(back.error.contains("ECS is rolling the deployment back"), "{}", back.error);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let room = Room::new();
    for command in ["plan", "schema", "completions bash", "--help", "--json up"] {
        let mut child = room
            .command(&format!("--local --time-scale 1000 {command}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!error.contains("panicked"), "{command}: {error}");
    }
}
