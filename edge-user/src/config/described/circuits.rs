//! Circuits, their peerings, and their links to virtual networks.

use super::{Values, bfd, ends, tpid};
use crate::{
    config::{
        Burst, Circuit, CoreTag, CustomerSession, Peering, RoutedLink, RoutedPeering, VnetLink,
        VnetRoutes,
    },
    units::{bit_rate, count},
};

pub(super) fn circuit(circuit: &Circuit) -> Values {
    let Circuit {
        name: _,
        service_key,
        bandwidth_bps,
        billing,
        sku,
        location,
        provider,
        model,
        provisioning,
        zone,
        s_tag,
        secondary_s_tag,
        core_s_tag,
        s_tpid,
        core_s_tpid,
        ports,
        burst_bytes,
        burst: written,
        ecn,
        fairness,
        policing,
        accounting,
        enabled,
        peerings: _,
        vnet_links: _,
    } = circuit;
    Values::default()
        .with_text("bandwidth", bit_rate(*bandwidth_bps))
        .with_text("burst", burst(*burst_bytes, *written))
        .with("enabled", enabled)
        .with("billing", billing)
        .with("sku", sku)
        .with("location", location)
        .with("provider", provider)
        .with("model", model)
        .with("provisioning", provisioning)
        .with("zone", zone)
        .with("service_key", service_key)
        .with("s_tag", s_tag)
        .with("secondary_s_tag", secondary_s_tag)
        .with_text("core_s_tag", core_tag(*core_s_tag))
        .with_text("s_tpid", tpid(*s_tpid))
        .with_text("core_s_tpid", tpid(*core_s_tpid))
        .with("ports", ports)
        .with("policing", policing)
        .with("accounting", accounting)
        .with("ecn", ecn)
        .with("fairness", fairness)
}

pub(super) fn peering(peering: &Peering) -> Values {
    let Peering {
        kind: _,
        c_tags,
        core_c_tag,
        c_tpid,
        core_c_tpid,
        bandwidth_bps,
        dscp,
        qos,
        routed: routed_as,
    } = peering;
    let values = Values::default()
        .with_text("c_tag", c_tags.to_string())
        .with_text("core_c_tag", core_tag(*core_c_tag))
        .with_text("c_tpid", tpid(*c_tpid))
        .with_text("core_c_tpid", tpid(*core_c_tpid))
        .with_text("bandwidth", bandwidth_bps.map_or_else(String::new, bit_rate))
        .with("dscp", dscp)
        .with("qos", qos);
    match routed_as {
        None => values.with_text("forwarded by", "tags"),
        Some(routed_as) => routed(values.with_text("forwarded by", "routes"), routed_as),
    }
}

fn routed(values: Values, peering: &RoutedPeering) -> Values {
    let RoutedPeering {
        session,
        links,
        source_check,
        static_routes,
        advertised_prefixes,
        route_filter,
    } = peering;
    let mut values = values
        .with("source_check", source_check)
        .with("static_routes", static_routes)
        .with("advertised_prefixes", advertised_prefixes)
        .with("route_filter", route_filter);
    if let Some(CustomerSession {
        peer_asn,
        key_file,
        max_routes,
        max_routes_v6,
        bfd: timers,
        passive,
        ttl_security,
    }) = session
    {
        values = values
            .with("peer_asn", peer_asn)
            .with("key_file", key_file)
            .with("max_routes", max_routes)
            .with("max_routes_v6", max_routes_v6)
            .with_text("bfd", bfd(timers.as_ref()))
            .with("passive", passive)
            .with("ttl_security", ttl_security);
    }
    links.iter().fold(values, |values, RoutedLink { link, port, v4, v6 }| {
        let name = link.as_str();
        values
            .with_text(&format!("{name} port"), port)
            .with_text(name, ends(*v4))
            .with_text(&format!("{name}_v6"), ends(*v6))
    })
}

pub(super) fn vnet_link(link: &VnetLink) -> Values {
    let VnetLink { vnet: _, region, port, s_tag, c_tag, v4, v6, routes } = link;
    let values = Values::default()
        .with("region", region)
        .with("port", port)
        .with("s_tag", s_tag)
        .with("c_tag", c_tag)
        .with_text("gateway", ends(*v4))
        .with_text("gateway_v6", ends(*v6));
    match routes {
        VnetRoutes::Static(prefixes) => values.with("prefixes", prefixes),
        VnetRoutes::Bgp { asn, bfd: timers } => {
            values.with("gateway_asn", asn).with_text("bfd", bfd(timers.as_ref()))
        }
    }
}

fn burst(bytes: u64, written: Option<Burst>) -> String {
    let bytes = format!("{} bytes", count(bytes));
    match written {
        None => format!("{bytes}, by the bandwidth"),
        Some(Burst::Size { .. }) => bytes,
        Some(Burst::Time { ns }) => {
            format!("{bytes}, {}", super::duration(std::time::Duration::from_nanos(ns)))
        }
    }
}

fn core_tag(tag: CoreTag) -> String {
    match tag {
        CoreTag::Same => "same".to_owned(),
        CoreTag::None => "none".to_owned(),
        CoreTag::Vid(vid) => vid.to_string(),
    }
}
