//! VLAN tags: IEEE 802.1Q-2022, 9.6 (VLAN Tag Control Information).

use edge_bound::below;

use super::frame::{ETHERNET_HEADER_LEN_BYTES, Frame};

/// TPID of a C-tag (802.1Q-2022, table 9-1).
pub const TPID_C_TAG: u16 = 0x8100;

/// TPID of an S-tag (802.1Q-2022, table 9-1).
pub const TPID_S_TAG: u16 = 0x88a8;

/// TPIDs that devices used for S-tags before 802.1ad, or still do.
const TPIDS_OF_OLD: [u16; 2] = [0x9100, 0x9200];

/// Length of a TPID; the TCI follows.
pub const TPID_LEN_BYTES: usize = 2;

/// TPID and TCI.
pub const TAG_LEN_BYTES: usize = 4;

/// Offset of a frame's outer tag or, in a frame without tags, of its EtherType.
pub const OUTER_TAG_OFFSET: usize = 12;

/// Offset of the outer tag's TCI.
pub const OUTER_TCI_OFFSET: usize = OUTER_TAG_OFFSET + TPID_LEN_BYTES;

/// Offset of the inner tag.
pub const INNER_TAG_OFFSET: usize = OUTER_TAG_OFFSET + TAG_LEN_BYTES;

/// A VLAN identifier: the low 12 bits of the TCI, without PCP and DEI in the upper four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vid(u16);

impl Vid {
    /// VIDs there are, the reserved 0 and 4095 included.
    pub const COUNT: usize = 4096;

    /// The VID of a TCI.
    #[inline(always)]
    #[must_use]
    pub const fn from_tci(tci: u16) -> Self {
        Self(tci & 0x0fff)
    }

    /// The twelve bits.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The VID as a table index, below [`Self::COUNT`].
    #[inline(always)]
    #[must_use]
    pub fn index(self) -> usize {
        below::<{ Self::COUNT }>(usize::from(self.0))
    }
}

/// Whether a tag begins with `ether_type`, on this port or on another: one of all values that
/// `tpids` can list.
#[inline(always)]
#[must_use]
pub const fn is_tpid(ether_type: u16) -> bool {
    let [a, b] = TPIDS_OF_OLD;
    ether_type == TPID_C_TAG || ether_type == TPID_S_TAG || ether_type == a || ether_type == b
}

/// A tag and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The VID.
    pub vid: Vid,
    /// The EtherType after the tag: a payload's, or the TPID of a further tag.
    pub next_ether_type: u16,
    /// Offset in bytes of what follows that EtherType.
    pub next_offset: usize,
}

impl Tag {
    /// Stands for the tag of a frame without one: 802.1Q-2022, 6.9.1, treats such a frame like one
    /// with the VID 0.
    #[inline(always)]
    #[must_use]
    pub const fn none(ether_type: u16) -> Self {
        Self::before(ether_type, ETHERNET_HEADER_LEN_BYTES)
    }

    /// A tag of any VID, with `ether_type` after it, and the next header at `offset`.
    #[inline(always)]
    #[must_use]
    pub const fn before(ether_type: u16, offset: usize) -> Self {
        Self { vid: Vid(0), next_ether_type: ether_type, next_offset: offset }
    }

    /// Whether the frame has the tag.
    #[inline(always)]
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.next_offset != ETHERNET_HEADER_LEN_BYTES
    }

    /// Whether another tag follows, of the circuit or of its customer.
    #[inline(always)]
    #[must_use]
    pub const fn precedes_tag(&self) -> bool {
        is_tpid(self.next_ether_type)
    }

    /// The tag whose TCI is at `tci_offset`; `None` where the frame ends before its end.
    #[inline(always)]
    pub(crate) fn read(frame: &impl Frame, tci_offset: usize) -> Option<Self> {
        let tci_and_next = frame.read_u32(tci_offset)?;
        Some(Self {
            vid: Vid::from_tci((tci_and_next >> 16) as u16),
            next_ether_type: tci_and_next as u16,
            next_offset: tci_offset + TAG_LEN_BYTES,
        })
    }
}

/// A priority code point (802.1Q-2022, 9.6): three bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pcp(pub(crate) u8);

impl Pcp {
    /// Code points there are.
    pub const COUNT: usize = 8;
    /// Place of the three bits in a TCI.
    const SHIFT: u32 = 13;

    /// The code point of a TCI.
    #[inline(always)]
    #[must_use]
    pub const fn of_tci(tci: u16) -> Self {
        Self((tci >> Self::SHIFT) as u8)
    }

    /// `tci` with this code point, and DEI and VID as they are.
    #[inline(always)]
    #[must_use]
    pub const fn in_tci(self, tci: u16) -> u16 {
        (tci & 0x1fff) | (self.0 as u16) << Self::SHIFT
    }
}
