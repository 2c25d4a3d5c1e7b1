//! Captures byte by byte, and real ones.

mod lengths;

use std::{env, fs, io::Cursor};

use super::{
    fields::Order::{Big, Little},
    *,
};

const TIME_NS: u64 = 1_700_000_000_123_456_000;
const ENHANCED: u32 = 6;

/// Bytes in one byte order.
#[derive(Clone)]
struct File {
    order: fields::Order,
    bytes: Vec<u8>,
}

impl File {
    fn new(order: fields::Order) -> Self {
        Self { order, bytes: Vec::new() }
    }

    fn u16(mut self, value: u16) -> Self {
        self.bytes.extend(if self.order == Big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        });
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.bytes.extend(if self.order == Big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        });
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.bytes.extend(if self.order == Big {
            value.to_be_bytes()
        } else {
            value.to_le_bytes()
        });
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self
    }

    fn padded(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    // pcap

    fn pcap(order: fields::Order, magic: u32, link_type: u32) -> Self {
        Self::new(order).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65535).u32(link_type)
    }

    fn record(self, seconds: u32, fraction: u32, len: u32, orig_len: u32) -> Self {
        self.u32(seconds).u32(fraction).u32(len).u32(orig_len)
    }

    // pcapng

    fn block(self, kind: u32, body: impl FnOnce(Self) -> Self) -> Self {
        let body = body(Self::new(self.order)).bytes;
        let len = u32::try_from(body.len()).unwrap() + 12;
        self.u32(kind).u32(len).raw(&body).u32(len)
    }

    fn section(self) -> Self {
        self.block(0x0a0d_0d0a, |body| body.u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX))
    }

    fn interface(self, link_type: u16, snap_len: u32, options: &[(u16, &[u8])]) -> Self {
        self.block(1, |body| {
            let body = body.u16(link_type).u16(0).u32(snap_len);
            options.iter().fold(body, |body, (code, value)| {
                body.u16(*code).u16(u16::try_from(value.len()).unwrap()).padded(value)
            })
        })
    }

    fn enhanced(self, interface: u32, timestamp: u64, data: &[u8], orig_len: u32) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        self.block(ENHANCED, |body| {
            let body = body.u32(interface).timestamp(timestamp);
            // A comment behind the frame.
            body.u32(len).u32(orig_len).padded(data).u16(1).u16(2).padded(b"hi").u32(0)
        })
    }

    fn obsolete(self, interface: u16, timestamp: u64, data: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        self.block(2, |body| {
            body.u16(interface).u16(9).timestamp(timestamp).u32(len).u32(len).padded(data)
        })
    }

    fn simple(self, data: &[u8], orig_len: u32) -> Self {
        self.block(3, |body| body.u32(orig_len).padded(data))
    }

    fn timestamp(self, timestamp: u64) -> Self {
        let (high, low) = (timestamp >> 32, timestamp & 0xffff_ffff);
        self.u32(u32::try_from(high).unwrap()).u32(u32::try_from(low).unwrap())
    }
}

fn frame(timestamp_ns: u64, data: &[u8], orig_len_bytes: u32) -> CapturedFrame {
    CapturedFrame { timestamp_ns, data: data.to_vec(), orig_len_bytes }
}

fn open(bytes: &[u8]) -> Result<CaptureReader, CaptureError> {
    CaptureReader::from_reader(Cursor::new(bytes.to_vec()), Path::new("test.pcap"))
}

