//! The tags that a frame came with, also those that its port doesn't accept.

use std::{collections::HashSet, fmt};

use edge_common::packet::vlan::{OUTER_TAG_OFFSET, TAG_LEN_BYTES, TPID_C_TAG, TPID_S_TAG, Vid};
use serde::{Serialize, Serializer};

/// TPIDs that switches used before 802.1ad had one. Some still use them.
const OLD_TPIDS: [u16; 3] = [0x9100, 0x9200, 0x9300];
/// The most tags that are read of one frame.
const MAX_TAGS: usize = 16;

/// A tag as received (IEEE 802.1Q-2022, 9.6). A priority tag is one, too: its VID is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ReceivedTag {
    /// The EtherType that it begins with.
    pub tpid: Tpid,
    /// The VLAN identifier.
    pub vid: u16,
    /// The priority.
    pub pcp: u8,
    /// The drop eligible indicator.
    pub dei: bool,
}

/// A TPID, in hexadecimal for people and programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tpid(pub u16);

/// TPIDs that a tag may begin with.
pub(super) struct Tpids(HashSet<u16>);

impl Tpids {
    /// The TPIDs of a port, and all others in common use: a frame that no circuit claims may have
    /// one that its port doesn't accept.
    pub(super) fn new(port: &[u16]) -> Self {
        let port = port.iter().copied().filter(|tpid| *tpid != 0);
        Self(port.chain([TPID_C_TAG, TPID_S_TAG]).chain(OLD_TPIDS).collect())
    }

    /// The tags of `frame`, the outer first, as far as they were captured.
    pub(super) fn tags(&self, frame: &[u8]) -> Vec<ReceivedTag> {
        let rest = frame.get(OUTER_TAG_OFFSET..).unwrap_or_default();
        let (tags, _) = rest.as_chunks::<TAG_LEN_BYTES>();
        let tags = tags
            .iter()
            .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])));
        tags.take_while(|(tpid, _)| self.0.contains(tpid))
            .take(MAX_TAGS)
            .map(|(tpid, tci)| ReceivedTag::new(tpid, tci))
            .collect()
    }
}

impl ReceivedTag {
    fn new(tpid: u16, tci: u16) -> Self {
        const DEI: u16 = 1 << 12;

        Self {
            tpid: Tpid(tpid),
            vid: Vid::from_tci(tci).number(),
            pcp: (tci >> 13) as u8,
            dei: tci & DEI != 0,
        }
    }
}

impl fmt::Display for Tpid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

impl Serialize for Tpid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(after_addresses: &[u16]) -> Vec<u8> {
        let rest = after_addresses.iter().flat_map(|word| word.to_be_bytes());
        [0; 12].into_iter().chain(rest).collect()
    }

    #[test]
    fn tags_are_told_as_received() {
        let tpids = Tpids::new(&[0x8100, 0x9999, 0, 0]);
        for (words, cut, expected) in [
            (vec![], 12, ""),
            (vec![0x0800, 0x4500], 16, ""),
            (vec![0x88a8, 0x2064, 0x8100, 0xb00a, 0x0800], 22, "88a8:100/1 8100:10/5d"),
            // A priority tag in front of another.
            (vec![0x8100, 0xa000, 0x8100, 0x012c, 0x0800], 22, "8100:0/5 8100:300/0"),
            // Accepted by this port, accepted by others, and beyond those that the path reads.
            (vec![0x9999, 1, 0x9100, 2, 0x8100, 3, 0x86dd], 26, "9999:1/0 9100:2/0 8100:3/0"),
            // Cut in the second tag, in the first, and before it.
            (vec![0x88a8, 0x2064, 0x8100, 0xb00a], 19, "88a8:100/1"),
            (vec![0x88a8, 0x2064], 15, ""),
            (vec![0x88a8, 0x2064], 5, ""),
        ] {
            let tags = tpids.tags(&frame(&words)[..cut]);
            let tags: Vec<String> = tags
                .iter()
                .map(|tag| {
                    let dei = if tag.dei { "d" } else { "" };
                    format!("{:04x}:{}/{}{dei}", tag.tpid.0, tag.vid, tag.pcp)
                })
                .collect();
            assert_eq!(tags.join(" "), expected, "{words:04x?} cut at {cut}");
        }
        let many = frame(&[0x8100, 1].repeat(4_000));
        assert_eq!(tpids.tags(&many).len(), MAX_TAGS);
    }

    #[test]
    fn a_tag_is_four_fields_for_programs() {
        let tag = serde_json::to_value(ReceivedTag::new(0x88a8, 0xb064)).unwrap();
        let expected = serde_json::json!({"tpid": "0x88a8", "vid": 100, "pcp": 5, "dei": true});
        assert_eq!(tag, expected);
    }
}
