//! Capture files: pcap and pcapng in; pcap out, and pcapng with comments.
//!
//! This module decodes the formats itself. A replay needs a few integers of them, at fixed places.
//! The crate `pcap-parser` 0.17 has neither time units that are powers of two, nor big-endian time
//! offsets, nor the obsolete packet block.

mod classic;
mod fcs;
mod fields;
mod ng;
mod ng_writer;
mod source;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fs::File,
    io::{self, Read},
    iter::FusedIterator,
    path::{Path, PathBuf},
};

use self::{classic::Classic, ng::Ng, source::CaptureFile};

pub use self::{
    ng_writer::{NgFrame, NgInterface, NgWriter},
    writer::CaptureWriter,
};

/// The most bytes of one frame, the maximum snapshot length of `libpcap`. A file that claims more
/// is damaged.
pub const MAX_FRAME_BYTES: u32 = 256 << 10;

const ETHERNET: u16 = 1;

/// A frame of a capture, without the frame check sequence that the capture may have had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// Nanoseconds since 1970. A time before 1970 or after 2554 gets the nearest that fits.
    pub timestamp_ns: u64,
    /// The frame as captured.
    pub data: Vec<u8>,
    /// The length on the wire in bytes. It is longer than `data` where the frame was captured
    /// short, and never shorter.
    pub orig_len_bytes: u32,
}

/// Numbers of records of a capture that the reader had to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureNotes {
    /// Records with a frame check sequence, which the reader left off.
    pub fcs_frames: u64,
    /// Records without a time (pcapng's simple packets), which got the time of the record before.
    pub untimed_frames: u64,
    /// Records with a time before 1970 or after 2554, which got the nearest that fits.
    pub clamped_frames: u64,
}

/// The unit of a file's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Microseconds, which every tool reads.
    Micros,
    /// Nanoseconds.
    Nanos,
}

/// Why a capture cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened.
    #[error("cannot open the capture {}", path.display())]
    Open {
        /// The capture.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Reading failed.
    #[error("cannot read frame {frame} of the capture {}", path.display())]
    Read {
        /// The capture.
        path: PathBuf,
        /// The frame that was to be read, counted from 1.
        frame: u64,
        /// The system's error.
        source: io::Error,
    },
    /// The file is no pcap and no pcapng.
    #[error("{} is {found}; {advice}", path.display())]
    NotACapture {
        /// The file.
        path: PathBuf,
        /// Description of the file.
        found: &'static str,
        /// Advice to the operator.
        advice: &'static str,
    },
    /// The capture is of something else than Ethernet.
    #[error(
        "the capture {} has frames of link type {link_type} (https://www.tcpdump.org/linktypes.html) \
         and only Ethernet, link type 1, can be replayed; capture on an Ethernet interface, or \
         leave the other frames out (`tshark -r IN -Y 'frame.encap_type == 1' -w OUT`)",
        path.display()
    )]
    NotEthernet {
        /// The capture.
        path: PathBuf,
        /// The number in the registry of link types.
        link_type: u16,
    },
    /// The file is damaged. The frames before the damage were good.
    #[error(
        "the capture {} is damaged at frame {frame}: {why}; capture or copy it again, or replay \
         only the frames before the damage (`editcap -r IN OUT 1-LAST`)",
        path.display()
    )]
    Damaged {
        /// The capture.
        path: PathBuf,
        /// The first frame that cannot be read, counted from 1.
        frame: u64,
        /// Description of the damage.
        why: String,
    },
    /// Writing failed.
    #[error("cannot write the capture {}", path.display())]
    Write {
        /// The capture.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The frame does not fit the format.
    #[error(
        "frame {frame} does not fit the capture {}: {why}; replay without an output file",
        path.display()
    )]
    Unwritable {
        /// The capture.
        path: PathBuf,
        /// The frame, counted from 1 among those written.
        frame: u64,
        /// Description of the part that does not fit.
        why: &'static str,
    },
}

/// The frames of a pcap or pcapng file, in the order of the file.
///
/// The reader reads frame by frame, so that the file can be of any size. After an error it ends.
pub struct CaptureReader {
    source: CaptureFile,
    format: CaptureFormat,
    /// The first frame of a pcapng file, or the end or the error in its place.
    ahead: Option<Result<Option<CapturedFrame>, CaptureError>>,
    is_done: bool,
}

enum CaptureFormat {
    Classic(Classic),
    Ng(Ng),
}

impl CaptureReader {
    /// Opens the capture at `path`.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let file = File::open(path)
            .map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
        Self::from_reader(file, path)
    }

    /// Reads the capture that `input` yields; `path` is its name in errors.
    ///
    /// A pcapng file is read up to its first frame, as the blocks before that frame have the link
    /// type and the resolution.
    pub fn from_reader(input: impl Read + 'static, path: &Path) -> Result<Self, CaptureError> {
        let mut source = CaptureFile::new(input, path);
        let mut magic = Vec::new();
        source.append(&mut magic, 4)?;
        if let Some(classic) = Classic::open(&magic, &mut source)? {
            let format = CaptureFormat::Classic(classic);
            return Ok(Self { source, format, ahead: None, is_done: false });
        }
        if magic != ng::MAGIC {
            return Err(source.not_a_capture(&magic));
        }
        let mut format = CaptureFormat::Ng(Ng::new(&mut source)?);
        let ahead = match format.next(&mut source) {
            Err(error @ CaptureError::NotEthernet { .. }) => return Err(error),
            other => Some(other),
        };
        Ok(Self { source, format, ahead, is_done: false })
    }

    /// The resolution that keeps this capture's timestamps as they are.
    ///
    /// For pcapng, the interfaces described before the first frame decide. Others come later only
    /// where files were put together, or an interface came up during the capture.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        match &self.format {
            CaptureFormat::Classic(classic) => classic.resolution(),
            CaptureFormat::Ng(ng) => ng.resolution(),
        }
    }

    /// The records so far that the reader had to change.
    #[must_use]
    pub fn found(&self) -> CaptureNotes {
        self.source.found()
    }
}

impl Iterator for CaptureReader {
    type Item = Result<CapturedFrame, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let next = match self.ahead.take() {
            Some(ahead) => ahead,
            None => self.format.next(&mut self.source),
        };
        self.is_done = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

impl FusedIterator for CaptureReader {}

impl CaptureFormat {
    fn next(&mut self, source: &mut CaptureFile) -> Result<Option<CapturedFrame>, CaptureError> {
        match self {
            Self::Classic(classic) => classic.next(source),
            Self::Ng(ng) => ng.next(source),
        }
    }
}
