//! The verdict on a packet by RFC 1812, RFC 4291 and a list of routes.

use std::net::IpAddr;

use super::{Content, Domain, ListedRoute, Question, Station, Target};
use crate::routed_tables::{A1, A2, NARROW, NARROW_MTU, addresses};
use edge_common::Reason;

/// The reason, whether the sender is told, and the next hops that are right.
pub(super) type Verdict = (Reason, bool, Vec<u32>);

fn silent(reason: Reason) -> Verdict {
    (reason, false, Vec::new())
}

/// The longest match; of two routes to one prefix the later.
fn longest(routes: &[ListedRoute], address: IpAddr) -> Option<Target> {
    let matching = routes.iter().filter(|(prefix, len, _)| match (*prefix, address) {
        (IpAddr::V4(prefix), IpAddr::V4(address)) => {
            (0..*len).all(|bit| (u32::from(prefix) ^ u32::from(address)) >> (31 - bit) & 1 == 0)
        }
        (IpAddr::V6(prefix), IpAddr::V6(address)) => {
            (0..*len).all(|bit| (u128::from(prefix) ^ u128::from(address)) >> (127 - bit) & 1 == 0)
        }
        _ => false,
    });
    matching.max_by_key(|(_, len, _)| *len).map(|(_, _, target)| *target)
}

fn is_no_source(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            first == 0 || address.is_loopback() || address.is_multicast() || first >= 240
        }
        IpAddr::V6(address) => {
            address.is_unspecified()
                || address.is_loopback()
                || address.is_multicast()
                || address.to_ipv4().is_some()
        }
    }
}

fn is_no_destination(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !address.is_multicast() && !address.is_broadcast() && is_no_source(address.into())
        }
        IpAddr::V6(address) => !address.is_multicast() && is_no_source(address.into()),
    }
}

fn is_of_a_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// Multicast, and the broadcasts of the link with this address, a /30.
fn is_group(address: IpAddr, own: IpAddr) -> bool {
    match (address, own) {
        (IpAddr::V4(address), IpAddr::V4(own)) => {
            let (address_bits, own_bits) = (u32::from(address), u32::from(own));
            let is_ends = address_bits % 4 == 0 || address_bits % 4 == 3;
            address.is_multicast()
                || address.is_broadcast()
                || address_bits / 4 == own_bits / 4 && is_ends
        }
        _ => address.is_multicast(),
    }
}

impl Domain {
    pub(super) fn verdict(&self, question: &Question) -> Verdict {
        let Question { at, source, destination, content, station, .. } = *question;
        let [[own_v4, peer_v4], [own_v6, peer_v6]] = addresses(at);
        let pair = if source.is_ipv4() { [own_v4, peer_v4] } else { [own_v6, peer_v6] };
        let [own, peer]: [IpAddr; 2] = pair.map(|address| address.parse().unwrap());
        if station == Station::Other {
            return silent(Reason::NotForUs);
        }
        if is_no_source(source) || destination != own && is_no_destination(destination) {
            return silent(Reason::Martian);
        }
        if source == own {
            return silent(Reason::Spoofed);
        }
        if station == Station::Group || is_group(destination, own) {
            return silent(Reason::NotForUs);
        }
        if destination == own {
            return match content {
                Content::Echo => (Reason::Answered, true, Vec::new()),
                Content::IcmpError => silent(Reason::Punted),
                Content::Bgp if source == peer => silent(Reason::Punted),
                Content::Bfd if source == peer && question.ttl == 255 => silent(Reason::Punted),
                _ => silent(Reason::NotForUs),
            };
        }
        if is_of_a_link(source) || is_of_a_link(destination) {
            return silent(Reason::Martian);
        }
        self.way(question)
    }

    fn way(&self, question: &Question) -> Verdict {
        let (destinations, sources) = match question.at {
            A1 => (&self.cloud, &self.customer),
            _ => (&self.customer, &self.cloud),
        };
        if self.are_sources_checked
            && matches!(longest(sources, question.source), None | Some(Target::Nothing))
        {
            return silent(Reason::Spoofed);
        }
        let may_tell = !matches!(question.content, Content::IcmpError | Content::LaterFragment);
        let hops = match longest(destinations, question.destination) {
            None => return (Reason::NoRoute, may_tell, Vec::new()),
            Some(Target::Nothing) => return silent(Reason::NoRoute),
            Some(Target::Edge) if question.content == Content::Echo => {
                return (Reason::Answered, true, Vec::new());
            }
            Some(Target::Edge) => return silent(Reason::NotForUs),
            Some(Target::Hop(hop)) => vec![hop],
            Some(Target::BothLinks) => vec![A1, A2],
        };
        if question.ttl < 2 {
            return (Reason::TtlExpired, may_tell, Vec::new());
        }
        let up: Vec<u32> = hops.into_iter().filter(|hop| !self.down.contains(hop)).collect();
        if up.is_empty() {
            return silent(Reason::LinkDown);
        }
        let found: Vec<u32> = up.into_iter().filter(|hop| !self.unresolved.contains(hop)).collect();
        match &found[..] {
            [] => silent(Reason::NoNeighbour),
            [NARROW] if question.packet().bytes().len() > NARROW_MTU as usize => {
                (Reason::TooBig, may_tell, Vec::new())
            }
            _ => (Reason::Ok, false, found),
        }
    }
}
