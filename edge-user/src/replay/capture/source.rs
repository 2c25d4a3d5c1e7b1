//! Bytes of a capture, and errors that say where.

use std::{
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use super::{CaptureError, ETHERNET, MAX_FRAME_BYTES};

const BUFFER_BYTES: usize = 256 << 10;
const DECOMPRESS: &str = "decompress it first";
const RECORD: &str = "give a capture by tcpdump, dumpcap or Wireshark";
const CONVERT: &str = "convert it first (`editcap -F pcap IN OUT`)";

/// Files that are mistaken for a capture: first bytes, what it is, what to do.
const OTHER_FILES: [(&[u8], &str, &str); 6] = [
    (b"\x1f\x8b", "compressed with gzip", DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", DECOMPRESS),
    (b"\xfd7zX", "compressed with xz", DECOMPRESS),
    (b"BZh", "compressed with bzip2", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "compressed with lz4", DECOMPRESS),
    (b"snoo", "a Solaris snoop file", CONVERT),
];

pub(super) struct Source {
    path: PathBuf,
    input: BufReader<Box<dyn Read>>,
    frames: u64,
}

impl Source {
    pub(super) fn new(input: impl Read + 'static, path: &Path) -> Self {
        let input = BufReader::with_capacity(BUFFER_BYTES, Box::new(input) as Box<dyn Read>);
        Self { path: path.to_owned(), input, frames: 0 }
    }

    /// Appends the next `len` bytes to `buffer`, or as many as there are, and returns how many.
    ///
    /// The buffer grows with what there is, not with what the file claims there is.
    pub(super) fn append(&mut self, buffer: &mut Vec<u8>, len: u32) -> Result<usize, CaptureError> {
        self.input.by_ref().take(len.into()).read_to_end(buffer).map_err(|source| {
            CaptureError::Read { path: self.path.clone(), frame: self.frame(), source }
        })
    }

    /// Appends the next `len` bytes, which are `what`, to `buffer`.
    pub(super) fn append_all(
        &mut self,
        buffer: &mut Vec<u8>,
        len: u32,
        what: &str,
    ) -> Result<(), CaptureError> {
        let got = self.append(buffer, len)?;
        if got == len as usize { Ok(()) } else { Err(self.ends_within(what)) }
    }

    pub(super) fn count(&mut self, is_frame: bool) {
        self.frames += u64::from(is_frame);
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
        CaptureError::Damaged { path: self.path.clone(), frame: self.frame(), why: why.into() }
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
    fn frame(&self) -> u64 {
        self.frames + 1
    }
}