/// The frames, and the error at the end if there is one.
fn read(bytes: &[u8]) -> (Vec<CapturedFrame>, Option<CaptureError>) {
    let reader = match open(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    let mut error = None;
    for next in reader {
        assert!(error.is_none(), "something after the error {error:?}");
        match next {
            Ok(frame) => frames.push(frame),
            Err(end) => error = Some(end),
        }
    }
    (frames, error)
}

fn read_all(bytes: &[u8]) -> Vec<CapturedFrame> {
    let (frames, error) = read(bytes);
    assert!(error.is_none(), "{error:?}");
    frames
}

/// The frame and the reason of the damage.
fn damage(bytes: &[u8]) -> (u64, String) {
    match read(bytes).1 {
        Some(CaptureError::Damaged { frame, why, .. }) => (frame, why),
        other => panic!("{other:?}"),
    }
}

/// Files of both formats with all that they may have, and their frames.
fn rich_files() -> Vec<(File, Vec<CapturedFrame>)> {
    let records =
        |file: File| file.record(1_700_000_000, 123_456, 5, 9).raw(b"hello").record(7, 0, 0, 0);
    let frames = vec![frame(TIME_NS, b"hello", 9), frame(7_000_000_000, b"", 0)];
    let classic = [Little, Big]
        .map(|order| (records(File::pcap(order, 0xa1b2_c3d4, 1)), frames.clone()))
        .to_vec();

    let sections = |first, second| {
        let file = File::new(first)
            .section()
            .block(0x4242, |body| body.u32(1))
            .interface(1, 0, &[])
            .interface(113, 0, &[])
            .interface(1, 0, &[(2, b"eth1"), (9, &[9]), (0, b"")])
            .enhanced(0, TIME_NS / 1_000, b"hello", 9)
            .block(5, |body| body.u32(0).u64(0))
            .enhanced(2, TIME_NS + 7, b"", 0)
            .obsolete(0, 7_000_000, b"old!");
        let second = File::new(second).section().interface(1, 3, &[(9, &[0])]).simple(b"sho", 8);
        File { order: first, bytes: [file.bytes, second.enhanced(0, 5, b"x", 1).bytes].concat() }
    };
    let frames = vec![
        frame(TIME_NS, b"hello", 9),
        frame(TIME_NS + 7, b"", 0),
        frame(7_000_000_000, b"old!", 4),
        frame(7_000_000_000, b"sho", 8),
        frame(5_000_000_000, b"x", 1),
    ];
    let ng = [(Little, Big), (Big, Little)]
        .map(|(first, second)| (sections(first, second), frames.clone()));
    [classic, ng.to_vec()].concat()
}

#[test]
fn every_magic_number_of_pcap_is_read() {
    let table = [
        (0xa1b2_c3d4, 123_456, Resolution::Micros, 0),
        (0xa1b2_3c4d, 123_456_000, Resolution::Nanos, 0),
        (0xa1b2_cd34, 123_456, Resolution::Micros, 8),
    ];
    for (magic, fraction, resolution, more_header) in table {
        for order in [Little, Big] {
            let bytes = [1, 2]
                .iter()
                .fold(File::pcap(order, magic, 1), |file, byte| {
                    file.record(1_700_000_000, fraction, 3, 60)
                        .raw(&vec![0xee; more_header])
                        .raw(&[*byte; 3])
                })
                .bytes;
            let expected = [frame(TIME_NS, &[1; 3], 60), frame(TIME_NS, &[2; 3], 60)];
            assert_eq!(read_all(&bytes), expected, "{magic:x} {order:?}");
            assert_eq!(open(&bytes).unwrap().resolution(), resolution);
        }
    }
}

#[test]
fn everything_in_both_formats_is_read() {
    for (file, frames) in rich_files() {
        assert_eq!(read_all(&file.bytes), frames);
    }
}

#[test]
fn a_file_cut_anywhere_yields_the_frames_before_the_cut() {
    for (file, frames) in rich_files() {
        let mut clean_ends = 0;
        for len in 0..file.bytes.len() {
            let (got, error) = read(&file.bytes[..len]);
            assert!(got.len() < frames.len() && frames.starts_with(&got), "at {len}");
            match error {
                None => clean_ends += 1,
                Some(CaptureError::Damaged { frame, .. }) => {
                    assert_eq!(frame, got.len() as u64 + 1, "at {len}");
                }
                Some(CaptureError::NotACapture { .. }) => assert!(len < 4),
                Some(other) => panic!("at {len}: {other}"),
            }
        }
        // A cut between blocks cannot be told from the end.
        assert!(clean_ends >= frames.len());
    }
}

#[test]
fn no_change_of_a_byte_makes_it_panic_or_go_on_for_ever() {
    for (file, frames) in rich_files() {
        for index in 0..file.bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = file.bytes.clone();
                bytes[index] = value;
                assert!(read(&bytes).0.len() <= frames.len() + 2, "{value} at {index}");
            }
        }
    }
}

