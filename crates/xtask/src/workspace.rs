//! Where things are: the root, what cargo built, and the source files.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file that a check reads: its path from the root, with slashes, and its text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Returns the root of the workspace, which holds this package as `crates/xtask`.
pub(crate) fn root() -> PathBuf {
    // Read at run time: a checkout that has moved since it was built is still found.
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    package.ancestors().nth(2).map_or_else(PathBuf::new, Path::to_path_buf)
}

/// Returns where cargo puts the binary `name` of the given profile's folder.
pub(crate) fn binary(profile: &str, name: &str) -> Result<PathBuf> {
    Ok(target()?.join(profile).join(format!("{name}{EXE_SUFFIX}")))
}

/// Returns the folder that cargo builds into.
///
/// Cargo built us too, so our own place tells, whatever the folder is called.
pub(crate) fn target() -> Result<PathBuf> {
    let own = env::current_exe()
        .map_err(|source| Error::Spawn { program: "xtask".to_owned(), source })?;
    Ok(own.ancestors().nth(2).unwrap_or(&own).to_path_buf())
}

/// Reads every file below `folder` whose name ends in `.{extension}`, in order of path.
pub(crate) fn read(folder: &str, extension: &str) -> Result<Vec<Source>> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let at = |source| Error::Io { path: folder.clone(), source };
        for entry in fs::read_dir(root.join(&folder)).map_err(at)? {
            let entry = entry.map_err(at)?;
            let path = folder.join(entry.file_name());
            if entry.file_type().map_err(at)?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(read_file(&root, &path)?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read_file(root: &Path, path: &Path) -> Result<Source> {
    let text = fs::read_to_string(root.join(path))
        .map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let words: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    Ok(Source { path: words.join("/"), text })
}
