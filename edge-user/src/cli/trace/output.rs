//! Where the frames of a trace go.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use edge_api::{TraceStart, TracedFrame};
use edge_user::{
    replay::capture::{NgFrame, NgInterface, NgWriter},
    view,
};

/// XDP actions (linux/bpf.h).
const XDP_DROP: u64 = 1;
const XDP_PASS: u64 = 2;
const XDP_REDIRECT: u64 = 4;

/// Lines on standard output, or a capture.
pub(super) enum TraceOutput {
    Text,
    Json,
    /// A capture at this path, which is written from the trace's beginning on: a trace that is refused leaves the file that
    /// was there.
    Capture(PathBuf, Option<Capture>),
}

/// A capture that is being written.
pub(super) struct Capture {
    writer: NgWriter<BufWriter<Box<dyn io::Write>>>,
    ports: Vec<String>,
}

impl TraceOutput {
    pub(super) fn new(path: Option<PathBuf>, is_json: bool) -> Self {
        match path {
            Some(path) => Self::Capture(path, None),
            None if is_json => Self::Json,
            None => Self::Text,
        }
    }

    /// Begins, and tells where frames are looked for.
    pub(super) fn begin(&mut self, start: &TraceStart) -> Result<()> {
        let TraceStart { ports, waiting } = start;
        if let Self::Capture(path, capture) = self {
            let failed = || format!("cannot write the capture {}", path.display());
            let interfaces = ports
                .iter()
                .map(|port| NgInterface { name: &port.name, description: &port.interface });
            let output = BufWriter::new(open(path).with_context(failed)?);
            let application = concat!("edge ", env!("CARGO_PKG_VERSION"));
            let writer = NgWriter::new(output, application, &interfaces.collect::<Vec<_>>());
            let ports = ports.iter().map(|port| port.name.clone()).collect();
            *capture = Some(Capture { writer: writer.with_context(failed)?, ports });
        }
        let names: Vec<_> = ports.iter().map(|port| &*port.name).collect();
        eprintln!("frames that come by {}; Ctrl-C ends this", names.join(", "));
        if !waiting.is_empty() {
            eprintln!("warning: no frame comes by {} now: see `edge status`", waiting.join(", "));
        }
        Ok(())
    }

    /// Takes a frame.
    pub(super) fn frame(&mut self, frame: &TracedFrame) -> Result<()> {
        match self {
            Self::Text => Ok(writeln!(io::stdout(), "{}", view::trace::line(frame))?),
            Self::Json => {
                let mut out = io::stdout().lock();
                serde_json::to_writer(&mut out, frame)?;
                Ok(writeln!(out)?)
            }
            Self::Capture(path, Some(capture)) => capture
                .write(frame)
                .with_context(|| format!("cannot write the capture {}", path.display())),
            Self::Capture(_, None) => Ok(()),
        }
    }

    /// Writes out what was taken.
    pub(super) fn flush(&mut self) -> Result<()> {
        match self {
            Self::Capture(path, Some(capture)) => capture
                .writer
                .flush()
                .with_context(|| format!("cannot write the capture {}", path.display())),
            Self::Text | Self::Json | Self::Capture(..) => Ok(io::stdout().flush()?),
        }
    }
}

impl Capture {
    fn write(&mut self, frame: &TracedFrame) -> io::Result<()> {
        let port = self.ports.iter().position(|port| *port == frame.port);
        let port = port.ok_or_else(|| io::Error::other("a frame of another port"))?;
        let timestamp_ns = frame.at.as_nanosecond();
        self.writer.write(&NgFrame {
            interface: u32::try_from(port).map_err(io::Error::other)?,
            timestamp_ns: u64::try_from(timestamp_ns).map_err(io::Error::other)?,
            orig_len_bytes: frame.len_bytes,
            data: &view::trace::bytes(frame).unwrap_or_default(),
            xdp_action: match (&*frame.verdict, frame.egress.as_deref()) {
                ("drop", _) => XDP_DROP,
                ("pass", _) | ("forward", Some("stack")) => XDP_PASS,
                _ => XDP_REDIRECT,
            },
            comment: &view::trace::fate(frame),
        })
    }
}

/// Customers' frames are for the user alone who has traced them.
fn open(path: &Path) -> io::Result<Box<dyn io::Write>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdout()));
    }
    let mut options: OpenOptions = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    Ok(Box::new(options.open(path)?))
}
