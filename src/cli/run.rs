//! A run: a plan is carried out while its events are shown, until it ends or is interrupted.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::aws::Aws;
use crate::event::Event;
use crate::execute::recovery::settle_doubts;
use crate::execute::{Hopeless, Options, Summary, execute};
use crate::plan::Plan;
use crate::report::{json, live::Live};
use crate::state::store::Recorder;

use super::context::Context;
use super::failure::Failure;

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    pub wait_for_services: bool,
    pub hopeless: Hopeless,
    pub timeout: Option<Duration>,
}

/// Settles what an interrupted run left in doubt, and tells what came of it.
pub async fn settle<R: Recorder>(
    context: &Context,
    aws: &Aws,
    recorder: &mut R,
) -> Result<(), Failure> {
    if recorder.state().in_doubt.is_empty() {
        return Ok(());
    }
    context.tell("A run was interrupted: looking up what became of what it had begun.");
    let (sender, receiver) = mpsc::unbounded_channel();
    let shown = tokio::spawn(show(receiver, Screen::of(context)));
    let settled = settle_doubts(aws, recorder, &sender).await;
    drop(sender);
    let _ = shown.await;
    Ok(settled?)
}

/// Carries a plan out. The first interruption starts nothing new, the second leaves at once.
pub async fn carry_out<R: Recorder>(
    context: &Context,
    aws: &Aws,
    plan: &Plan,
    recorder: &mut R,
    running: Running,
) -> Result<Summary, Failure> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let shown = tokio::spawn(show(receiver, Screen::of(context)));
    let interrupted = tokio::spawn(interruptions(stop));
    let options = Options {
        wait_for_services: running.wait_for_services,
        hopeless: running.hopeless,
        timeout: running.timeout,
        stop: stopped,
    };
    let summary = execute(aws, plan, recorder, &sender, options).await;
    interrupted.abort();
    drop(sender);
    let _ = shown.await;
    Ok(summary?)
}

/// The exit code of an interrupted program, as shells count it.
const INTERRUPTED: u8 = 130;

/// Asks the run to stop at the first Ctrl-C or SIGTERM, and leaves at the second: the journal
/// makes that safe.
async fn interruptions(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    };
    next().await;
    let _ = stop.send(true);
    next().await;
    std::process::exit(i32::from(INTERRUPTED));
}

/// Where events go.
#[derive(Debug)]
enum Screen {
    Json,
    Live(Live),
    Nothing,
}

impl Screen {
    fn of(context: &Context) -> Self {
        if context.global.json {
            Self::Json
        } else if context.global.quiet {
            Self::Nothing
        } else {
            Self::Live(Live::new(std::io::stderr().is_terminal()))
        }
    }
}

async fn show(mut events: mpsc::UnboundedReceiver<Event>, mut screen: Screen) {
    use std::io::Write as _;
    while let Some(event) = events.recv().await {
        // A screen that has gone away is no reason to stop.
        let _ = match &mut screen {
            Screen::Json => writeln!(std::io::stdout(), "{}", json::line(&event)),
            Screen::Live(live) => match live.show(&event) {
                Some(shown) => writeln!(std::io::stderr(), "{shown}"),
                None => Ok(()),
            },
            Screen::Nothing => Ok(()),
        };
    }
}

/// What a run that was not carried out whole means for the shell, with everything said.
pub fn conclude(context: &Context, summary: &Summary, command: &str) -> Option<ExitCode> {
    use crate::execute::Failure as Cause;
    if summary.is_complete() {
        return None;
    }
    for (address, _, cause) in &summary.failed {
        let text = super::failure::explain(address, cause);
        let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
    }
    let (skipped, left) = (summary.skipped.len(), summary.left.len());
    let done = summary.done.len();
    context.tell(&format!(
        "{done} done, {} failed, {skipped} not attempted, {left} left. What was done is recorded: \
         run `provision {command}` again and it goes on.",
        summary.failed.len(),
    ));
    let has = |is: fn(&Cause) -> bool| summary.failed.iter().any(|(_, _, cause)| is(cause));
    let is_broken = |cause: &Cause| matches!(cause, Cause::Broken(_) | Cause::Deployment { .. });
    Some(ExitCode::from(if has(is_broken) {
        3
    } else if has(|cause| matches!(cause, Cause::TimedOut { .. })) {
        4
    } else if summary.failed.is_empty() {
        INTERRUPTED
    } else {
        1
    }))
}
