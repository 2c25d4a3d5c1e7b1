//! Where the IP packet of a frame is: behind the circuit's tags, or in a `PPPoE` session or in 802.2
//! SNAP behind those. Both put eight bytes in between, the last two of which tell the protocol.

use crate::{
    class::IpVersion,
    frame::Frame,
    tags::{LENGTHS_END, Tag},
};

const ETHER_TYPE_IPV4: u16 = 0x0800;
const ETHER_TYPE_IPV6: u16 = 0x86dd;
/// EtherType of a `PPPoE` session (RFC 2516, 3). In discovery's, 0x8863, there is no IP.
const ETHER_TYPE_PPPOE_SESSION: u16 = 0x8864;

/// Version 1, type 1 and code 0 (RFC 2516, 4).
const PPPOE_SESSION_DATA: u32 = 0x1100;
/// Protocol numbers of PPP (RFC 1332, 2, and RFC 5072, 3).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// DSAP and SSAP of SNAP, unnumbered information, and the first byte of the organization (RFC 1042).
const SNAP: u32 = 0xaaaa_0300;
/// Length in bytes of the headers in front of the packet, the same in both cases.
const SHIM_LEN_BYTES: usize = 8;

/// An IP packet, by what the headers in front of it say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The version of IP.
    pub version: IpVersion,
    /// Offset in bytes of the IP header.
    pub offset: usize,
}

/// The packet of a frame whose last tag is `last`; `None` where that isn't followed by IP.
#[inline(always)]
pub fn locate(frame: &(impl Frame + ?Sized), last: &Tag) -> Option<Place> {
    let offset = last.next_offset;
    match last.next_ether_type {
        ETHER_TYPE_IPV4 => Some(Place { version: IpVersion::V4, offset }),
        ETHER_TYPE_IPV6 => Some(Place { version: IpVersion::V6, offset }),
        ether_type if ether_type == ETHER_TYPE_PPPOE_SESSION || ether_type < LENGTHS_END => {
            let version = frame.version_within(ether_type, offset)?;
            Some(Place { version, offset: offset + SHIM_LEN_BYTES })
        }
        _ => None,
    }
}

/// Tells the version of IP behind the eight bytes at `offset`, which follow `ether_type`. To be called through
/// [`Frame::version_within`].
#[inline(always)]
pub fn version_within(
    frame: &(impl Frame + ?Sized),
    ether_type: u16,
    offset: usize,
) -> Option<IpVersion> {
    let (start, end) = (frame.read_u32(offset)?, frame.read_u32(offset + 4)?);
    let protocol = end as u16;
    if ether_type == ETHER_TYPE_PPPOE_SESSION {
        match protocol {
            PPP_IPV4 if start >> 16 == PPPOE_SESSION_DATA => Some(IpVersion::V4),
            PPP_IPV6 if start >> 16 == PPPOE_SESSION_DATA => Some(IpVersion::V6),
            _ => None,
        }
    } else {
        // The rest of the organization, which is 0 where the protocol is an EtherType.
        match protocol {
            ETHER_TYPE_IPV4 if start == SNAP && end >> 16 == 0 => Some(IpVersion::V4),
            ETHER_TYPE_IPV6 if start == SNAP && end >> 16 == 0 => Some(IpVersion::V6),
            _ => None,
        }
    }
}
