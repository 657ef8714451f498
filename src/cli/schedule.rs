//! `provision schedule`: has drift checked where somebody else keeps the time.
//!
//! The rules: `install` says the same however often it is run, `uninstall` takes back exactly what
//! it wrote, and `--show` prints what either would do and does nothing. What is written says whose
//! it is; what does not is never touched.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Args, Subcommand, ValueEnum};

use crate::config::{Config, FROM_ENVIRONMENT};
use crate::job::{
    Interval, Job, MARK, Machine, Piece, crontab, manifest, pipeline, systemd, workflow,
};

use super::arguments::{FILE, Global, Overriding};
use super::context::Context;
use super::failure::Failure;

#[derive(Debug, Args)]
pub struct ScheduleOptions {
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Write what has drift checked, and switch it on.
    Install(Options),
    /// Take back what `install` wrote.
    Uninstall(Options),
}

#[derive(Debug, Args)]
pub struct Options {
    /// Who keeps the time.
    #[arg(value_enum)]
    pub by: Keeper,
    /// How long from one check to the next.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub every: Interval,
    /// For the whole machine, and not for this user alone (systemd).
    #[arg(long)]
    pub system: bool,
    /// The role that checks are made with: its ARN (github, gitlab, kubernetes).
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// The image of `provision`, where the file does not name one (github, gitlab, kubernetes).
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
    /// Print it, and do nothing.
    #[arg(long)]
    pub show: bool,
}

/// Who keeps the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Keeper {
    /// A service and a timer of systemd.
    Systemd,
    /// A line of the user's crontab.
    Crontab,
    /// A workflow of GitHub Actions, which keeps one issue.
    Github,
    /// A job of GitLab CI, for a scheduled pipeline.
    Gitlab,
    /// A CronJob of Kubernetes.
    Kubernetes,
}