#[test]
fn pcapng_timestamps_count_the_interfaces_units_from_its_offset() {
    let day = 86_400_i64;
    let table: [(Option<u8>, i64, u64, u64, Resolution); 12] = [
        (None, 0, 1_500_000, 1_500_000_000, Resolution::Micros),
        (Some(6), 0, 1_500_000, 1_500_000_000, Resolution::Micros),
        (Some(0), 0, 2, 2_000_000_000, Resolution::Micros),
        (Some(3), 0, 1_500, 1_500_000_000, Resolution::Micros),
        (Some(9), 0, TIME_NS + 1, TIME_NS + 1, Resolution::Nanos),
        (Some(12), 0, 1_999, 1, Resolution::Nanos),
        (Some(127), 0, u64::MAX, 0, Resolution::Nanos),
        (Some(0x8a), 0, 1_536, 1_500_000_000, Resolution::Nanos),
        (Some(0xff), 0, u64::MAX, 0, Resolution::Nanos),
        (Some(9), day, 5, 86_400_000_000_005, Resolution::Nanos),
        (Some(9), -day, 86_400_000_000_005, 5, Resolution::Nanos),
        (Some(0), i64::MIN, 5, 0, Resolution::Micros),
    ];
    for (unit, offset, timestamp, expected_ns, resolution) in table {
        for order in [Little, Big] {
            let offset = if order == Big { offset.to_be_bytes() } else { offset.to_le_bytes() };
            let unit = unit.map(|unit| [unit]);
            let mut options: Vec<(u16, &[u8])> = vec![(14, &offset)];
            options.extend(unit.as_ref().map(|unit| (9, &unit[..])));
            let file = File::new(order).section().interface(1, 0, &options);
            let bytes = file.enhanced(0, timestamp, b"x", 1).bytes;
            assert_eq!(read_all(&bytes), [frame(expected_ns, b"x", 1)], "{options:?} {order:?}");
            assert_eq!(open(&bytes).unwrap().resolution(), resolution, "{options:?}");
        }
    }
    let overflow = File::new(Little).section().interface(1, 0, &[(9, &[0])]);
    let frames = read_all(&overflow.enhanced(0, u64::MAX, b"x", 1).bytes);
    assert_eq!(frames, [frame(u64::MAX, b"x", 1)]);
}

#[test]
fn options_behind_the_last_do_not_count() {
    let file = File::new(Little).section().interface(1, 0, &[(0, b""), (9, &[9])]);
    assert_eq!(read_all(&file.enhanced(0, 1, b"x", 1).bytes), [frame(1_000, b"x", 1)]);
}

#[test]
fn a_simple_packet_takes_the_time_of_the_one_before() {
    let file = File::new(Big).section().interface(1, 0, &[]).simple(b"a", 1);
    let file = file.enhanced(0, 3, b"b", 1).simple(b"c", 1);
    let expected = [frame(0, b"a", 1), frame(3_000, b"b", 1), frame(3_000, b"c", 1)];
    assert_eq!(read_all(&file.bytes), expected);
}

#[test]
fn other_link_types_are_refused() {
    let ng = || File::new(Little).section();
    let at_open = [
        (File::pcap(Little, 0xa1b2_c3d4, 113), 113),
        (File::pcap(Big, 0xa1b2_3c4d, 0xf400_0069), 105),
        (ng().interface(113, 0, &[]), 113),
        (ng().interface(1, 0, &[]).interface(276, 0, &[]).enhanced(1, 0, b"x", 1), 276),
    ];
    for (file, expected) in at_open {
        let error = open(&file.bytes).err();
        let Some(CaptureError::NotEthernet { link_type, .. }) = error else { panic!("{error:?}") };
        assert_eq!(link_type, expected);
    }

    let later = ng().interface(276, 0, &[]).interface(1, 0, &[]).enhanced(1, 9, b"x", 1);
    let (frames, error) = read(&later.enhanced(0, 9, b"x", 1).bytes);
    assert_eq!(frames, [frame(9_000, b"x", 1)]);
    assert!(matches!(error, Some(CaptureError::NotEthernet { link_type: 276, .. })));

    // Four bytes of frame check sequence.
    assert!(read_all(&File::pcap(Little, 0xa1b2_c3d4, 0x2400_0001).bytes).is_empty());
    assert!(read_all(&ng().bytes).is_empty());
}

