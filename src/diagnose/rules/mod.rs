//! From evidence to findings: pure functions, one a cause, each with AWS's words that it knows.
//!
//! The words are those of ECS's stopped reasons and service events. They are matched by fragments
//! that have been the same for years, and in lower case, since the agents of different platform
//! versions write them differently.

mod end;
mod health;
mod image;
mod listening;
mod placement;
mod start;
#[cfg(test)]
mod tests;

use super::evidence::{Evidence, StoppedTask};
use super::finding::{Cause, Finding};

/// A rule: what the evidence says about one cause, if anything.
type Rule = fn(&Evidence) -> Option<Finding>;

const RULES: &[Rule] = &[
    placement::service_gone,
    placement::role,
    placement::quota,
    placement::addresses,
    placement::capacity,
    placement::interrupted,
    start::no_route,
    start::secret_missing,
    start::secret_denied,
    start::log_group,
    start::cannot_start,
    image::not_found,
    image::denied,
    image::rate_limited,
    image::architecture,
    end::out_of_memory,
    end::exited,
    health::load_balancer,
    health::container,
];

/// Everything that the evidence shows, the most fundamental first.
///
/// What is not known to any rule is told as AWS tells it, unless something else was found.
pub fn judge(evidence: &Evidence) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().filter_map(|rule| rule(evidence)).collect();
    findings.sort_by_key(|finding| finding.cause);
    if findings.is_empty() {
        findings.extend(other(evidence));
    }
    findings
}

/// Tasks that stopped in a way that no rule knows.
fn other(evidence: &Evidence) -> Option<Finding> {
    let stopped: Vec<&StoppedTask> =
        evidence.stopped.iter().filter(|task| !is_scheduled(task)).collect();
    let first = stopped.first()?;
    let title = format!("tasks of {} stop", evidence.service);
    let finding = Finding::new(Cause::Other, title, "ECS stopped them for the reason below.");
    let finding = finding
        .remedy(format!("look at the whole task: `{}`", describe_task(evidence, &first.id)))
        .said(stopped.iter().flat_map(|task| task.said()))
        .said(last_lines(first));
    Some(finding.lasting_if(stopped.len() >= repeated(evidence)))
}

/// Whether a task was stopped since it was not needed any more.
fn is_scheduled(task: &StoppedTask) -> bool {
    task.tells_of(&["scaling activity initiated", "deployment initiated", "stopped by user"])
}

/// The stopped tasks of whose end ECS says one of `words`.
fn telling_of<'e>(evidence: &'e Evidence, words: &[&str]) -> Vec<&'e StoppedTask> {
    evidence.stopped.iter().filter(|task| task.tells_of(words)).collect()
}

/// The events that contain one of `words`.
fn events_of<'e>(evidence: &'e Evidence, words: &[&str]) -> Vec<&'e str> {
    let events = evidence.events.iter().map(String::as_str);
    events.filter(|event| super::evidence::contains_any(event, words)).collect()
}

/// How often something that may happen once must have happened to be taken for lasting: twice,
/// but for a service of one task, of which a second one may not be tried for a long time.
fn repeated(evidence: &Evidence) -> usize {
    evidence.desired.clamp(1, 2)
}

/// What tasks said about their end, the newest first, each thing once.
fn words<'e>(tasks: &[&'e StoppedTask]) -> Vec<&'e str> {
    let mut words: Vec<&str> = Vec::new();
    for said in tasks.iter().flat_map(|task| task.said()) {
        let is_new = !words.iter().any(|earlier| earlier.contains(said));
        if is_new && words.len() < 3 {
            words.push(said);
        }
    }
    words
}

/// The last lines that a task logged, as evidence.
fn last_lines(task: &StoppedTask) -> Vec<String> {
    quoted(&task.log)
}

fn quoted(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("log: {line}")).collect()
}

fn describe_task(evidence: &Evidence, id: &str) -> String {
    format!("aws ecs describe-tasks --cluster {} --tasks {id}", evidence.cluster)
}

/// The first ARN in a text, without what punctuation follows it.
fn arn_in(text: &str) -> Option<&str> {
    let start = text.find("arn:")?;
    let rest = &text[start..];
    let end = rest.find(|c: char| c.is_whitespace() || "'\",;)]".contains(c));
    Some(rest[..end.unwrap_or(rest.len())].trim_end_matches([':', '.']))
}
