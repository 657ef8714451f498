//! The command line: one file a command, and what they share.
//!
//! The rule: a command parses, calls, reports. What an error means for the user, its hint and its
//! exit code, is in [`failure`] alone.

mod arguments;
mod ask;
mod beside;
mod chronicle;
mod connect;
mod context;
mod down;
mod drift;
mod failure;
mod fleet;
mod formats;
mod graph;
mod holding;
mod import;
mod init;
mod installing;
#[cfg(feature = "simulated-aws")]
mod local;
mod locking;
mod logging;
mod moving;
mod output;
mod outside;
mod panic;
mod passing;
mod place;
mod plan;
mod preflight;
mod printing;
mod protect;
mod recover;
mod restore;
mod run;
mod saved;
mod schedule;
mod screen;
mod state;
mod status;
mod up;
mod verifying;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
use context::Context;
use failure::Failure;

/// Runs the program: reads the arguments, does what they ask, tells what failed.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::usage(&error),
    };
    logging::start(&arguments.global);
    let json = arguments.global.json;
    panic::end_with_panics(json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::from(error).report(json),
    };
    match runtime.block_on(dispatch(arguments)) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}

async fn dispatch(arguments: Arguments) -> Result<ExitCode, Failure> {
    let context = Context::new(arguments.global);
    let done = run(&context, arguments.command).await;
    context.close().await;
    let code = done?;
    printing::check()?;
    Ok(code)
}

async fn run(context: &Context, command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Init(options) => init::run(context, &options),
        Command::Plan(options) => plan::run(context, &options).await,
        Command::Up(options) => up::run(context, options).await,
        Command::Status(options) => status::run(context, &options).await,
        Command::Drift(options) => drift::run(context, &options).await,
        Command::Schedule(options) => schedule::run(context, &options).await,
        Command::Down(options) => down::run(context, &options).await,
        Command::State(options) => state::run(context, &options).await,
        Command::Recover(options) => recover::run(context, &options).await,
        Command::Import(options) => import::run(context, &options).await,
        Command::Unprotect(options) => protect::run(context, &options).await,
        Command::Output(options) => output::run(context, &options).await,
        Command::Graph(options) => graph::run(context, &options).await,
        Command::Schema => {
            context.print(&crate::report::json::document(&crate::config::schema()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions(options) => {
            let mut command = Arguments::command();
            let mut script = Vec::new();
            clap_complete::generate(options.shell, &mut command, "provision", &mut script);
            context.print(&String::from_utf8_lossy(&script));
            Ok(ExitCode::SUCCESS)
        }
        #[cfg(feature = "simulated-aws")]
        Command::Local(options) => local::run(context, &options).await,
    }
}
