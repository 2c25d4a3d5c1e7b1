//! From a configuration to the exact contents of the tables. The module is pure: tests and `edge
//! replay
//! --engine host` use it without a kernel.

mod attachment;
mod capacity;
mod keys;
mod member;
mod port;
mod port_claims;
mod predecessors;
mod qos;
mod rate_change;
mod rates;
mod retag;
mod router_port;
mod routing;
mod service_network;
pub mod slots;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use edge_common::abi::{VidTable, qos::QosRow, rate::Rate};

use self::{
    attachment::Claims,
    member::{Member, MemberRole, members},
    port::plan_port,
    routing::{NewInterface, domains, limit_keys, needed, routed_keys, service_plan},
    slots::SlotClaim,
};
use crate::config::{Config, PeeringLink};

pub use crate::config::{RoutedKey, SERVICE_NETWORK, SourceCheck};

pub use self::{
    attachment::AttachmentPlan,
    capacity::{CTableKey, Capacity, Occupancy},
    keys::{AttachmentKey, AttachmentPlace, PolicerKey, Scope},
    port::PortPlan,
    port_claims::{PortClaim, port_claims},
    rate_change::{LimitChange, RateChange},
    routing::{
        DomainInterface, DomainPlan, InterfacePlaces, InterfacePlan, MAX_INTERFACES, RouteLimits,
        RouterCapacity, ServicePlan, edge_number,
    },
    slots::Full,
};

/// Tables by VID, by index. A whole range of VIDs may belong to one peering.
pub type VidTables = BTreeMap<u32, Box<VidTable>>;

/// The contents of every table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Ports, in configuration order.
    pub ports: Vec<PortPlan>,
    /// Attachments, in configuration order.
    pub attachments: Vec<AttachmentPlan>,
    /// Policers, by the traffic that they police.
    pub policers: BTreeMap<PolicerKey, SlotClaim>,
    /// Queues of flows, by the circuit's policer.
    pub flow_queues: BTreeMap<PolicerKey, SlotClaim>,
    /// Rates by index.
    pub rates: BTreeMap<u32, Rate>,
    /// Rows of QoS profiles by index.
    pub qos_rows: BTreeMap<u32, QosRow>,
    /// Published entries of each port, by its index.
    pub s_tags: VidTables,
    /// Published entries of each C-table, by its index.
    pub c_tags: VidTables,
    /// C-tables in use, and whether they were before.
    pub c_tables: BTreeMap<CTableKey, SlotClaim>,
    /// Interfaces of the router: peering-links, and then VNet links, both in configuration order; the service network's last.
    pub interfaces: Vec<InterfacePlan>,
    /// Routing domains of peerings, in configuration order.
    pub domains: Vec<DomainPlan>,
    /// The routing domain of the service network.
    pub services: Option<ServicePlan>,
}

/// Whether circuits are policed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Police {
    /// At their purchased bandwidth.
    Purchased,
    /// Not at all (`edge replay --no-police`). Frames to the router itself, and its answers, are limited all the same.
    Off,
}

