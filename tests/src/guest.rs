//! Facts about the machine that tests run on.

use std::env;

/// Whether the machine is emulated, as `cargo xtask kernels` says to its guests: about twenty times
/// slower, so that it can offer no rates worth judging, and senders outrun receivers.
#[must_use]
pub fn is_emulated() -> bool {
    env::var_os("EDGE_EMULATED").is_some_and(|value| value == "1")
}
