//! What has checks for drift made elsewhere: by systemd, cron, a CI system or Kubernetes.
//!
//! Nothing here is a scheduler: a [`Job`] is written down in the words of one that is there
//! already, as a [`Piece`]. The rule: this is pure. What is written where, and what is run then, is
//! for the command line, which takes back exactly that.

pub mod crontab;
mod github;
mod gitlab;
mod interval;
mod kubernetes;
pub mod systemd;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use github::{path as workflow_path, workflow};
pub use gitlab::{path as pipeline_path, pipeline};
pub use interval::{Interval, NoInterval};
pub use kubernetes::{manifest, path as manifest_path};

/// What every file begins with that is written here, and what no other file begins with.
pub const MARK: &str =
    "# Written by `provision schedule install`, and taken back by `uninstall`.\n";

/// Checks of one stack in one environment, to be made again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The stack's name.
    pub stack: String,
    /// Its environment.
    pub environment: String,
    /// The region that it is in.
    pub region: String,
    /// How long from one check to the next.
    pub every: Interval,
    /// What the program is told, from the options of every command to those of `drift`.
    pub arguments: Vec<String>,
    /// The environment variable that holds the webhook's address, if one does.
    pub secret: Option<String>,
}

/// Where the program is on the machine at hand, and what it needs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The program.
    pub program: PathBuf,
    /// The directory with the stack's file.
    pub directory: PathBuf,
    /// A file of variables, with the webhook's address in it if that is a secret.
    pub variables: PathBuf,
    /// Who checks are made as, where it is not whoever's machine it is.
    pub user: Option<String>,
}

/// A file that is to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its name, or its path from where such files are.
    pub path: PathBuf,
    /// All that is in it.
    pub content: String,
}

impl Piece {
    fn new(path: impl Into<PathBuf>, content: &str) -> Self {
        Self { path: path.into(), content: format!("{MARK}{content}") }
    }
}

impl Job {
    /// `provision-drift-shop-dev`: what everything is called that is written.
    pub fn name(&self) -> String {
        format!("provision-drift-{}", self.of())
    }

    /// `shop-dev`.
    pub fn of(&self) -> String {
        format!("{}-{}", self.stack, self.environment)
    }

    /// What is run, for a shell.
    fn command(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| quoted(argument));
        std::iter::once("provision".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}

/// A word for a shell: as it is where that is safe, in quotes otherwise.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@,+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A text in YAML: in double quotes, which JSON's are.
fn yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Lines, each behind so many spaces; empty ones stay empty.
fn indented(text: &str, spaces: usize) -> String {
    let line = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("{:spaces$}{line}\n", ""),
    };
    text.lines().map(line).collect()
}