impl Plan {
    /// The plan for `config` on tables with the contents `occupied`.
    pub fn new(config: &Config, occupied: &Occupancy, police: Police) -> Result<Self, Full> {
        let ports = occupied.ports.assign(config.ports.iter().map(|port| port.name.clone()))?;
        let members: Vec<Member<'_>> = members(config).collect();
        let keys = members.iter().map(Member::key).chain(service_network::service_key(config));
        let attachments = occupied.attachments.assign(keys)?;
        let interfaces = occupied.interfaces.assign(routed_keys(config))?;
        if !occupied.router.holds(needed(config)) {
            return Err(Full::of("lines of forwarding tables", occupied.router.fib_lines));
        }
        let of_router = config
            .routing
            .iter()
            .flat_map(|routing| interfaces.keys().flat_map(move |link| limit_keys(link, routing)));
        let (of_router, router_rates): (Vec<_>, Vec<_>) = of_router.unzip();
        let (policers, rates): (Vec<_>, Vec<_>) = members.iter().flat_map(Member::buckets).unzip();
        let policers = match police {
            Police::Purchased => policers,
            Police::Off => Vec::new(),
        };
        let policers = occupied.policers.assign(policers.into_iter().chain(of_router))?;
        let flow_queues = match police {
            Police::Purchased => {
                let fair = members.iter().filter(|member| member.is_fair());
                occupied.flow_queues.assign(fair.map(Member::policer))?
            }
            Police::Off => BTreeMap::new(),
        };
        let rates = occupied.rates.assign(rates.into_iter().chain(router_rates))?;
        // There are few different rows, and many members.
        let mut rows = BTreeMap::new();
        for member in &members {
            rows.entry(member.qos()).or_insert_with(|| member.qos_row());
        }
        let qos_rows = occupied.qos_rows.assign(rows.values().copied())?;
        let own = members.iter().filter_map(|own| Some((&*own.port.name, own.c_table_s_vid()?)));
        let c_tables = own.chain(service_network::c_table(config));
        let c_tables = occupied
            .c_tables
            .assign(c_tables.map(|(port, s_vid)| CTableKey { port: ports[port].index, s_vid }))?;
        let domains = domains(config, &interfaces);

        let mut plan = Self {
            ports: config.ports.iter().map(|port| plan_port(config, port, &ports)).collect(),
            attachments: Vec::new(),
            rates: by_index(&rates),
            qos_rows: by_index(&qos_rows),
            s_tags: VidTables::new(),
            c_tags: VidTables::new(),
            policers,
            flow_queues,
            c_tables,
            interfaces: Vec::new(),
            services: service_plan(config, &domains, &interfaces),
            domains,
        };
        let claims = Claims {
            ports: &ports,
            attachments: &attachments,
            rates: &rates,
            rows: &rows,
            qos_rows: &qos_rows,
            interfaces: &interfaces,
        };
        for member in &members {
            plan.attach(member, &claims);
        }
        plan.attach_services(config, &claims);
        plan.interfaces = plan.interfaces(config, &members, &claims);
        plan.find_predecessors(&occupied.attachments.known);
        Ok(plan)
    }

    fn interfaces(
        &self,
        config: &Config,
        members: &[Member<'_>],
        claims: &Claims<'_>,
    ) -> Vec<InterfacePlan> {
        let Some(routing) = &config.routing else { return Vec::new() };
        let owners = members.iter().filter(|own| matches!(own.role, MemberRole::ToCustomer(_)));
        let owners = owners
            .filter_map(|own| Some((own.routed_key()?, claims.attachments[&own.key()].index)));
        let owners: BTreeMap<RoutedKey, u32> = owners.collect();
        let buckets = |link: &RoutedKey| {
            limit_keys(link, routing).map(|(key, rate)| claims.bucket(self, &key, &rate))
        };
        let (ports, claims) = (claims.ports, claims.interfaces);
        let new = NewInterface { config, claims, ports, buckets: &buckets };
        let of_peering = |link: PeeringLink<'_>| new.of_peering(&link, owners[&link.key()]);
        let peerings = config.peering_links().map(of_peering);
        let vnets = config.vnet_links().map(|link| new.of_vnet(&link));
        let services = config.service_network.iter().map(|network| new.of_services(network));
        peerings.chain(vnets).chain(services).collect()
    }

    /// The interface of this link.
    #[must_use]
    pub fn interface(&self, link: &RoutedKey) -> Option<&InterfacePlan> {
        self.interfaces.iter().find(|interface| interface.key == *link)
    }

    fn attachment_indices(&self) -> BTreeSet<u32> {
        self.attachments.iter().map(|attachment| attachment.index).collect()
    }

    /// The port with this name.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<&PortPlan> {
        self.ports.iter().find(|port| port.name == name)
    }
}

fn by_index<K: Copy>(claims: &BTreeMap<K, SlotClaim>) -> BTreeMap<u32, K> {
    claims.iter().map(|(key, claim)| (claim.index, *key)).collect()
}
