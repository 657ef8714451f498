//! What a run is at: what is under way, since when, and how much is done.
//!
//! The board is pure: it takes events with the time at which they came, and gives lines. Where
//! they are put is [`super::live`]'s business. Times are those of the run, at AWS's own pace.

use std::time::Duration;

use super::clean;
use super::findings;
use super::paint::Paint;
use super::text::{cut, duration};
use crate::event::{Event, Verb};
use crate::resource::Address;

/// How long something must have been waited for before a line is written about it, where nothing
/// can be drawn in place.
const WORTH_TELLING: Duration = Duration::from_secs(10);
/// How often it is told again, and when it is told of what has no more to say than that it goes on.
const REMINDER: Duration = Duration::from_secs(30);
/// What turns while something is under way.
const WHEEL: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// The columns that a duration gets.
const DURATION_WIDTH: usize = 11;

/// What a run is at.
#[derive(Clone, Debug)]
pub struct Board {
    paint: Paint,
    /// How many things the run is to do.
    total: usize,
    /// How many are over, well or not.
    over: usize,
    /// The longest address, for columns.
    widest: usize,
    /// What is under way, the oldest first.
    doing: Vec<Doing>,
    is_stopping: bool,
}

/// Something that is under way.
#[derive(Clone, Debug, PartialEq)]
struct Doing {
    address: Address,
    verb: Verb,
    since: Duration,
    id: Option<String>,
    /// What it waits for, in AWS's words or in ours.
    status: Option<String>,
    /// Whether the status names what is in the way, which says more than that something is.
    is_blocked: bool,
    /// How far its deployment is, which says more than a status.
    rollout: Option<String>,
    told: Option<Told>,
}

/// What was last written about something that is under way.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    words: String,
    at: Duration,
}

