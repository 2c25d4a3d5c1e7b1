//! Announcements of the edge's MAC address on peering-links: gratuitous ARP (RFC 5227, 3) and unsolicited neighbour
//! advertisements (RFC 4861, 7.2.6).
//!
//! A neighbour that knows another MAC address for the edge's address sends its frames there for up to half a minute. The kernel
//! announces a device that comes up (`arp_notify`), and not one that is given an address, or that stands for another
//! peering-link than before.

use std::{
    collections::BTreeSet,
    io, mem,
    net::{IpAddr, Ipv6Addr},
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::routing::devices::{
    error::{Context as _, Result},
    router_mac::RouterMac,
    routing_namespace::RoutingNamespace,
    wanted::WantedDevices,
};

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// All nodes of a link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// ICMPv6 as a next header.
const ICMPV6: u8 = 58;
/// Bytes of a neighbour advertisement with the option for the MAC address.
const ADVERTISEMENT_LEN_BYTES: u8 = 32;

impl RoutingNamespace {
    /// Tells the neighbours of these peering-links the MAC address of the edge's addresses. Returns the peering-links that were
    /// told of; a device without a carrier can't send.
    pub fn announce(
        &self,
        wanted: &WantedDevices,
        indices: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>> {
        let edge = self.settings().edge();
        let socket = self.inner.0.run(|| {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            // With protocol 0, it receives nothing.
            socket(AddressFamily::Packet, SockType::Raw, flags, None)
                .context("opening a packet socket")
        })?;
        let is_told = |index: &u32| {
            let (device, ifindex) = (wanted.get(*index)?, self.ifindex(*index)?);
            let mac = RouterMac::new(edge, *index)?;
            let addresses = device.addresses(mac);
            addresses
                .iter()
                .try_for_each(|it| send(&socket, ifindex, &announcement(mac, it.address())))
                .ok()
        };
        Ok(indices.iter().filter(|index| is_told(index).is_some()).copied().collect())
    }
}

/// The frame that announces an address.
fn announcement(mac: RouterMac, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(own) => {
            let own = own.octets();
            // A request for its own address, from the sender itself.
            [
                &[0xff; 6][..],
                &mac.bytes(),
                &ETHERTYPE_ARP.to_be_bytes(),
                &[0, 1, 8, 0, 6, 4, 0, 1],
                &mac.bytes(),
                &own,
                &[0; 6],
                &own,
            ]
            .concat()
        }
        IpAddr::V6(own) => {
            let advertisement = advertisement(mac, own);
            [
                &ALL_NODES_MAC[..],
                &mac.bytes(),
                &ETHERTYPE_IPV6.to_be_bytes(),
                &[0x60, 0, 0, 0, 0, ADVERTISEMENT_LEN_BYTES, ICMPV6, 255],
                &own.octets(),
                &ALL_NODES.octets(),
                &advertisement,
            ]
            .concat()
        }
    }
}

/// A neighbour advertisement (RFC 4861, 4.4) from a router, which overrides what is known.
fn advertisement(mac: RouterMac, own: Ipv6Addr) -> Vec<u8> {
    const ROUTER_AND_OVERRIDE: u8 = 0xa0;
    let target_mac = [&[2, 1][..], &mac.bytes()].concat();
    let message = |checksum: [u8; 2]| {
        let head = [136, 0, checksum[0], checksum[1], ROUTER_AND_OVERRIDE, 0, 0, 0];
        [&head[..], &own.octets(), &target_mac].concat()
    };
    let pseudo_header = [
        &own.octets()[..],
        &ALL_NODES.octets(),
        &[0, 0, 0, ADVERTISEMENT_LEN_BYTES, 0, 0, 0, ICMPV6],
    ];
    message(checksum(&[pseudo_header.concat(), message([0, 0])].concat()))
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [_, _, high, low] = (!sum).to_be_bytes();
    [high, low]
}

fn send(socket: &OwnedFd, ifindex: u32, frame: &[u8]) -> io::Result<()> {
    // SAFETY: a link-layer address is integers, for which zero is a value.
    let mut to: libc::sockaddr_ll = unsafe { mem::zeroed() };
    to.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    to.sll_ifindex = ifindex.try_into().map_err(io::Error::other)?;
    let len = libc::socklen_t::try_from(size_of_val(&to)).map_err(io::Error::other)?;
    let (fd, to) = (socket.as_raw_fd(), (&raw const to).cast());
    // SAFETY: the frame and the address are live, and have these lengths.
    let sent = unsafe { libc::sendto(fd, frame.as_ptr().cast(), frame.len(), 0, to, len) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use etherparse::{Icmpv6Type, NetSlice, SlicedPacket, TransportSlice};

    use super::*;

    #[test]
    fn an_ipv4_address_is_announced_by_a_request_for_itself() {
        let mac = RouterMac::new(7, 0x01_02_03).expect("room");
        let frame = announcement(mac, "192.0.2.1".parse().expect("an address"));
        let packet = SlicedPacket::from_ethernet(&frame).expect("a frame");
        let Some(NetSlice::Arp(arp)) = packet.net else { panic!("{packet:?}") };
        assert_eq!(arp.operation().0, 1);
        assert_eq!(
            (arp.sender_hw_addr(), arp.sender_protocol_addr()),
            (&mac.bytes()[..], &[192, 0, 2, 1][..])
        );
        assert_eq!(arp.target_protocol_addr(), [192, 0, 2, 1]);
        assert_eq!(frame[..6], [0xff; 6]);
    }

    #[test]
    fn an_ipv6_address_is_announced_by_an_advertisement_that_overrides() {
        let mac = RouterMac::new(7, 9).expect("room");
        let own: Ipv6Addr = "2001:db8::1".parse().expect("an address");
        let frame = announcement(mac, own.into());
        let packet = SlicedPacket::from_ethernet(&frame).expect("a frame");
        let Some(NetSlice::Ipv6(ip)) = &packet.net else { panic!("{packet:?}") };
        let (source, destination) = (ip.header().source_addr(), ip.header().destination_addr());
        assert_eq!((source, destination, ip.header().hop_limit()), (own, ALL_NODES, 255));
        let Some(TransportSlice::Icmpv6(icmp)) = &packet.transport else { panic!("{packet:?}") };
        assert!(icmp.is_checksum_valid(source.octets(), destination.octets()));
        let Icmpv6Type::NeighborAdvertisement(header) = icmp.icmp_type() else {
            panic!("{icmp:?}")
        };
        assert!(header.router && header.r#override && !header.solicited);
        assert_eq!(icmp.payload()[..16], own.octets());
        assert_eq!(icmp.payload()[16..], [&[2, 1][..], &mac.bytes()].concat());
    }
}
