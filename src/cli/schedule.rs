//! `provision schedule`: has drift checked where somebody else keeps the time.
//!
//! The rules: `install` says the same however often it is run, `uninstall` takes back exactly what
//! it wrote, and `--show` prints what either would do and does nothing. What is written says whose
//! it is; what does not is never touched.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::config::image::Reference;
use crate::config::{Config, FROM_ENVIRONMENT};
use crate::job::{
    Interval, Job, Machine, Piece, crontab, manifest, manifest_path, pipeline, pipeline_path,
    systemd, workflow, workflow_path,
};

use super::arguments::{FILE, Global, Overriding};
use super::context::{Context, StackName};
use super::failure::Failure;
use super::installing::{put, repository, run_tool, take_back, within};

#[derive(Debug, Args)]
pub struct ScheduleOptions {
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Write what has drift checked, and switch it on.
    Install(InstallOptions),
    /// Take back what `install` wrote, by the stack's name alone.
    Uninstall(Place),
}

/// Where it is written.
#[derive(Debug, Args)]
pub struct Place {
    /// Who keeps the time.
    #[arg(value_enum)]
    pub by: Keeper,
    /// For the whole machine, and not for this user alone (systemd).
    #[arg(long)]
    pub system: bool,
    /// Print it, and do nothing.
    #[arg(long)]
    pub show: bool,
}

#[derive(Debug, Args)]
pub struct InstallOptions {
    #[command(flatten)]
    pub place: Place,
    /// How long from one check to the next.
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    pub every: Interval,
    /// The role that checks are made with: its ARN (github, gitlab, kubernetes).
    #[arg(long, value_name = "ARN", value_parser = role)]
    pub role: Option<String>,
    /// The image of `provision`, where the file does not name one (github, gitlab, kubernetes).
    #[arg(long, value_name = "REF", value_parser = image)]
    pub image: Option<String>,
}

