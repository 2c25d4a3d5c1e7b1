//! The folder of real captures that `EDGE_CAPTURES` names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

/// Its files, in order; `None`, and a line that says so, where `test` goes without.
pub fn captures_or_skip(test: &str) -> Result<Option<Vec<PathBuf>>> {
    let Some(folder) = std::env::var_os("EDGE_CAPTURES") else {
        println!("SKIPPED: {test}: EDGE_CAPTURES names no folder");
        return Ok(None);
    };
    let mut files = Vec::new();
    find(Path::new(&folder), &mut files)?;
    files.sort();
    Ok(Some(files))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { find(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
