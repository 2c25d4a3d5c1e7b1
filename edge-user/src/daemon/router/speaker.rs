//! From a configuration to the plan of its BGP speaker.

mod services;

use std::{collections::BTreeMap, net::IpAddr};

use edge_api::LinkUse;
use ipnet::IpNet;

use crate::{
    config::{
        BfdTimers, CircuitVnet, Config, CustomerSession, LinkEnds, PeeringLink, RoutedKey,
        RoutingConfig, RoutingDaemon, VnetLink, VnetRoutes, read_key,
    },
    daemon::{
        drains::Drains,
        error::{DaemonError, Result},
    },
    model::PeeringKind,
    plan::{DomainPlan, MAX_INTERFACES, Plan},
    routing::{
        bird::model::{
            DomainSide, SpeakerPlan,
            domain::{BgpDomain, BgpStatic, StaticHop},
            key::SessionKey,
            policy::{ExportPolicy, ImportPolicy, ReachedNetworks},
            session::{BeyondLimit, BgpSession, Ends, SessionBfd, SessionLimits, SessionTimers},
        },
        devices::device_name,
    },
};

/// The plan of the speaker, with these links out of use; `None`: the configuration wants none.
///
/// # Errors
///
/// A file with a session's key can't be read any more.
pub(super) fn speaker_plan(
    config: &Config,
    plan: &Plan,
    drains: &Drains,
) -> Result<Option<SpeakerPlan>> {
    let Some(routing) = &config.routing else { return Ok(None) };
    let RoutingDaemon::Bird { asn, router_id, .. } = routing.daemon else { return Ok(None) };
    let mut domains: Vec<BgpDomain> =
        plan.domains.iter().map(|domain| bgp_domain(domain, drains)).collect();
    // The domain and the index of each link.
    let mut links: BTreeMap<&RoutedKey, (usize, u32)> = BTreeMap::new();
    for (number, domain) in plan.domains.iter().enumerate() {
        links.extend(domain.interfaces().map(|link| (&link.key, (number, link.index))));
    }
    for link in config.peering_links() {
        if let Some(session) = &link.routed.session
            && let Some((domain, index)) = links.get(&link.key())
        {
            let mut session = customer(&link, session, routing, *index)?;
            session.export.within = within(config, &link, &plan.domains[*domain]);
            session.export.only = services::only(&link);
            match drains.use_of_key(&link.key()) {
                LinkUse::InUse => {}
                LinkUse::Draining => {
                    session.export.prepends = ExportPolicy::DRAINING_PREPENDS;
                    session.export.is_draining = true;
                }
                LinkUse::Drained => session.is_enabled = false,
            }
            domains[*domain].sessions.push(session);
        }
    }
    for vnet in config.vnet_links() {
        if let Some((domain, index)) = links.get(&vnet.key()) {
            domains[*domain].sessions.extend(gateway(&vnet, routing, *index));
        }
    }
    if let (Some(network), Some(planned)) = (&config.service_network, &plan.services) {
        services::join(config, plan, planned, &mut domains);
        domains.push(services::domain(config, network, planned, routing));
    }
    Ok(Some(SpeakerPlan {
        router_id,
        asn,
        kernel_tables: routing.table..=routing.table.saturating_add(MAX_INTERFACES - 1),
        recovery_wait_s: SpeakerPlan::RECOVERY_WAIT_S,
        domains,
    }))
}

/// A domain with its static routes: those of one prefix and side lead to all links that have it and are in use or,
/// where none is, that still drain.
fn bgp_domain(domain: &DomainPlan, drains: &Drains) -> BgpDomain {
    let mut statics: BTreeMap<(DomainSide, IpNet), Vec<StaticHop>> = BTreeMap::new();
    for (side, links) in
        [(DomainSide::Customer, &domain.customer), (DomainSide::Cloud, &domain.cloud)]
    {
        let routes = |link_use: LinkUse| {
            let links = links.iter().filter(move |link| drains.use_of_key(&link.key) == link_use);
            links.flat_map(|link| link.static_routes.iter().map(move |it| (link, it)))
        };
        let in_use: Vec<_> = routes(LinkUse::InUse).collect();
        let has_other_way = |prefix: &IpNet| in_use.iter().any(|(_, other)| *other == prefix);
        let last_ways = routes(LinkUse::Draining).filter(|(_, prefix)| !has_other_way(prefix));
        for (link, prefix) in in_use.iter().copied().chain(last_ways) {
            let gateway: Option<IpAddr> = match prefix {
                IpNet::V4(_) => link.v4.map(|ends| ends.peer.into()),
                IpNet::V6(_) => link.v6.map(|ends| ends.peer.into()),
            };
            let hop = gateway.map(|gateway| StaticHop { gateway, device: device_name(link.index) });
            statics.entry((side, *prefix)).or_default().extend(hop);
        }
    }
    let statics = statics.into_iter().map(|((side, prefix), hops)| BgpStatic {
        prefix,
        side,
        hops,
        communities: Vec::new(),
    });
    BgpDomain {
        name: format!("{}/{}", domain.circuit, domain.peering.as_str()),
        kernel_table: domain.kernel_table,
        joins_cloud: false,
        announcements: Vec::new(),
        service_groups: None,
        services: None,
        statics: statics.collect(),
        sessions: Vec::new(),
    }
}

