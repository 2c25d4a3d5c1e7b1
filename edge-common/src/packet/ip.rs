//! The IP header of a frame, and the DSCP in it.

use edge_bound::below;

use super::{
    encapsulation::SHIM_LEN_BYTES,
    ether_type::{ETHER_TYPE_IPV4, ETHER_TYPE_IPV6, ETHER_TYPE_PPPOE_SESSION, LENGTHS_END},
    frame::Frame,
    ip_version::IpVersion,
    vlan::Tag,
};
use crate::reason::Reason;

const IPV4_MIN_HEADER_LEN_BYTES: usize = 20;

pub(crate) const IPV6_HEADER_LEN_BYTES: usize = 40;

/// A Differentiated Services code point (RFC 2474): six bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// Code points there are.
    pub const COUNT: usize = 64;

    /// The code point in the low six bits.
    #[inline(always)]
    #[must_use]
    pub const fn new(bits: u8) -> Self {
        Self(bits & 0x3f)
    }

    /// The six bits.
    #[inline(always)]
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0 & 0x3f
    }

    /// The code point as an array index, below [`Self::COUNT`].
    #[inline(always)]
    #[must_use]
    pub fn index(self) -> usize {
        below::<{ Self::COUNT }>(usize::from(self.0))
    }
}

/// The first 16 bits of an IP header: the DSCP is among them in IPv4 and in IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DsWord {
    /// Version of IP.
    pub version: IpVersion,
    /// Offset in bytes of the IP header.
    pub offset: usize,
    /// The 16 bits.
    pub word: u16,
}

impl DsWord {
    /// Stands for that of a frame without an IP packet: no header begins with the version 0. (LLVM copies the undefined half
    /// of an `Option`, which verifiers refuse.)
    pub const NONE: Self = Self { version: IpVersion::V4, offset: 0, word: 0 };

    /// Whether there is a packet.
    #[inline(always)]
    #[must_use]
    pub const fn is_there(self) -> bool {
        self.word != 0
    }

    /// As two numbers.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> (u32, u32) {
        let version = match self.version {
            IpVersion::V4 => 4,
            IpVersion::V6 => 6,
        };
        (self.offset as u32, version << 16 | self.word as u32)
    }

    /// From [`Self::to_bits`].
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(offset: u32, version_and_word: u32) -> Self {
        let version = if version_and_word >> 16 == 4 { IpVersion::V4 } else { IpVersion::V6 };
        Self { version, offset: offset as usize, word: version_and_word as u16 }
    }

    /// Length in bytes of the packet, by its header.
    #[inline(always)]
    pub fn len_bytes(&self, frame: &impl Frame) -> Option<u32> {
        len_bytes(frame, IpPlace { version: self.version, offset: self.offset })
    }

    /// The code point.
    #[inline(always)]
    #[must_use]
    pub const fn dscp(self) -> Dscp {
        Dscp::new((self.word >> self.shift()) as u8)
    }

    /// The word with another code point and every other bit, ECN's too, as it is.
    #[inline(always)]
    #[must_use]
    pub const fn with_dscp(self, dscp: Dscp) -> u16 {
        (self.word & !(0x3f << self.shift())) | ((dscp.bits() as u16) << self.shift())
    }

    /// Whether the sender understands congestion marks and has none yet (RFC 3168, 5).
    #[inline(always)]
    #[must_use]
    pub const fn is_ecn_capable(self) -> bool {
        matches!(self.word >> self.ecn_shift() & 3, 1 | 2)
    }

    /// The word with the mark "congestion experienced".
    #[inline(always)]
    #[must_use]
    pub const fn with_congestion(self) -> u16 {
        self.word | 3 << self.ecn_shift()
    }

    #[inline(always)]
    const fn ecn_shift(self) -> u32 {
        self.shift() - 2
    }

    /// The DSCP's place: IPv4 has version and IHL before it and ECN after, IPv6 has the version
    /// before it and ECN and four bits of the flow label after.
    #[inline(always)]
    const fn shift(self) -> u32 {
        match self.version {
            IpVersion::V4 => 2,
            IpVersion::V6 => 6,
        }
    }
}

/// The DSCP of a frame whose last tag is `last`; `None`: no IP follows that tag. A packet that a
/// router would refuse gives [`Reason::Malformed`].
#[inline(always)]
pub fn ds_word(frame: &(impl Frame + ?Sized), last: &Tag) -> Result<Option<DsWord>, Reason> {
    ds_word_or_none(frame, last).map(|word| if word.is_there() { Some(word) } else { None })
}