#[test]
fn damage_is_named() {
    let pcap = || File::pcap(Little, 0xa1b2_c3d4, 1).record(0, 0, 1, 1).raw(b"x");
    let ng = || File::new(Little).section().interface(1, 0, &[]).enhanced(0, 0, b"x", 1);
    let long = |len| File::pcap(Little, 0xa1b2_c3d4, 1).record(0, 0, len, len);
    let old =
        File::new(Little).block(0x0a0d_0d0a, |body| body.u32(0x1a2b_3c4d).u16(2).u16(0).u64(0));
    let table = [
        (pcap().record(0, 0, 262_145, 1).raw(&vec![0; 300_000]), 2, "claims 262145 bytes"),
        (pcap().record(0, 0, u32::MAX, 1), 2, "claims 4294967295 bytes"),
        (pcap().u32(0), 2, "ends within the header of the record"),
        (pcap().record(0, 0, 2, 2).raw(b"x"), 2, "ends within the frame"),
        (ng().enhanced(1, 0, b"x", 1), 2, "interface 1, unknown"),
        (ng().section().enhanced(0, 0, b"x", 1), 2, "interface 0, unknown"),
        (ng().u32(6).u32(8).u32(8), 2, "length of 8"),
        (ng().u32(6).u32(33), 2, "length of 33"),
        (ng().u32(77).u32((64 << 20) + 4), 2, "length of 67108868"),
        (ng().u32(77).u32(64 << 20), 2, "ends within a block"),
        (ng().u32(77).u32(12).u32(16), 2, "differ"),
        (ng().block(0x0a0d_0d0a, |body| body.u32(1)), 2, "no byte order"),
        (ng().block(1, |body| body.u32(1)), 2, "interface block is too short"),
        (ng().interface(1, 0, &[]).block(6, |body| body.u32(1)), 2, "packet block is too short"),
        (ng().block(6, |body| body.u32(0).u64(0).u32(5).u32(5).u32(0)), 2, "longer than its"),
        (ng().block(6, |body| body.u32(0).u64(0).u32(1 << 30).u32(5)), 2, "claims 1073741824"),
        (ng().simple(b"1234", 5), 2, "longer than its block"),
        (long(262_145), 1, "claims"),
        (old.block(1, |body| body), 1, "unknown version 2"),
    ];
    for (file, expected_frame, expected) in table {
        let (frame, why) = damage(&file.bytes);
        assert_eq!(frame, expected_frame, "{why}");
        assert!(why.contains(expected), "{why} and not {expected}");
    }
    assert_eq!(read_all(&long(262_144).raw(&vec![0; 262_144]).bytes)[0].data.len(), 262_144);
}

#[test]
fn large_blocks_of_other_kinds_are_passed_over() {
    let file = File::new(Little).section().interface(1, 0, &[]);
    let file = file.block(10, |body| body.raw(&vec![7; 3 << 20])).enhanced(0, 1, b"x", 1);
    assert_eq!(read_all(&file.bytes), [frame(1_000, b"x", 1)]);
}

#[test]
fn other_files_are_called_by_their_name() {
    let table: [(&[u8], &str); 5] = [
        (b"\x1f\x8b\x08\x00\x00", "test.pcap is compressed with gzip; decompress it first"),
        (b"\x28\xb5\x2f\xfd\x00", "test.pcap is compressed with zstd; decompress it first"),
        (b"snoop\0\0\0", "test.pcap is a Solaris snoop file; convert it first"),
        (b"", "test.pcap is empty; give a capture"),
        (b"#!/bin/sh", "test.pcap is neither pcap nor pcapng; give a capture"),
    ];
    for (bytes, expected) in table {
        let message = open(bytes).err().unwrap().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    let missing = CaptureReader::open(Path::new("/nonexistent")).err();
    assert!(matches!(missing, Some(CaptureError::Open { .. })));
    let folder = CaptureReader::open(Path::new("/")).err();
    assert!(matches!(folder, Some(CaptureError::Read { frame: 1, .. })), "{folder:?}");
}

fn written(frames: &[CapturedFrame], resolution: Resolution) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = CaptureWriter::new(&mut bytes, Path::new("out.pcap"), resolution).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

#[test]
fn what_is_written_is_read_again() {
    let frames = [
        frame(TIME_NS + 789, b"hello", 9),
        frame(0, b"", 0),
        frame(u64::from(u32::MAX) * 1_000_000_000 + 999_999_999, &vec![9; 262_144], 262_144),
    ];
    let nanos = written(&frames, Resolution::Nanos);
    assert_eq!(read_all(&nanos), frames);
    assert_eq!(open(&nanos).unwrap().resolution(), Resolution::Nanos);

    let micros = written(&frames[..1], Resolution::Micros);
    assert_eq!(read_all(&micros), [frame(TIME_NS, b"hello", 9)]);
    assert_eq!(open(&micros).unwrap().resolution(), Resolution::Micros);

    let header = File::pcap(Little, 0xa1b2_3c4d, 1).bytes;
    assert_eq!((&nanos[..16], &nanos[20..24]), (&header[..16], &header[20..24]));
    assert_eq!(nanos[16..20], 262_144_u32.to_le_bytes());
}

#[test]
fn a_frame_that_grew_is_as_long_on_the_wire() {
    let bytes = written(&[frame(0, b"hello", 1)], Resolution::Nanos);
    assert_eq!(read_all(&bytes), [frame(0, b"hello", 5)]);
}

#[test]
fn what_does_not_fit_is_not_written() {
    let mut bytes = Vec::new();
    let mut writer =
        CaptureWriter::new(&mut bytes, Path::new("out.pcap"), Resolution::Nanos).unwrap();
    writer.write(&frame(0, b"", 0)).unwrap();
    let late = writer.write(&frame(u64::MAX, b"", 0));
    assert!(matches!(late, Err(CaptureError::Unwritable { frame: 2, .. })), "{late:?}");
    let long = writer.write(&frame(0, &vec![0; 262_145], 0));
    assert!(matches!(long, Err(CaptureError::Unwritable { frame: 2, .. })), "{long:?}");
    writer.finish().unwrap();
    assert_eq!(read_all(&bytes).len(), 1);
}

/// The end of a real capture, as the reader sees it.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Clean,
    NotEthernet,
    NotACapture,
    Damaged,
}

