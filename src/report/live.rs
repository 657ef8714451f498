//! A run while it goes on: what is being made, what is waited for and for how long.
//!
//! On a terminal the waits are drawn in place; elsewhere every change is a plain line.

use std::collections::BTreeMap;
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::clean;
use super::findings;
use super::text::duration;
use crate::event::{Event, Verb};
use crate::resource::Address;

/// How often a wait is told again where nothing can be drawn in place.
const REMINDER: Duration = Duration::from_secs(30);

/// Shows events as they come.
#[derive(Debug)]
pub struct Live {
    bars: Option<MultiProgress>,
    shown: BTreeMap<Address, ProgressBar>,
    /// What was last told of each wait, and at which point of it.
    told: BTreeMap<Address, (String, Duration)>,
}

impl Live {
    /// Draws in place if `terminal`, and writes lines otherwise.
    pub fn new(terminal: bool) -> Self {
        Self {
            bars: terminal.then(MultiProgress::new),
            shown: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Takes in an event; gives the line that it is worth, if any.
    pub fn show(&mut self, event: &Event) -> Option<String> {
        let line = self.line(event)?;
        match &self.bars {
            Some(bars) => {
                // A terminal that went away is no reason to stop.
                let _ = bars.println(&line);
                None
            }
            None => Some(line),
        }
    }

    fn line(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Started { address, verb } => {
                self.draw(address, format!("{address} {}", doing(*verb)));
                self.bars.is_none().then(|| format!("  {address} {}", doing(*verb)))
            }
            Event::Exists { address, id } => {
                self.draw(address, format!("{address} {}", clean(id)));
                None
            }
            Event::Waiting { address, status, waited } => self.waiting(address, status, *waited),
            Event::Rollout { address, rollout } => {
                self.draw(address, format!("{address} {}", findings::rollout(rollout)));
                None
            }
            Event::Cause { address, finding } => {
                let mark = style("!").yellow();
                Some(format!("{mark} {address}: {}", clean(&finding.title)))
            }
            Event::Retrying { address, attempt, code, pause } => Some(format!(
                "  {address} {}: attempt {attempt}, again in {}",
                clean(code),
                duration(*pause)
            )),
            Event::Blocked { address, by } => {
                let by: Vec<String> = by.iter().map(|one| clean(&one.to_string()).into()).collect();
                Some(format!("  {address} can't be deleted yet: {}", by.join(", ")))
            }
            Event::Finished { address, verb } => {
                self.clear(address);
                Some(format!("{} {address} {}", style("✓").green(), done(*verb)))
            }
            Event::Failed { address, verb, error } => {
                self.clear(address);
                let mark = style("✗").red();
                Some(format!("{mark} {address} could not be {}: {}", done(*verb), clean(error)))
            }
            Event::Skipped { address, because_of, .. } => {
                Some(format!("  {address} was not attempted, since {because_of} failed"))
            }
            Event::Recovered { address, id: Some(id) } => {
                Some(format!("  {address} was made by an interrupted run: {}", clean(id)))
            }
            Event::Recovered { address, id: None } => {
                Some(format!("  {address} was begun by an interrupted run, and left as it was"))
            }
            Event::Stopping => {
                Some("Stopping: what is under way is finished, nothing new is started.".into())
            }
        }
    }

    fn waiting(&mut self, address: &Address, status: &str, waited: Duration) -> Option<String> {
        let text = format!("{address} {} ({})", clean(status), duration(waited));
        self.draw(address, text.clone());
        if self.bars.is_some() {
            return None;
        }
        let is_news = self
            .told
            .get(address)
            .is_none_or(|(told, at)| told != status || waited.saturating_sub(*at) >= REMINDER);
        if !is_news {
            return None;
        }
        self.told.insert(address.clone(), (status.to_owned(), waited));
        Some(format!("  {text}"))
    }

    fn draw(&mut self, address: &Address, message: String) {
        let Some(bars) = &self.bars else { return };
        let bar = self.shown.entry(address.clone()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(message);
    }

    fn clear(&mut self, address: &Address) {
        self.told.remove(address);
        if let Some(bar) = self.shown.remove(address) {
            bar.finish_and_clear();
        }
    }
}

fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "is being created",
        Verb::Update => "is being updated",
        Verb::Delete => "is being deleted",
        Verb::Await => "is waited for",
    }
}

fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Update => "updated",
        Verb::Delete => "deleted",
        Verb::Await => "ready",
    }
}
