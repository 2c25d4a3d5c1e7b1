//! The two ways in: the control socket, and the address that metrics are served on.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _, chown},
        net::UnixStream as StdUnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{Extension, Router, extract::Request, middleware::map_request};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use nix::sys::stat::{Mode, umask};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
};

use super::{
    connections::{self, Asked},
    groups::AccessGroups,
    role::Peer,
    router,
    run_error::{Context as _, Result, ServerError},
    shared::ServerState,
};
use crate::{config::Edge, daemon::remembered::remember_state_dir, report::Told};

/// Longest time for a client to send the head of a request, counted from the connection's beginning
/// or the last answer.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// The longest head of a request in bytes.
const HEAD_LEN_BYTES: usize = 16 * 1024;

/// The open ways in, before any client is answered.
pub(super) struct Listeners {
    control: UnixListener,
    socket_file: SocketFile,
    groups: Option<AccessGroups>,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Opens them.
    pub(super) async fn bind(edge: &Edge) -> Result<Self> {
        let (control, socket_file) = bind_control(&edge.control)?;
        let groups = AccessGroups::find();
        if let Some(groups) = groups {
            let_in(&edge.control, groups);
        }
        remember_state_dir(&edge.control, &edge.state_dir);
        Ok(Self { control, socket_file, groups, metrics: bind_metrics(edge).await? })
    }

    /// Answers clients until the process ends, or the file of the socket is dropped.
    pub(super) fn serve(self, state: &ServerState) -> SocketFile {
        let router = router::control(state.clone());
        tokio::spawn(connections::serve(
            "the control socket",
            self.control,
            move |stream, asked| {
                let peer = Peer::of(&stream, self.groups);
                answer(router.clone().layer(Extension(peer)), stream, asked)
            },
        ));
        if let Some(listener) = self.metrics {
            let router = router::metrics(state.clone());
            tokio::spawn(connections::serve(
                "the metrics' address",
                listener,
                move |stream, asked| answer(router.clone(), stream, asked),
            ));
        }
        self.socket_file
    }
}

/// Answers the requests of one connection.
async fn answer(
    router: Router,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    asked: Asked,
) {
    let note = move |mut request: Request| {
        asked.note();
        request.extensions_mut().insert(asked.clone());
        std::future::ready(request)
    };
    let service = TowerToHyperService::new(router.layer(map_request(note)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_LEN_BYTES);
    // A client may go, or send something else than a request: the connection ends.
    let _gone = http.serve_connection(TokioIo::new(stream), service).await;
}

/// The socket's file, which goes when the daemon does.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.0);
    }
}

/// Opens the socket at `path`, for its owner only.
fn bind_control(path: &Path) -> Result<(UnixListener, SocketFile)> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("making the directory {}", directory.display()))?;
    }
    if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
        return Err(ServerError::Taken(Told::new(format!(
            "{} exists and is no socket, so the daemon can't listen there; remove it, or have \
             `control` name another path",
            path.display()
        ))));
    }
    match StdUnixStream::connect(path) {
        Ok(_) => {
            return Err(ServerError::Taken(Told::new(format!(
                "an edge daemon already answers at {}; stop it, or give this one a `control` \
                 socket of its own",
                path.display(),
            ))));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A daemon that was killed leaves its socket's file behind.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("removing {}", path.display()))?;
        }
        Err(error) => {
            return Err(error).with_context(|| format!("looking at {}", path.display()));
        }
    }
    // The umask keeps other users out even before the file's mode could be changed.
    let umask_before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(umask_before);
    let listener =
        listener.with_context(|| format!("opening the control socket {}", path.display()))?;
    Ok((listener, SocketFile(path.to_owned())))
}

/// Lets the group of readers connect. Frames matter more: a daemon that may not do so runs without them.
fn let_in(path: &Path, groups: AccessGroups) {
    let let_in = || {
        chown(path, None, Some(groups.readers.as_raw()))?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))
    };
    if let Err(error) = let_in() {
        tracing::warn!(
            "the group edge can't connect to {}, and only root and the daemon's own user can; run the daemon as the \
             user edge, or as root: {error}",
            path.display()
        );
    }
}

/// Opens the port for metrics. A port that the configuration names must be free. Where the default
/// one is not, the daemon goes on without metrics, as traffic matters more.
async fn bind_metrics(edge: &Edge) -> Result<Option<TcpListener>> {
    match TcpListener::bind(edge.metrics).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if edge.metrics_is_explicit => Err(error).with_context(|| {
            format!("opening {} for metrics; free it, or give another `metrics`", edge.metrics)
        }),
        Err(error) => {
            tracing::warn!(
                "no metrics are served, as {} can't be opened; free it, or give another `metrics`, \
                 and restart the daemon: {error}",
                edge.metrics
            );
            Ok(None)
        }
    }
}
