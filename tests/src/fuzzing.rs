//! One input of the fuzzer: what it means, and what must hold of it.
//!
//! The first byte chooses the port that receives, by its lowest bit, and the rest is the frame.

use edge_common::Reason;
use edge_user::{
    config::{Forward, Port, SideTags},
    plan::Police,
    replay::HostEngine,
};

use crate::{
    fixture::{CONFIG, Fixture},
    oracle::{self, Prediction, ip_at},
};

/// The ports, by the lowest bit of an input's first byte.
pub const PORTS: [&str; 2] = ["customer0", "core0"];
/// Both addresses.
const ADDRESSES_LEN_BYTES: usize = 12;
const ETHER_TYPE_IPV4: u16 = 0x0800;
const ETHER_TYPE_IPV6: u16 = 0x86dd;

/// The host paths of both ports, without policers.
pub struct Engines {
    fixture: Fixture,
    hosts: [HostEngine; 2],
}

/// The meaning of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    /// The port that receives.
    pub port: &'static str,
    /// The frame that it receives.
    pub frame: &'a [u8],
}

/// Takes an input along the host path, and checks first that it does what the oracle says, then
/// what holds of every frame, whatever the configuration makes of it. Returns what became of the
/// frame; an empty input has none.
///
/// # Panics
///
/// If something does not hold.
pub fn run(engines: &mut Engines, data: &[u8]) -> Option<Prediction> {
    let Input { port, frame } = Input::parse(data)?;
    let Engines { fixture, hosts } = engines;
    let host = &mut hosts[usize::from(port == PORTS[1])];
    // Its frame is the one that the path left: they have just been compared.
    let left = oracle::check(fixture, port, host, frame);
    let invariant = if left.reason == Reason::Ok {
        forwarded(fixture, port, frame, &left)
    } else {
        (left.frame == frame).then_some(()).ok_or("not forwarded, and changed")
    };
    assert_eq!(invariant, Ok(()), "{frame:02x?} on {port} left as {left:02x?}");
    Some(left)
}

impl Engines {
    /// On the fixture of all tests.
    #[must_use]
    pub fn new() -> Self {
        let fixture = Fixture::of(CONFIG, Police::Off);
        let hosts = PORTS.map(|port| fixture.host(port));
        Self { fixture, hosts }
    }

    /// The fixture that they are made of.
    #[must_use]
    pub fn fixture(&self) -> &Fixture {
        &self.fixture
    }
}

impl Default for Engines {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Input<'a> {
    /// `None`: there is no byte.
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (choice, frame) = data.split_first()?;
        Some(Self { port: PORTS[usize::from(choice & 1)], frame })
    }
}

/// Checks a frame that was `sent` and forwarded: no byte but those of tags, DSCP and the IPv4
/// header checksum is another.
fn forwarded(
    fixture: &Fixture,
    port: &str,
    sent: &[u8],
    left: &Prediction,
) -> Result<(), &'static str> {
    let (arrived_tags, leaving_tags) = tags(fixture, port, sent, left).ok_or("of no circuit")?;
    let (sent_addresses, sent) = sent.split_at_checked(ADDRESSES_LEN_BYTES).ok_or("too short")?;
    let (addresses, left) = left.frame.split_at_checked(ADDRESSES_LEN_BYTES).ok_or("cut off")?;
    if addresses != sent_addresses {
        return Err("other addresses");
    }
    let (sent_type, sent) = behind(sent, arrived_tags).ok_or("without the circuit's tags")?;
    let (left_type, left) = behind(left, leaving_tags).ok_or("without the tags to leave with")?;
    if left_type != sent_type {
        return Err("another EtherType behind the tags");
    }
    // The same in front of the packet, if it is one; then where the DSCP is, and what follows it.
    let (packet_type, at) = ip_at(sent_type, sent);
    let (sent_shim, sent) = sent.split_at(at);
    let (left_shim, left) = left.split_at_checked(at).ok_or("cut off")?;
    if left_shim != sent_shim {
        return Err("another header in front of the packet");
    }
    let (mask, checksum) = match packet_type {
        ETHER_TYPE_IPV4 => ([0x00, 0xfc], 10..12),
        ETHER_TYPE_IPV6 => ([0x0f, 0xc0], 0..0),
        _ if left == sent => return Ok(()),
        _ => return Err("not IP, and another payload"),
    };
    let without = |payload: &[u8]| {
        let mut payload = payload.to_vec();
        payload.get_mut(checksum.clone())?.fill(0);
        for (byte, mask) in payload.iter_mut().zip(mask) {
            *byte &= !mask;
        }
        Some(payload)
    };
    if without(left) != without(sent) {
        return Err("more than DSCP and header checksum differ");
    }
    if packet_type == ETHER_TYPE_IPV4 {
        if left[1] == sent[1] && left != sent {
            return Err("another checksum of the same header");
        }
        // A right checksum stays right, and a wrong one as wrong as it was.
        if header_sum(left) != header_sum(sent) {
            return Err("a checksum that does not follow its header");
        }
    }
    Ok(())
}

