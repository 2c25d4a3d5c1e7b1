//! Step 2, the tags: IEEE 802.1Q-2022, 9.6 (VLAN Tag Control Information).

use edge_bound::below;

use crate::{
    frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
    port::PortConfig,
    qos::Pcp,
    reason::Reason,
};

/// TPID of a C-tag (802.1Q-2022, table 9-1).
pub const TPID_C_TAG: u16 = 0x8100;
/// TPID of an S-tag (802.1Q-2022, table 9-1).
pub const TPID_S_TAG: u16 = 0x88a8;
/// TPIDs that devices used for S-tags before 802.1ad, or still do.
const TPIDS_OF_OLD: [u16; 2] = [0x9100, 0x9200];
/// The least EtherType: a number below it is the length of an 802.3 frame (802.3-2022, 3.2.6).
pub const LENGTHS_END: u16 = 0x0600;
/// EtherType of slow protocols: LACP, marker, OAM (802.3-2022, annex 57A).
const ETHER_TYPE_SLOW: u16 = 0x8809;
/// EtherType of LLDP (802.1AB-2016, 8.3).
const ETHER_TYPE_LLDP: u16 = 0x88cc;

/// TPID and TCI.
pub const TAG_LEN_BYTES: usize = 4;
/// Where a frame's outer tag is, or, in a frame without, its EtherType.
pub const OUTER_TAG_OFFSET: usize = 12;
/// Where the TCI of the outer tag is.
pub const OUTER_TCI_OFFSET: usize = OUTER_TAG_OFFSET + 2;
/// Where the inner tag is.
pub const INNER_TAG_OFFSET: usize = OUTER_TAG_OFFSET + TAG_LEN_BYTES;

/// A VLAN identifier: the low 12 bits of the TCI. PCP and DEI, the upper four, never get here.
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

/// Whether a tag begins with `ether_type`, on a port that accepts it or on some other: one of all
/// that `tpids` can list.
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
    /// In place of a frame's tag that has none: 802.1Q-2022, 6.9.1, treats it like one with the
    /// VID 0.
    #[inline(always)]
    const fn none(ether_type: u16) -> Self {
        Self::before(ether_type, ETHERNET_HEADER_LEN_BYTES)
    }

    /// A tag that `ether_type` follows, and what is at `offset` after that. Its VID is anything.
    #[inline(always)]
    #[must_use]
    pub const fn before(ether_type: u16, offset: usize) -> Self {
        Self { vid: Vid(0), next_ether_type: ether_type, next_offset: offset }
    }

    /// Whether it is there at all.
    #[inline(always)]
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.next_offset != ETHERNET_HEADER_LEN_BYTES
    }

    /// Whether another tag follows, whoever's it is.
    #[inline(always)]
    #[must_use]
    pub const fn precedes_tag(&self) -> bool {
        is_tpid(self.next_ether_type)
    }

    #[inline(always)]
    fn read(frame: &impl Frame, tci_offset: usize) -> Result<Self, Reason> {
        let tci_and_next = frame.read_u32(tci_offset).ok_or(Reason::Malformed)?;
        Ok(Self {
            vid: Vid::from_tci((tci_and_next >> 16) as u16),
            next_ether_type: tci_and_next as u16,
            next_offset: tci_offset + TAG_LEN_BYTES,
        })
    }
}

/// The outer tag of a frame, or one with the VID 0 that isn't there; otherwise
/// [`Reason::Control`] or [`Reason::Malformed`].
#[inline(always)]
pub fn outer(frame: &impl Frame, port: &PortConfig) -> Result<Tag, Reason> {
    let destination_high = frame.read_u32(0).ok_or(Reason::Malformed)?;
    let destination_low = frame.read_u16(4).ok_or(Reason::Malformed)?;
    let ether_type = frame.read_u16(OUTER_TAG_OFFSET).ok_or(Reason::Malformed)?;

    if is_link_local(destination_high, destination_low)
        || ether_type == ETHER_TYPE_SLOW
        || ether_type == ETHER_TYPE_LLDP
    {
        return Err(Reason::Control);
    }
    if !port.accepts_tpid(ether_type) {
        return Ok(Tag::none(ether_type));
    }
    Tag::read(frame, OUTER_TCI_OFFSET)
}

/// The C-tag behind the S-tag `outer`; [`Reason::Unmatched`] where there is none.
#[inline(always)]
pub fn inner(frame: &impl Frame, outer: &Tag) -> Result<Tag, Reason> {
    match outer.next_ether_type {
        TPID_C_TAG | TPID_S_TAG => Tag::read(frame, outer.next_offset),
        _ => Err(Reason::Unmatched),
    }
}

/// The priority of a frame whose last tag is `last`: that of its outer tag, or 0.
#[inline(always)]
pub fn pcp(frame: &impl Frame, last: &Tag) -> Result<Pcp, Reason> {
    if !last.is_there() {
        return Ok(Pcp::of_tci(0));
    }
    frame.read_u16(OUTER_TCI_OFFSET).map(Pcp::of_tci).ok_or(Reason::Malformed)
}

/// The addresses 01-80-C2-00-00-00 to -0F, which a bridge never forwards (802.1Q-2022, 8.6.3),
/// tagged or not.
#[inline(always)]
fn is_link_local(destination_high: u32, destination_low: u16) -> bool {
    destination_high == 0x0180_c200 && destination_low & 0xfff0 == 0
}
