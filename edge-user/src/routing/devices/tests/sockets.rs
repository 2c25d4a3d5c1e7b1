//! Sockets that are bound to devices use these alone, whatever their addresses are.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpHeaderSlice, TransportSlice};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, getsockopt, setsockopt,
        socket, sockopt,
    },
};

use super::{EDGE, OUTER, PATIENCE, Place, check, device, devices, in_a_place, open};
use crate::{
    lab::raw::{RawCollector, RawSender},
    routing::devices::{
        InterfaceAddress, RouterMac, RoutingNamespace, WantedDevice, WantedDevices,
    },
};

const PORT: u16 = 179;
/// The edge's port of each connection: all addresses and ports are the same.
const OWN_PORT: u16 = 40_000;

/// One session's addresses.
#[derive(Clone, Copy)]
struct Session {
    index: u32,
    own: IpAddr,
    peer: IpAddr,
}

impl Session {
    fn v4(index: u32) -> Self {
        let [own, peer] = [[192, 168, 15, 18], [192, 168, 15, 17]].map(IpAddr::from);
        Self { index, own, peer }
    }

    fn v6(index: u32) -> Result<Self> {
        Ok(Self { index, own: "2001:db8::2".parse()?, peer: "2001:db8::1".parse()? })
    }

    /// The customer's MAC address.
    fn peer_mac(self) -> [u8; 6] {
        [0x02, 0, 0, 0, 0, u8::try_from(self.index).expect("a small index")]
    }

    fn own_mac(self) -> [u8; 6] {
        RouterMac::new(EDGE, self.index).expect("room").bytes()
    }

    fn know_peer(self, place: &Place<'_>) -> Result<()> {
        let Self { index, peer, .. } = self;
        let mac = self.peer_mac().map(|octet| format!("{octet:02x}")).join(":");
        place.ip(&format!("neigh replace {peer} lladdr {mac} dev r{index} nud permanent"))?;
        Ok(())
    }

    /// Begins a connection from a socket that is bound to the device.
    fn connect(self, namespace: &RoutingNamespace) -> Result<OwnedFd> {
        let family = if self.own.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        namespace
            .inner
            .0
            .run(|| Ok(socket(family, SockType::Stream, flags, None)?))
            .map_err(anyhow::Error::from)
            .and_then(|socket| {
                setsockopt(&socket, sockopt::BindToDevice, &format!("r{}", self.index).into())?;
                // To close it ends it at once: else it would hold the namespace for minutes.
                let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
                setsockopt(&socket, sockopt::Linger, &at_once)?;
                let own = SockaddrStorage::from(SocketAddr::new(self.own, OWN_PORT));
                bind(socket.as_raw_fd(), &own).context("binding")?;
                let peer = SockaddrStorage::from(SocketAddr::new(self.peer, PORT));
                match connect(socket.as_raw_fd(), &peer) {
                    Err(Errno::EINPROGRESS) => Ok(socket),
                    other => anyhow::bail!("connecting to {}: {other:?}", self.peer),
                }
            })
    }

    /// The customer's answer to a SYN.
    fn syn_ack(self, syn_number: u32) -> Result<Vec<u8>> {
        let link = PacketBuilder::ethernet2(self.peer_mac(), self.own_mac());
        let packet = match (self.peer, self.own) {
            (IpAddr::V4(peer), IpAddr::V4(own)) => link.ipv4(peer.octets(), own.octets(), 255),
            (IpAddr::V6(peer), IpAddr::V6(own)) => link.ipv6(peer.octets(), own.octets(), 255),
            _ => anyhow::bail!("two families"),
        };
        let packet = packet.tcp(PORT, OWN_PORT, 7, 1024).syn().ack(syn_number.wrapping_add(1));
        let mut frame = Vec::new();
        packet.write(&mut frame, &[])?;
        Ok(frame)
    }
}

/// A frame of TCP that has left by `pe`.
struct Seen {
    source: [u8; 6],
    destination: [u8; 6],
    addresses: (IpAddr, IpAddr),
    is_syn: bool,
    sequence_number: u32,
}

/// The next frame with TCP.
fn next_segment(collector: &RawCollector) -> Result<Seen> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        for frame in collector.collect(1, left)? {
            if let Some(seen) = Seen::of(&frame)? {
                return Ok(seen);
            }
        }
    }
    anyhow::bail!("no segment within {PATIENCE:?}")
}

