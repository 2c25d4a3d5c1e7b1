//! A domain: tables, the way into the kernel, static routes, sessions.

use ipnet::IpNet;

use super::{
    filters, functions::FilterFunctions, hop::hop, services, session, writer::ConfigWriter,
};
use crate::routing::bird::{
    model::{AddressFamily, DomainSide, SpeakerPlan, community::BgpCommunity, domain::BgpDomain},
    names,
    version::BirdVersion,
};

/// Seconds between looks at all routes of the kernel: BIRD writes each change at once, and this is
/// for routes that the kernel lost.
const KERNEL_SCAN_S: u32 = 600;
/// Receive buffer of the netlink socket in bytes: a million routes at once overran smaller ones.
const NETLINK_BUFFER_BYTES: u32 = 32 << 20;
/// Most next hops of a route, as many as a group of the packet path has.
const MAX_HOPS: u32 = 8;

pub(super) fn write(
    out: &mut ConfigWriter,
    functions: &mut FilterFunctions,
    plan: &SpeakerPlan,
    domain: &BgpDomain,
    version: BirdVersion,
) {
    out.line(format!("# {}", domain.name));
    for family in AddressFamily::ALL.into_iter().filter(|family| domain.has(*family)) {
        let table = names::table(domain.kernel_table, family);
        out.line(format!("{} table {table};", family.channel()));
        match &domain.service_groups {
            None => kernel(out, domain.kernel_table, family, &table),
            Some(groups) => services::groups(out, functions, groups, family, &table),
        }
        for side in [DomainSide::Customer, DomainSide::Cloud] {
            statics(out, functions, domain, (side, family));
        }
        services::access(out, plan, domain, family);
    }
    let mut sessions: Vec<_> = domain.sessions.iter().collect();
    sessions.sort_by_key(|session| session.index);
    for session in sessions {
        for (family, ends) in session.ends() {
            session::write(out, functions, plan, domain, session, (family, ends), version);
        }
    }
}

fn kernel(out: &mut ConfigWriter, kernel_table: u32, family: AddressFamily, table: &str) {
    out.block(format!("protocol kernel {}", names::kernel(kernel_table, family)), |out| {
        out.line(format!("kernel table {kernel_table};"));
        // Routes outlive BIRD, and are left as they are until the peers are back.
        out.line("persist yes; graceful restart yes;");
        out.line(format!("scan time {KERNEL_SCAN_S}; netlink rx buffer {NETLINK_BUFFER_BYTES};"));
        out.line(format!("merge paths yes limit {MAX_HOPS};"));
        out.option(family.channel(), |out| {
            // An announcement is a blackhole here: the edge forwards it by itself.
            out.line(format!("table {table}; import none;"));
            out.line("export where dest = RTD_UNICAST;");
        });
    });
}

/// The static routes of one side, and on the cloud's side its announcements.
fn statics(
    out: &mut ConfigWriter,
    functions: &mut FilterFunctions,
    domain: &BgpDomain,
    (side, family): (DomainSide, AddressFamily),
) {
    let mut routes: Vec<(IpNet, String)> = Vec::new();
    for route in domain.statics.iter().filter(|route| route.side == side) {
        let hops: Vec<_> = route.hops.iter().map(hop).collect();
        routes.push((route.prefix, told(&hops.join(" "), &route.communities)));
    }
    if side == DomainSide::Cloud {
        for told_only in &domain.announcements {
            routes.push((told_only.prefix, told("blackhole", &told_only.communities)));
        }
    }
    routes.retain(|(prefix, _)| AddressFamily::of(*prefix) == family);
    if routes.is_empty() {
        return;
    }
    routes.sort();
    let name = names::statics(domain.kernel_table, side, family);
    out.block(format!("protocol static {name}"), |out| {
        out.option(family.channel(), |out| {
            out.line(format!("table {};", names::table(domain.kernel_table, family)));
            out.line(filters::statics(functions, side));
        });
        // The other side is not told of networks behind a port without carrier.
        out.line("check link yes;");
        for (prefix, route) in routes {
            out.line(format!("route {prefix} {route};"));
        }
    });
}

fn told(way: &str, communities: &[BgpCommunity]) -> String {
    if communities.is_empty() {
        return way.to_owned();
    }
    format!("{way} {{ {} }}", filters::add(communities))
}