impl Board {
    /// A board for a run that is to do something to each of `addresses`.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a Address>, paint: Paint) -> Self {
        let (mut total, mut widest) = (0, 0);
        for address in addresses {
            total += 1;
            widest = widest.max(address.to_string().len());
        }
        Self { paint, total, over: 0, widest, doing: vec![], is_stopping: false }
    }

    /// Takes in an event that came at `now`; gives the line that stays of it, if any does.
    pub fn take(&mut self, event: &Event, now: Duration) -> Option<String> {
        match event {
            Event::Started { address, verb } => {
                self.start(address, *verb, now);
                None
            }
            Event::Exists { address, id } => {
                self.doing(address)?.id = Some(id.clone());
                None
            }
            Event::Waiting { address, status, .. } => {
                self.doing(address)?.status = Some(clean(status).into_owned());
                None
            }
            Event::Rollout { address, rollout } => {
                self.doing(address)?.rollout = Some(findings::rollout(rollout));
                None
            }
            Event::Cause { address, finding } => {
                let mark = self.paint.yellow("!");
                Some(format!("{mark} {address}: {}", clean(&finding.title)))
            }
            Event::Retrying { address, because, .. } => {
                let doing = self.doing(address)?;
                if !doing.is_blocked {
                    doing.status = Some(clean(because).into_owned());
                }
                None
            }
            Event::Blocked { address, by } => {
                let by: Vec<String> = by.iter().map(ToString::to_string).collect();
                let status = format!("in the way: {}", by.join(", "));
                let doing = self.doing(address)?;
                (doing.status, doing.is_blocked) = (Some(clean(&status).into_owned()), true);
                None
            }
            Event::Finished { address, verb } => Some(self.finished(address, *verb, now)),
            Event::Failed { address, verb, error } => {
                self.end(address);
                let mark = self.paint.red("✗");
                Some(format!("{mark} {address} could not be {}: {}", done(*verb), clean(error)))
            }
            Event::Skipped { address, because_of, .. } => {
                self.over += 1;
                let mark = self.paint.yellow("-");
                Some(format!("{mark} {address} was not attempted, since {because_of} failed"))
            }
            Event::Recovered { address, id } => Some(recovered(address, id.as_deref())),
            Event::Stopping => {
                self.is_stopping = true;
                Some(self.stopping())
            }
        }
    }

    fn start(&mut self, address: &Address, verb: Verb, since: Duration) {
        let address = address.clone();
        let (id, status, rollout, told, is_blocked) = (None, None, None, None, false);
        self.doing.push(Doing { address, verb, since, id, status, is_blocked, rollout, told });
    }

    /// The entry of an address: the newest, where one is removed while another is made.
    fn doing(&mut self, address: &Address) -> Option<&mut Doing> {
        self.doing.iter_mut().rev().find(|doing| doing.address == *address)
    }

    fn end(&mut self, address: &Address) -> Option<Doing> {
        self.over += 1;
        let place = self.doing.iter().position(|doing| doing.address == *address)?;
        Some(self.doing.remove(place))
    }

    fn finished(&mut self, address: &Address, verb: Verb, now: Duration) -> String {
        let ended = self.end(address);
        let took = ended.as_ref().map(|doing| now.saturating_sub(doing.since));
        let id = ended.and_then(|doing| doing.id).filter(|_| verb != Verb::Delete);
        let words = match id {
            Some(id) => format!("{} {}", done(verb), self.paint.dim(short(&id))),
            None => done(verb).to_owned(),
        };
        self.row(&self.paint.green("✓"), address, took.unwrap_or_default(), &words)
    }

    fn stopping(&self) -> String {
        let what = "Stopping: nothing new is started, and what AWS is being asked is finished.";
        format!("{} {what} Once more leaves at once.", self.paint.yellow("!"))
    }

    fn row(&self, mark: &str, address: &Address, took: Duration, words: &str) -> String {
        let (widest, took) = (self.widest, duration(took));
        format!("{mark} {address:widest$} {took:>DURATION_WIDTH$}  {words}")
    }

    /// What to write where nothing can be drawn in place: what has been waited for long enough and
    /// was not told yet, has changed, or was last told long ago.
    pub fn reminders(&mut self, now: Duration) -> Vec<String> {
        let mut rows = Vec::new();
        for doing in &mut self.doing {
            let words = doing.words();
            let patience = if doing.status.is_some() { WORTH_TELLING } else { REMINDER };
            let is_due = match &doing.told {
                None => now.saturating_sub(doing.since) >= patience,
                Some(told) => told.words != words || now.saturating_sub(told.at) >= REMINDER,
            };
            if is_due {
                rows.push((doing.address.clone(), now.saturating_sub(doing.since), words.clone()));
                doing.told = Some(Told { words, at: now });
            }
        }
        rows.iter().map(|(address, took, words)| self.row(" ", address, *took, words)).collect()
    }

    /// What to draw in place, at most `height` lines of at most `width` columns; `beat` turns the
    /// wheel.
    pub fn frame(&self, now: Duration, width: usize, height: usize, beat: usize) -> Vec<String> {
        let room = height.saturating_sub(2).max(1);
        let wheel = self.paint.cyan(WHEEL[beat % WHEEL.len()]);
        let rows = self.doing.iter().take(room).map(|doing| {
            let took = now.saturating_sub(doing.since);
            self.row(&wheel, &doing.address, took, &doing.words())
        });
        let mut lines: Vec<String> = rows.collect();
        if self.doing.len() > room {
            lines.push(format!("  and {} more", self.doing.len() - room));
        }
        let stopping = if self.is_stopping { ", stopping" } else { "" };
        let progress = format!("{} of {} done{stopping}", self.over, self.total);
        lines.push(self.paint.dim(format!("  {progress}, {}", duration(now))));
        lines.iter().map(|line| cut(line, Some(width))).collect()
    }

    /// What is waited for at an address, in words: what a run that stops leaves behind.
    pub fn status(&self, address: &Address) -> Option<String> {
        let doing = self.doing.iter().rev().find(|doing| doing.address == *address)?;
        Some(doing.words())
    }
}

impl Doing {
    fn words(&self) -> String {
        match self.rollout.as_ref().or(self.status.as_ref()) {
            Some(status) if status != doing(self.verb) => {
                format!("{}: {status}", doing(self.verb))
            }
            _ => doing(self.verb).to_owned(),
        }
    }
}

/// The last part of an ARN: the rest is the same for all.
pub(super) fn short(id: &str) -> String {
    let last = if id.starts_with("arn:") { id.splitn(6, ':').last().unwrap_or(id) } else { id };
    clean(last).into_owned()
}

fn recovered(address: &Address, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("  {address} was made by an interrupted run: {}", clean(id)),
        None => format!("  {address} was begun by an interrupted run, and left as it was"),
    }
}

fn doing(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "creating",
        Verb::Update => "updating",
        Verb::Widen => "widening",
        Verb::Delete => "deleting",
        Verb::Await => "waiting",
    }
}