pub fn run(context: &Context, options: &ScheduleOptions) -> Result<ExitCode, Failure> {
    let (options, is_to_be) = match &options.command {
        ScheduleCommand::Install(options) => (options, true),
        ScheduleCommand::Uninstall(options) => (options, false),
    };
    let config = context.config(&Overriding::default())?;
    let job = job(context, &config, options);
    match options.by {
        Keeper::Systemd => by_systemd(context, &config, &job, options, is_to_be),
        Keeper::Crontab => by_cron(context, &config, &job, options, is_to_be),
        Keeper::Github | Keeper::Gitlab | Keeper::Kubernetes => {
            let piece = elsewhere(context, &config, &job, options)?;
            by_files(context, &[piece], Path::new(""), options, is_to_be)
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn job(context: &Context, config: &Config, options: &Options) -> Job {
    let webhook = config.drift.webhook.as_deref();
    let secret = webhook.and_then(|address| address.strip_prefix(FROM_ENVIRONMENT));
    Job {
        stack: config.name.clone(),
        environment: config.environment.clone(),
        region: config.region.clone(),
        every: options.every,
        arguments: arguments(&context.global, options.by),
        secret: secret.map(str::to_owned),
    }
}

/// The place of the states, where it was named and is the same for whoever runs the job: a
/// directory is one of this machine, a bucket is there for all.
fn named_place(global: &Global, is_here: bool) -> Option<&PathBuf> {
    global.state_dir.as_ref().filter(|place| is_here || place.starts_with("s3:"))
}

/// What the program is told elsewhere, so that it does what it would do here.
fn arguments(global: &Global, by: Keeper) -> Vec<String> {
    let mut arguments = vec!["-e".to_owned(), global.env.clone()];
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    let is_here = matches!(by, Keeper::Systemd | Keeper::Crontab);
    if global.file != Path::new(FILE) && by != Keeper::Kubernetes {
        add("-f", global.file.to_string_lossy().into_owned());
    }
    if let Some(region) = &global.region {
        add("--region", region.clone());
    }
    if let Some(place) = named_place(global, is_here) {
        add("--state-dir", place.to_string_lossy().into_owned());
    }
    if let (true, Some(profile)) = (is_here, &global.profile) {
        add("--profile", profile.clone());
    }
    if is_here && global.local {
        arguments.push("--local".into());
    }
    arguments.push("drift".into());
    // A CI system tells of it itself: by an issue, or by a pipeline that fails.
    if is_here || by == Keeper::Kubernetes {
        arguments.push("--tell".into());
    }
    arguments
}

/// A check that nobody hears of is none.
fn check_heard(config: &Config) -> Result<(), Failure> {
    if config.drift.webhook.is_some() { Ok(()) } else { Err(Failure::NobodyToTell) }
}

fn elsewhere(
    context: &Context,
    config: &Config,
    job: &Job,
    options: &Options,
) -> Result<Piece, Failure> {
    let (of, needed) = match options.by {
        Keeper::Github => ("GitHub Actions", "a workflow of GitHub Actions"),
        Keeper::Gitlab => ("GitLab CI", "a job of GitLab CI"),
        _ => ("Kubernetes", "a CronJob"),
    };
    let image = options.image.as_ref().or(config.drift.image.as_ref());
    let image = image.ok_or(Failure::Needed { key: "--image", of: needed })?;
    let role = options.role.as_ref().ok_or(Failure::Needed { key: "--role", of: needed })?;
    if config.state.bucket.is_none() {
        return Err(Failure::StateOutOfReach(of));
    }
    match options.by {
        Keeper::Github => Ok(workflow(job, role, image)),
        Keeper::Gitlab => Ok(pipeline(job, role, image)),
        _ => {
            check_heard(config)?;
            let path = &context.global.file;
            let file = std::fs::read_to_string(path)
                .map_err(|source| Failure::Unreadable { path: path.clone(), source })?;
            Ok(manifest(job, role, image, &file))
        }
    }
}

fn by_systemd(
    context: &Context,
    config: &Config,
    job: &Job,
    options: &Options,
    is_to_be: bool,
) -> Result<(), Failure> {
    check_heard(config)?;
    let (directory, variables) = if options.system {
        (PathBuf::from("/etc/systemd/system"), PathBuf::from("/etc/provision"))
    } else {
        let own = own_configuration()?;
        (own.join("systemd/user"), own.join("provision"))
    };
    let machine = machine(job, &variables)?;
    let units = systemd::units(job, &machine);
    let timer = systemd::timer_name(job);
    let systemctl = |arguments: &[&str]| {
        let user: &[&str] = if options.system { &[] } else { &["--user"] };
        run_tool("systemctl", &[user, arguments].concat(), "")
    };
    if !is_to_be && !options.show && directory.join(&timer).exists() {
        systemctl(&["disable", "--now", &timer])?;
    }
    by_files(context, &units, &directory, options, is_to_be)?;
    if options.show {
        return Ok(());
    }
    systemctl(&["daemon-reload"])?;
    if is_to_be {
        systemctl(&["enable", "--now", &timer])?;
        tell_secret(context, job, &machine);
    }
    Ok(())
}

fn by_cron(
    context: &Context,
    config: &Config,
    job: &Job,
    options: &Options,
    is_to_be: bool,
) -> Result<(), Failure> {
    check_heard(config)?;
    let machine = machine(job, &own_configuration()?.join("provision"))?;
    if options.show {
        context.print(&crontab::block(job, &machine));
        return Ok(());
    }
    let before = present_crontab()?;
    let after = if is_to_be {
        crontab::with(&before, job, &machine)
    } else {
        crontab::without(&before, job)
    };
    if after == before {
        context.tell("The crontab is as it should be.");
        return Ok(());
    }
    run_tool("crontab", &["-"], &after)?;
    context.tell(if is_to_be { "The crontab has it now." } else { "The crontab has it no more." });
    if is_to_be {
        tell_secret(context, job, &machine);
    }
    Ok(())
}

/// The crontab as it is; nothing where the user has none, which `crontab` calls an error.
fn present_crontab() -> Result<String, Failure> {
    match run_tool("crontab", &["-l"], "") {
        Err(Failure::Tool { why, .. }) if why.contains("no crontab") => Ok(String::new()),
        other => other,
    }
}

fn tell_secret(context: &Context, job: &Job, machine: &Machine) {
    if let Some(name) = &job.secret {
        let path = machine.variables.display();
        context.tell(&format!(
            "Put the line `{name}=…` into {path}, for your eyes alone (chmod 600)."
        ));
    }
}

fn machine(job: &Job, variables: &Path) -> Result<Machine, Failure> {
    Ok(Machine {
        program: std::env::current_exe()?,
        directory: std::env::current_dir()?,
        variables: variables.join(format!("{}.env", job.of())),
    })
}

/// Where this user's configuration is.
fn own_configuration() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let own = own.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
    own.ok_or(Failure::NoVariable { name: "HOME".into(), key: "the user's directory" })
}

/// Puts files in place, or takes them away, or shows them.
fn by_files(
    context: &Context,
    pieces: &[Piece],
    directory: &Path,
    options: &Options,
    is_to_be: bool,
) -> Result<(), Failure> {
    for piece in pieces {
        let path = directory.join(&piece.path);
        if options.show {
            context.print(&format!("# {}\n{}", path.display(), piece.content));
            continue;
        }
        let present = present(&path)?;
        let said = match (is_to_be, present) {
            (true, Some(text)) if text == piece.content => "is as it should be",
            (true, _) => {
                write(&path, &piece.content)?;
                "is written"
            }
            (false, Some(_)) => {
                std::fs::remove_file(&path)?;
                "is removed"
            }
            (false, None) => "was not there",
        };
        context.tell(&format!("{} {said}.", path.display()));
    }
    Ok(())
}

/// What is in a file that was written here; `None` where there is none.
fn present(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) if text.starts_with(MARK) => Ok(Some(text)),
        Ok(_) => Err(Failure::NotWritten(path.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::Unreadable { path: path.to_owned(), source }),
    }
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, content)?)
}

/// Runs a tool of the machine with something to read, and gives what it said.
fn run_tool(program: &str, arguments: &[&str], input: &str) -> Result<String, Failure> {
    let failed = |why: String| Failure::Tool { program: program.to_owned(), why };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that reads nothing may have ended already.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