/// The same, with [`DsWord::NONE`] where no IP follows the tag.
#[inline(always)]
pub fn ds_word_or_none(frame: &(impl Frame + ?Sized), last: &Tag) -> Result<DsWord, Reason> {
    match locate(frame, last) {
        Some(IpPlace { version: IpVersion::V4, offset }) => ipv4(frame, offset),
        Some(IpPlace { version: IpVersion::V6, offset }) => ipv6(frame, offset),
        None => Ok(DsWord::NONE),
    }
}

/// Length in bytes of the packet at `place`, by its header.
#[inline(always)]
pub(crate) fn len_bytes(frame: &impl Frame, place: IpPlace) -> Option<u32> {
    match place.version {
        IpVersion::V4 => ipv4_len_bytes(frame, place.offset),
        IpVersion::V6 => ipv6_len_bytes(frame, place.offset),
    }
}

/// Length in bytes of the IPv4 packet at `offset`, by its header.
#[inline(always)]
pub(crate) fn ipv4_len_bytes(frame: &(impl Frame + ?Sized), offset: usize) -> Option<u32> {
    frame.read_u16(offset + 2).map(u32::from)
}

/// Length in bytes of the IPv6 packet at `offset`, by its header.
#[inline(always)]
pub(crate) fn ipv6_len_bytes(frame: &(impl Frame + ?Sized), offset: usize) -> Option<u32> {
    let payload_len_bytes = frame.read_u16(offset + 4)?;
    Some(IPV6_HEADER_LEN_BYTES as u32 + u32::from(payload_len_bytes))
}

/// Checks by RFC 1812, 5.2.2: version 4, a header of 20 bytes or more, and a total length that is
/// not shorter than the header and not longer than the frame. The checksum is not verified: a wrong
/// one stays wrong.
#[inline(always)]
fn ipv4(frame: &(impl Frame + ?Sized), offset: usize) -> Result<DsWord, Reason> {
    let start = frame.read_u32(offset).ok_or(Reason::Malformed)?;
    let header_len_bytes = (start >> 24 & 0x0f) * 4;
    let total_len_bytes = start & 0xffff;
    if !frame.holds(offset + IPV4_MIN_HEADER_LEN_BYTES)
        || start >> 28 != 4
        || header_len_bytes < IPV4_MIN_HEADER_LEN_BYTES as u32
        || total_len_bytes < header_len_bytes
        || offset as u32 + total_len_bytes > frame.len_bytes()
    {
        return Err(Reason::Malformed);
    }
    Ok(DsWord { version: IpVersion::V4, offset, word: (start >> 16) as u16 })
}

/// Checks by RFC 8200, 3: version 6, and a payload that is not longer than the frame. A payload
/// length of 0 is legal: nothing follows, or a jumbogram's length does (RFC 2675).
#[inline(always)]
fn ipv6(frame: &(impl Frame + ?Sized), offset: usize) -> Result<DsWord, Reason> {
    let word = frame.read_u16(offset).ok_or(Reason::Malformed)?;
    let payload_len_bytes = frame.read_u16(offset + 4).ok_or(Reason::Malformed)?;
    let end = offset + IPV6_HEADER_LEN_BYTES;
    if !frame.holds(end)
        || word >> 12 != 6
        || end as u32 + u32::from(payload_len_bytes) > frame.len_bytes()
    {
        return Err(Reason::Malformed);
    }
    Ok(DsWord { version: IpVersion::V6, offset, word })
}

/// The place of an IP packet, by the headers in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPlace {
    /// The version of IP.
    pub version: IpVersion,
    /// Offset in bytes of the IP header.
    pub offset: usize,
}

/// The packet of a frame whose last tag is `last`; `None`: no IP follows that tag.
#[inline(always)]
pub fn locate(frame: &(impl Frame + ?Sized), last: &Tag) -> Option<IpPlace> {
    let offset = last.next_offset;
    match last.next_ether_type {
        ETHER_TYPE_IPV4 => Some(IpPlace { version: IpVersion::V4, offset }),
        ETHER_TYPE_IPV6 => Some(IpPlace { version: IpVersion::V6, offset }),
        ether_type if ether_type == ETHER_TYPE_PPPOE_SESSION || ether_type < LENGTHS_END => {
            let version = frame.encapsulated_ip_version(ether_type, offset)?;
            Some(IpPlace { version, offset: offset + SHIM_LEN_BYTES })
        }
        _ => None,
    }
}