fn role(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let is_role = matches!(
        parts[..],
        ["arn", _, "iam", "", account, role]
            if account.len() == 12
                && account.bytes().all(|digit| digit.is_ascii_digit())
                && role.strip_prefix("role/").is_some_and(|name| !name.is_empty())
    );
    if is_role && text.bytes().all(|letter| letter.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err("a role's ARN is meant, such as arn:aws:iam::123456789012:role/drift".into())
}

fn image(text: &str) -> Result<String, String> {
    match text.parse::<Reference>() {
        Ok(_) => Ok(text.to_owned()),
        Err(why) => Err(why.to_string()),
    }
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

pub async fn run(context: &Context, options: &ScheduleOptions) -> Result<ExitCode, Failure> {
    match &options.command {
        ScheduleCommand::Install(options) => install(context, options),
        ScheduleCommand::Uninstall(place) => uninstall(context, context.stack_name().await?, place),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn install(context: &Context, options: &InstallOptions) -> Result<(), Failure> {
    let config = &context.config(&Overriding::default())?;
    let (global, place) = (&context.global, &options.place);
    match place.by {
        Keeper::Systemd | Keeper::Crontab => {
            check_heard(config)?;
            let job = job(config, options, arguments(global, place.by, &global.file));
            let machine = machine(&job, place)?;
            if place.by == Keeper::Systemd {
                by_systemd(context, &job, &machine, place)
            } else {
                by_cron(context, &job, &machine, place)
            }
        }
        Keeper::Github | Keeper::Gitlab => {
            let root = repository()?;
            let file = within(&root, &global.file)?;
            let job = job(config, options, arguments(global, place.by, &file));
            put(context, &[elsewhere(context, config, &job, options)?], &root, place.show)
        }
        Keeper::Kubernetes => {
            let job = job(config, options, arguments(global, place.by, Path::new(FILE)));
            let piece = elsewhere(context, config, &job, options)?;
            put(context, &[piece], Path::new(""), place.show)
        }
    }
}

/// Takes back what goes by the stack's name: nothing else that the file said then counts.
fn uninstall(context: &Context, name: StackName, place: &Place) -> Result<(), Failure> {
    let StackName { stack, environment } = name;
    let (region, every, arguments) = (String::new(), Interval::default(), Vec::new());
    let job = Job { stack, environment, region, every, arguments, secret: None };
    let file = |path: PathBuf| take_back(context, &[path], place.show, |_| Ok(()));
    match place.by {
        Keeper::Systemd => without_systemd(context, &job, place),
        Keeper::Crontab => without_cron(context, &job, place),
        Keeper::Github => file(repository()?.join(workflow_path(&job))),
        Keeper::Gitlab => file(repository()?.join(pipeline_path(&job))),
        Keeper::Kubernetes => file(manifest_path(&job)),
    }
}

fn job(config: &Config, options: &InstallOptions, arguments: Vec<String>) -> Job {
    let webhook = config.drift.webhook.as_deref();
    let secret = webhook.and_then(|address| address.strip_prefix(FROM_ENVIRONMENT));
    Job {
        stack: config.name.clone(),
        environment: config.environment.clone(),
        region: config.region.clone(),
        every: options.every,
        arguments,
        secret: secret.map(str::to_owned),
    }
}

/// The place of the states, where it was named and is the same for whoever runs the job: a
/// directory is one of this machine, a bucket is there for all.
fn named_place(global: &Global, is_here: bool) -> Option<&PathBuf> {
    global.state_dir.as_ref().filter(|place| is_here || place.starts_with("s3:"))
}

/// What the program is told elsewhere, so that it does what it would do here.
fn arguments(global: &Global, by: Keeper, file: &Path) -> Vec<String> {
    let mut arguments = vec!["-e".to_owned(), global.env.clone()];
    let mut add = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    let is_here = matches!(by, Keeper::Systemd | Keeper::Crontab);
    if file != Path::new(FILE) {
        add("-f", file.to_string_lossy().into_owned());
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
    options: &InstallOptions,
) -> Result<Piece, Failure> {
    let (of, needed) = match options.place.by {
        Keeper::Github => ("GitHub Actions", "a workflow of GitHub Actions"),
        Keeper::Gitlab => ("GitLab CI", "a job of GitLab CI"),
        _ => ("Kubernetes", "a CronJob"),
    };
    let image = options.image.as_ref().or(config.drift.image.as_ref());
    let image = image.ok_or(Failure::Needed { key: "--image", of: needed })?;
    let role = options.role.as_ref().ok_or(Failure::Needed { key: "--role", of: needed })?;
    if config.state.bucket.is_none() && named_place(&context.global, false).is_none() {
        return Err(Failure::StateOutOfReach(of));
    }
    match options.place.by {
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
    job: &Job,
    machine: &Machine,
    place: &Place,
) -> Result<(), Failure> {
    put(context, &systemd::units(job, machine), &units_directory(place)?, place.show)?;
    if place.show {
        return Ok(());
    }
    systemctl(place, &["daemon-reload"])?;
    systemctl(place, &["enable", "--now", &systemd::names(job)[1]])?;
    tell_secret(context, job, machine);
    Ok(())
}

fn without_systemd(context: &Context, job: &Job, place: &Place) -> Result<(), Failure> {
    let (directory, names) = (units_directory(place)?, systemd::names(job));
    let paths = names.each_ref().map(|name| directory.join(name));
    take_back(context, &paths, place.show, |there| {
        let [_, timer] = &names;
        if there.iter().any(|path| path.ends_with(timer)) {
            systemctl(place, &["disable", "--now", timer])?;
        }
        Ok(())
    })?;
    if place.show { Ok(()) } else { systemctl(place, &["daemon-reload"]) }
}

fn systemctl(place: &Place, arguments: &[&str]) -> Result<(), Failure> {
    let user: &[&str] = if place.system { &[] } else { &["--user"] };
    run_tool("systemctl", &[user, arguments].concat(), "").map(drop)
}

fn units_directory(place: &Place) -> Result<PathBuf, Failure> {
    if place.system {
        return Ok(PathBuf::from("/etc/systemd/system"));
    }
    Ok(own_configuration()?.join("systemd/user"))
}

fn by_cron(context: &Context, job: &Job, machine: &Machine, place: &Place) -> Result<(), Failure> {
    if place.show {
        context.print(&crontab::block(job, machine));
        return Ok(());
    }
    let before = present_crontab()?;
    let after = crontab::with(&before, job, machine);
    if after == before {
        context.tell("The crontab is as it should be.");
        return Ok(());
    }
    run_tool("crontab", &["-"], &after)?;
    context.tell("The crontab has it now.");
    tell_secret(context, job, machine);
    Ok(())
}

fn without_cron(context: &Context, job: &Job, place: &Place) -> Result<(), Failure> {
    let before = present_crontab()?;
    if place.show {
        match crontab::own(&before, job) {
            own if own.is_empty() => context.tell("The crontab is as it should be."),
            own => {
                context.tell("This would be taken back:");
                context.print(&own);
            }
        }
        return Ok(());
    }
    let after = crontab::without(&before, job);
    if after == before {
        context.tell("The crontab is as it should be.");
        return Ok(());
    }
    run_tool("crontab", &["-"], &after)?;
    context.tell("The crontab has it no more.");
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
            "Put the line `{name}='…'` into {path}, for your eyes alone (chmod 600)."
        ));
    }
}

/// The machine at hand, as far as systemd and cron can be told of it.
fn machine(job: &Job, place: &Place) -> Result<Machine, Failure> {
    let is_system = place.system && place.by == Keeper::Systemd;
    let variables =
        if is_system { "/etc/provision".into() } else { own_configuration()?.join("provision") };
    let machine = Machine {
        program: std::env::current_exe()?,
        directory: std::env::current_dir()?,
        variables: variables.join(format!("{}.env", job.of())),
        user: if is_system { Some(user()?) } else { None },
    };
    let arguments = job.arguments.iter().map(Path::new);
    let paths = [&machine.program, &machine.directory, &machine.variables];
    for path in paths.into_iter().map(PathBuf::as_path).chain(arguments) {
        let text = path.to_string_lossy();
        if text.contains(char::is_control) || text.ends_with('\\') {
            let why = "it has control characters in it, or a backslash at its end";
            return Err(Failure::Unschedulable { path: path.to_owned(), why });
        }
    }
    Ok(machine)
}

/// Who installs: with whose credentials the machine's own checks are made too.
fn user() -> Result<String, Failure> {
    let caller = std::env::var_os("SUDO_USER").and_then(|user| user.into_string().ok());
    match caller.filter(|user| !user.is_empty()) {
        Some(user) => Ok(user),
        None => run_tool("id", &["-un"], "").map(|said| said.trim().to_owned()),
    }
}

/// Where this user's configuration is.
fn own_configuration() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let own = own.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")));
    own.ok_or(Failure::NoVariable { name: "HOME".into(), key: "the user's directory" })
}
