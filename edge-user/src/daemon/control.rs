//! The control socket: one JSON line asks, one JSON line answers.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::{fs::FileTypeExt as _, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use edge_api::Booked;
use nix::sys::stat::{Mode, umask};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    sync::Mutex,
    time::timeout,
};

pub use super::remembered::{remember_state_dir, remembered_state_dir};
use super::{
    bandwidth::SetBandwidth,
    connections::{self, Asked},
    instance::Instance,
};
use crate::config::{BandwidthRefused, ConfigErrors};

/// Longest request in bytes.
const MAX_REQUEST_LEN_BYTES: u64 = 64 * 1024;
/// Longest time for a client to send its request, and longest time for it to read its answer.
const ASK_WITHIN: Duration = Duration::from_secs(10);
/// Longest time that the daemon waits for a booking.
const BOOK_WITHIN: Duration = Duration::from_secs(20);
/// Longest time that a client waits for the daemon's answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A client's request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// The [`edge_api::Status`].
    Status,
    /// To book the meters now: [`Booked`].
    Book,
    /// To read the configuration again: [`edge_api::Reloaded`].
    Reload,
    /// Another bandwidth for a circuit: a [`edge_api::BandwidthChange`].
    SetBandwidth(SetBandwidth),
}

/// The daemon refuses its configuration, with every mistake in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigRefused(String);

/// The daemon's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Ok(Box<RawValue>),
    ConfigErrors(String),
    BandwidthRefused(BandwidthRefused),
    Error(String),
}

/// The socket's file, which goes when the daemon does.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.0);
    }
}

/// Opens the socket at `path`, for its owner only.
pub fn bind(path: &Path) -> Result<(UnixListener, SocketFile)> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("making the directory {}", directory.display()))?;
    }
    if fs::symlink_metadata(path).is_ok_and(|file| !file.file_type().is_socket()) {
        bail!("{} is there and no socket; `control` names another place", path.display());
    }
    match UnixStream::connect(path) {
        Ok(_) => bail!(
            "an edge daemon already answers at {}; stop it, or give this one a `control` socket of \
             its own",
            path.display(),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A daemon that was killed leaves its socket's file behind.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).with_context(|| format!("removing {}", path.display()))?;
        }
        Err(error) => {
            return Err(error).with_context(|| format!("looking at {}", path.display()));
        }
    }
    // Nobody else may connect, not even between the making of the file and a change of its mode.
    let umask_before = umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path);
    umask(umask_before);
    let listener =
        listener.with_context(|| format!("opening the control socket {}", path.display()))?;
    Ok((listener, SocketFile(path.to_owned())))
}

/// Answers clients, each in its own task.
pub async fn serve(listener: UnixListener, instance: Arc<Mutex<Instance>>) {
    connections::serve("the control socket", listener, |stream, asked| {
        let instance = Arc::clone(&instance);
        async move {
            if let Err(error) = answer(stream, &asked, &instance).await {
                tracing::warn!("a control client: {error:#}");
            }
        }
    })
    .await;
}

/// Whether a daemon answers at `socket`.
#[must_use]
pub fn is_answered(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

/// Asks the daemon at `socket`.
pub fn ask<T: for<'de> Deserialize<'de>>(socket: &Path, request: &Request) -> Result<T> {
    let mut stream = UnixStream::connect(socket).with_context(|| {
        format!(
            "no edge daemon answers at {}; `edge run -c FILE` starts one, `-s PATH` names its \
             control socket",
            socket.display(),
        )
    })?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    let mut line = serde_json::to_string(request)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).context("waiting for the daemon's answer")?;
    match serde_json::from_str(&line).context("the daemon's answer is not one of edge's")? {
        Answer::Ok(value) => Ok(serde_json::from_str(value.get())?),
        Answer::ConfigErrors(errors) => Err(ConfigRefused(errors).into()),
        Answer::BandwidthRefused(refused) => Err(refused.into()),
        Answer::Error(error) => Err(anyhow!(error)),
    }
}

async fn answer(
    mut stream: tokio::net::UnixStream,
    asked: &Asked,
    instance: &Mutex<Instance>,
) -> Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(MAX_REQUEST_LEN_BYTES));
    let read = timeout(ASK_WITHIN, reader.read_line(&mut line)).await;
    read.with_context(|| format!("no request within {ASK_WITHIN:?}"))??;
    if line.is_empty() {
        // Somebody who only wanted to know whether we are here.
        return Ok(());
    }
    asked.note();
    let answer = match handle(&line, instance).await {
        Ok(value) => Answer::Ok(value),
        Err(error) if error.is::<ConfigErrors>() => Answer::ConfigErrors(error.to_string()),
        Err(error) => match error.downcast() {
            Ok(refused) => Answer::BandwidthRefused(refused),
            Err(error) => Answer::Error(format!("{error:#}")),
        },
    };
    let mut line = serde_json::to_string(&answer)?;
    line.push('\n');
    let written = timeout(ASK_WITHIN, writer.write_all(line.as_bytes())).await;
    written.with_context(|| format!("the answer was not read within {ASK_WITHIN:?}"))??;
    Ok(())
}

async fn handle(line: &str, instance: &Mutex<Instance>) -> Result<Box<RawValue>> {
    let received = Instant::now();
    let request = serde_json::from_str(line)
        .context("the daemon does not know this request: client and daemon differ in version")?;
    let mut instance = instance.lock().await;
    match request {
        Request::Book => {
            let bookkeeper = instance.bookkeeper();
            // It may take as long as a disk likes.
            drop(instance);
            let (booking, state_dir) =
                (bookkeeper.request_booking(), bookkeeper.status().state_dir);
            let booked = tokio::task::spawn_blocking(move || booking.wait(BOOK_WITHIN)).await?;
            let error = booked.err().map(|error| format!("{error:#}"));
            Ok(to_raw_value(&Booked { state_dir, error })?)
        }
        Request::Status => Ok(to_raw_value(&instance.status()?)?),
        Request::Reload => Ok(to_raw_value(&instance.reload()?)?),
        Request::SetBandwidth(request) => {
            Ok(to_raw_value(&instance.set_bandwidth(&request, received)?)?)
        }
    }
}
