//! A line of a crontab, between two others that say whose it is.
//!
//! The rule: nothing but what stands between the two is ever changed.

use super::{Job, Machine, quoted};

/// The crontab with the job's block in it, in place of the one that was there.
pub fn with(crontab: &str, job: &Job, machine: &Machine) -> String {
    let mut rest = without(crontab, job);
    if !rest.is_empty() && !rest.ends_with('\n') {
        rest.push('\n');
    }
    format!("{rest}{}", block(job, machine))
}

/// The crontab without the job's block.
pub fn without(crontab: &str, job: &Job) -> String {
    parted(crontab, job).0
}

/// The job's block as the crontab has it.
pub fn own(crontab: &str, job: &Job) -> String {
    parted(crontab, job).1
}

/// What is not the job's, and what is.
fn parted(crontab: &str, job: &Job) -> (String, String) {
    let (begin, end) = marks(job);
    let mut is_inside = false;
    let (kept, own): (Vec<&str>, Vec<&str>) = crontab.split_inclusive('\n').partition(|line| {
        let text = line.trim_end();
        let was_inside = is_inside;
        is_inside = text == begin || is_inside && text != end;
        !is_inside && !was_inside
    });
    // A block without an end is not this program's: nothing is taken away then.
    if is_inside { (crontab.to_owned(), String::new()) } else { (kept.concat(), own.concat()) }
}

/// The block: what begins it, the line, and what ends it.
pub fn block(job: &Job, machine: &Machine) -> String {
    let (begin, end) = marks(job);
    format!("{begin}\n{}\n{end}\n", line(job, machine))
}

fn marks(job: &Job) -> (String, String) {
    let name = job.of();
    (format!("# BEGIN provision drift {name}"), format!("# END provision drift {name}"))
}

/// What cron runs. Errors are left to cron to mail; what was found is told by the program itself.
fn line(job: &Job, machine: &Machine) -> String {
    let when = job.every.cron(&job.name());
    let directory = quoted(&machine.directory.to_string_lossy());
    let program = quoted(&machine.program.to_string_lossy());
    let arguments: Vec<String> = job.arguments.iter().map(|argument| quoted(argument)).collect();
    let from_file = job.secret.as_ref().map(|_| {
        let file = quoted(&machine.variables.to_string_lossy());
        format!("set -a && . {file} && set +a && ")
    });
    let variables = from_file.unwrap_or_default();
    let arguments = arguments.join(" ");
    let command = format!("cd {directory} && {variables}{program} {arguments} > /dev/null");
    // To cron a percent sign ends the line.
    format!("{when} {}", command.replace('%', r"\%"))
}
