//! `provision init`: writes a commented file, asking nothing that it can guess.

use std::process::ExitCode;

use crate::config::{Guess, template};

use super::arguments::InitOptions;
use super::context::Context;
use super::failure::Failure;

pub fn run(context: &Context, options: &InitOptions) -> Result<ExitCode, Failure> {
    let path = &context.global.file;
    if path.exists() && !options.force {
        return Err(Failure::FileExists(path.clone()));
    }
    let directory = std::env::current_dir()?;
    let dockerfile = std::fs::read_to_string(directory.join("Dockerfile")).unwrap_or_default();
    let guess = Guess::from_surroundings(&directory, &dockerfile, context.global.region.as_deref());
    std::fs::write(path, template(&guess))?;
    context.tell(&format!(
        "Wrote {}. Set the image in it, then run `provision --local up` to try it.",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
