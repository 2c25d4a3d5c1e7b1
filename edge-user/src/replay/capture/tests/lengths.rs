//! Lengths that records claim, and the frame check sequence that they may count.

use super::*;

/// One record of nine bytes in each format, with a frame check sequence declared in `way`.
fn declared(way: Way, data: &[u8], orig_len: u32) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    let ng = |options: &[(u16, &[u8])]| File::new(Big).section().interface(1, 0, options);
    match way {
        Way::LinkType(link_type) => {
            let file = File::pcap(Little, 0xa1b2_c3d4, link_type);
            file.record(1, 0, len, orig_len).raw(data).bytes
        }
        Way::Interface(option) => ng(&[(13, &[option])]).enhanced(0, 1, data, orig_len).bytes,
        Way::Simple(option) => ng(&[(13, &[option])]).simple(data, orig_len).bytes,
        Way::Packet(option, flags) => {
            let packet = |body: File| {
                let body = body.u32(0).timestamp(1).u32(len).u32(orig_len).padded(data);
                body.u16(1).u16(2).padded(b"hi").u16(2).u16(4).u32(flags).u32(0)
            };
            ng(&[(13, &[option])]).block(ENHANCED, packet).bytes
        }
        Way::Obsolete(flags) => {
            let packet = |body: File| {
                let body = body.u16(0).u16(0).timestamp(1).u32(len).u32(orig_len).padded(data);
                body.u16(2).u16(4).u32(flags)
            };
            ng(&[]).block(2, packet).bytes
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    LinkType(u32),
    Interface(u8),
    Simple(u8),
    Packet(u8, u32),
    Obsolete(u32),
}

#[test]
fn a_declared_frame_check_sequence_is_no_part_of_the_frame() {
    let cases: [(Way, bool); 15] = [
        (Way::LinkType(0x0000_0001), false),
        // The length is there, and the bit that says so is not.
        (Way::LinkType(0x2000_0001), false),
        (Way::LinkType(0x0400_0001), false),
        (Way::LinkType(0x2400_0001), true),
        (Way::LinkType(0x4400_0001), true),
        (Way::Interface(0), false),
        (Way::Interface(32), true),
        (Way::Interface(4), true),
        (Way::Simple(32), true),
        (Way::Packet(0, 4 << 5), true),
        (Way::Packet(0, 1), false),
        (Way::Packet(32, 1), true),
        (Way::Packet(16, 4 << 5 | 1), true),
        (Way::Obsolete(0), false),
        (Way::Obsolete(4 << 5), true),
    ];
    for (way, is_declared) in cases {
        let bytes = declared(way, b"framesFCS", 9);
        let mut reader = open(&bytes).unwrap();
        let frame = reader.next().unwrap().unwrap();
        let expected: &[u8] = if is_declared { b"frame" } else { b"framesFCS" };
        assert_eq!(frame.data, expected, "{way:?}");
        assert_eq!(frame.orig_len_bytes as usize, expected.len(), "{way:?}");
        assert!(reader.next().is_none());
        assert_eq!(reader.found().fcs_frames, u64::from(is_declared), "{way:?}");
    }
}

#[test]
fn a_frame_check_sequence_that_ethernet_has_not_is_damage() {
    let ways = [
        Way::LinkType(0x1400_0001),
        Way::LinkType(0xf400_0001),
        Way::Interface(16),
        Way::Packet(32, 2 << 5),
    ];
    for way in ways {
        let (frame, why) = damage(&declared(way, b"framesFCS", 9));
        assert!(frame == 1 && why.contains("frame check sequence"), "{way:?}: {why}");
    }
}

#[test]
fn a_cut_takes_away_the_frame_check_sequence_first() {
    let with_fcs = |data: &[u8], orig_len| {
        read_all(&declared(Way::LinkType(0x2400_0001), data, orig_len)).remove(0)
    };
    for (captured, orig_len, expected, expected_len) in [
        (&b"framesFCS"[..], 20, &b"framesFCS"[..], 16),
        (b"framesFCS", 11, b"framesF", 7),
        (b"fr", 9, b"fr", 5),
        (b"abc", 3, b"", 0),
        (b"", 0, b"", 0),
    ] {
        let frame = with_fcs(captured, orig_len);
        assert_eq!((&frame.data[..], frame.orig_len_bytes), (expected, expected_len), "{orig_len}");
    }
}

#[test]
fn what_was_captured_was_on_the_wire() {
    for way in [Way::LinkType(1), Way::Interface(0), Way::Obsolete(0)] {
        let bytes = declared(way, b"hello", 3);
        assert_eq!(read_all(&bytes)[0].orig_len_bytes, 5, "{way:?}");
        // A length is a number: nothing of that size is made.
        let bytes = declared(way, b"hello", u32::MAX);
        let frame = &read_all(&bytes)[0];
        assert_eq!((&frame.data[..], frame.orig_len_bytes), (&b"hello"[..], u32::MAX), "{way:?}");
    }
}

#[test]
fn times_that_are_none_are_counted() {
    let day: i64 = -86_400;
    let file = File::new(Little).section().interface(1, 0, &[(14, &day.to_le_bytes())]);
    let bytes = file.simple(b"a", 1).enhanced(0, 5, b"b", 1).simple(b"c", 1).bytes;
    let mut reader = open(&bytes).unwrap();
    assert_eq!(reader.by_ref().count(), 3);
    let expected = CaptureNotes { fcs_frames: 0, untimed_frames: 2, clamped_frames: 1 };
    assert_eq!(reader.found(), expected);
}
