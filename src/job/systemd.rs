//! A service that makes one check, and a timer that starts it.
//!
//! The timer counts from the end of a check, so two never run at once; what a check finds is in the
//! journal, and is no failure of the service.

use super::{Job, Machine, Piece};

/// The service and the timer.
pub fn units(job: &Job, machine: &Machine) -> [Piece; 2] {
    let [service_name, timer_name] = names(job);
    [Piece::new(service_name, &service(job, machine)), Piece::new(timer_name, &timer(job))]
}

/// The names of the service, and of the timer, which is what is switched on and off.
pub fn names(job: &Job) -> [String; 2] {
    ["service", "timer"].map(|kind| format!("{}.{kind}", job.name()))
}

fn service(job: &Job, machine: &Machine) -> String {
    let program = word(&machine.program.to_string_lossy());
    let arguments = job.arguments.iter().map(|argument| word(argument));
    let command = std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ");
    let directory = escaped(&machine.directory.to_string_lossy());
    let variables = escaped(&machine.variables.to_string_lossy());
    // With a user comes a home, where AWS's credentials are ("User=" in systemd.exec(5)).
    let user = machine.user.as_ref().map(|user| format!("User={}\n", escaped(user)));
    let user = user.unwrap_or_default();
    format!(
        "[Unit]\n\
         Description=Check {} for drift\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={command}\n\
         WorkingDirectory={directory}\n\
         EnvironmentFile=-{variables}\n\
         {user}\
         # That something has drifted is told, and is no failure of the check.\n\
         SuccessExitStatus=2\n\
         # Twice as long as a check waits for whoever is at work: it is to tell then.\n\
         TimeoutStartSec=30min\n\
         UMask=0077\n\
         NoNewPrivileges=true\n",
        job.of(),
    )
}

fn timer(job: &Job) -> String {
    let seconds = job.every.duration().as_secs();
    format!(
        "[Unit]\n\
         Description=Check {} for drift every {}\n\
         \n\
         [Timer]\n\
         OnActiveSec=1min\n\
         OnUnitInactiveSec={seconds}s\n\
         RandomizedDelaySec={}s\n\
         AccuracySec=10s\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        job.of(),
        job.every,
        seconds / 10,
    )
}

/// A word of a command: in quotes, with what systemd would fill in marked as plain.
fn word(text: &str) -> String {
    let plain = escaped(text).replace('\\', r"\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{plain}\"")
}

/// A value in which systemd is to fill in nothing.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}
