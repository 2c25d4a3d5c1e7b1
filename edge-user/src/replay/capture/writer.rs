//! Writing pcap.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{CaptureError, CapturedFrame, ETHERNET, MAX_FRAME_BYTES, Resolution};

/// Writes Ethernet frames to a pcap file, little endian.
pub struct CaptureWriter<W: Write> {
    output: W,
    path: PathBuf,
    resolution: Resolution,
    frames: u64,
}

impl CaptureWriter<BufWriter<File>> {
    /// Creates the file at `path`, or empties the one that is there.
    pub fn create(path: &Path, resolution: Resolution) -> Result<Self, CaptureError> {
        let file = File::create(path)
            .map_err(|source| CaptureError::Write { path: path.to_owned(), source })?;
        Self::new(BufWriter::new(file), path, resolution)
    }
}

impl<W: Write> CaptureWriter<W> {
    /// Writes the header of the file to `output`; `path` is its name in errors.
    pub fn new(output: W, path: &Path, resolution: Resolution) -> Result<Self, CaptureError> {
        const VERSION: [u16; 2] = [2, 4];

        let magic: u32 = match resolution {
            Resolution::Micros => 0xa1b2_c3d4,
            Resolution::Nanos => 0xa1b2_3c4d,
        };
        let mut header = magic.to_le_bytes().to_vec();
        header.extend(VERSION.map(u16::to_le_bytes).as_flattened());
        // Zone and accuracy are zero everywhere.
        header.extend([0; 8]);
        header.extend(MAX_FRAME_BYTES.to_le_bytes());
        header.extend(u32::from(ETHERNET).to_le_bytes());
        let mut writer = Self { output, path: path.to_owned(), resolution, frames: 0 };
        writer.write_all(&header)?;
        Ok(writer)
    }

    /// Appends `frame`.
    ///
    /// A frame is never shorter on the wire than in the capture: one that has grown beyond its
    /// `orig_len_bytes` is written with its present length. With [`Resolution::Micros`] the time is
    /// cut to microseconds.
    pub fn write(&mut self, frame: &CapturedFrame) -> Result<(), CaptureError> {
        const SECOND_NS: u64 = 1_000_000_000;

        let fraction_ns = frame.timestamp_ns % SECOND_NS;
        let fraction = match self.resolution {
            Resolution::Micros => fraction_ns / 1_000,
            Resolution::Nanos => fraction_ns,
        };
        let seconds = u32::try_from(frame.timestamp_ns / SECOND_NS);
        let (Ok(seconds), Ok(fraction)) = (seconds, u32::try_from(fraction)) else {
            return Err(self.unwritable("its time is after 2106"));
        };
        let len = u32::try_from(frame.data.len()).ok().filter(|len| *len <= MAX_FRAME_BYTES);
        let Some(len) = len else {
            return Err(self.unwritable("it has over 256 KiB"));
        };
        let record = [seconds, fraction, len, frame.orig_len_bytes.max(len)];
        self.write_all(record.map(u32::to_le_bytes).as_flattened())?;
        self.write_all(&frame.data)?;
        self.frames += 1;
        Ok(())
    }

    /// Writes the buffered bytes out.
    pub fn finish(mut self) -> Result<(), CaptureError> {
        self.output.flush().map_err(|source| CaptureError::Write { path: self.path, source })
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.output
            .write_all(bytes)
            .map_err(|source| CaptureError::Write { path: self.path.clone(), source })
    }

    fn unwritable(&self, why: &'static str) -> CaptureError {
        CaptureError::Unwritable { path: self.path.clone(), frame: self.frames + 1, why }
    }
}
