//! The size of the kernel's tables, and the owners of their entries.

use std::collections::BTreeSet;

use edge_common::abi::{maps::Entries, qos::QosRow, rate::Rate, unmatched::UNMATCHED_BUCKETS};

use super::{
    AttachmentKey, PolicerKey,
    member::{Member, members},
    routing::{RouterCapacity, routed_keys},
    service_network,
    slots::Table,
};
use crate::config::{Config, RoutedKey};

/// A C-table: that of an S-VID on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CTableKey {
    /// The port's index.
    pub port: u32,
    /// The S-VID.
    pub s_vid: u16,
}

/// The kernel's tables as they are: the entries to keep, and the room for more.
#[derive(Clone, Debug)]
pub struct Occupancy {
    /// `S_TABLES`, `PORT_COUNTERS`, `TX_PORTS`, by port name.
    pub ports: Table<String>,
    /// `C_TABLES`.
    pub c_tables: Table<CTableKey>,
    /// `ATTACHMENTS`, `METERS`. Index 0 stands for none.
    pub attachments: Table<AttachmentKey>,
    /// `POLICERS`, `LEASES`. Index 0 stands for not policed.
    pub policers: Table<PolicerKey>,
    /// `FLOW_QUEUES`. Index 0 stands for none.
    pub flow_queues: Table<PolicerKey>,
    /// `RATES`.
    pub rates: Table<Rate>,
    /// `QOS_ROWS`.
    pub qos_rows: Table<QosRow>,
    /// `ROUTER_INTERFACES`, and all that has its place by their indices. Index 0 stands for none.
    pub interfaces: Table<RoutedKey>,
    /// Room of the router's tables.
    pub router: RouterCapacity,
}

impl Occupancy {
    /// Has links keep the indices that they have in the tables `before` these, and with them their MAC addresses and
    /// their domains' tables in the kernel, as far as these tables go. For new tables only.
    #[must_use]
    pub fn with_interfaces_of(mut self, before: &Table<RoutedKey>) -> Self {
        let known = before.known.iter().filter(|(_, index)| **index < self.interfaces.capacity);
        self.interfaces.known = known.map(|(key, index)| (key.clone(), *index)).collect();
        self
    }
}

/// Numbers of entries of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Ports.
    pub ports: u32,
    /// C-tables: S-VIDs on ports, with C-tags behind them.
    pub c_tables: u32,
    /// Attachments and the unused entry 0.
    pub attachments: u32,
    /// Policers and the unused entry 0.
    pub policers: u32,
    /// Circuits whose flows are told apart, and the unused entry 0.
    pub flow_queues: u32,
    /// Distinct rates.
    pub rates: u32,
    /// Distinct rows of QoS profiles.
    pub qos_rows: u32,
    /// The router's tables.
    pub router: RouterCapacity,
}

impl Capacity {
    /// Room for `config` and as much again, so that reloads can add and replace.
    #[must_use]
    pub fn for_config(config: &Config) -> Self {
        let count = |n: usize, least: u32| u32::try_from(2 * n + 1).unwrap_or(u32::MAX).max(least);
        let services = service_network::service_key(config);
        let attachments = members(config).count() + usize::from(services.is_some());
        let limits = members(config).map(|member| member.limits().len()).sum::<usize>();
        let fair = members(config).filter(Member::is_fair).count();
        let c_tables =
            members(config).filter_map(|own| Some((&*own.port.name, own.c_table_s_vid()?)));
        let c_tables: BTreeSet<_> = c_tables.chain(service_network::c_table(config)).collect();
        let (of_router, rates_of_router) = match config.routing {
            Some(_) => (2 * routed_keys(config).count(), 2),
            None => (0, 0),
        };
        Self {
            ports: count(config.ports.len(), 16),
            c_tables: count(c_tables.len(), 64),
            attachments: count(attachments, 1024),
            policers: count(attachments + limits + of_router, 1024),
            flow_queues: count(fair, 64),
            rates: count(config.circuits.len() + limits + rates_of_router, 256),
            qos_rows: count(3 * config.qos.len(), 64),
            router: RouterCapacity::for_config(config),
        }
    }

    /// Room for `config` as [`Self::for_config`] has it, and for the counters of earlier owners
    /// that are shown with those of its attachments. These counters move to the new tables when the
    /// old tables are booked.
    #[must_use]
    pub fn for_config_after(config: &Config, before: &BTreeSet<AttachmentKey>) -> Self {
        let own = members(config).map(|member| member.key());
        let own: BTreeSet<AttachmentKey> =
            own.chain(service_network::service_key(config)).collect();
        let places: BTreeSet<_> = own.iter().map(AttachmentKey::place).collect();
        let is_shown = |key: &&AttachmentKey| places.contains(&key.place()) && !own.contains(*key);
        let shown = before.iter().filter(is_shown).count();
        let mut capacity = Self::for_config(config);
        let shown = u32::try_from(shown).unwrap_or(u32::MAX);
        capacity.attachments = capacity.attachments.saturating_add(shown);
        capacity
    }

    /// Index in `TX_PORTS` of the router's device, which no port has.
    #[must_use]
    pub fn router_port(&self) -> u32 {
        self.ports - 1
    }

