//! Filters: the routes that pass from a peer into a domain, and out of it to a peer.
//!
//! Each route has the side that it leads to as an attribute, `edge_side`, which no peer can set. A
//! route goes to peers of the other side only, so one customer's routes can't become another's,
//! nor those of one of his links the other's.

use std::{fmt::Write as _, net::IpAddr};

use ipnet::IpNet;

use super::writer::ConfigWriter;
use crate::routing::bird::model::{
    AddressFamily, DomainSide,
    domain::{BgpCommunity, BgpDomain},
    policy::PrivateAsns,
    session::BgpSession,
};

/// AS numbers for private use (RFC 6996).
const PRIVATE_ASNS: &str = "[ 64512..65534, 4200000000..4294967294 ]";
/// Longest path that is taken: longer ones have broken routers.
const MAX_PATH_LEN: u32 = 64;
/// Local preference of a session that drains: less than any other (RFC 8326, 4.2).
const DRAINING_PREFERENCE: u32 = 0;

/// Functions and constants that all sessions use.
pub(super) fn common(out: &mut ConfigWriter) {
    out.line("attribute int edge_side;");
    // RFC 6890, table by table; a default route is not among them.
    out.line(
        "define EDGE_MARTIANS_V4 = [ 0.0.0.0/8+, 127.0.0.0/8+, 169.254.0.0/16+, 224.0.0.0/3+ ];",
    );
    out.line("define EDGE_MARTIANS_V6 = [ ::/16+, fe80::/10+, ff00::/8+ ];");
    out.line("define EDGE_PRIVATE_V4 = [ 10.0.0.0/8+, 100.64.0.0/10+, 172.16.0.0/12+, 192.168.0.0/16+ ];");
    out.line("define EDGE_PRIVATE_V6 = [ fc00::/7+ ];");
    out.line(format!("define EDGE_PRIVATE_ASNS = {PRIVATE_ASNS};"));
    out.block("function edge_forget_communities()", |out| {
        out.line("bgp_community.empty; bgp_ext_community.empty; bgp_large_community.empty;");
    });
    // Next hops are looked for by address alone, and another customer may have the same network:
    // the device is set first, so that the peer is looked for there.
    out.block("function edge_by_way_of(string edge_device; ip edge_peer)", |out| {
        out.line("ifname = edge_device; onlink = true; gw = edge_peer;");
    });
}

/// The number of a side.
pub(super) fn side(side: DomainSide) -> u8 {
    match side {
        DomainSide::Customer => 1,
        DomainSide::Cloud => 2,
    }
}

/// The preference of BGP routes. A cloud's network comes before a customer's route of the same
/// prefix, or a customer could take its traffic.
pub(super) fn preference(side: DomainSide) -> u8 {
    match side {
        DomainSide::Customer => 100,
        DomainSide::Cloud => 150,
    }
}

/// The preference of static routes, before the BGP routes of their side.
pub(super) fn static_preference(side: DomainSide) -> u8 {
    match side {
        DomainSide::Customer => 120,
        DomainSide::Cloud => 200,
    }
}

/// Routes from a peer.
pub(super) fn import(
    out: &mut ConfigWriter,
    session: &BgpSession,
    family: AddressFamily,
    peer: IpAddr,
) {
    let policy = &session.import;
    let (default, martians, private) = match family {
        AddressFamily::V4 => ("0.0.0.0/0", "EDGE_MARTIANS_V4", "EDGE_PRIVATE_V4"),
        AddressFamily::V6 => ("::/0", "EDGE_MARTIANS_V6", "EDGE_PRIVATE_V6"),
    };
    out.line(format!("if net ~ {martians} then reject;"));
    if !policy.takes_default {
        out.line(format!("if net = {default} then reject;"));
    }
    if !policy.takes_private {
        out.line(format!("if net ~ {private} then reject;"));
    }
    if let Some(within) = &policy.within {
        match prefixes(within, family) {
            Some(set) => out.line(format!("if net !~ {set} then reject;")),
            // A set without a member has no notation.
            None => return out.line("reject;"),
        }
    }
    out.line(format!("if bgp_path.len > {MAX_PATH_LEN} then reject;"));
    match policy.private_asns {
        PrivateAsns::Keep => {}
        PrivateAsns::Remove => out.line("bgp_path.delete(EDGE_PRIVATE_ASNS);"),
        PrivateAsns::Refuse => out.line(format!(
            "if filter(delete(bgp_path, {}), EDGE_PRIVATE_ASNS).len > 0 then reject;",
            session.peer_asn
        )),
    }
    out.line("edge_forget_communities();");
    if !policy.communities.is_empty() {
        out.line(add(&policy.communities));
    }
    let drains = session.export.is_draining.then_some(DRAINING_PREFERENCE);
    if let Some(local_preference) = drains.or(policy.local_preference) {
        out.line(format!("bgp_local_pref = {local_preference};"));
    }
    out.line(format!("edge_side = {};", side(session.side)));
    out.line(format!("edge_by_way_of(\"{}\", {peer});", session.device));
    out.line("accept;");
}

/// Routes to a peer.
pub(super) fn export(out: &mut ConfigWriter, asn: u32, domain: &BgpDomain, session: &BgpSession) {
    let cloud = side(DomainSide::Cloud);
    let told = match session.side {
        DomainSide::Customer => format!("edge_side = {cloud}"),
        DomainSide::Cloud if domain.joins_cloud => format!("edge_side ~ [ 1, {cloud} ]"),
        DomainSide::Cloud => format!("edge_side = {}", side(DomainSide::Customer)),
    };
    out.line(format!("if !({told}) then reject;"));
    if let Some(only) = &session.export.only {
        if only.is_empty() {
            return out.line("reject;");
        }
        let set: Vec<_> = only.iter().copied().map(community).collect();
        out.line(format!("if bgp_community !~ [ {} ] then reject;", set.join(", ")));
    }
    out.line(format!("if edge_side = {cloud} then bgp_path.delete(EDGE_PRIVATE_ASNS);"));
    if session.export.is_draining {
        out.line(add(&[BgpCommunity::GRACEFUL_SHUTDOWN]));
    }
    for _ in 0..session.export.prepends {
        out.line(format!("bgp_path.prepend({asn});"));
    }
    out.line("accept;");
}

/// Statements that add communities.
pub(super) fn add(communities: &[BgpCommunity]) -> String {
    let mut text = String::new();
    for one in communities {
        // Writing to a string can't fail.
        let _ = write!(text, "bgp_community.add({}); ", community(*one));
    }
    text
}

fn community(BgpCommunity(high, low): BgpCommunity) -> String {
    format!("({high}, {low})")
}

/// The set of these prefixes and of all more specific ones; `None`: it has none of the family.
fn prefixes(within: &[IpNet], family: AddressFamily) -> Option<String> {
    let mut members: Vec<_> =
        within.iter().filter(|prefix| AddressFamily::of(**prefix) == family).collect();
    members.sort();
    members.dedup();
    let members: Vec<_> = members.iter().map(|prefix| format!("{prefix}+")).collect();
    (!members.is_empty()).then(|| format!("[ {} ]", members.join(", ")))
}