/// Real captures that end before the last frame which the manifest counts: the end of the name,
/// the frames before, and why.
const ENDED_EARLY: [(&str, usize, End); 11] = [
    // It counts the frames of other link types too.
    ("__test006.pcapng", 1, End::NotEthernet),
    ("__test100.pcapng", 4, End::NotEthernet),
    ("__test101.pcapng", 3, End::NotEthernet),
    ("__test102.pcapng", 4, End::NotEthernet),
    ("__test201.pcapng", 3, End::NotEthernet),
    ("__test202.pcapng", 2, End::NotEthernet),
    ("__ldap.pcapng", 6, End::NotEthernet),
    ("__many_interfaces-1.pcapng", 2, End::NotEthernet),
    ("__PcapExamples__pcapng-example.pcapng", 59, End::NotEthernet),
    // Its second section is of version 2, which does not exist.
    ("__test901.pcapng", 1, End::Damaged),
    ("__solaris.snoop", 0, End::NotACapture),
];

/// With the captures of `EDGE_CAPTURES`, whose `manifest.jsonl` has how many frames each file has.
#[test]
fn real_captures_have_their_frames() {
    let Some(folder) = env::var_os("EDGE_CAPTURES").map(PathBuf::from) else {
        eprintln!("SKIPPED: set EDGE_CAPTURES to a folder of captures with a manifest.jsonl");
        return;
    };
    let manifest = fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let mut surprises = Vec::new();
    for line in manifest.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let file = line["file"].as_str().unwrap();
        let counted = usize::try_from(line["frames"].as_u64().unwrap()).unwrap();
        let (frames, error) = read(&fs::read(folder.join(file)).unwrap());
        let end = match error {
            None => End::Clean,
            Some(CaptureError::NotEthernet { .. }) => End::NotEthernet,
            Some(CaptureError::NotACapture { .. }) => End::NotACapture,
            Some(CaptureError::Damaged { .. }) => End::Damaged,
            Some(error) => panic!("{file}: {error}"),
        };
        let early = ENDED_EARLY.iter().find(|(name, ..)| file.ends_with(name));
        let is_expected = match (file.split('/').next().unwrap(), early) {
            ("normal" | "vlan", Some((_, before, expected_end))) => {
                (frames.len(), &end) == (*before, expected_end)
            }
            ("normal" | "vlan", None) => (frames.len(), &end) == (counted, &End::Clean),
            // Behind the frames of some is garbage.
            ("bad", _) => frames.len() == counted && matches!(end, End::Clean | End::Damaged),
            // Some have no frames, and an Ethernet interface or none.
            ("other-dlt", _) => end == End::NotEthernet || (counted == 0 && end == End::Clean),
            ("unreadable", _) => end != End::Clean,
            _ => false,
        };
        if !is_expected {
            surprises.push((file.to_owned(), counted, frames.len(), end));
        }
    }
    assert!(surprises.is_empty(), "file, counted, read, end: {surprises:#?}");
}
