//! Filters: the routes that pass from a peer into a domain, and out of it to a peer.
//!
//! Each route has the side that it leads to as an attribute, `edge_side`, which no peer can set. A
//! route goes to peers of the other side only, so one customer's routes can't become another's,
//! nor those of one of his links the other's.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{functions::FilterFunctions, writer::ConfigWriter};
use crate::routing::bird::{
    model::{
        AddressFamily, DomainSide,
        community::BgpCommunity,
        domain::BgpDomain,
        policy::{ExportPolicy, PrivateAsns, ReachedNetworks},
        session::BgpSession,
    },
    names::SessionName,
};

/// AS numbers for private use (RFC 6996).
const PRIVATE_ASNS: &str = "[ 64512..65534, 4200000000..4294967294 ]";
/// Longest path that is taken: longer ones have broken routers.
const MAX_PATH_LEN: u32 = 64;
/// Local preference of a session that drains: less than any other (RFC 8326, 4.2).
const DRAINING_PREFERENCE: u32 = 0;

/// The attribute and the constants that all filters use.
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
}

/// The number of a side.
fn number(side: DomainSide) -> u8 {
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
fn static_preference(side: DomainSide) -> u8 {
    match side {
        DomainSide::Customer => 120,
        DomainSide::Cloud => 200,
    }
}

/// The condition that a route leads to a side.
pub(super) fn is_of(side: DomainSide) -> String {
    format!("edge_side = {}", number(side))
}

/// The option by which a static route of a side enters its table.
pub(super) fn statics(functions: &mut FilterFunctions, side: DomainSide) -> String {
    let body = vec![
        format!("edge_side = {}; preference = {};", number(side), static_preference(side)),
        "return true;".to_owned(),
    ];
    format!("import where {}();", functions.name("static", "", &body))
}

/// The option by which the service network's prefixes enter its table, with communities. They are told, and forwarded by
/// the edge's own knowledge: a route with a next hop would go into customers' tables in the kernel.
pub(super) fn services(functions: &mut FilterFunctions, communities: &[BgpCommunity]) -> String {
    let side = DomainSide::Cloud;
    let body = vec![
        format!("edge_side = {}; preference = {};", number(side), static_preference(side)),
        "dest = RTD_BLACKHOLE;".to_owned(),
        add(communities),
        "return true;".to_owned(),
    ];
    format!("import where {}();", functions.name("services", "", &body))
}

/// The option by which routes come from a peer.
pub(super) fn import(
    functions: &mut FilterFunctions,
    session: &BgpSession,
    family: AddressFamily,
    peer: IpAddr,
) -> String {
    let body = import_body(session, family);
    let name = functions.name("import", "string edge_device; ip edge_peer; int edge_asn", &body);
    let call = format!("{name}(\"{}\", {peer}, {})", session.device, session.peer_asn);
    match &session.import.within {
        None => format!("import where {call};"),
        // With all more specific ones.
        Some(within) => match members(within, family, "+") {
            // A customer's own prefixes, in a filter that he alone has.
            Some(set) => format!("import where net ~ {set} && {call};"),
            // A set without a member has no notation.
            None => "import where false;".to_owned(),
        },
    }
}

fn import_body(session: &BgpSession, family: AddressFamily) -> Vec<String> {
    let policy = &session.import;
    let (default, martians, private) = match family {
        AddressFamily::V4 => ("0.0.0.0/0", "EDGE_MARTIANS_V4", "EDGE_PRIVATE_V4"),
        AddressFamily::V6 => ("::/0", "EDGE_MARTIANS_V6", "EDGE_PRIVATE_V6"),
    };
    let mut body = vec![format!("if net ~ {martians} then return false;")];
    if !policy.takes_default {
        body.push(format!("if net = {default} then return false;"));
    }
    if !policy.takes_private {
        body.push(format!("if net ~ {private} then return false;"));
    }
    body.push(format!("if bgp_path.len > {MAX_PATH_LEN} then return false;"));
    match policy.private_asns {
        PrivateAsns::Keep => {}
        PrivateAsns::Remove => body.push("bgp_path.delete(EDGE_PRIVATE_ASNS);".to_owned()),
        PrivateAsns::Refuse => {
            let others = "filter(delete(bgp_path, edge_asn), EDGE_PRIVATE_ASNS)";
            body.push(format!("if {others}.len > 0 then return false;"));
        }
    }
    body.push(
        "bgp_community.empty; bgp_ext_community.empty; bgp_large_community.empty;".to_owned(),
    );
    if !policy.communities.is_empty() {
        body.push(add(&policy.communities));
    }
    if session.export.is_draining {
        // The other side hears of it, too: another edge may have a way.
        body.push(add(&[BgpCommunity::GRACEFUL_SHUTDOWN]));
    }
    let drains = session.export.is_draining.then_some(DRAINING_PREFERENCE);
    if let Some(local_preference) = drains.or(policy.local_preference) {
        body.push(format!("bgp_local_pref = {local_preference};"));
    }
    body.push(format!("edge_side = {};", number(session.side)));
    // Next hops are looked for by address alone, and another customer may have the same network:
    // the device is set first, so that the peer is looked for there.
    body.push("ifname = edge_device; onlink = true; gw = edge_peer;".to_owned());
    body.push("return true;".to_owned());
    body
}

/// The option by which routes go to a peer.
pub(super) fn export(
    functions: &mut FilterFunctions,
    asn: u32,
    domain: &BgpDomain,
    session: &BgpSession,
    family: AddressFamily,
) -> String {
    let mut body = Vec::new();
    let [customer, cloud] = [DomainSide::Customer, DomainSide::Cloud].map(number);
    body.push(match session.side {
        DomainSide::Customer => format!("if edge_side != {cloud} then return false;"),
        DomainSide::Cloud if domain.joins_cloud => {
            format!("if edge_side !~ [ {customer}, {cloud} ] then return false;")
        }
        DomainSide::Cloud => format!("if edge_side != {customer} then return false;"),
    });
    match session.export.only.as_deref() {
        None => {}
        Some([]) => return "export none;".to_owned(),
        Some(only) => {
            let set: Vec<_> = only.iter().copied().map(community).collect();
            body.push(format!("if bgp_community !~ [ {} ] then return false;", set.join(", ")));
        }
    }
    body.push(format!("if edge_side = {cloud} then bgp_path.delete(EDGE_PRIVATE_ASNS);"));
    if session.export.is_draining {
        body.push(add(&[BgpCommunity::GRACEFUL_SHUTDOWN]));
    }
    if session.side == DomainSide::Cloud {
        // Peers that know nothing of RFC 8326 see a longer path.
        let times = usize::from(ExportPolicy::DRAINING_PREPENDS);
        let longer = format!("bgp_path.prepend({asn}); ").repeat(times);
        let drains = community(BgpCommunity::GRACEFUL_SHUTDOWN);
        body.push(format!("if {drains} ~ bgp_community then {{ {longer}}}"));
    }
    let prepends = (0..session.export.prepends).map(|_| format!("bgp_path.prepend({asn});"));
    body.extend(prepends);
    body.push("return true;".to_owned());
    let call = format!("{}()", functions.name("export", "", &body));
    match &session.export.within {
        None => format!("export where {call};"),
        // A circuit's own networks, in a filter that its sessions alone have.
        Some(within) => match networks(within, family) {
            Some(networks) => format!("export where ({networks}) && {call};"),
            None => "export none;".to_owned(),
        },
    }
}

/// The condition that a route leads to one of these networks; `None`: there is none of the family.
fn networks(within: &ReachedNetworks, family: AddressFamily) -> Option<String> {
    let set = members(&within.prefixes, family, "").map(|set| format!("net ~ {set}"));
    let mut gateways = within.gateways.clone();
    gateways.sort_unstable();
    let side = DomainSide::Cloud;
    let gateways = gateways.into_iter().map(|index| SessionName { index, side, family });
    let conditions = set.into_iter().chain(gateways.map(|name| format!("proto = \"{name}\"")));
    let conditions: Vec<_> = conditions.collect();
    (!conditions.is_empty()).then(|| conditions.join(" || "))
}

/// Statements that add communities.
pub(super) fn add(communities: &[BgpCommunity]) -> String {
    let added = communities.iter().map(|one| format!("bgp_community.add({});", community(*one)));
    added.collect::<Vec<_>>().join(" ")
}

fn community(BgpCommunity(high, low): BgpCommunity) -> String {
    format!("({high}, {low})")
}

/// The set of these prefixes, each with `more` behind it; `None`: it has none of the family.
fn members(within: &[IpNet], family: AddressFamily, more: &str) -> Option<String> {
    let mut members: Vec<_> =
        within.iter().filter(|prefix| AddressFamily::of(**prefix) == family).collect();
    members.sort();
    members.dedup();
    let members: Vec<_> = members.iter().map(|prefix| format!("{prefix}{more}")).collect();
    (!members.is_empty()).then(|| format!("[ {} ]", members.join(", ")))
}
