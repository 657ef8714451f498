//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

pub use crate::config::timeouts::duration;

/// The stack's description, unless another is named.
pub const FILE: &str = "provision.toml";

/// What stands below the help.
const AFTER: &str = "\
To begin: `provision init` writes a provision.toml, and `provision --local up` tries it without an account.

Exit codes:
    0  done, or nothing to do
    1  an error, wrong usage included
    2  from `plan --detailed-exitcode`: something to do; from `drift`: something has drifted
    3  the deployment failed, or was rolled back
    4  a wait ran out of time
  130  interrupted";

/// Takes a container image to a running, load-balanced service on ECS Fargate.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The stack's description.
    #[arg(short, long, value_name = "FILE", default_value = FILE, global = true)]
    pub file: PathBuf,
    /// The environment.
    #[arg(
        short,
        long,
        value_name = "ENV",
        default_value = "dev",
        env = "PROVISION_ENV",
        global = true
    )]
    pub env: String,
    /// Where the states are kept: a directory, or `s3://BUCKET/PREFIX`; by default where `[state]`
    /// in the file says, or else in `state`.
    #[arg(long, value_name = "PLACE", global = true)]
    pub state_dir: Option<PathBuf>,
    /// The stack's name, where there is no file to say it.
    #[arg(long, value_name = "NAME", global = true)]
    pub stack: Option<String>,
    /// The AWS region; overrides the file's.
    #[arg(long, value_name = "REGION", global = true)]
    pub region: Option<String>,
    /// The profile of the AWS configuration to use.
    #[arg(long, value_name = "PROFILE", global = true)]
    pub profile: Option<String>,
    /// Use the AWS inside the program: no account is needed, nothing costs anything.
    #[arg(long, global = true)]
    pub local: bool,
    /// How many times faster than real the local AWS runs.
    #[arg(long, value_name = "FACTOR", default_value_t = 30.0, value_parser = factor, global = true)]
    pub time_scale: f64,
    /// Say nothing but results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Log what is done; twice for every call to AWS.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Results as JSON, and the log too.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented provision.toml.
    Init(InitOptions),
    /// Show what `up` would do; change nothing.
    Plan(PlanOptions),
    /// Make the stack as it is described, and wait until it runs.
    Up(UpOptions),
    /// Show every resource, and how the service runs.
    Status(super::status::StatusOptions),
    /// Find out what somebody else has changed; put it back with `--fix`.
    Drift(super::drift::DriftOptions),
    /// Have drift checked again and again: by systemd, cron, a CI system or Kubernetes.
    Schedule(super::schedule::ScheduleOptions),
    /// Remove everything that the stack has made.
    Down(DownOptions),
    /// Print what the stack has to say about itself: its address, names and ids.
    Output(OutputOptions),
    /// Look at what is recorded, and mend it.
    State(super::state::StateOptions),
    /// Find a stack whose state was lost by its tags and names, and record it anew.
    Recover(super::recover::RecoverOptions),
    /// Take an existing resource into the stack.
    Import(super::import::ImportOptions),
    /// Let a protected stack be taken down again.
    Unprotect(super::protect::UnprotectOptions),
    /// Print the dependency graph.
    Graph(GraphOptions),
    /// Print the JSON Schema of provision.toml, for editors.
    Schema,
    /// Print a completion script.
    Completions(CompletionsOptions),
    /// Work with the AWS inside the program.
    #[cfg(feature = "simulated-aws")]
    Local(LocalOptions),
}

#[derive(Debug, Args)]
pub struct InitOptions {
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// What overrides the file in `plan` and `up`.
#[derive(Clone, Debug, Default, Args, Serialize, Deserialize)]
pub struct Overriding {
    /// Another image, for the one service or for the one that is named.
    #[arg(long, value_name = "[NAME=]REF")]
    pub image: Vec<String>,
    /// Another value for a key of the file: `network.nat=none`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, Args)]
pub struct PlanOptions {
    #[command(flatten)]
    pub overriding: Overriding,
    #[command(flatten)]
    pub deciding: super::outside::Deciding,
    /// Save the plan, for `up FILE` to do exactly that.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Exit with 2 when there is something to do.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show the values of environment variables.
    #[arg(long)]
    pub show_values: bool,
}

#[derive(Debug, Args)]
pub struct UpOptions {
    /// A plan that was saved with `plan --out`.
    #[arg(value_name = "PLAN", conflicts_with_all = ["image", "set", "revert_drift", "accept_drift"])]
    pub plan: Option<PathBuf>,
    #[command(flatten)]
    pub overriding: Overriding,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub deciding: super::outside::Deciding,
    #[command(flatten)]
    pub following: Following,
    /// The longest that the whole run may take, `20m` for example.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Show the values of environment variables.
    #[arg(long)]
    pub show_values: bool,
    /// Do not look first for what would end the run halfway.
    #[arg(long)]
    pub no_preflight: bool,
    #[command(flatten)]
    pub locking: super::locking::Locking,
}

/// How closely `up` follows the service that it has deployed.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Clone, Copy, Debug, Args)]
pub struct Following {
    /// Do not wait until the service runs steadily.
    #[arg(long)]
    pub no_wait: bool,
    /// Roll a deployment back that is interrupted with Ctrl-C, rather than leave it to AWS.
    #[arg(long)]
    pub rollback_on_interrupt: bool,
    /// Wait on when it is found out that the service can't come up.
    #[arg(long)]
    pub no_early_abort: bool,
    /// Do not ask the load balancer for the health path at the end.
    #[arg(long)]
    pub no_verify: bool,
}

#[derive(Debug, Args)]
pub struct DownOptions {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    /// The longest that the whole run may take, `20m` for example.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub timeout: Option<Duration>,
    #[command(flatten)]
    pub locking: super::locking::Locking,
}

#[derive(Debug, Args)]
pub struct OutputOptions {
    /// Which one; all without it.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct GraphOptions {
    /// In which language; `--json` is short for `--format json`.
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, which GitHub draws.
    Mermaid,
    /// For programs.
    Json,
}

#[derive(Debug, Args)]
pub struct CompletionsOptions {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(feature = "simulated-aws")]
#[derive(Debug, Args)]
pub struct LocalOptions {
    #[command(subcommand)]
    pub command: LocalCommand,
}

#[cfg(feature = "simulated-aws")]
#[derive(Debug, Subcommand)]
pub enum LocalCommand {
    /// Offer the local AWS over HTTP, for the AWS CLI and other tools.
    Serve {
        /// The port; 0 for a free one.
        #[arg(long, default_value_t = 4566)]
        port: u16,
        #[command(flatten)]
        losing: super::local::LosingOptions,
    },
}

/// Reads how many times faster time is to pass.
fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(factor),
        _ => Err("time can pass 1, 30 or 0.5 times as fast, for example: more than 0".into()),
    }
}
