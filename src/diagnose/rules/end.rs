//! How processes end that did start.

use super::super::evidence::{Evidence, StoppedTask};
use super::super::finding::{Cause, Finding};
use super::image::is_misbuilt;
use super::{last_lines, repeated, words};

const NO_MEMORY: &[&str] =
    &["outofmemory", "killed due to memory usage", "killed due to high memory"];

/// The container was killed for want of memory.
pub(super) fn out_of_memory(evidence: &Evidence) -> Option<Finding> {
    let tasks: Vec<_> = evidence.stopped.iter().filter(|task| task.tells_of(NO_MEMORY)).collect();
    let first = *tasks.first()?;
    let memory = evidence.task.memory_mib;
    Some(
        Finding::new(
            Cause::OutOfMemory,
            format!("the container needs more than its {memory} MiB of memory"),
            "The kernel killed it when it asked for more memory than the task has.",
        )
        .remedy(format!("raise {}, for example to {}", evidence.key("memory"), memory * 2))
        .remedy("or have the program use less: limit its heap, caches or workers")
        .said(words(&tasks))
        .said(last_lines(first))
        .lasting_if(tasks.len() >= repeated(evidence)),
    )
}

/// Whether a task ended since its program did.
fn is_exit(task: &StoppedTask) -> bool {
    let exited =
        task.code == "EssentialContainerExited" || task.tells_of(&["essential container in task"]);
    exited && !task.tells_of(NO_MEMORY) && !is_misbuilt(task)
}

/// The process ended by itself. Once is no proof: it may have missed something that was not up yet.
pub(super) fn exited(evidence: &Evidence) -> Option<Finding> {
    let tasks: Vec<_> = evidence.stopped.iter().filter(|task| is_exit(task)).collect();
    // Only the newest are asked for their logs.
    let first = tasks.iter().find(|task| !task.log.is_empty()).or(tasks.first())?;
    let title = match first.exit_code {
        Some(code) => format!("the container exits with code {code}"),
        None => "the container exits".into(),
    };
    let finding = Finding::new(Cause::Exited, title, meaning(first.exit_code));
    let finding = if first.log.is_empty() {
        finding.remedy("it logged nothing: start the image on your machine with the same settings")
    } else {
        finding.remedy("its last lines, below, are the first place to look")
    };
    let group = &evidence.task.log_group;
    let finding = finding.remedy(format!("all of its log: `aws logs tail {group} --since 1h`"));
    Some(finding.said(words(&tasks)).said(last_lines(first)).lasting_if(tasks.len() >= 2))
}

/// What an exit code says, by the customs of shells and kernels.
fn meaning(code: Option<i32>) -> &'static str {
    match code {
        Some(0) => {
            "The process ended well, but a service must run for ever. A command that does its work \
             and ends, or goes into the background, is none."
        }
        Some(125..=127) => "The command is not in the image, or may not be executed.",
        Some(137) => {
            "The process was killed (SIGKILL): for want of memory, or since it did not stop when it \
             was asked to."
        }
        Some(139) => "The process accessed memory that is not its own (SIGSEGV).",
        Some(143) => "The process was asked to stop (SIGTERM), and did.",
        _ => "The process in the container ended by itself, and a service must run for ever.",
    }
}
