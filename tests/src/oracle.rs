//! The oracle: it works the outcome of a frame out from the configuration alone. It has tags as a
//! list, headers by `etherparse`, no table and no code of the path. Policing is left out.

use edge_common::{Reason, abi::outcome::Outcome};
use edge_user::{
    config::{
        Accounting, CTags, Circuit, ClassMatch, Config, DscpPolicy, Forward, Peering, Port,
        PortRange, QosClass, QosProfile, Side, SideTags,
    },
    replay::{HostEngine, PathEngine as _},
};
use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use crate::fixture::Fixture;

/// The prediction for a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The reason why its path ends, without a policer.
    pub reason: Reason,
    /// Circuit and kind of peering.
    pub peering: Option<(String, &'static str)>,
    /// The class's name.
    pub class: Option<String>,
    /// Arriving DSCP and the one to leave with.
    pub dscp: Option<(u8, u8)>,
    /// The length that it counts for.
    pub len_bytes: usize,
    /// The frame as it leaves or, where it is dropped, as far as it was changed by then.
    pub frame: Vec<u8>,
}

/// Predicts the outcome of `frame`, received on `port`, under `config`.
#[must_use]
pub fn predict(config: &Config, port: &Port, frame: &[u8]) -> Prediction {
    let mut prediction = Prediction {
        reason: Reason::Ok,
        peering: None,
        class: None,
        dscp: None,
        len_bytes: frame.len(),
        frame: frame.to_vec(),
    };
    if let Err(reason) = forwarded(config, port, frame, &mut prediction) {
        prediction.reason = reason;
    }
    prediction
}

/// Runs `sent` through `host`, the path of `port` without a policer, and compares with the
/// prediction, which it returns.
///
/// # Panics
///
/// If they differ.
pub fn check(fixture: &Fixture, port: &str, host: &mut HostEngine, sent: &[u8]) -> Prediction {
    let config_port = fixture.config.ports.iter().find(|known| known.name == port);
    let prediction = predict(&fixture.config, config_port.expect("a port"), sent);
    let mut left = sent.to_vec();
    let outcome = host.run(&mut left, 1).expect("the host path runs");
    assert_eq!(observed(fixture, &outcome, left), prediction, "of {sent:02x?} on {port}");
    prediction
}

/// The outcome of a frame, in the words of a prediction.
fn observed(fixture: &Fixture, outcome: &Outcome, frame: Vec<u8>) -> Prediction {
    let attachments = &fixture.plan.attachments;
    let attachment = attachments.iter().find(|known| known.index == outcome.attachment);
    let key = attachment.map(|attachment| &attachment.key);
    Prediction {
        reason: outcome.reason().expect("the path has ended"),
        peering: key.map(|key| (key.circuit.clone(), key.peering.as_str())),
        class: key.and_then(|key| key.classes.get(usize::from(outcome.class)).cloned()),
        dscp: (outcome.dscp_in != Outcome::NONE).then_some((outcome.dscp_in, outcome.dscp_out)),
        len_bytes: outcome.len_bytes as usize,
        frame,
    }
}