    /// The number of a map's entries.
    #[must_use]
    pub fn entries(&self, of: Entries) -> u32 {
        match of {
            Entries::One => 1,
            Entries::Ports => self.ports,
            Entries::UnmatchedBuckets => self.ports.saturating_mul(UNMATCHED_BUCKETS),
            // The room keeps an interface's entry near its place.
            Entries::TxWays => self.ports.saturating_mul(4).next_power_of_two(),
            Entries::CTables => self.c_tables,
            Entries::Attachments => self.attachments,
            Entries::Policers => self.policers,
            Entries::FlowQueues => self.flow_queues,
            Entries::Rates => self.rates,
            Entries::QosRows => self.qos_rows,
            Entries::RouterInterfaces => self.router.interfaces,
            Entries::Roots => self.router.roots,
            Entries::Trees => self.router.trees,
            Entries::FibLines => self.router.fib_lines,
            Entries::NextHops => self.router.next_hops,
            Entries::NextHopGroups => self.router.next_hop_groups,
            Entries::Links => self.router.links,
        }
    }

    /// Tables of this size without any owner.
    #[must_use]
    pub fn unused(&self) -> Occupancy {
        Occupancy {
            ports: Table::unused("ports", 0, self.router_port()),
            c_tables: Table::unused("S-tags on ports", 0, self.c_tables),
            attachments: Table::unused("peerings on ports", 1, self.attachments),
            policers: Table::unused("policers", 1, self.policers),
            flow_queues: Table::unused("circuits with `fairness`", 1, self.flow_queues),
            rates: Table::unused("different bandwidths", 0, self.rates),
            qos_rows: Table::unused("QoS profiles with a `dscp` policy", 0, self.qos_rows),
            interfaces: Table::unused("peering-links and VNet links", 1, self.router.interfaces),
            router: self.router,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{
            self,
            sample::{Sample, SampleCircuit, SamplePort},
        },
        plan::{Plan, Police},
    };

    /// Circuits with everything that takes a place of its own.
    fn config(circuits: u32) -> Config {
        let mut sample = Sample::new("e")
            .port(SamplePort::new("p", "core"))
            .port(SamplePort::new("q", "customer"));
        for number in 0..circuits {
            let (s_tag, mbps, dscp) = (1 + number % 4000, 1000 + number, number % 64);
            let qos = format!("p{number}");
            let rate = |kbps: u32| format!("{} kbps", kbps + number);
            let mut circuit = SampleCircuit::new(format!("c{number}"), format!("{mbps} Mbps"))
                .s_tag(s_tag)
                .key("fairness", "flow");
            for (c_tag, kind, dscp) in
                [(1, "private", "trust"), (2, "public", "reset"), (3, "microsoft", "preserve")]
            {
                circuit = circuit
                    .peering(kind, c_tag)
                    .of_peering(kind, "qos", qos.as_str())
                    .of_peering(kind, "dscp", dscp)
                    .of_peering(kind, "bandwidth", rate(500_000));
            }
            let (first, rest) = (rate(100_000), rate(200_000));
            let classes = [
                format!(r#"name = "a", dscp = [{dscp}], mark = {dscp}, bandwidth = "{first}""#),
                format!(r#"name = "b", dscp = ["default"], bandwidth = "{rest}""#),
            ];
            sample = sample.circuit(circuit).qos(&qos, classes);
        }
        config::parse(&sample.to_string(), Path::new("f")).expect("correct")
    }

    #[test]
    fn tables_have_room_for_their_configuration() {
        for circuits in [1, 2, 33, 300] {
            let config = config(circuits);
            let unused = Capacity::for_config(&config).unused();
            let plan = Plan::new(&config, &unused, Police::Purchased).expect("room");
            assert_eq!(plan.attachments.len(), 6 * circuits as usize);
        }
    }

    #[test]
    fn counters_that_are_shown_have_room_beside_the_configurations() {
        let [config, more] = [300, 301].map(config);
        let before = |classes: &[&str]| {
            let classes = classes.iter().map(|class| (*class).to_owned()).collect::<Vec<_>>();
            let owner =
                |member: Member<'_>| AttachmentKey { classes: classes.clone(), ..member.key() };
            members(&more).map(owner).collect::<Vec<_>>()
        };
        let room = |before: &BTreeSet<AttachmentKey>| {
            Capacity::for_config_after(&config, before).attachments
        };
        let own = members(&config).map(|member| member.key()).collect();
        let least = Capacity::for_config(&config).attachments;
        assert_eq!([room(&BTreeSet::new()), room(&own)], [least; 2]);
        // Counters of a circuit that is gone are not shown.
        let all: BTreeSet<_> = [before(&["a"]), before(&["b"])].concat().into_iter().collect();
        assert_eq!(room(&all), least + 2 * 6 * 300);
    }

    #[test]
    fn what_has_no_room_is_told_without_a_way_out_that_stops_traffic() {
        let small = Capacity::for_config(&config(1)).unused();
        let full = Plan::new(&config(300), &small, Police::Purchased).expect_err("no room");
        assert_eq!(
            full.to_string(),
            "the configuration needs more than the 1023 peerings on ports that the tables have \
             room for"
        );
    }
}