/// Numbers of tags that the frame has come and left with, of those that are its circuit's.
fn tags(fixture: &Fixture, port: &str, sent: &[u8], left: &Prediction) -> Option<(usize, usize)> {
    let config = &fixture.config;
    let named = |name: &str| config.ports.iter().find(|known| known.name == name);
    let (circuit, kind) = left.peering.as_ref()?;
    let circuit = config.circuits.iter().find(|known| known.name == *circuit)?;
    let peering = circuit.peerings.iter().find(|known| known.kind.as_str() == *kind)?;
    let ingress = named(port)?;
    let egress = match &ingress.forward {
        Forward::Port(name) => named(name)?,
        Forward::Stack => return None,
    };
    let arrived = circuit.tags(peering, ingress.side, ingress.link);
    let leaving = circuit.tags(peering, egress.side, egress.link);
    let arrived = count(arrived).max(usize::from(is_tagged(ingress, sent)));
    Some((arrived, count(leaving)))
}

fn count(tags: SideTags) -> usize {
    usize::from(tags.s_vid.is_some()) + usize::from(tags.c_vids.is_some())
}

/// Where a circuit's frames have no tag, one with the VID 0 is the same.
fn is_tagged(port: &Port, sent: &[u8]) -> bool {
    let tpid = sent[ADDRESSES_LEN_BYTES..].first_chunk();
    tpid.is_some_and(|tpid| port.tpids.contains(&u16::from_be_bytes(*tpid)))
}

/// The EtherType behind so many tags, and what follows it.
fn behind(frame: &[u8], tags: usize) -> Option<(u16, &[u8])> {
    let (ether_type, payload) = frame.get(tags * 4..)?.split_first_chunk()?;
    Some((u16::from_be_bytes(*ether_type), payload))
}

/// The sum of a header's words in one's complement: 0 where the checksum is right (RFC 1071).
fn header_sum(packet: &[u8]) -> u64 {
    let header = &packet[..usize::from(packet[0] & 0x0f) * 4];
    let words = header.as_chunks().0.iter().map(|word| u64::from(u16::from_be_bytes(*word)));
    words.sum::<u64>() % u64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::frame_of;

    #[test]
    fn the_first_byte_chooses_the_port() {
        assert_eq!(Input::parse(&[]), None);
        assert_eq!(Input::parse(&[0]), Some(Input { port: "customer0", frame: &[] }));
        assert_eq!(Input::parse(&[3, 7]), Some(Input { port: "core0", frame: &[7] }));
    }

    #[test]
    fn what_may_not_differ_is_told() {
        let mut engines = Engines::new();
        let sent = frame_of("88a8:100 8100:20 ipv4 dscp=46 ecn=1").expect("a frame");
        run(&mut engines, &[&[0], sent.as_slice()].concat());

        let port = PORTS[0];
        let left = oracle::check(&engines.fixture, port, &mut engines.hosts[0], &sent);
        let verdict = |at: usize, bit: u8| {
            let mut left = left.clone();
            left.frame[at] ^= bit;
            forwarded(&engines.fixture, port, &sent, &left)
        };
        assert_eq!(verdict(0, 0), Ok(()));
        assert_eq!(verdict(15, 1), Ok(()), "a tag");
        for (at, bit, told) in [
            (3, 1, "other addresses"),
            (21, 1, "another EtherType behind the tags"),
            (23, 1, "more than DSCP and header checksum differ"),
            (23, 4, "a checksum that does not follow its header"),
            (33, 1, "another checksum of the same header"),
            (45, 1, "more than DSCP and header checksum differ"),
        ] {
            assert_eq!(verdict(at, bit), Err(told), "byte {at}");
        }
    }
}
