//! What every command needs: the arguments, the configuration, the store, AWS, and a place to
//! print.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;
use tokio::sync::OnceCell;

use crate::aws::Aws;
use crate::config::{self, Config, ImageOverride, Overrides, Source};
use crate::report::human::{self, Look, Values};
use crate::report::{Paint, json};
use crate::state::State;
pub use crate::state::store::StackName;
use crate::state::store::Store;

use super::arguments::{Global, Overriding};
use super::connect::{self, Cloud};
use super::failure::{self, Failure};
use super::place::Place;
use super::printing;

/// What every command needs.
#[derive(Debug)]
pub struct Context {
    pub global: Global,
    /// What the file says of where the states are, once it was read.
    said: OnceLock<(config::State, String)>,
    store: OnceCell<Store>,
    /// Whether a plan is being carried out.
    is_running: Arc<AtomicBool>,
    /// Where locks are held that are to be given back when the program is interrupted.
    locked: Arc<Mutex<Vec<Store>>>,
}

impl Context {
    pub fn new(global: Global) -> Self {
        let (said, store) = (OnceLock::new(), OnceCell::new());
        Self { global, said, store, is_running: Arc::default(), locked: Arc::default() }
    }

    /// The configuration, with everything that overrides it.
    pub fn config(&self, overriding: &Overriding) -> Result<Config, Failure> {
        let config = Config::load(&self.source()?, &self.overrides(overriding)?)?;
        self.said.get_or_init(|| (config.state.clone(), config.region.clone()));
        Ok(config)
    }

    /// Takes what a configuration says of where the states are, which comes from no file.
    pub fn stand_in(&self, config: &Config) {
        self.said.get_or_init(|| (config.state.clone(), config.region.clone()));
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

    /// Where the states are.
    pub fn place(&self) -> Result<Place, Failure> {
        if self.global.local {
            return self.local_directory().map(Place::Directory);
        }
        if let Some(named) = &self.global.state_dir {
            return Ok(self.named(named));
        }
        if self.said.get().is_none() && self.global.file.exists() {
            self.config(&Overriding::default())?;
        }
        let of_file = self.said.get().and_then(|(state, region)| Place::of_file(state, region));
        Ok(of_file.unwrap_or_else(Place::usual))
    }

    /// The place that a text names. A file that can't be read says nothing of it.
    pub fn named(&self, text: &Path) -> Place {
        if self.said.get().is_none() && self.global.file.exists() {
            let _ = self.config(&Overriding::default());
        }
        let place = Place::named(text);
        match self.said.get() {
            Some((said, _)) => place.knowing(said),
            None => place,
        }
    }

    /// Where the AWS inside the program is kept, and the states of what is in it.
    pub fn local_directory(&self) -> Result<PathBuf, Failure> {
        let named = self.global.state_dir.as_deref().map(Place::named);
        named.unwrap_or_else(Place::usual).local()
    }

    /// The states.
    pub async fn store(&self) -> Result<&Store, Failure> {
        self.store.get_or_try_init(async || self.place()?.open(&self.global).await).await
    }

    /// Where the snapshot of a stack is, to be shown.
    pub fn snapshot_path(&self, stack: &str, environment: &str) -> PathBuf {
        // Whoever shows it has read it from there.
        let place = self.place().unwrap_or_else(|_| Place::usual());
        place.snapshot(stack, environment)
    }

    /// Whether a plan is being carried out: whoever does it says so.
    pub fn run_under_way(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_running)
    }

    /// Where locks are held that are to be given back when the program is interrupted.
    pub fn locked(&self) -> Arc<Mutex<Vec<Store>>> {
        Arc::clone(&self.locked)
    }

    /// Gives back what was taken and not given back yet.
    pub async fn close(&self) {
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }

    /// Which stack is meant: by name, by the file, or since there is only one.
    pub async fn stack_name(&self) -> Result<StackName, Failure> {
        let environment = self.global.env.clone();
        if let Some(stack) = self.global.stack.clone() {
            return Ok(StackName { stack, environment });
        }
        if self.global.file.exists() {
            let config = self.config(&Overriding::default())?;
            return Ok(StackName { stack: config.name, environment });
        }
        self.only_stack(environment).await
    }

    /// The one stack that has a state in the environment.
    async fn only_stack(&self, environment: String) -> Result<StackName, Failure> {
        let store = self.store().await?;
        let all = store.stacks().await?.into_iter();
        let here = all.filter(|name| name.environment == environment);
        let mut stacks: Vec<String> = here.map(|name| name.stack).collect();
        match stacks.len() {
            1 => Ok(StackName { stack: stacks.remove(0), environment }),
            _ => Err(Failure::WhichStack {
                file: self.global.file.clone(),
                place: store.to_string(),
                environment,
                stacks,
            }),
        }
    }

    /// The recorded state of a stack.
    ///
    /// # Errors
    ///
    /// [`Failure::OtherRegion`] where `--region` names another than the state.
    pub async fn state(&self, name: &StackName) -> Result<Option<State>, Failure> {
        let state = self.store().await?.load(&name.stack, &name.environment).await?;
        if let Some(State { account, region, serial, resources, .. }) = &state {
            let resources = resources.len();
            tracing::info!(stack = %name, account, region, serial, resources, "read the state");
        }
        state.iter().try_for_each(|state| self.check_region(state))?;
        Ok(state)
    }

    /// Checks that `--region`, if it is given, is the region that a state names: whoever names
    /// another means another stack.
    pub fn check_region(&self, state: &State) -> Result<(), Failure> {
        match &self.global.region {
            Some(asked) if *asked != state.region => {
                Err(Failure::OtherRegion { of: state.region.clone(), asked: asked.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The state of a stack that must have one.
    pub async fn existing_state(&self, name: &StackName) -> Result<State, Failure> {
        let place = self.store().await?.to_string();
        self.state(name).await?.ok_or_else(|| Failure::NoState { name: name.clone(), place })
    }

    /// AWS in a region: the real one, or the one inside the program.
    pub async fn connect(&self, region: &str) -> Result<Cloud, Failure> {
        let directory = if self.global.local { self.local_directory()? } else { PathBuf::new() };
        connect::connect(&self.global, &directory, region).await
    }

    /// Prints data to standard output.
    #[expect(clippy::unused_self, reason = "commands print and tell through one thing")]
    pub fn print(&self, text: &str) {
        printing::print(text);
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
        let look = Look::stderr(Values::Hidden);
        for text in warnings {
            if !self.global.json {
                self.tell(&human::warning(text, look));
            } else if !self.global.quiet {
                failure::write(&format!("{}\n", json::line(&json!({ "warning": text }))));
            }
        }
    }
}

/// An empty state for a stack that has none yet.
pub async fn new_state(aws: &Aws, config: &Config) -> Result<State, Failure> {
    let account = aws.account().await?;
    Ok(State::new(&config.name, &config.environment, account, &config.region))
}