fn customer(
    link: &PeeringLink<'_>,
    session: &CustomerSession,
    routing: &RoutingConfig,
    index: u32,
) -> Result<BgpSession> {
    let key = match &session.key_file {
        None => None,
        Some(path) => {
            let key = read_key(path).map_err(|error| {
                let (key, path) = (link.key(), path.display());
                DaemonError::failed(format!("{key}: the key file {path} {error}"))
            })?;
            let key = SessionKey::new(key.secret());
            Some(key.map_err(|error| DaemonError::failed(format!("{}: {error}", link.key())))?)
        }
    };
    let registered = &link.routed.advertised_prefixes;
    Ok(BgpSession {
        peer_asn: session.peer_asn,
        v4: link.link.v4.map(ends),
        v6: link.link.v6.map(ends),
        key,
        limits: SessionLimits {
            v4: session.max_routes,
            v6: session.max_routes_v6,
            beyond: BeyondLimit::Restart,
        },
        bfd: session.bfd.map(bfd),
        is_passive: session.passive,
        has_ttl_security: session.ttl_security,
        import: match link.peering.kind {
            PeeringKind::Private => ImportPolicy::private(),
            PeeringKind::Public | PeeringKind::Microsoft => {
                ImportPolicy::registered(registered.clone())
            }
        },
        ..plain(index, &link.key(), DomainSide::Customer, link.circuit.enabled, routing)
    })
}

/// The networks that a peering's customer is told, whatever else its table has: those within the circuit's reach;
/// `None`: nothing limits that.
fn within(config: &Config, link: &PeeringLink<'_>, domain: &DomainPlan) -> Option<ReachedNetworks> {
    let circuit = link.circuit;
    if circuit.location.is_none() || link.peering.kind != PeeringKind::Private {
        return None;
    }
    let mut within = ReachedNetworks::default();
    for vnet in circuit.vnet_links.iter().filter(|vnet| config.is_reached(circuit, vnet)) {
        match vnet.routes {
            VnetRoutes::Static(_) => within.prefixes.extend(vnet.prefixes()),
            VnetRoutes::Bgp { .. } => {
                let key = CircuitVnet { circuit, link: vnet }.key();
                let gateway = domain.cloud.iter().find(|interface| interface.key == key);
                within.gateways.extend(gateway.map(|gateway| gateway.index));
            }
        }
    }
    Some(within)
}

fn gateway(vnet: &CircuitVnet<'_>, routing: &RoutingConfig, index: u32) -> Option<BgpSession> {
    let VnetRoutes::Bgp { asn, bfd: timers } = vnet.link.routes else { return None };
    Some(BgpSession {
        peer_asn: asn,
        v4: vnet.link.v4.map(ends),
        v6: vnet.link.v6.map(ends),
        limits: SessionLimits {
            v4: VnetLink::MAX_ROUTES,
            v6: VnetLink::MAX_ROUTES_V6,
            beyond: BeyondLimit::Restart,
        },
        bfd: timers.map(bfd),
        import: ImportPolicy::gateway(Vec::new()),
        ..plain(index, &vnet.key(), DomainSide::Cloud, vnet.circuit.enabled, routing)
    })
}

/// A session with the settings that all have.
fn plain(
    index: u32,
    key: &RoutedKey,
    side: DomainSide,
    is_enabled: bool,
    routing: &RoutingConfig,
) -> BgpSession {
    let restart_s = u16::try_from(routing.graceful_restart.as_secs()).unwrap_or(u16::MAX);
    BgpSession {
        index,
        device: device_name(index),
        name: key.to_string(),
        side,
        peer_asn: 0,
        v4: None,
        v6: None,
        key: None,
        limits: SessionLimits { v4: 0, v6: 0, beyond: BeyondLimit::Restart },
        bfd: None,
        graceful_restart_s: (restart_s > 0).then_some(restart_s),
        is_passive: false,
        has_ttl_security: false,
        is_enabled,
        timers: SessionTimers::default(),
        import: ImportPolicy::private(),
        export: ExportPolicy::default(),
    }
}

fn ends<A>(ends: LinkEnds<A>) -> Ends<A> {
    Ends { own: ends.own, peer: ends.peer }
}

fn bfd(timers: BfdTimers) -> SessionBfd {
    // Whether the peer's BFD outlives its control plane is not known.
    SessionBfd { interval: timers.interval, multiplier: timers.multiplier, is_graceful: false }
}

#[cfg(test)]
mod tests;
