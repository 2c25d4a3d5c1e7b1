//! The limit of files that the daemon may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the limit to the most that the system allows this process. Shells give processes a soft
/// limit of 1,024, as `select` takes no more files; the daemon does not use it. Where the system
/// refuses, the limit stays.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) }
    });
    if let Err(error) = raised {
        tracing::warn!(
            "the limit of open files (RLIMIT_NOFILE) can't be raised, and may be too low for many \
             ports or clients: {error}"
        );
    }
}
