//! Writing pcapng: frames with comments, an interface for each port (draft-ietf-opsawg-pcapng).

use std::io::{self, Write};

use super::{ETHERNET, MAX_FRAME_BYTES};

/// The end of a block's options.
const END: u16 = 0;
const COMMENT: u16 = 1;

/// A port, as an interface of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NgInterface<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
}

/// A received frame in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NgFrame<'a> {
    /// The number of its interface, in the order of the file's.
    pub interface: u32,
    /// Nanoseconds since the epoch.
    pub timestamp_ns: u64,
    /// Its length on the wire.
    pub orig_len_bytes: u32,
    /// Its captured bytes.
    pub data: &'a [u8],
    /// The XDP action on it (linux/bpf.h).
    pub xdp_action: u64,
    /// A comment.
    pub comment: &'a str,
}

/// Writes a section, little endian. Each block goes out whole, so that the file can be read at any time.
pub struct NgWriter<W: Write>(W);

impl<W: Write> NgWriter<W> {
    /// Begins a section with these interfaces.
    pub fn new(output: W, application: &str, interfaces: &[NgInterface<'_>]) -> io::Result<Self> {
        const SECTION_HEADER: u32 = 0x0a0d_0d0a;
        const INTERFACE: u32 = 1;
        const BYTE_ORDER: u32 = 0x1a2b_3c4d;
        const VERSION: [u16; 2] = [1, 0];
        const USER_APPLICATION: u16 = 4;
        const NAME: u16 = 2;
        const DESCRIPTION: u16 = 3;
        const UNIT: u16 = 9;
        const NANOSECONDS: u8 = 9;

        let mut writer = Self(output);
        let mut body = BYTE_ORDER.to_le_bytes().to_vec();
        body.extend(VERSION.map(u16::to_le_bytes).as_flattened());
        // The length of the section is not known.
        body.extend(u64::MAX.to_le_bytes());
        option(&mut body, USER_APPLICATION, application.as_bytes());
        option(&mut body, END, &[]);
        writer.block(SECTION_HEADER, &body)?;
        for NgInterface { name, description } in interfaces {
            let mut body = ETHERNET.to_le_bytes().to_vec();
            body.extend([0; 2]);
            body.extend(MAX_FRAME_BYTES.to_le_bytes());
            option(&mut body, NAME, name.as_bytes());
            option(&mut body, DESCRIPTION, description.as_bytes());
            option(&mut body, UNIT, &[NANOSECONDS]);
            option(&mut body, END, &[]);
            writer.block(INTERFACE, &body)?;
        }
        Ok(writer)
    }

    /// Appends a frame.
    pub fn write(&mut self, frame: &NgFrame<'_>) -> io::Result<()> {
        const ENHANCED_PACKET: u32 = 6;
        const FLAGS: u16 = 2;
        const INBOUND: u32 = 1;
        const VERDICT: u16 = 7;
        const BY_XDP: u8 = 2;

        let NgFrame { interface, timestamp_ns, orig_len_bytes, data, xdp_action, comment } = *frame;
        let [upper, lower] = [timestamp_ns >> 32, timestamp_ns & u64::from(u32::MAX)];
        let captured = data.len() as u64;
        let numbers = [u64::from(interface), upper, lower, captured, u64::from(orig_len_bytes)];
        let mut body = Vec::with_capacity(data.len() + 128);
        for number in numbers {
            let number = u32::try_from(number).map_err(io::Error::other)?;
            body.extend(number.to_le_bytes());
        }
        body.extend(data);
        pad(&mut body);
        option(&mut body, COMMENT, comment.as_bytes());
        option(&mut body, FLAGS, &INBOUND.to_le_bytes());
        let mut verdict = vec![BY_XDP];
        verdict.extend(xdp_action.to_le_bytes());
        option(&mut body, VERDICT, &verdict);
        option(&mut body, END, &[]);
        self.block(ENHANCED_PACKET, &body)
    }

    /// Writes buffered blocks out.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let len = u32::try_from(body.len() + 12).map_err(io::Error::other)?;
        let mut block = kind.to_le_bytes().to_vec();
        block.extend(len.to_le_bytes());
        block.extend(body);
        block.extend(len.to_le_bytes());
        self.0.write_all(&block)
    }
}

/// Appends an option; what is too long for one is cut.
fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend([code, len].map(u16::to_le_bytes).as_flattened());
    body.extend(&value[..usize::from(len)]);
    pad(body);
}

/// Fills up to four bytes.
fn pad(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use std::{io::Cursor, path::Path};

    use super::*;
    use crate::replay::capture::CaptureReader;

    #[test]
    fn a_file_reads_back() {
        let mut file = Vec::new();
        let interfaces = [
            NgInterface { name: "customer0", description: "eth1" },
            NgInterface { name: "core0", description: "eth2" },
        ];
        let mut writer = NgWriter::new(&mut file, "edge", &interfaces).unwrap();
        let timestamp_ns = 1_767_225_600_123_456_789;
        let frames: Vec<Vec<u8>> = (0..5).map(|len| vec![7; 60 + len]).collect();
        for (data, interface) in frames.iter().zip([0, 1].into_iter().cycle()) {
            let (xdp_action, comment) = (1, "drop over-rate");
            let frame =
                NgFrame { interface, timestamp_ns, orig_len_bytes: 90, data, xdp_action, comment };
            writer.write(&frame).unwrap();
        }
        writer.flush().unwrap();
        let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
        assert!([&b"customer0"[..], b"eth2", b"drop over-rate"].into_iter().all(has));
        let reader = CaptureReader::from_reader(Cursor::new(file), Path::new("memory")).unwrap();
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(read.len(), frames.len());
        for (frame, data) in read.iter().zip(frames) {
            assert_eq!((frame.timestamp_ns, frame.orig_len_bytes), (timestamp_ns, 90));
            assert_eq!(frame.data, data);
        }
    }
}
