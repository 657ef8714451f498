//! The program itself: two at once, damaged files, and what a person does about them.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::world::FILE;

/// A directory with a file and, later, states.
struct Place(TempDir);

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    error: String,
}

impl Said {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn is(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.error);
        self
    }
}

impl Place {
    fn new(file: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.declare(file);
        place
    }

    fn declare(&self, file: &str) {
        fs::write(self.0.path().join("provision.toml"), file).unwrap();
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .env("USER", "tester");
        command.args(words.split(' ')).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn said(&self, words: &str) -> Said {
        Said::of(self.command(&format!("{words} --local --time-scale 3000")).output().unwrap())
    }

    fn started(&self, words: &str, scale: u32) -> Child {
        self.command(&format!("{words} --local --time-scale {scale}")).spawn().unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("state/local").join(name)
    }
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn of_ten_at_once_one_works_and_nine_say_who_does() {
    let place = Place::new(FILE);
    let all: Vec<Child> = (0..10).map(|_| place.started("up --yes", 30)).collect();
    let ids: Vec<u32> = all.iter().map(Child::id).collect();
    let said: Vec<Said> =
        all.into_iter().map(|one| Said::of(one.wait_with_output().unwrap())).collect();
    let worked: Vec<usize> = (0..10).filter(|place| said[*place].code == 0).collect();
    assert_eq!(worked.len(), 1, "{said:#?}");
    let holder = format!("(process {})", ids[worked[0]]);
    for one in said.iter().filter(|one| one.code != 0) {
        assert_eq!(one.code, 1);
        assert!(one.error.contains(&holder) && one.error.contains("`up` since"), "{}", one.error);
        assert!(one.error.contains("--lock-timeout"), "{}", one.error);
    }
    place.said("plan --detailed-exitcode").is(0);
    place.said("down --yes").is(0);
}

#[test]
fn a_second_run_waits_as_long_as_it_is_told_to() {
    let place = Place::new(FILE);
    let first = place.started("up --yes", 100);
    while !place.path("web-dev.journal").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    place.said("state list").is(0);
    let second = place.said("up --yes --lock-timeout 2m").is(0);
    assert!(second.error.contains("Waiting for tester on"), "{}", second.error);
    Said::of(first.wait_with_output().unwrap()).is(0);
}

#[test]
fn a_stack_can_be_looked_at_while_somebody_works_on_it() {
    let place = Place::new(FILE);
    let mut first = place.started("up --yes", 20);
    while !place.path("web-dev.journal").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let mut looks = 0;
    while first.try_wait().unwrap().is_none() {
        for words in ["plan", "status", "state list"] {
            let said = Said::of(
                place.command(&format!("{words} --local --time-scale 20")).output().unwrap(),
            );
            let said = said.is(0);
            let is_over = first.try_wait().unwrap().is_some();
            assert!(!said.error.contains("interrupted") || is_over, "{words}: {}", said.error);
            if words != "state list" && !is_over {
                assert!(said.error.contains("is at work on this stack"), "{words}: {}", said.error);
            }
        }
        looks += 1;
    }
    assert!(looks > 0);
    Said::of(first.wait_with_output().unwrap()).is(0);
    let after = place.said("plan --detailed-exitcode").is(0);
    assert!(!after.error.contains("at work"), "{}", after.error);
}

#[test]
fn a_killed_holder_is_no_obstacle() {
    let place = Place::new(FILE);
    let mut first = place.started("up --yes", 30);
    while !place.path("web-dev.journal").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    place.said("up --yes").is(0);
    place.said("plan --detailed-exitcode").is(0);
}

#[test]
fn a_state_is_looked_at_damaged_restored_lost_and_recovered() {
    let place = Place::new(FILE);
    place.said("up --yes").is(0);
    let list = place.said("state list").is(0).out;
    assert!(list.contains("vpc.main") && list.lines().count() > 20, "{list}");
    let rows: Vec<Value> =
        serde_json::from_str(&place.said("state list --json").is(0).out).unwrap();
    assert_eq!(rows.len(), list.lines().count());

    let hidden = place.said("state show task_definition.app").is(0).out;
    assert!(hidden.contains("COLOUR") && !hidden.contains("blue-and-secret"), "{hidden}");
    let shown = place.said("state show task_definition.app --show-values").is(0).out;
    assert!(shown.contains("blue-and-secret"));
    let unknown = place.said("state show vpc.other").is(1).error;
    assert!(unknown.contains("there are: ") && unknown.contains("vpc.main"), "{unknown}");

    // Damaged: refused with the way out, and nothing is changed by trying.
    let snapshot = place.path("web-dev.json");
    let text = fs::read_to_string(&snapshot).unwrap();
    fs::write(&snapshot, text.replace("\"region\"", "\"regiom\"")).unwrap();
    for command in ["up --yes", "plan", "status", "down --yes", "output", "state list"] {
        let refused = place.said(command).is(1).error;
        assert!(
            refused.contains("damaged") && refused.contains("provision state restore"),
            "{refused}"
        );
        assert!(refused.contains("backups/00000000"), "{refused}");
    }
    let restored = place.said("state restore").is(0).error;
    assert!(restored.contains("That is all of it"), "{restored}");
    assert_eq!(place.said("state list").is(0).out, list);
    place.said("plan --detailed-exitcode").is(0);
    assert!(place.path("web-dev.backups/laid-aside-1.json").exists());
    let sound = place.said("state restore").is(0).error;
    assert!(sound.contains("whole") && sound.contains("state restore SERIAL"), "{sound}");
    assert!(place.said("state restore 999").is(1).error.contains("there are: "));

    // Lost: `up` makes no second stack, and points at the way out.
    fs::remove_file(&snapshot).unwrap();
    let refused = place.said("up --yes").is(1).error;
    assert!(refused.contains("provision recover"), "{refused}");
    let refused = place.said("down --yes").is(1).error;
    assert!(refused.contains("never taken down") && refused.contains("state restore"), "{refused}");
    let found = place.said("recover").is(0).error;
    assert!(found.contains("+ vpc.main  vpc-"), "{found}");
    assert_eq!(place.said("state list").is(0).out, list);
    place.said("up --yes").is(0);
    place.said("plan --detailed-exitcode").is(0);
    place.said("down --yes").is(0);
    assert!(place.said("down --yes").is(0).error.contains("Nothing to do"));
    assert!(place.said("recover").is(0).error.contains("Nothing was found"));
}

#[test]
fn what_is_forgotten_or_moved_is_told_and_taken_in_again() {
    let place = Place::new(FILE);
    place.said("up --yes").is(0);
    let moved = place.said("state mv cluster.main cluster.other").is(0).error;
    assert!(moved.contains("cluster.main is now cluster.other"), "{moved}");
    assert!(
        place.said("state mv cluster.main cluster.x").is(1).error.contains("nothing is recorded")
    );
    // Nothing is made beside what has the name already, and that is not deleted for it.
    let taken = place.said("up --yes").is(1).error;
    assert!(taken.contains("recorded at cluster.other"), "{taken}");
    place.said("state mv cluster.other cluster.main").is(0);
    place.said("plan --detailed-exitcode").is(0);

    let id = place.said("output log_group").is(0).out;
    let forgotten = place.said("state forget log_group.app").is(0).error;
    assert!(forgotten.contains("goes on existing"), "{forgotten}");
    assert!(place.said("up --yes").is(1).error.contains("provision recover"));
    let taken = place.said(&format!("import log_group.app {}", id.trim())).is(0).error;
    assert!(taken.contains("would become log_group.app"), "{taken}");
    place.said("up --yes").is(0);
    place.said("plan --detailed-exitcode").is(0);
}

#[test]
fn a_service_with_another_name_goes_on_with_the_moves_that_are_named() {
    let place = Place::new(FILE);
    place.said("up --yes").is(0);
    let arn = place.said("output service_arn").out;
    place.declare(&FILE.replace("services.app", "services.web"));
    let mut moves = Vec::new();
    loop {
        let plan = place.said("plan");
        if plan.code == 0 {
            break;
        }
        let refused = plan.is(1).error;
        assert!(refused.contains("is recorded at"), "{refused}");
        let named = refused.split('`').filter_map(|said| said.strip_prefix("provision "));
        let named: Vec<String> = named.map(str::to_owned).collect();
        assert!(!named.is_empty() && !moves.contains(&named[0]), "{refused}");
        for one in &named {
            place.said(one).is(0);
        }
        moves.extend(named);
    }
    assert!(moves.contains(&"state mv service.app service.web".to_owned()), "{moves:?}");
    let done = place.said("up --yes").is(0);
    assert!(!done.error.contains("deleted"), "{}", done.error);
    assert_eq!(place.said("output service_arn").out, arn);
    place.said("plan --detailed-exitcode").is(0);
    place.said("down --yes").is(0);
}

#[test]
fn a_protected_stack_goes_only_after_it_was_unprotected() {
    let place = Place::new(&format!("protect = true\n{FILE}"));
    place.said("up --yes").is(0);
    place.declare(FILE);
    place.said("plan --detailed-exitcode").is(0);
    let kept = place.said("down --yes").is(1).error;
    assert!(kept.contains("protected") && kept.contains("provision unprotect"), "{kept}");
    let losing = format!("{FILE}\n[network]\ncidr = \"10.9.0.0/16\"\n");
    place.declare(&losing);
    let refused = place.said("up --yes").is(1).error;
    assert!(refused.contains("replacing vpc.main loses"), "{refused}");
    assert!(place.said("plan").is(0).error.contains("`up` will refuse this"));
    place.declare(FILE);
    // With `--local`, nothing is asked.
    place.said("unprotect").is(0);
    assert!(place.said("unprotect --yes").is(0).error.contains("not protected"));
    place.said("down --yes").is(0);
}

#[test]
fn what_holds_values_is_its_owners_alone() {
    let place = Place::new(FILE);
    let planned = place.said("plan --json --out saved").is(0);
    assert!(!planned.out.contains("blue-and-secret"), "{}", planned.out);
    assert_eq!(mode(&place.0.path().join("saved")), 0o600);
    place.said("up saved").is(0);
    let other = place.said("plan --set services.app.environment.COLOUR=red-and-secret");
    assert!(other.out.contains("COLOUR") && !other.out.contains("and-secret"), "{}", other.out);
    let other = place.said("plan --json --set services.app.environment.COLOUR=red-and-secret");
    assert!(other.out.contains("COLOUR") && !other.out.contains("and-secret"), "{}", other.out);
    for name in ["web-dev.json", "web-dev.lock"] {
        assert_eq!(mode(&place.path(name)), 0o600, "{name}");
    }
    for name in ["", "web-dev.backups"] {
        assert_eq!(mode(&place.path(name)), 0o700, "{name}");
    }
}

#[test]
fn a_directory_that_cannot_be_written_stops_before_aws_is_asked() {
    let place = Place::new(FILE);
    fs::create_dir_all(place.path("")).unwrap();
    // Even the superuser can't write into a file as if it were a directory.
    fs::write(place.path("web-dev.backups"), "no directory").unwrap();
    let refused = place.said("up --yes").is(1).error;
    assert!(refused.contains("web-dev.backups") && refused.contains("hint:"), "{refused}");
    fs::remove_file(place.path("web-dev.backups")).unwrap();
    assert!(place.said("recover").is(0).error.contains("Nothing was found"), "nothing was made");
}

/// Answers every request with an error whose message holds control codes.
fn hostile() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = vec![0; 65536];
            let _ = connection.read(&mut request);
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                <Message>no&#x9b;2J\u{9b}31m\u{7f}\u{9d}0;owned\u{9c}</Message></Error>\
                <RequestId>1</RequestId></ErrorResponse>";
            let _ = write!(
                connection,
                "HTTP/1.1 403 Forbidden\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn nothing_that_aws_says_reaches_the_terminal_as_a_control_code() {
    let (place, url) = (Place::new(FILE), hostile());
    for words in ["up --yes", "plan", "recover", "plan --json", "up --yes -vv"] {
        let mut command = place.command(words);
        command.env("AWS_ENDPOINT_URL", &url).env("AWS_ACCESS_KEY_ID", "a");
        command.env("AWS_SECRET_ACCESS_KEY", "b").env("AWS_EC2_METADATA_DISABLED", "true");
        let said = Said::of(command.output().unwrap()).is(1);
        let all = format!("{}{}", said.out, said.error);
        assert!(all.contains("AccessDenied"), "{all}");
        assert!(!all.chars().any(|c| c.is_control() && c != '\n'), "{words}: {all:?}");
    }
}