fn forwarded(
    config: &Config,
    port: &Port,
    frame: &[u8],
    prediction: &mut Prediction,
) -> Result<(), Reason> {
    let mut frame = Dissected::new(frame).ok_or(Reason::Malformed)?;
    if frame.is_control() {
        return Err(Reason::Control);
    }
    if port.tpids.contains(&frame.ether_type) {
        frame.take_tag().ok_or(Reason::Malformed)?;
    }
    let (circuit, peering) = attachment(config, port, &mut frame)?;
    let has_no_tags = |tags: SideTags| tags.s_vid.is_none() && tags.c_vids.is_none();
    if has_no_tags(tags_leaving(config, port, circuit, peering)) && frame.is_before_tag() {
        return Err(Reason::Unmatched);
    }
    prediction.peering = Some((circuit.name.clone(), peering.kind.as_str()));
    if !circuit.enabled {
        return Err(Reason::CircuitDisabled);
    }

    let profile = &config.qos[&peering.qos];
    let (ether_type, at) = ip_at(frame.ether_type, &frame.rest);
    let packet = Packet::of(ether_type, &frame.rest[at..]).ok_or(Reason::Malformed)?;
    let class = class_of(profile, &packet, &frame, at);
    prediction.class = Some(class.name.clone());
    if let Some(arriving) = packet.dscp() {
        let leaving = leaving_dscp(profile, peering.dscp, class, arriving);
        prediction.dscp = Some((arriving, leaving));
        packet.mark(&mut frame.rest[at..], leaving);
    }
    let arriving = circuit.tags(peering, port.side, port.link);
    prediction.len_bytes = match (circuit.accounting, &packet) {
        (Accounting::L2, _) => prediction.len_bytes,
        (Accounting::L1, _) => prediction.len_bytes + 24,
        (Accounting::Mef, _) if arriving.s_vid.is_some() => prediction.len_bytes,
        (Accounting::Mef, _) => prediction.len_bytes + 4,
        (Accounting::L3, Packet::Other) => frame.rest.len(),
        (Accounting::L3, Packet::V4 { len_bytes, .. } | Packet::V6 { len_bytes, .. }) => *len_bytes,
    };

    retag(config, port, circuit, peering, &mut frame);
    if let (Some(pcp), Some((_, tci))) = (class.pcp_mark, frame.tags.first_mut()) {
        *tci = u16::from(pcp) << 13 | *tci & 0x1fff;
    }
    prediction.frame = frame.bytes();
    Ok(())
}

/// A frame in its parts.
struct Dissected {
    addresses: [u8; 12],
    /// TPID and TCI.
    tags: Vec<(u16, u16)>,
    /// The EtherType behind the tags taken so far.
    ether_type: u16,
    rest: Vec<u8>,
}

impl Dissected {
    fn new(frame: &[u8]) -> Option<Self> {
        let (addresses, rest) = frame.split_first_chunk()?;
        let (ether_type, rest) = rest.split_first_chunk()?;
        Some(Self {
            addresses: *addresses,
            tags: Vec::new(),
            ether_type: u16::from_be_bytes(*ether_type),
            rest: rest.to_vec(),
        })
    }

    fn is_control(&self) -> bool {
        let is_link_local =
            self.addresses.starts_with(&[1, 0x80, 0xc2, 0, 0]) && self.addresses[5] < 0x10;
        is_link_local || [0x8809, 0x88cc].contains(&self.ether_type)
    }

    /// Whether a tag follows, by any TPID that is known.
    fn is_before_tag(&self) -> bool {
        [0x8100, 0x88a8, 0x9100, 0x9200].contains(&self.ether_type)
    }

    fn take_tag(&mut self) -> Option<u16> {
        let [a, b, c, d] = *self.rest.first_chunk()?;
        let tci = u16::from_be_bytes([a, b]);
        self.tags.push((self.ether_type, tci));
        self.ether_type = u16::from_be_bytes([c, d]);
        self.rest.drain(..4);
        Some(tci & 0xfff)
    }

    fn bytes(&self) -> Vec<u8> {
        let tags = self.tags.iter().flat_map(|(tpid, tci)| [*tpid, *tci]);
        let words = tags.chain([self.ether_type]).flat_map(u16::to_be_bytes);
        self.addresses.iter().copied().chain(words).chain(self.rest.iter().copied()).collect()
    }
}

