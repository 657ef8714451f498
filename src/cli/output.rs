//! `provision output`: what the stack has to say about itself, for scripts.

use std::process::ExitCode;

use crate::report::{json, status};
use crate::stack::outputs::outputs;

use super::arguments::OutputOptions;
use super::context::Context;
use super::failure::Failure;

pub async fn run(context: &Context, options: &OutputOptions) -> Result<ExitCode, Failure> {
    let state = context.existing_state(&context.stack_name().await?).await?;
    let outputs = outputs(&state);
    let Some(name) = &options.name else {
        let all =
            if context.global.json { json::document(&outputs) } else { status::outputs(&outputs) };
        context.print(&all);
        return Ok(ExitCode::SUCCESS);
    };
    let Some(value) = outputs.get(name) else {
        let known = outputs.into_keys().collect();
        return Err(Failure::NoOutput { name: name.clone(), known });
    };
    context.print(&if context.global.json { json::document(value) } else { status::bare(value) });
    Ok(ExitCode::SUCCESS)
}
