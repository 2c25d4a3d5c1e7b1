//! IP packets, of either version, with right checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;

/// A packet between two addresses of one version.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    /// TTL or hop limit.
    pub(crate) ttl: u8,
    /// Type of service or traffic class: DSCP and ECN.
    pub(crate) traffic_class: u8,
    /// IPv4's protocol, or IPv6's next header.
    pub(crate) protocol: u8,
    /// IPv4's options, a multiple of four bytes.
    pub(crate) options: Vec<u8>,
    /// IPv4's flags and fragment offset.
    pub(crate) fragment: u16,
    pub(crate) payload: Vec<u8>,
}

impl Packet {
    pub(crate) fn new(source: &str, destination: &str, protocol: u8, payload: &[u8]) -> Self {
        Self {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 64,
            traffic_class: 0,
            protocol,
            options: Vec::new(),
            fragment: 0,
            payload: payload.to_vec(),
        }
    }

    /// UDP between these ports, with so many bytes.
    pub(crate) fn udp(source: &str, destination: &str, ports: (u16, u16), data_len: usize) -> Self {
        let len = u16::try_from(data_len + 8).unwrap();
        let mut payload = [ports.0, ports.1, len, 0].map(u16::to_be_bytes).concat();
        payload.extend((0..data_len).map(|at| (at % 251) as u8));
        Self::new(source, destination, UDP, &payload)
    }

    /// UDP between ports that are nobody's.
    pub(crate) fn plain(source: &str, destination: &str) -> Self {
        Self::udp(source, destination, (40_000, 40_001), 26)
    }

    /// A segment of TCP without data.
    pub(crate) fn tcp(source: &str, destination: &str, ports: (u16, u16), flags: u8) -> Self {
        let mut payload = [ports.0, ports.1].map(u16::to_be_bytes).concat();
        payload.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        Self::new(source, destination, TCP, &payload)
    }

    /// ICMP or ICMPv6, by the addresses, with what follows the checksum.
    pub(crate) fn icmp(source: &str, destination: &str, kind: u8, code: u8, rest: &[u8]) -> Self {
        let mut packet =
            Self::new(source, destination, ICMP, &[&[kind, code, 0, 0], rest].concat());
        if packet.is_v6() {
            packet.protocol = ICMPV6;
        }
        let sum = icmp_checksum(packet.source, packet.destination, &packet.payload);
        packet.payload[2..4].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    /// An echo request with so many bytes.
    pub(crate) fn echo(source: &str, destination: &str, data_len: usize) -> Self {
        let rest: Vec<u8> =
            [0x12, 0x34, 0, 7].into_iter().chain((0..data_len).map(|at| (at * 7) as u8)).collect();
        let kind = if source.contains(':') { 128 } else { 8 };
        Self::icmp(source, destination, kind, 0, &rest)
    }

    /// A neighbour's solicitation (135) or advertisement (136) for `target` (RFC 4861, 4.3).
    pub(crate) fn neighbour(source: &str, destination: &str, kind: u8, target: &str) -> Self {
        let target: Ipv6Addr = target.parse().unwrap();
        let rest = [&[0; 4][..], &target.octets(), &[1, 1, 2, 0, 0, 0, 0, 9]].concat();
        Self { ttl: 255, ..Self::icmp(source, destination, kind, 0, &rest) }
    }

    pub(crate) fn ttl(self, ttl: u8) -> Self {
        Self { ttl, ..self }
    }

    pub(crate) fn dscp(self, dscp: u8) -> Self {
        Self { traffic_class: dscp << 2, ..self }
    }

    pub(crate) fn options(self, options: &[u8]) -> Self {
        assert_eq!(options.len() % 4, 0);
        Self { options: options.to_vec(), ..self }
    }

    pub(crate) fn fragment(self, fragment: u16) -> Self {
        Self { fragment, ..self }
    }

    pub(crate) fn is_v6(&self) -> bool {
        self.source.is_ipv6()
    }

    pub(crate) fn ether_type(&self) -> u16 {
        if self.is_v6() { 0x86dd } else { 0x0800 }
    }

    /// The bytes from the IP header on.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.bytes_v4(source, destination),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.bytes_v6(source, destination),
            _ => panic!("of two versions: {self:?}"),
        }
    }

    fn bytes_v4(&self, source: Ipv4Addr, destination: Ipv4Addr) -> Vec<u8> {
        let header_len = 20 + self.options.len();
        let total_len = u16::try_from(header_len + self.payload.len()).unwrap();
        let mut packet = vec![0x40 | (header_len / 4) as u8, self.traffic_class];
        packet.extend(total_len.to_be_bytes());
        packet.extend([0xab, 0xcd]);
        packet.extend(self.fragment.to_be_bytes());
        packet.extend([self.ttl, self.protocol, 0, 0]);
        packet.extend(source.octets());
        packet.extend(destination.octets());
        packet.extend(&self.options);
        let sum = !sum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(&self.payload);
        packet
    }

    fn bytes_v6(&self, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
        let start = 6 << 28 | u32::from(self.traffic_class) << 20 | 0xabcde;
        let mut packet = start.to_be_bytes().to_vec();
        packet.extend(u16::try_from(self.payload.len()).unwrap().to_be_bytes());
        packet.extend([self.protocol, self.ttl]);
        packet.extend(source.octets());
        packet.extend(destination.octets());
        packet.extend(&self.payload);
        packet
    }
}

/// The checksum of an ICMP message whose own is zero; ICMPv6's with the pseudo-header (RFC 8200, 8.1).
pub(crate) fn icmp_checksum(source: IpAddr, destination: IpAddr, message: &[u8]) -> u16 {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (source, destination) else {
        return !sum(message);
    };
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    let pseudo = [&source.octets()[..], &destination.octets(), &len, &[0, 0, 0, ICMPV6]].concat();
    !sum(&[&pseudo, message].concat())
}

/// The one's complement sum of 16-bit words, word by word (RFC 1071, 1).
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum, word| {
        let word = u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]);
        let (sum, carries) = u16::overflowing_add(sum, word);
        sum + u16::from(carries)
    })
}

#[test]
fn a_known_header_has_its_checksum() {
    // The example of https://en.wikipedia.org/wiki/Internet_checksum: b861.
    let header =
        [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
    assert_eq!(!sum(&header), 0xb861);
}
