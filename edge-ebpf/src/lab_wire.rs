//! The lab's look into frames on the wire. It uses no code of the edge's.

use aya_ebpf::programs::{TcContext, XdpContext};
use edge_common::abi::lab::{NOT_IP, WireKey};

/// Offset of the first EtherType.
pub(crate) const ETHERTYPE: usize = 12;
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;
/// Length of a tag.
pub(crate) const TAG_BYTES: u64 = 4;
pub(crate) const MOST_TAGS: usize = 2;

/// The big-endian half words of a frame.
pub(crate) trait HalfWords {
    /// The half word at `offset`, or [`BEYOND`] where the frame ends before. This is not an
    /// `Option`: the compiler would read the value of a `None` before it looks whether there is
    /// one, and older verifiers refuse to read a register that was never written.
    fn at(&self, offset: usize) -> u32;
}

/// No half word.
const BEYOND: u32 = u32::MAX;

pub(crate) struct SkbBytes<'a>(pub(crate) &'a TcContext);

impl HalfWords for SkbBytes<'_> {
    #[inline(always)]
    fn at(&self, offset: usize) -> u32 {
        self.0.load(offset).map_or(BEYOND, |bytes| u16::from_be_bytes(bytes).into())
    }
}

pub(crate) struct XdpBytes<'a>(pub(crate) &'a XdpContext);

impl HalfWords for XdpBytes<'_> {
    #[inline(always)]
    fn at(&self, offset: usize) -> u32 {
        let start = self.0.data() + offset;
        if start + 2 > self.0.data_end() {
            return BEYOND;
        }
        // SAFETY: the bytes end at or before `data_end`; a byte array has no alignment.
        u16::from_be_bytes(unsafe { (start as *const [u8; 2]).read() }).into()
    }
}

/// The protocol under a frame's tags.
pub(crate) struct InnerProtocol {
    pub(crate) ethertype: u16,
    pub(crate) offset: usize,
}

/// Tags, traffic class and protocol of a frame, whose outer tag is in `metadata` where it is not in the frame.
#[inline(always)]
pub(crate) fn parse(frame: &impl HalfWords, metadata: Option<u16>) -> (WireKey, InnerProtocol) {
    let mut key = WireKey { traffic_class: NOT_IP, ..WireKey::default() };
    let mut tags = 0;
    let mut offset = ETHERTYPE;
    if let Some(tci) = metadata {
        key.c_vid = tci & 0x0fff;
        tags = 1;
    }
    for _ in 0..MOST_TAGS {
        if tags == MOST_TAGS || !matches!(frame.at(offset), 0x8100 | 0x88a8 | 0x9100) {
            break;
        }
        let tci = frame.at(offset + 2);
        if tci == BEYOND {
            break;
        }
        (key.s_vid, key.c_vid) = (key.c_vid, tci as u16 & 0x0fff);
        tags += 1;
        offset += TAG_BYTES as usize;
    }
    let packet = InnerProtocol { ethertype: frame.at(offset) as u16, offset: offset + 2 };
    key.traffic_class = match (packet.ethertype, frame.at(packet.offset)) {
        (_, BEYOND) => NOT_IP,
        (IPV4, first) => first as u16 & 0xff,
        (IPV6, first) => (first as u16 >> 4) & 0xff,
        _ => NOT_IP,
    };
    (key, packet)
}