fn attachment<'a>(
    config: &'a Config,
    port: &Port,
    frame: &mut Dissected,
) -> Result<(&'a Circuit, &'a Peering), Reason> {
    let claims = config.circuits.iter().filter(|circuit| circuit.ports.contains(&port.name));
    let claims = claims.flat_map(|circuit| circuit.peerings.iter().map(move |p| (circuit, p)));
    let claims: Vec<_> = claims
        .map(|(circuit, peering)| (circuit.tags(peering, port.side, port.link), (circuit, peering)))
        .collect();
    let has_tag = !frame.tags.is_empty();
    let outer = frame.tags.first().map_or(0, |(_, tci)| tci & 0xfff);

    let one_tag = claims.iter().find(|(tags, _)| match tags {
        SideTags { s_vid: None, c_vids: None } => outer == 0 && !frame.is_before_tag(),
        SideTags { s_vid: Some(vid), c_vids: None } => outer == *vid,
        SideTags { s_vid: None, c_vids: Some(vids) } => holds(*vids, outer),
        SideTags { .. } => false,
    });
    if let Some((_, found)) = one_tag {
        return Ok(*found);
    }
    if !claims.iter().any(|(tags, _)| tags.s_vid == Some(outer)) {
        return Err(if has_tag { Reason::Unmatched } else { Reason::Untagged });
    }
    if ![0x8100, 0x88a8].contains(&frame.ether_type) {
        return Err(Reason::Unmatched);
    }
    let inner = frame.take_tag().ok_or(Reason::Malformed)?;
    let both = claims.iter().find(|(tags, _)| {
        tags.s_vid == Some(outer) && tags.c_vids.is_some_and(|vids| holds(vids, inner))
    });
    both.map(|(_, found)| *found).ok_or(Reason::Unmatched)
}

fn holds(vids: CTags, vid: u16) -> bool {
    (vids.first..=vids.last).contains(&vid)
}

