//! What every command needs: the arguments, the configuration, the store, AWS, and a place to
//! print.

use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use serde_json::json;

use crate::aws::Aws;
use crate::config::{Config, ImageOverride, Overrides, Source};
use crate::report::{Paint, json};
use crate::state::State;
use crate::state::store::Store;

use super::arguments::{Global, Overriding};
use super::connect::{self, Cloud};
use super::failure::{self, Failure};

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    pub global: Global,
}

/// Which stack a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackName {
    pub stack: String,
    pub environment: String,
}

impl Context {
    pub fn new(global: Global) -> Self {
        Self { global }
    }

    /// The configuration, with everything that overrides it.
    pub fn config(&self, overriding: &Overriding) -> Result<Config, Failure> {
        Ok(Config::load(&self.source()?, &self.overrides(overriding)?)?)
    }

    /// The file, as it is written.
    pub fn source(&self) -> Result<Source, Failure> {
        let path = &self.global.file;
        let text = std::fs::read_to_string(path).map_err(|source| match source.kind() {
            ErrorKind::NotFound => Failure::NoFile(path.clone()),
            _ => Failure::Unreadable { path: path.clone(), source },
        })?;
        Ok(Source { path: path.clone(), text })
    }

    fn overrides(&self, overriding: &Overriding) -> Result<Overrides, Failure> {
        let image = |text: &String| match text.parse::<ImageOverride>() {
            Ok(image) => image,
            Err(never) => match never {},
        };
        let set = overriding.set.iter().map(|pair| {
            let split = pair.split_once('=');
            let (key, value) = split.ok_or_else(|| Failure::NotAPair(pair.clone()))?;
            Ok((key.to_owned(), value.to_owned()))
        });
        Ok(Overrides {
            environment: self.global.env.clone(),
            region: self.global.region.clone(),
            images: overriding.image.iter().map(image).collect(),
            set: set.collect::<Result<_, Failure>>()?,
        })
    }

    /// The states: those of the local AWS lie apart, so that they are never mixed up.
    pub fn store(&self) -> Store {
        Store::new(self.state_directory())
    }

    pub fn state_directory(&self) -> PathBuf {
        let directory = &self.global.state_dir;
        if self.global.local { directory.join("local") } else { directory.clone() }
    }

    /// Which stack is meant: by name, by the file, or since there is only one.
    pub fn stack_name(&self) -> Result<StackName, Failure> {
        let environment = self.global.env.clone();
        if let Some(stack) = self.global.stack.clone() {
            return Ok(StackName { stack, environment });
        }
        if self.global.file.exists() {
            let config = self.config(&Overriding::default())?;
            return Ok(StackName { stack: config.name, environment });
        }
        self.only_stack(environment)
    }

    /// The one stack that has a state in the environment.
    fn only_stack(&self, environment: String) -> Result<StackName, Failure> {
        let directory = self.state_directory();
        let ending = format!("-{environment}.json");
        let entries = std::fs::read_dir(&directory).into_iter().flatten().flatten();
        let mut stacks: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(&ending).map(str::to_owned))
            .collect();
        stacks.sort();
        match stacks.len() {
            1 => Ok(StackName { stack: stacks.remove(0), environment }),
            _ => Err(Failure::WhichStack {
                file: self.global.file.clone(),
                directory,
                environment,
                stacks,
            }),
        }
    }

    /// The recorded state of a stack.
    pub fn state(&self, name: &StackName) -> Result<Option<State>, Failure> {
        Ok(self.store().load(&name.stack, &name.environment)?)
    }

    /// The state of a stack that must have one.
    pub fn existing_state(&self, name: &StackName) -> Result<State, Failure> {
        self.state(name)?.ok_or_else(|| Failure::NoState {
            name: name.clone(),
            directory: self.state_directory(),
        })
    }

    /// AWS in a region: the real one, or the one inside the program.
    pub async fn connect(&self, region: &str) -> Result<Cloud, Failure> {
        connect::connect(&self.global, &self.state_directory(), region).await
    }

    /// Prints data to standard output. A reader that has gone away is no failure.
    #[expect(clippy::unused_self, reason = "commands print and tell through one thing")]
    pub fn print(&self, text: &str) {
        print(text);
    }

    /// Tells something to whoever watches, on standard error.
    pub fn tell(&self, text: &str) {
        if self.global.quiet {
            return;
        }
        let text = text.trim_end_matches('\n');
        if self.global.json {
            failure::write(&format!("{}\n", json::line(&json!({ "message": text }))));
        } else {
            failure::write(&format!("{text}\n"));
        }
    }

    /// Tells what to do about what was told.
    pub fn hint<'a>(&self, hints: impl IntoIterator<Item = &'a String>) {
        let hint = Paint::stderr().cyan("hint:");
        hints.into_iter().filter(|_| !self.global.json).for_each(|text| {
            self.tell(&format!("{hint} {text}"));
        });
    }

    /// Tells what is allowed, and yet probably not meant.
    pub fn warn(&self, warnings: &[String]) {
        let warning = Paint::stderr().yellow("warning:");
        warnings.iter().filter(|_| !self.global.json).for_each(|text| {
            self.tell(&format!("{warning} {text}"));
        });
    }
}

/// Prints data to standard output.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
}

/// An empty state for a stack that has none yet.
pub async fn new_state(aws: &Aws, config: &Config) -> Result<State, Failure> {
    let account = aws.account().await?;
    Ok(State::new(&config.name, &config.environment, account, &config.region))
}
