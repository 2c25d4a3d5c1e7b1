//! ICMP messages that the path makes of a frame, and sends back where it came from (RFC 1812, 4.3; RFC 4443): echo
//! replies, and errors, which quote the packet.

use crate::{
    abi::{
        in_flight::HandedOver,
        routed::Answer,
        router::{FRAME_COST_BYTES, RouterInterface},
    },
    env::{BucketCalls, Egress, FrameCalls, Routing, Way},
    packet::{
        checksum,
        frame::Frame,
        icmp::{self, PROTOCOL_ICMP, PROTOCOL_ICMPV6},
        ip::{DsWord, IPV6_HEADER_LEN_BYTES},
        ip_version::IpVersion,
        transport::Transport,
    },
    path::address,
    reason::Reason,
};

/// TTL and hop limit of messages (RFC 1700).
const TTL: u16 = 64;
const IPV4_HEADER_LEN_BYTES: usize = 20;
const ICMP_HEADER_LEN_BYTES: usize = icmp::HEADER_LEN_BYTES;
/// The most that an error quotes of a packet of IPv4: the header, and enough of what follows for any protocol.
const MAX_QUOTE_V4: usize = 128;
/// The least MTU of IPv6, which no error exceeds (RFC 4443, 2.4).
const MAX_LEN_V6: usize = 1280;
const MAX_QUOTE_V6: usize = MAX_LEN_V6 - IPV6_HEADER_LEN_BYTES - ICMP_HEADER_LEN_BYTES;
/// Class selector 6: of network control (RFC 1812, 4.3.2.5).
const CONTROL_V4: u32 = 0xc0;
const CONTROL_V6: u32 = 0xc0 << 20;

/// Answers a frame with this packet at the interface with this index. The error is the reason why there is no answer:
/// nothing may be answered ([`Reason::NotForUs`]), it would be above the interface's rate, or it can't be sent.
#[inline(always)]
pub fn answer(
    frame: &mut impl FrameCalls,
    env: &mut (impl Routing + BucketCalls + Egress),
    index: u32,
    packet: &DsWord,
    answer: Answer,
) -> Result<(), Reason> {
    let interface = env.router_interface(index).ok_or(Reason::DanglingTable)?;
    let (has_address, answers) = (has_own_address(interface, packet), interface.answers);
    // An echo reply has the address that was asked. An error is the interface's.
    let may_answer =
        answer == Answer::ECHO || has_address && is_answerable(packet, frame.transport(packet));
    if !may_answer {
        return Err(Reason::NotForUs);
    }
    if !env.pay(answers, FRAME_COST_BYTES).checked()?.is_within() {
        return Err(Reason::PuntLimited);
    }
    if !frame.answer(env, index, packet, answer) {
        return Err(Reason::NoHeadroom);
    }
    // The frame goes by its port's device map, not by `XDP_TX`: the device's refusals are seen there, and a veth pair
    // wakes its peer.
    if !env.forward(Way::Back) {
        return Err(Reason::NoEgress);
    }
    env.hand_over(Way::Back, HandedOver::nobodys());
    Ok(())
}

#[inline(always)]
fn has_own_address(interface: &RouterInterface, packet: &DsWord) -> bool {
    match packet.version {
        IpVersion::V4 => interface.own_v4 != 0,
        IpVersion::V6 => interface.own_v6 != [0, 0],
    }
}

/// Whether an error may be sent about a packet with this transport (RFC 1812, 4.3.2.7; RFC 4443, 2.4 (e)): not about
/// an error, nor about a fragment other than the first.
#[inline(always)]
fn is_answerable(packet: &DsWord, transport: Transport) -> bool {
    if !transport.is_there() || !transport.has_ports() {
        return false;
    }
    let icmp_type = (transport.src_port() >> 8) as u8;
    match packet.version {
        IpVersion::V4 => transport.protocol() != PROTOCOL_ICMP || !icmp::is_error(icmp_type),
        IpVersion::V6 => transport.protocol() != PROTOCOL_ICMPV6 || !icmp::is_error_v6(icmp_type),
    }
}