/// The EtherType of what the tags carry, and where that begins: `PPPoE` sessions (RFC 2516) and SNAP
/// (RFC 1042) have IP eight bytes further on.
#[must_use]
pub fn ip_at(ether_type: u16, rest: &[u8]) -> (u16, usize) {
    const IP: [u16; 2] = [0x0800, 0x86dd];
    let within = match (ether_type, rest) {
        (0x8864, [0x11, 0, _, _, _, _, 0x00, 0x21, ..]) => 0x0800,
        (0x8864, [0x11, 0, _, _, _, _, 0x00, 0x57, ..]) => 0x86dd,
        (0..1536, [0xaa, 0xaa, 3, 0, 0, 0, high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    if IP.contains(&within) { (within, 8) } else { (ether_type, 0) }
}

/// The packet that the tags carry.
enum Packet {
    V4 { dscp: u8, header_bytes: usize, len_bytes: usize, later_fragment: bool, protocol: u8 },
    V6 { dscp: u8, len_bytes: usize, next_header: u8 },
    Other,
}

impl Packet {
    /// `None`: what a router would drop.
    fn of(ether_type: u16, rest: &[u8]) -> Option<Self> {
        match ether_type {
            0x0800 => {
                let header = Ipv4HeaderSlice::from_slice(rest).ok()?;
                let len_bytes = usize::from(header.total_len());
                (len_bytes >= header.slice().len() && len_bytes <= rest.len()).then(|| Self::V4 {
                    dscp: header.dcp().value(),
                    header_bytes: header.slice().len(),
                    len_bytes,
                    later_fragment: header.fragments_offset().value() != 0,
                    protocol: header.protocol().0,
                })
            }
            0x86dd => {
                let header = Ipv6HeaderSlice::from_slice(rest).ok()?;
                let len_bytes = 40 + usize::from(header.payload_length());
                (len_bytes <= rest.len()).then(|| Self::V6 {
                    dscp: header.traffic_class() >> 2,
                    len_bytes,
                    next_header: header.next_header().0,
                })
            }
            _ => Some(Self::Other),
        }
    }

    fn dscp(&self) -> Option<u8> {
        match self {
            Self::V4 { dscp, .. } | Self::V6 { dscp, .. } => Some(*dscp),
            Self::Other => None,
        }
    }

    /// Protocol, and source and destination port where there are any.
    fn transport(&self, rest: &[u8]) -> Option<(u8, Option<(u16, u16)>)> {
        match self {
            Self::Other => None,
            Self::V4 { later_fragment: true, protocol, .. } => Some((*protocol, None)),
            Self::V4 { header_bytes, len_bytes, protocol, .. } => {
                Some((*protocol, ports(&rest[*header_bytes..*len_bytes])))
            }
            Self::V6 { len_bytes, next_header, .. } => {
                behind_extensions(*next_header, &rest[40..*len_bytes], 6)
            }
        }
    }

    fn mark(&self, rest: &mut [u8], dscp: u8) {
        let before = u16::from_be_bytes([rest.first().copied().unwrap_or(0), 0]);
        match self {
            Self::Other => {}
            Self::V6 { .. } => {
                let class = (rest[0] << 4 | rest[1] >> 4) & 3 | dscp << 2;
                rest[0] = rest[0] & 0xf0 | class >> 4;
                rest[1] = rest[1] & 0x0f | class << 4;
            }
            Self::V4 { .. } => {
                let old = before | u16::from(rest[1]);
                rest[1] = dscp << 2 | rest[1] & 3;
                let new = before | u16::from(rest[1]);
                if old != new {
                    let sum = u16::from_be_bytes([rest[10], rest[11]]);
                    let sum = checksum_with_another_word(sum, old, new);
                    rest[10..12].copy_from_slice(&sum.to_be_bytes());
                }
            }
        }
    }
}

/// The sum of the header changes by as much as the word, in one's complement: arithmetic modulo
/// 65,535, in which the path's result is never the zero 0xffff unless nothing else is possible.
fn checksum_with_another_word(checksum: u16, old: u16, new: u16) -> u16 {
    let modulo = u64::from(u16::MAX);
    let complement = |word: u16| u64::from(!word);
    let sum = complement(checksum) + complement(old) + u64::from(new);
    // Nothing that is added up to nothing is 0; any other multiple of the modulus is 0xffff.
    let sum = if sum == 0 { 0 } else { (sum - 1) % modulo + 1 };
    !u16::try_from(sum).expect("below the modulus")
}

fn ports(transport: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *transport.first_chunk()?;
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

fn behind_extensions(
    header: u8,
    rest: &[u8],
    headers_left: usize,
) -> Option<(u8, Option<(u16, u16)>)> {
    let len_bytes = match header {
        0 | 43 | 60 => (usize::from(*rest.get(1)?) + 1) * 8,
        44 => 8,
        51 => (usize::from(*rest.get(1)?) + 2) * 4,
        _ => return Some((header, ports(rest))),
    };
    if headers_left == 0 {
        return None;
    }
    let behind = rest.get(len_bytes..)?;
    if header == 44 && (rest[2] != 0 || rest[3] & 0xf8 != 0) {
        return Some((rest[0], None));
    }
    behind_extensions(rest[0], behind, headers_left - 1)
}

fn class_of<'a>(
    profile: &'a QosProfile,
    packet: &Packet,
    frame: &Dissected,
    at: usize,
) -> &'a QosClass {
    let default = profile.classes.iter().find(|class| class.is_default).expect("there is one");
    let classes = &profile.classes;
    let Some(dscp) = packet.dscp() else {
        let pcp = frame.tags.first().map_or(0, |(_, tci)| (tci >> 13) as u8);
        return classes.iter().find(|class| class.pcp.contains(&pcp)).unwrap_or(default);
    };
    let transport = packet.transport(&frame.rest[at..]);
    let by_rule = transport.and_then(|transport| {
        classes.iter().find(|class| class.matches.iter().any(|rule| matches(rule, transport)))
    });
    let by_dscp = || classes.iter().find(|class| class.dscp.contains(&dscp));
    by_rule.or_else(by_dscp).unwrap_or(default)
}

fn matches(rule: &ClassMatch, (protocol, ports): (u8, Option<(u16, u16)>)) -> bool {
    let all = |range: PortRange| (range.first, range.last) == (0, u16::MAX);
    if rule.protocol != protocol {
        return false;
    }
    match ports {
        None => all(rule.src_ports) && all(rule.dst_ports),
        Some((src, dst)) => {
            (rule.src_ports.first..=rule.src_ports.last).contains(&src)
                && (rule.dst_ports.first..=rule.dst_ports.last).contains(&dst)
        }
    }
}

fn leaving_dscp(profile: &QosProfile, policy: DscpPolicy, class: &QosClass, arriving: u8) -> u8 {
    let lists_it = class.dscp.contains(&arriving);
    let is_listed = profile.classes.iter().any(|class| class.dscp.contains(&arriving));
    match policy {
        DscpPolicy::Preserve => arriving,
        DscpPolicy::Reset => 0,
        DscpPolicy::Trust => match class.mark {
            Some(mark) => mark,
            None if lists_it => arriving,
            // In the default class for want of another, not by a rule.
            None if class.is_default && !is_listed => 0,
            None => class.dscp.first().copied().unwrap_or(0),
        },
    }
}

fn egress<'a>(config: &'a Config, port: &Port) -> Option<&'a Port> {
    match &port.forward {
        Forward::Stack => None,
        Forward::Port(name) => config.ports.iter().find(|port| port.name == *name),
    }
}

