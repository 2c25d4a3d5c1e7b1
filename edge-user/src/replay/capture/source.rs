//! The bytes of a capture, and errors with their place.

use std::{
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use super::{CaptureError, CaptureNotes, CapturedFrame, ETHERNET, MAX_FRAME_BYTES, fcs::Declared};

const BUFFER_BYTES: usize = 256 << 10;
const DECOMPRESS: &str = "decompress it first";
const RECORD: &str = "give a capture by tcpdump, dumpcap or Wireshark";
const CONVERT: &str = "convert it first (`editcap -F pcap IN OUT`)";

/// Files that are mistaken for a capture: their first bytes, their kind, and advice.
const OTHER_FILES: [(&[u8], &str, &str); 6] = [
    (b"\x1f\x8b", "compressed with gzip", DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", DECOMPRESS),
    (b"\xfd7zX", "compressed with xz", DECOMPRESS),
    (b"BZh", "compressed with bzip2", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "compressed with lz4", DECOMPRESS),
    (b"snoo", "a Solaris snoop file", CONVERT),
];

pub(super) struct CaptureFile {
    path: PathBuf,
    input: BufReader<Box<dyn Read>>,
    frames: u64,
    found: CaptureNotes,
    last_timestamp_ns: u64,
}

/// A record of a capture.
pub(super) struct Record {
    /// Nanoseconds since 1970; `None`: the record has no time.
    pub(super) time_ns: Option<i128>,
    /// The bytes that were captured.
    pub(super) data: Vec<u8>,
    /// The length in bytes that it claims to have had on the wire.
    pub(super) orig_len_bytes: u32,
    /// The frame check sequence that its frame ends with.
    pub(super) fcs: Declared,
}

impl CaptureFile {
    pub(super) fn new(input: impl Read + 'static, path: &Path) -> Self {
        let input = BufReader::with_capacity(BUFFER_BYTES, Box::new(input) as Box<dyn Read>);
        Self {
            path: path.to_owned(),
            input,
            frames: 0,
            found: CaptureNotes::default(),
            last_timestamp_ns: 0,
        }
    }

    /// Appends the next `len` bytes to `buffer`, or as many as there are, and returns how many.
    ///
    /// The buffer grows with the bytes that are read, not with the length that the file claims.
    pub(super) fn append(&mut self, buffer: &mut Vec<u8>, len: u32) -> Result<usize, CaptureError> {
        self.input.by_ref().take(len.into()).read_to_end(buffer).map_err(|source| {
            CaptureError::Read { path: self.path.clone(), frame: self.number(), source }
        })
    }

    /// Appends the next `len` bytes to `buffer`. Errors call them `what`.
    pub(super) fn append_all(
        &mut self,
        buffer: &mut Vec<u8>,
        len: u32,
        what: &str,
    ) -> Result<(), CaptureError> {
        let got = self.append(buffer, len)?;
        if got == len as usize { Ok(()) } else { Err(self.ends_within(what)) }
    }

    /// The frame of the record that comes next.
    pub(super) fn frame(&mut self, record: Record) -> Result<CapturedFrame, CaptureError> {
        let Record { time_ns, mut data, orig_len_bytes, fcs } = record;
        let fcs_len_bytes = fcs.len_bytes().map_err(|bits| {
            self.damaged(format!(
                "a frame check sequence of {bits} bits is declared, and Ethernet's has 32"
            ))
        })?;
        // All captured bytes were on the wire.
        let captured_bytes = u32::try_from(data.len()).unwrap_or(u32::MAX);
        let with_fcs_bytes = orig_len_bytes.max(captured_bytes);
        let orig_len_bytes = with_fcs_bytes.saturating_sub(fcs_len_bytes);
        data.truncate(orig_len_bytes as usize);

        let timestamp_ns = match time_ns {
            Some(time_ns) => u64::try_from(time_ns.max(0)).unwrap_or(u64::MAX),
            None => self.last_timestamp_ns,
        };
        self.last_timestamp_ns = timestamp_ns;
        self.frames += 1;
        self.found.fcs_frames += u64::from(fcs_len_bytes > 0);
        self.found.untimed_frames += u64::from(time_ns.is_none());
        let is_out_of_range = |time_ns| i128::from(timestamp_ns) != time_ns;
        self.found.clamped_frames += u64::from(time_ns.is_some_and(is_out_of_range));
        Ok(CapturedFrame { timestamp_ns, data, orig_len_bytes })
    }

    /// The records so far that the reader had to change.
    pub(super) fn found(&self) -> CaptureNotes {
        self.found
    }

    pub(super) fn check_link_type(&self, link_type: u16) -> Result<(), CaptureError> {
        if link_type == ETHERNET {
            return Ok(());
        }
        Err(CaptureError::NotEthernet { path: self.path.clone(), link_type })
    }

    pub(super) fn check_frame_len(&self, len: u32) -> Result<(), CaptureError> {
        if len <= MAX_FRAME_BYTES {
            return Ok(());
        }
        Err(self.damaged(format!("it claims {len} bytes, and no frame has over {MAX_FRAME_BYTES}")))
    }

    pub(super) fn ends_within(&self, what: &str) -> CaptureError {
        self.damaged(format!("the file ends within {what}"))
    }

    pub(super) fn damaged(&self, why: impl Into<String>) -> CaptureError {
        CaptureError::Damaged { path: self.path.clone(), frame: self.number(), why: why.into() }
    }

    /// The error for a file that begins with `magic`.
    pub(super) fn not_a_capture(&self, magic: &[u8]) -> CaptureError {
        let known = OTHER_FILES.into_iter().find(|(begin, ..)| magic.starts_with(begin));
        let (found, advice) = match known {
            Some((_, found, advice)) => (found, advice),
            None if magic.is_empty() => ("empty", RECORD),
            None => ("neither pcap nor pcapng", RECORD),
        };
        CaptureError::NotACapture { path: self.path.clone(), found, advice }
    }

    /// The number of the frame that comes next.
    fn number(&self) -> u64 {
        self.frames + 1
    }
}
