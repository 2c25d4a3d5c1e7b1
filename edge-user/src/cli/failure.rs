//! The end of a command that has failed: the error as people read it, and the exit code.

use std::{error::Error, io, io::IsTerminal as _};

use annotate_snippets::Renderer;
use edge_api::ClientError;
use edge_user::{
    config::ConfigErrors,
    daemon::error::DaemonError,
    kernel::{error::KernelError, object::load_error::LoadError},
    replay::{capture::CaptureError, error::ReplayError, routes_file::RoutesFileErrors},
    server::run_error::ServerError,
};
use nix::{errno::Errno, unistd::geteuid};

use super::{UsageError, snippets};

/// An error, as people read it.
pub(super) fn told(error: &anyhow::Error, verbose: bool) -> String {
    let errors = find::<ConfigErrors>(error);
    let mut text = if let Some(errors) = errors.filter(|_| io::stderr().is_terminal()) {
        snippets::render(errors, &Renderer::styled())
    } else if errors.is_some() || is_of_config(error) || error.is::<RoutesFileErrors>() {
        error.to_string()
    } else {
        format!("error: {error:#}{}", permission_hint(error))
    };
    if verbose && let Some(log) = refusal_log(error) {
        text.push('\n');
        text.push_str(log);
    }
    text
}

/// Whether the daemon has refused its configuration, with one line for each mistake.
fn is_of_config(error: &anyhow::Error) -> bool {
    match error.downcast_ref() {
        Some(ClientError::Refused { document, .. }) => document.is_of_config(),
        _ => false,
    }
}

pub(super) fn exit_code(error: &anyhow::Error) -> u8 {
    let is_not_ethernet = causes(error)
        .any(|cause| matches!(cause.downcast_ref(), Some(CaptureError::NotEthernet { .. })));
    let is_callers = error.downcast_ref::<ClientError>().is_some_and(ClientError::is_callers);
    let is_usage = find::<ConfigErrors>(error).is_some() || is_callers || error.is::<UsageError>();
    if is_usage || is_not_ethernet || error.is::<RoutesFileErrors>() { 2 } else { 1 }
}

/// Advice for an error that root would not get.
fn permission_hint(error: &anyhow::Error) -> &'static str {
    let is_permission = causes(error).any(|cause| {
        let io = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        let errno = cause.downcast_ref::<Errno>().copied();
        matches!(errno.or(io.map(Errno::from_raw)), Some(Errno::EPERM | Errno::EACCES))
    });
    if is_permission && !geteuid().is_root() { "; this needs root" } else { "" }
}

/// The verifier's log, where a program was refused.
fn refusal_log(error: &anyhow::Error) -> Option<&str> {
    find::<LoadError>(error)?.log.as_deref()
}

/// The errors of the chain, and those that one of ours speaks for, which it leaves out.
fn causes(error: &anyhow::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    error.chain().flat_map(|cause| [Some(cause), spoken_for(cause)]).flatten()
}

fn spoken_for<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let of_kernel = |error: &'a KernelError| error.told().speaker();
    let of_replay = || error.downcast_ref().and_then(ReplayError::speaker);
    let of_daemon = || error.downcast_ref().and_then(DaemonError::speaker);
    let of_server = || error.downcast_ref().and_then(ServerError::speaker);
    let spoken_for = error.downcast_ref().and_then(of_kernel);
    spoken_for.or_else(of_replay).or_else(of_daemon).or_else(of_server)
}

/// The first of these errors in the chain.
fn find<T: Error + 'static>(error: &anyhow::Error) -> Option<&T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// Whether the reader of our output has closed the pipe (`edge … | head`).
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    causes(error).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(closed)
            || cause.downcast_ref::<csv::Error>().is_some_and(
                |error| matches!(error.kind(), csv::ErrorKind::Io(error) if closed(error)),
            )
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
