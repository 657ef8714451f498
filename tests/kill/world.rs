//! A directory with a file, a state and a cloud; a server of the cloud; and runs against it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::inventory::{Inventory, inventory};
use crate::point::Point;

const FILE: &str = r#"
name = "web"
region = "eu-west-1"

[services.app]
image = "ghcr.io/example/app:1"
port = 8000
autoscaling = { min = 1, max = 3, cpu = 60 }
"#;

/// How many times faster than real the cloud's time passes, and the caller's waits.
const SCALE: &str = "200";

/// So long that everything in the cloud that is coming to its end has done so: ten of its minutes.
const ENDING: Duration = Duration::from_secs(3);

/// How long anything may take before the test is taken to hang.
const PATIENCE: Duration = Duration::from_mins(5);

/// What a run is to do.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Make the stack.
    Up,
    /// Move the service to another port.
    Change,
    /// Remove all of it.
    Down,
}

impl Deed {
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Up => &["up", "--yes"],
            Self::Change => &["up", "--yes", "--set", "services.app.port=8080"],
            Self::Down => &["down", "--yes"],
        }
    }

    /// Asks whether there is anything left to do: the exit code tells.
    fn question(self) -> &'static [&'static str] {
        match self {
            Self::Up => &["plan", "--detailed-exitcode"],
            Self::Change => &["plan", "--detailed-exitcode", "--set", "services.app.port=8080"],
            Self::Down => &["down", "--yes"],
        }
    }
}

/// The program under test.
fn program() -> PathBuf {
    std::env::var_os("PROVISION_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_provision").into(), PathBuf::from)
}

/// A server of the cloud, in a process of its own.
#[derive(Debug)]
pub struct Server {
    process: Child,
    url: String,
    /// The calls that it says it has lost.
    lost: Receiver<String>,
}

impl Server {
    /// Ends it as Ctrl-C does: then it leaves the cloud's time in its file.
    pub fn end(mut self) {
        let told = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(told.unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; none when it was killed.
    code: Option<i32>,
    said: String,
    /// How many lines its journal had at the most.
    pub lines: usize,
    /// Whether it was disturbed where it was meant to be.
    pub is_struck: bool,
}

impl Ran {
    /// How many calls it has logged.
    pub fn calls(&self) -> usize {
        self.said.lines().filter(|line| line.contains("calling")).count()
    }

    fn well(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(0), "{words:?}:\n{}", self.last_words());
        self
    }

    /// The end of what it said: the log before it is long.
    fn last_words(&self) -> String {
        let lines: Vec<&str> = self.said.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }
}

/// A directory with a file, the files of a state, and those of a cloud.
pub struct World(TempDir);

impl World {
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let place =
            if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let world = Self(place.unwrap());
        fs::write(world.path("provision.toml"), FILE).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command.args(["--time-scale", SCALE]).stdin(Stdio::null());
        command
    }

    /// Starts the server, which loses what the point says.
    fn serve(&self, point: Option<Point>) -> Server {
        let mut command = self.command();
        command.args(["local", "serve", "--port", "0"]);
        command.args(point.map(|point| point.arguments()).unwrap_or_default());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let url = first.strip_prefix("listening on ").unwrap().to_owned();
        let (sender, lost) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Server { process, url, lost }
    }

    /// Runs a command to its end, or until it is killed where the point says.
    fn run(&self, words: &[&str], server: &Server, point: Option<Point>) -> Ran {
        let said = self.path("said");
        let mut command = self.command();
        command.arg("-vv").args(words);
        command.env("AWS_ENDPOINT_URL", &server.url).env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
        command.stdout(Stdio::null()).stderr(fs::File::create(&said).unwrap());
        let mut process = command.spawn().unwrap();
        let (started, mut lines, mut is_struck) = (Instant::now(), 0, false);
        let ended = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "{words:?}, {point:?} hangs");
            lines = self.journal_lines().max(lines);
            let lost = server.lost.recv_timeout(Duration::from_millis(1)).is_ok();
            if !is_struck && point.is_some_and(|point| point.is_reached(lost, lines)) {
                is_struck = true;
                if point.is_some_and(|point| point.kills()) {
                    process.kill().unwrap();
                }
            }
        };
        let said = fs::read_to_string(said).unwrap();
        Ran { code: ended.code(), said, lines, is_struck }
    }

    fn journal_lines(&self) -> usize {
        let journal = fs::read(self.path("state/web-dev.journal")).unwrap_or_default();
        journal.split(|byte| *byte == b'\n').count().saturating_sub(1)
    }

    /// Does it with nobody in the way.
    pub fn does(&self, deed: Deed) -> Ran {
        let server = self.serve(None);
        let ran = self.run(deed.words(), &server, None).well(deed.words());
        server.end();
        ran
    }

    /// Does it while it is disturbed; gives whether it was, where it was meant to be.
    pub fn disturb(&self, deed: Deed, point: Point) -> bool {
        let server = self.serve(Some(point));
        let ran = self.run(deed.words(), &server, Some(point));
        if ran.is_struck && point.kills() {
            // It may have been done in the moment in which it was killed.
            assert!(matches!(ran.code, None | Some(0)), "{point:?}:\n{}", ran.last_words());
        } else {
            assert_eq!(ran.code, Some(0), "{deed:?}, {point:?}:\n{}", ran.last_words());
        }
        ran.is_struck
    }

    /// The same command once more, after which nothing is left to do.
    pub fn goes_on(&self, deed: Deed) {
        self.does(deed);
        let server = self.serve(None);
        self.run(deed.question(), &server, None).well(deed.question());
        // What is only draining is gone then.
        std::thread::sleep(ENDING);
        server.end();
    }

    /// What the cloud's own file says that it holds.
    pub fn inventory(&self) -> Inventory {
        let file = fs::read(self.path("state/local/eu-west-1.json")).unwrap();
        let document: Value = serde_json::from_slice(&file).unwrap();
        inventory(&document["cloud"])
    }
}
