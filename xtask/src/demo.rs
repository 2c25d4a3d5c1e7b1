//! `cargo xtask demo`.

use std::path::Path;

use anyhow::Result;

use crate::build::run_edge;

/// An optimised build, then `edge demo` with `args`.
pub(crate) fn demo(root: &Path, args: &[String]) -> Result<()> {
    run_edge(root, "demo", args)
}
