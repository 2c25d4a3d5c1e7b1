//! The longest wait for something that is sure to come.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Ends a test that hangs, and nothing else: a machine may stand still for a minute. (Linux waits busily for
/// entries of `/proc` that another thread takes away, `shrink_dcache_tree` in fs/dcache.c, and processes die
/// here by the thousand.)
pub const PATIENCE: Duration = Duration::from_mins(3);
/// Time between looks at something that comes about.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for something to come about.
pub fn wait<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            bail!("it has not come about in {PATIENCE:?}");
        }
        thread::sleep(LOOK);
    }
}
