//! IP in a `PPPoE` session or behind an 802.2 SNAP header. Both put eight bytes between the tags and the
//! packet, the last two of which name the protocol.

use super::{
    ether_type::{ETHER_TYPE_IPV4, ETHER_TYPE_IPV6, ETHER_TYPE_PPPOE_SESSION},
    frame::Frame,
    ip_version::IpVersion,
};

/// Version 1, type 1 and code 0 (RFC 2516, 4).
const PPPOE_SESSION_DATA: u32 = 0x1100;

/// Protocol numbers of PPP (RFC 1332, 2, and RFC 5072, 3).
const PPP_IPV4: u16 = 0x0021;

const PPP_IPV6: u16 = 0x0057;

/// DSAP and SSAP of SNAP, unnumbered information, and the first byte of the organization (RFC 1042).
const SNAP: u32 = 0xaaaa_0300;

/// Length in bytes of the headers in front of the packet, the same in both cases.
pub(crate) const SHIM_LEN_BYTES: usize = 8;

/// The version of IP behind the eight bytes at `offset`, which follow `ether_type`; `None`: no IP
/// follows them. Callers use [`Frame::encapsulated_ip_version`].
#[inline(always)]
pub fn ip_version(
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
        // The rest of the organization is 0 where the protocol is an EtherType.
        match protocol {
            ETHER_TYPE_IPV4 if start == SNAP && end >> 16 == 0 => Some(IpVersion::V4),
            ETHER_TYPE_IPV6 if start == SNAP && end >> 16 == 0 => Some(IpVersion::V6),
            _ => None,
        }
    }
}
