//! `cargo xtask demo`.

use std::path::Path;

use anyhow::Result;

use crate::{
    build::run_edge,
    setup::{self, Needs},
};

/// An optimised build, then `edge demo` with `args`.
pub(crate) fn demo(root: &Path, args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--routed") {
        // BIRD and FRR, which the tests have as well.
        setup::ensure(Needs::Test)?;
    }
    run_edge(root, "demo", args)
}
