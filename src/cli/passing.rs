//! A state that passes with its machine: in CI, a directory that nobody keeps.

use std::path::Path;
use std::process::{Command, Stdio};

use super::context::{Context, StackName};
use super::place::Place;

/// What to say of a state that would be thrown away with the machine; `None` where it would not,
/// or nobody can tell.
pub fn warning(context: &Context, name: &StackName) -> Option<String> {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    if !is_ci || context.global.local {
        return None;
    }
    let Place::Directory(directory) = context.place().ok()? else { return None };
    let is_kept = is_committed(&directory);
    (!is_kept).then(|| {
        format!(
            "this is a CI job, and the state of {}-{} is kept in {}, which goes with the machine. \
             To keep it, add to {}:\n    [state]\n    bucket = \"NAME-OF-A-BUCKET\"\n    \
             region = \"REGION\"",
            name.stack,
            name.environment,
            directory.display(),
            context.global.file.display(),
        )
    })
}

/// Whether git keeps anything of a directory.
fn is_committed(directory: &Path) -> bool {
    let listed = Command::new("git")
        .args(["ls-files", "--", "."])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    listed.is_ok_and(|listed| listed.status.success() && !listed.stdout.is_empty())
}
