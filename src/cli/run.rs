//! A run: a plan is carried out while its events are shown, until it ends or is interrupted.

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::aws::{Aws, Pace};
use crate::execute::recovery::settle_doubts;
use crate::execute::schedule::schedule;
use crate::execute::{Failure as Cause, Hopeless, Limits, Options, execute};
use crate::plan::Plan;
use crate::report::ending::{Ending, Time};
use crate::report::{Paint, json};
use crate::resource::Address;
use crate::state::store::{Recorder, StoreError};

use super::context::Context;
use super::failure::{self, Failure, INTERRUPTED};
use super::screen::{Clock, Screen, show};

/// The exit code of a run whose service does not come up.
const BROKEN: u8 = 3;
/// The exit code of a run that waited as long as it may.
const OVERDUE: u8 = 4;

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Running {
    pub wait_for_services: bool,
    pub hopeless: Hopeless,
    pub timeout: Option<Duration>,
    pub limits: Limits,
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
    let doubtful: Vec<Address> = recorder.state().in_doubt.keys().cloned().collect();
    let shown = tokio::spawn(show(receiver, Screen::of(context, &doubtful), clock(aws)));
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
) -> Result<Ending, Failure> {
    let tasks = schedule(plan);
    let addresses = tasks.iter().map(|task| plan.resources[task.planned].address.clone());
    let addresses: Vec<Address> = addresses.collect();
    let clock = clock(aws);
    let (sender, receiver) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let shown = tokio::spawn(show(receiver, Screen::of(context, &addresses), clock));
    let interrupted = tokio::spawn(interruptions(stop));
    let options = Options {
        wait_for_services: running.wait_for_services,
        hopeless: running.hopeless,
        timeout: running.timeout,
        limits: running.limits,
        stop: stopped,
    };
    let under_way = context.run_under_way();
    under_way.store(true, Ordering::Release);
    let summary = execute(aws, plan, recorder, &sender, options).await;
    under_way.store(false, Ordering::Release);
    interrupted.abort();
    drop(sender);
    let board = shown.await.expect("the screen does not panic");
    let time = if *aws.pace() == Pace::REAL { Time::Real } else { Time::Simulated };
    let (summary, took) = (summary?, clock.now());
    Ok(Ending { summary, board, took, time, is_unanswered: false, is_unrecorded: false })
}

fn clock(aws: &Aws) -> Clock {
    Clock { started: Instant::now(), pace: *aws.pace() }
}

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
    failure::write("\nLeaving at once: the same command goes on from what is recorded.\n");
    std::process::exit(i32::from(INTERRUPTED));
}

/// What came of a run, before it is told what came of writing the state anew: what failed first is
/// told as the failure, and the other beside it.
pub fn before<T>(
    context: &Context,
    done: Result<T, Failure>,
    written: &Result<(), StoreError>,
) -> Result<T, Failure> {
    if let (Err(failed), Err(unwritten)) = (&done, written) {
        let why = failure::said(unwritten);
        // A run that lost its lock has both for one reason.
        if why != failed.text() {
            context.warn(&[format!("the state was not written anew: {why}")]);
        }
    }
    done
}

/// Says how a run ended; gives its exit code.
pub fn conclude(context: &Context, ending: &Ending, command: &str) -> u8 {
    let code = exit_code(ending);
    if context.global.json {
        context.print(&json::line(&ending.json(code)));
        return code;
    }
    for (address, _, cause) in &ending.summary.failed {
        failure::write(&failure::explain(address, cause));
    }
    if ending.summary.is_complete() {
        if !ending.summary.done.is_empty() {
            context.tell(&format!("Done: {}.", ending.tally()));
        }
        return code;
    }
    let paint = Paint::stderr();
    failure::write(&ending.rest(paint));
    let what = if code == INTERRUPTED { "Interrupted" } else { "Not done" };
    failure::write(&format!(
        "{}: {}. What was done is recorded: run `provision {command}` again, and it goes on.\n",
        paint.bold(what),
        ending.tally()
    ));
    code
}

/// What a run means for the shell.
fn exit_code(ending: &Ending) -> u8 {
    let failed = &ending.summary.failed;
    let has = |is: fn(&Cause) -> bool| failed.iter().any(|(_, _, cause)| is(cause));
    let is_broken = |cause: &Cause| matches!(cause, Cause::Broken(_) | Cause::Deployment { .. });
    if ending.is_unrecorded {
        1
    } else if ending.summary.is_complete() {
        if ending.is_unanswered { BROKEN } else { 0 }
    } else if has(is_broken) {
        BROKEN
    } else if ending.summary.is_overdue || has(|cause| matches!(cause, Cause::TimedOut { .. })) {
        OVERDUE
    } else if failed.is_empty() {
        INTERRUPTED
    } else {
        1
    }
}

/// An exit code as the program's own.
pub fn code(code: u8) -> ExitCode {
    ExitCode::from(code)
}