/// The side of the port that frames leave by; behind the stack it is the other one.
fn leaving_side(config: &Config, port: &Port) -> Side {
    let behind_the_stack = || if port.side == Side::Core { Side::Customer } else { Side::Core };
    egress(config, port).map_or_else(behind_the_stack, |egress| egress.side)
}

/// The tags that frames from `port` leave with. Behind the stack, the link stays.
fn tags_leaving(config: &Config, port: &Port, circuit: &Circuit, peering: &Peering) -> SideTags {
    let link = egress(config, port).unwrap_or(port).link;
    circuit.tags(peering, leaving_side(config, port), link)
}

fn retag(
    config: &Config,
    port: &Port,
    circuit: &Circuit,
    peering: &Peering,
    frame: &mut Dissected,
) {
    let egress = egress(config, port);
    let side = leaving_side(config, port);
    let (s_tpid, c_tpid) = match side {
        Side::Customer => (circuit.s_tpid, peering.c_tpid),
        Side::Core => (circuit.core_s_tpid, peering.core_c_tpid),
    };
    let had = circuit.tags(peering, port.side, port.link);
    let has = tags_leaving(config, port, circuit, peering);
    if had == has && s_tpid.is_none() && c_tpid.is_none() {
        return;
    }
    let outer = frame.tags.first().copied();
    let (s_tag, c_tag) = match (had.s_vid, had.c_vids) {
        (Some(_), Some(_)) => (outer, frame.tags.get(1).copied()),
        (Some(_), None) => (outer, None),
        (None, Some(_)) => (None, outer),
        (None, None) => (None, None),
    };
    let priority = |tag: Option<(u16, u16)>| tag.or(outer).map_or(0, |(_, tci)| tci & 0xf000);
    frame.tags.clear();
    if let Some(vid) = has.s_vid {
        let neighbours = egress.map_or(0x8100, |egress| egress.tpids[0]);
        let tpid = s_tpid.or(s_tag.map(|(tpid, _)| tpid)).unwrap_or(neighbours);
        frame.tags.push((tpid, priority(s_tag) | vid));
    }
    if let Some(vids) = has.c_vids {
        let is_inner = has.s_vid.is_some();
        let was_inner = had.s_vid.is_some();
        let own_tpid = c_tag.map(|(tpid, _)| tpid).filter(|_| was_inner || !is_inner);
        let vid = match c_tag {
            Some((_, tci)) if vids.first != vids.last => tci & 0xfff,
            _ => vids.first,
        };
        frame.tags.push((c_tpid.or(own_tpid).unwrap_or(0x8100), priority(c_tag) | vid));
    }
}
