//! Files put in place and taken back, and the tools of the machine that are told of them.
//!
//! The rule: what does not say that it was written here is never touched, and that is known of all
//! files before the first of them is.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::job::{MARK, Piece};

use super::context::Context;
use super::failure::Failure;

/// Puts files in place, or shows them.
pub fn put(
    context: &Context,
    pieces: &[Piece],
    directory: &Path,
    is_shown: bool,
) -> Result<(), Failure> {
    if is_shown {
        for piece in pieces {
            show(context, &directory.join(&piece.path), &piece.content);
        }
        return Ok(());
    }
    let paths: Vec<PathBuf> = pieces.iter().map(|piece| directory.join(&piece.path)).collect();
    for (piece, (path, text)) in pieces.iter().zip(present(&paths)?) {
        let said = if text.as_ref() == Some(&piece.content) {
            "is as it should be"
        } else {
            write(path, &piece.content)?;
            "is written"
        };
        context.tell(&format!("{} {said}.", path.display()));
    }
    Ok(())
}

/// Takes files away, or shows them. Before the first goes, `before` is called with those that are
/// there.
pub fn take_back(
    context: &Context,
    paths: &[PathBuf],
    is_shown: bool,
    before: impl FnOnce(&[&PathBuf]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let present = present(paths)?;
    if is_shown {
        if present.iter().any(|(_, text)| text.is_some()) {
            context.tell("This would be taken back:");
        }
        for (path, text) in &present {
            match text {
                Some(text) => show(context, path, text),
                None => context.tell(&format!("{} is not there.", path.display())),
            }
        }
        return Ok(());
    }
    let there = present.iter().filter(|(_, text)| text.is_some());
    before(&there.map(|(path, _)| *path).collect::<Vec<_>>())?;
    for (path, text) in present {
        let said = if text.is_some() {
            std::fs::remove_file(path)?;
            "is removed"
        } else {
            "was not there"
        };
        context.tell(&format!("{} {said}.", path.display()));
    }
    Ok(())
}

fn show(context: &Context, path: &Path, text: &str) {
    context.print(&format!("# {}\n{text}", path.display()));
}

/// What is in files that were written here; `None` where there is none.
fn present(paths: &[PathBuf]) -> Result<Vec<(&PathBuf, Option<String>)>, Failure> {
    let present = paths.iter().map(|path| match std::fs::read_to_string(path) {
        Ok(text) if text.starts_with(MARK) => Ok((path, Some(text))),
        Ok(_) => Err(Failure::NotWritten(path.clone())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, None)),
        Err(source) => Err(Failure::Unreadable { path: path.clone(), source }),
    });
    present.collect()
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    Ok(std::fs::write(path, content)?)
}

/// The root of the repository that the working directory is in, which alone CI systems look at; the
/// working directory where it is in none.
pub fn repository() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()?;
    let root = here.ancestors().find(|directory| directory.join(".git").exists());
    Ok(root.filter(|root| *root != here).map(Path::to_owned).unwrap_or_default())
}

/// What a file is called from the root of a repository.
pub fn within(root: &Path, file: &Path) -> Result<PathBuf, Failure> {
    let real = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::canonicalize(path)
    };
    let directory = real(file.parent().unwrap_or(Path::new("")))?;
    match (directory.strip_prefix(real(root)?), file.file_name()) {
        (Ok(directory), Some(name)) => Ok(directory.join(name)),
        _ => Err(Failure::Unschedulable {
            path: file.to_owned(),
            why: "it is outside of the repository",
        }),
    }
}

/// Runs a tool of the machine with something to read, and gives what it said.
pub fn run_tool(program: &str, arguments: &[&str], input: &str) -> Result<String, Failure> {
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
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    // What can't be read whole must not be written back.
    String::from_utf8(output.stdout).map_err(|_| failed("what it says is not UTF-8".into()))
}
