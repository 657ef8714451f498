//! `provision init`: writes a commented file, asking nothing that it can guess.

use std::process::ExitCode;

use crate::config::{Guess, template};

use super::arguments::{FILE, InitOptions};
use super::context::Context;
use super::failure::Failure;

pub fn run(context: &Context, options: &InitOptions) -> Result<ExitCode, Failure> {
    let path = &context.global.file;
    if path.exists() && !options.force {
        return Err(Failure::FileExists(path.clone()));
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
        let (path, directory) = (path.clone(), directory.to_owned());
        return Err(Failure::NoDirectory { path, directory });
    }
    let guess = guess(context)?;
    std::fs::write(path, template(&guess))
        .map_err(|source| Failure::NotWritable { path: path.clone(), source })?;
    let path = path.display();
    let named = if path.to_string() == FILE { String::new() } else { format!(" -f {path}") };
    let missing = if guess.region.is_some() { "the image" } else { "the region and the image" };
    context.tell(&format!(
        "Wrote {path}. Set {missing} in it. `provision{named} --local up` tries it without an account."
    ));
    Ok(ExitCode::SUCCESS)
}

/// What the directory and its Dockerfile tell of the service.
fn guess(context: &Context) -> Result<Guess, Failure> {
    let directory = std::env::current_dir()?;
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut guess = Guess::of_directory(&name.unwrap_or_default());
    guess.region = context.global.region.clone().or_else(environment_region);
    let dockerfile = std::fs::read_to_string(directory.join("Dockerfile")).unwrap_or_default();
    guess.port = exposed_port(&dockerfile);
    Ok(guess)
}

fn environment_region() -> Option<String> {
    let named = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(std::env::var_os)?;
    named.into_string().ok()
}

/// The first port that a Dockerfile exposes.
fn exposed_port(dockerfile: &str) -> Option<u16> {
    let exposed = dockerfile.lines().filter_map(|line| line.trim().strip_prefix("EXPOSE "));
    exposed.flat_map(str::split_whitespace).find_map(|port| port.split('/').next()?.parse().ok())
}
