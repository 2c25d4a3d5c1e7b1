//! `cargo xtask bench`.

use std::path::Path;

use anyhow::Result;

use crate::build::run_edge;

/// An optimised build, then `edge bench` with `args`.
pub(crate) fn bench(root: &Path, args: &[String]) -> Result<()> {
    run_edge(root, "bench", args)
}