impl Seen {
    fn of(frame: &[u8]) -> Result<Option<Self>> {
        let packet = SlicedPacket::from_ethernet(frame)?;
        let (Some(net), Some(TransportSlice::Tcp(tcp))) = (&packet.net, &packet.transport) else {
            return Ok(None);
        };
        let header = TcpHeaderSlice::from_slice(tcp.slice())?.to_header();
        let (addresses, checksum) = match net {
            NetSlice::Ipv4(ip) => {
                let ip = ip.header().to_header();
                let addresses = (ip.source.into(), ip.destination.into());
                (addresses, header.calc_checksum_ipv4(&ip, tcp.payload())?)
            }
            NetSlice::Ipv6(ip) => {
                let ip = ip.header().to_header();
                let addresses = (ip.source.into(), ip.destination.into());
                (addresses, header.calc_checksum_ipv6(&ip, tcp.payload())?)
            }
            NetSlice::Arp(_) => return Ok(None),
        };
        // Nobody behind the pair would fill it in.
        ensure!(checksum == header.checksum, "a segment without its checksum");
        let mac = |at: usize| -> Result<[u8; 6]> { Ok(frame[at..at + 6].try_into()?) };
        Ok(Some(Self {
            destination: mac(0)?,
            source: mac(6)?,
            addresses,
            is_syn: header.syn,
            sequence_number: header.sequence_number,
        }))
    }
}

/// Sets connections up, all begun before the first one is answered, in another order.
fn handshakes(place: &Place<'_>, namespace: &RoutingNamespace, sessions: &[Session]) -> Result<()> {
    let collector = RawCollector::open(place.ns, OUTER)?;
    let sender = RawSender::open(place.ns, OUTER)?;
    let mut begun = Vec::new();
    for session in sessions {
        session.know_peer(place)?;
        let socket = session.connect(namespace)?;
        let syn = loop {
            let seen = next_segment(&collector)?;
            // An earlier one may send its own again.
            if seen.source == session.own_mac() {
                break seen;
            }
        };
        assert!(syn.is_syn);
        assert_eq!(syn.destination, session.peer_mac(), "r{}", session.index);
        assert_eq!(syn.addresses, (session.own, session.peer));
        begun.push((*session, socket, syn.sequence_number));
    }
    let mut connected = Vec::new();
    while let Some((session, socket, number)) = begun.pop() {
        sender.send(&session.syn_ack(number)?)?;
        let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
        let patience = PollTimeout::try_from(PATIENCE).map_err(io::Error::other)?;
        ensure!(poll(&mut waiting, patience)? == 1, "r{} is not connected", session.index);
        assert_eq!(getsockopt(&socket, sockopt::SocketError)?, 0, "r{}", session.index);
        let ack = loop {
            let seen = next_segment(&collector)?;
            if !seen.is_syn {
                break seen;
            }
        };
        assert_eq!(ack.source, session.own_mac());
        // The others have not been answered by it.
        for (other, socket, _) in &begun {
            let mut waiting = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
            assert_eq!(poll(&mut waiting, PollTimeout::ZERO)?, 0, "r{}", other.index);
        }
        // To close it would send another segment.
        connected.push(socket);
    }
    Ok(())
}

#[test]
fn connections_with_all_the_same_addresses_leave_by_their_devices() -> Result<()> {
    in_a_place("connections_with_all_the_same_addresses_leave_by_their_devices", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=20))?)?;
        let indices = [1, 2, 20];
        handshakes(place, &namespace, &indices.map(Session::v4))?;
        let v6: Result<Vec<_>> = indices.into_iter().map(Session::v6).collect();
        handshakes(place, &namespace, &v6?)
    })
}

#[test]
fn a_peer_may_have_an_address_that_is_the_edges_own_elsewhere() -> Result<()> {
    in_a_place("a_peer_may_have_an_address_that_is_the_edges_own_elsewhere", |place| {
        let mut namespace = open()?;
        // On r2, each end has the other one's address of r1.
        let v4 = InterfaceAddress::v4([192, 168, 15, 17].into(), 30);
        let v6 = InterfaceAddress::v6("2001:db8::1".parse()?, 126);
        let mirrored = WantedDevice { v4, v6, ..device(2) };
        check(&namespace.reconcile(&WantedDevices::new([device(1), mirrored])?)?)?;
        for of in [|index| Ok(Session::v4(index)), Session::v6] {
            let (first, other) = (of(1)?, of(2)?);
            let mirrored = Session { own: other.peer, peer: other.own, ..other };
            handshakes(place, &namespace, &[first, mirrored])?;
        }
        Ok(())
    })
}
