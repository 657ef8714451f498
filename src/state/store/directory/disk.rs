//! Files as states need them: private, whole, and where they seem to be.
//!
//! The rule: no file is opened through a symbolic link. The path is looked at before it is opened
//! and again afterwards. Whoever could put a link there and take it away in between can write into
//! the directory, which is the owner's alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::state::store::error::{StoreError, disk};

/// The content of a file; `None` when there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut file) = open_if_there(path, OpenOptions::new().read(true))? else {
        return Ok(None);
    };
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(disk("reading", path))?;
    Ok(Some(content))
}

/// Opens what is at a path, and not what it links to; `None` when nothing is there.
pub(super) fn open_if_there(
    path: &Path,
    options: &OpenOptions,
) -> Result<Option<File>, StoreError> {
    refuse_link(path)?;
    refuse_other_than_file(path)?;
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(disk("opening", path)(source)),
    };
    refuse_link(path)?;
    Ok(Some(file))
}

/// Refuses a path at which a symbolic link stands.
pub(super) fn refuse_link(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => Err(StoreError::Link { path: path.to_owned() }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(disk("reading", path)(source)),
    }
}

/// Refuses what is no file: a pipe would never end, and a directory holds no state.
fn refuse_other_than_file(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(StoreError::NoFile { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Puts a file in place as a whole: nobody ever sees half of it, not even after a power cut.
///
/// What stands at the path is replaced, not written through; so a device or a pipe is refused, of
/// which a user who may do so would be left with a plain file: `/dev/null`, of all things.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    refuse_link(path)?;
    refuse_other_than_file(path)?;
    let directory = directory_of(path);
    let mut file =
        tempfile::NamedTempFile::new_in(directory).map_err(disk("writing into", directory))?;
    file.write_all(content)
        .and_then(|()| file.as_file().sync_all())
        .map_err(disk("writing", path))?;
    file.persist(path).map_err(|error| disk("replacing", path)(error.error))?;
    sync_directory(directory)
}

/// Removes a file, for good; one that is not there is removed already.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("removing", path)(error)),
        _ => sync_directory(directory_of(path)),
    }
}

/// Gives a file another name, for good; one that is not there needs none.
pub(super) fn lay_aside(path: &Path, aside: &Path) -> Result<(), StoreError> {
    match fs::rename(path, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(disk("moving", path)(error)),
        _ => sync_directory(directory_of(path)),
    }
}

/// Makes a directory for its owner alone, where there is none.
///
/// # Errors
///
/// When something else is there.
pub(super) fn create_directory(path: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(disk("making", path))
}

/// Options that make files for their owner alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Writes a file as a whole, for its owner's eyes alone: for what holds values that are not for
/// every eye, outside of the state's directory too.
///
/// # Errors
///
/// When the disk refuses, or something other than a file stands there.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    replace(path, content)
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(disk("syncing", path))
}