/// What a verb has done when it is done.
pub fn done(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Update => "updated",
        Verb::Widen => "widened",
        Verb::Delete => "deleted",
        Verb::Await => "ready",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn board() -> Board {
        let addresses = [address("vpc.main"), address("nat_gateway.main")];
        Board::new(&addresses, Paint::Plain)
    }

    fn started(board: &mut Board, name: &str, at: u64) {
        let event = Event::Started { address: address(name), verb: Verb::Create };
        assert_eq!(board.take(&event, seconds(at)), None);
    }

    fn waiting(board: &mut Board, name: &str, status: &str) {
        let (status, waited) = (status.to_owned(), seconds(0));
        board.take(&Event::Waiting { address: address(name), status, waited }, seconds(0));
    }

    #[test]
    fn what_is_finished_says_how_long_it_took_and_what_aws_calls_it() {
        let mut board = board();
        started(&mut board, "nat_gateway.main", 3);
        let address = address("nat_gateway.main");
        board.take(&Event::Exists { address: address.clone(), id: "nat-1".into() }, seconds(4));
        let line = board.take(&Event::Finished { address, verb: Verb::Create }, seconds(105));
        assert_eq!(line.unwrap(), "✓ nat_gateway.main  1 min 42 s  created nat-1");
    }

    #[test]
    fn a_frame_fits_into_the_terminal() {
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        started(&mut board, "nat_gateway.main", 0);
        waiting(&mut board, "nat_gateway.main", "pending, and a great deal more to say");
        let frame = board.frame(seconds(64), 40, 10, 0);
        assert_eq!(
            frame,
            [
                "⠋ vpc.main           1 min 4 s  creating",
                "⠋ nat_gateway.main   1 min 4 s  creatin…",
                "  0 of 2 done, 1 min 4 s",
            ]
        );
        assert_eq!(board.frame(seconds(64), 40, 3, 0)[1], "  and 1 more");
    }

    #[test]
    fn a_short_wait_is_not_worth_a_line() {
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        waiting(&mut board, "vpc.main", "pending");
        assert!(board.reminders(seconds(9)).is_empty());
    }

    #[test]
    fn a_long_wait_is_told_every_half_minute_and_when_it_changes() {
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        waiting(&mut board, "vpc.main", "pending");
        let line = "  vpc.main                10 s  creating: pending";
        assert_eq!(board.reminders(seconds(10)), [line]);
        assert!(board.reminders(seconds(39)).is_empty());
        assert_eq!(board.reminders(seconds(40)).len(), 1);
        waiting(&mut board, "vpc.main", "almost");
        assert_eq!(board.reminders(seconds(41)).len(), 1);
    }

    #[test]
    fn a_repeated_call_says_in_words_what_it_waits_for() {
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        let retrying = Event::Retrying {
            address: address("vpc.main"),
            attempt: 1,
            code: "DependencyViolation".into(),
            because: "something still uses it".into(),
            pause: seconds(1),
        };
        assert_eq!(board.take(&retrying, seconds(1)), None);
        assert_eq!(
            board.status(&address("vpc.main")).unwrap(),
            "creating: something still uses it"
        );
    }

    #[test]
    fn a_deployment_says_how_far_it_is_and_what_is_wrong() {
        use crate::diagnose::{Cause, Finding, Rollout, Targets};
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        waiting(&mut board, "vpc.main", "1 of 2 running");
        let rollout = Rollout {
            revision: "shop:3".into(),
            desired: 2,
            pending: 1,
            running: 1,
            failed: 2,
            targets: Targets([("healthy".to_owned(), 1)].into()),
            events: vec![],
        };
        let address = address("vpc.main");
        board.take(&Event::Rollout { address: address.clone(), rollout }, seconds(1));
        let words = "creating: shop:3: 1 of 2 running, 1 starting, 2 failed, 1 healthy";
        assert_eq!(board.status(&address).unwrap(), words);
        let finding = Box::new(Finding::new(Cause::Exited, "the container exits", "It ends."));
        let line = board.take(&Event::Cause { address, finding }, seconds(2));
        assert_eq!(line.unwrap(), "! vpc.main: the container exits");
    }

    #[test]
    fn names_from_aws_cannot_write_control_codes() {
        let mut board = board();
        started(&mut board, "vpc.main", 0);
        waiting(&mut board, "vpc.main", "\u{1b}[2J");
        assert!(!board.frame(seconds(1), 80, 10, 0).concat().contains('\u{1b}'));
    }
}
