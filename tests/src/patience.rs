//! The longest wait for something that is sure to come.

use std::time::Duration;

/// Ends a test that hangs, and nothing else: a machine may stand still for a minute. (Linux waits busily for
/// entries of `/proc` that another thread takes away, `shrink_dcache_tree` in fs/dcache.c, and processes die
/// here by the thousand.)
pub const PATIENCE: Duration = Duration::from_mins(3);
