//! The limit of files that the daemon may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit to what the system lets this process have. Shells give processes a soft limit of
/// 1,024, for those that use `select`; the daemon does not. Where that is refused, the limit stays.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!("the limit of open files (RLIMIT_NOFILE) can't be raised: {error}");
    }
}
