//! The service network: its prefixes, and the ways between its table and those of customers' domains.

use ipnet::IpNet;

use super::{filters, functions::FilterFunctions, hop::hop, writer::ConfigWriter};
use crate::routing::bird::{
    model::{
        AddressFamily, DomainSide, SpeakerPlan,
        domain::{BgpDomain, ServiceAccess, ServicePrefixes, StaticHop},
    },
    names,
};

/// The prefixes of each group, by a protocol of its own, whose name its routes keep in other tables.
pub(super) fn groups(
    out: &mut ConfigWriter,
    functions: &mut FilterFunctions,
    groups: &[ServicePrefixes],
    family: AddressFamily,
    table: &str,
) {
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in groups {
        let of_family = |prefix: &&IpNet| AddressFamily::of(**prefix) == family;
        let mut prefixes: Vec<_> = group.prefixes.iter().filter(of_family).collect();
        if prefixes.is_empty() {
            continue;
        }
        prefixes.sort();
        out.block(
            format!("protocol static {}", names::service_group(&group.name, family)),
            |out| {
                out.option(family.channel(), |out| {
                    out.line(format!("table {table};"));
                    // The communities here, and not at each route: routes are many.
                    out.line(filters::services(functions, &group.communities));
                });
                // A customer is not told of services behind a port without carrier: another edge may have a way.
                out.line("check link yes;");
                let is_of_family =
                    |hop: &&StaticHop| hop.gateway.is_ipv4() == (family == AddressFamily::V4);
                let hops: Vec<_> = group.hops.iter().filter(is_of_family).map(hop).collect();
                for prefix in prefixes {
                    out.line(format!("route {prefix} {};", hops.join(" ")));
                }
            },
        );
    }
}

/// The way between a domain and the service network, where it has one in this family.
pub(super) fn access(
    out: &mut ConfigWriter,
    plan: &SpeakerPlan,
    domain: &BgpDomain,
    family: AddressFamily,
) {
    let Some(ServiceAccess { kernel_table, groups }) = &domain.services else { return };
    let network = plan.domains.iter().find(|other| other.kernel_table == *kernel_table);
    let Some(network) = network.filter(|network| network.has(family)) else { return };
    let has_prefixes = |group: &&ServicePrefixes| {
        groups.contains(&group.name)
            && group.prefixes.iter().any(|prefix| AddressFamily::of(*prefix) == family)
    };
    let told = network.service_groups.iter().flatten().filter(has_prefixes);
    let mut told: Vec<_> = told.map(|group| names::service_group(&group.name, family)).collect();
    told.sort();
    let name = names::service_access(domain.kernel_table, family);
    out.block(format!("protocol pipe {name}"), |out| {
        let (own, other) = (domain.kernel_table, *kernel_table);
        let [own, other] = [own, other].map(|table| names::table(table, family));
        out.line(format!("table {own}; peer table {other};"));
        let told: Vec<_> = told.iter().map(|name| format!("proto = \"{name}\"")).collect();
        out.line(match told.as_slice() {
            [] => "import none;".to_owned(),
            all => format!("import where {};", all.join(" || ")),
        });
        // Never another side's: a customer's routes go to the network, and from there to no customer.
        out.line(format!("export where {};", filters::is_of(DomainSide::Customer)));
    });
}