/// Turns the frame into the answer; `None`: there is no room for it. Callers use
/// [`crate::env::FrameCalls::answer`].
#[inline(always)]
pub fn make(
    frame: &mut (impl Frame + ?Sized),
    interface: &RouterInterface,
    packet: &DsWord,
    answer: Answer,
) -> Option<()> {
    let offset = packet.offset;
    match (answer, packet.version) {
        (Answer::ECHO, IpVersion::V4) => echo_v4(frame, packet)?,
        (Answer::ECHO, IpVersion::V6) => echo_v6(frame, offset)?,
        (_, IpVersion::V4) => error_v4(frame, interface, offset, answer)?,
        (_, IpVersion::V6) => error_v6(frame, interface, offset, answer)?,
    }
    let (_, sender) = address::macs(frame)?;
    let own = interface.mac().to_bits();
    frame.write_u32(0, (sender.to_bits() >> 16) as u32)?;
    frame.write_u32(4, (sender.to_bits() as u32) << 16 | (own >> 32) as u32)?;
    frame.write_u32(8, own as u32)
}

#[inline(always)]
fn echo_v4(frame: &mut (impl Frame + ?Sized), packet: &DsWord) -> Option<()> {
    let offset = packet.offset;
    let payload = offset + (packet.word >> 8 & 0x0f) as usize * 4;
    turn_echo(frame, payload, icmp::ECHO_REQUEST, icmp::ECHO_REPLY)?;
    let (source, destination) = (frame.read_u32(offset + 12)?, frame.read_u32(offset + 16)?);
    frame.write_u32(offset + 12, destination)?;
    frame.write_u32(offset + 16, source)?;
    let (ttl, sum) = (frame.read_u16(offset + 8)?, frame.read_u16(offset + 10)?);
    let new_ttl = TTL << 8 | ttl & 0xff;
    frame.write_u16(offset + 8, new_ttl)?;
    frame.write_u16(offset + 10, checksum::update(sum, ttl, new_ttl))
}

#[inline(always)]
fn echo_v6(frame: &mut (impl Frame + ?Sized), offset: usize) -> Option<()> {
    let payload = offset + IPV6_HEADER_LEN_BYTES;
    turn_echo(frame, payload, icmp::ECHO_REQUEST_V6, icmp::ECHO_REPLY_V6)?;
    for word in 0..4 {
        let (source, destination) = (offset + 8 + 4 * word, offset + 24 + 4 * word);
        let (from, to) = (frame.read_u32(source)?, frame.read_u32(destination)?);
        frame.write_u32(source, to)?;
        frame.write_u32(destination, from)?;
    }
    let next = frame.read_u16(offset + 6)?;
    frame.write_u16(offset + 6, next & 0xff00 | TTL)
}

/// Makes a reply of the request at `payload`. A wrong checksum stays wrong.
#[inline(always)]
fn turn_echo(
    frame: &mut (impl Frame + ?Sized),
    payload: usize,
    request: u16,
    reply: u16,
) -> Option<()> {
    let sum = frame.read_u16(payload + 2)?;
    frame.write_u16(payload, reply)?;
    frame.write_u16(payload + 2, checksum::update(sum, request, reply))
}

#[inline(always)]
fn error_v4(
    frame: &mut (impl Frame + ?Sized),
    interface: &RouterInterface,
    offset: usize,
    answer: Answer,
) -> Option<()> {
    const HEADERS: usize = IPV4_HEADER_LEN_BYTES + ICMP_HEADER_LEN_BYTES;
    let quote = usize::from(frame.read_u16(offset + 2)?).min(MAX_QUOTE_V4);
    let sender = frame.read_u32(offset + 12)?;
    make_room::<HEADERS>(frame, offset, quote)?;

    let len_bytes = (HEADERS + quote) as u32;
    let words = [
        0x4500_0000 | CONTROL_V4 << 16 | len_bytes,
        // Without an identification, as nothing may fragment it (RFC 6864, 4.1).
        0x0000_4000,
        u32::from(TTL << 8 | u16::from(PROTOCOL_ICMP)) << 16,
        interface.own_v4,
        sender,
    ];
    let mut sum = 0;
    for (place, word) in words.into_iter().enumerate() {
        sum += u64::from(word);
        frame.write_u32(offset + 4 * place, word)?;
    }
    frame.write_u16(offset + 10, !checksum::fold(sum))?;

    let (kind, rest) = match (answer, answer.mtu_bytes()) {
        (_, Some(mtu_bytes)) => (icmp::TOO_BIG, mtu_bytes & 0xffff),
        (Answer::TTL_EXPIRED, None) => (icmp::TTL_EXPIRED, 0),
        (_, None) => (icmp::NO_ROUTE, 0),
    };
    write_icmp(frame, offset + IPV4_HEADER_LEN_BYTES, kind, rest, 0, quote)
}

#[inline(always)]
fn error_v6(
    frame: &mut (impl Frame + ?Sized),
    interface: &RouterInterface,
    offset: usize,
    answer: Answer,
) -> Option<()> {
    const HEADERS: usize = IPV6_HEADER_LEN_BYTES + ICMP_HEADER_LEN_BYTES;
    let packet_bytes = IPV6_HEADER_LEN_BYTES + usize::from(frame.read_u16(offset + 4)?);
    let quote = packet_bytes.min(MAX_QUOTE_V6);
    make_room::<HEADERS>(frame, offset, quote)?;

    let payload_bytes = (ICMP_HEADER_LEN_BYTES + quote) as u32;
    frame.write_u32(offset, 6 << 28 | CONTROL_V6)?;
    frame.write_u32(
        offset + 4,
        payload_bytes << 16 | u32::from(PROTOCOL_ICMPV6) << 8 | u32::from(TTL),
    )?;
    // RFC 8200, 8.1: the checksum covers addresses, length and protocol, too.
    let mut sum = u64::from(payload_bytes) + u64::from(PROTOCOL_ICMPV6);
    let [upper, lower] = interface.own_v6;
    let own = [(upper >> 32) as u32, upper as u32, (lower >> 32) as u32, lower as u32];
    for (place, word) in own.into_iter().enumerate() {
        let sender = frame.read_u32(offset + HEADERS + 8 + 4 * place)?;
        frame.write_u32(offset + 8 + 4 * place, word)?;
        frame.write_u32(offset + 24 + 4 * place, sender)?;
        sum += u64::from(word) + u64::from(sender);
    }

    let (kind, rest) = match (answer, answer.mtu_bytes()) {
        (_, Some(mtu_bytes)) => (icmp::TOO_BIG_V6, mtu_bytes),
        (Answer::TTL_EXPIRED, None) => (icmp::TTL_EXPIRED_V6, 0),
        (_, None) => (icmp::NO_ROUTE_V6, 0),
    };
    write_icmp(frame, offset + IPV6_HEADER_LEN_BYTES, kind, rest, sum, quote)
}

/// Cuts the packet at `offset` to `quote` bytes, and makes room for `HEADERS` bytes in front of it. The link-layer header
/// moves to the frame's new start.
#[inline(always)]
fn make_room<const HEADERS: usize>(
    frame: &mut (impl Frame + ?Sized),
    offset: usize,
    quote: usize,
) -> Option<()> {
    frame.cut((offset + quote) as u32)?;
    frame.move_start(-i32::try_from(HEADERS).ok()?)?;
    for word in 0..3 {
        let addresses = frame.read_u32(HEADERS + 4 * word)?;
        frame.write_u32(4 * word, addresses)?;
    }
    // Up to two tags, and the EtherType.
    for at in [12, 14, 16, 18, 20] {
        if at < offset {
            let part = frame.read_u16(HEADERS + at)?;
            frame.write_u16(at, part)?;
        }
    }
    Some(())
}

/// Writes the header of an ICMP message that quotes so many bytes behind it. `sum` is that of its pseudo-header.
#[inline(always)]
fn write_icmp(
    frame: &mut (impl Frame + ?Sized),
    offset: usize,
    kind: u16,
    rest: u32,
    sum: u64,
    quote: usize,
) -> Option<()> {
    frame.write_u32(offset, u32::from(kind) << 16)?;
    frame.write_u32(offset + 4, rest)?;
    let quoted = frame.sum(offset + ICMP_HEADER_LEN_BYTES, quote)?;
    let sum = sum + u64::from(kind) + u64::from(rest) + u64::from(quoted);
    frame.write_u16(offset + 2, !checksum::fold(sum))
}
