//! Plans with routed peerings and VNet links.

mod changes;
mod frames;
mod indices;
mod random;
mod records;
mod services;
mod sizes;

use std::path::Path;

use super::{Capacity, Occupancy, Plan, Police, slots::Table};
use crate::config::{self, Config};

fn parse(text: &str) -> Config {
    config::parse(text, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// The plan of `config` on tables that are made for it.
fn plan(config: &Config) -> Plan {
    let capacity = Capacity::for_config(config);
    Plan::new(config, &capacity.unused(), Police::Purchased).expect("room")
}

/// Tables that were like `before`, once they hold `plan`.
fn holding(plan: &Plan, before: &Occupancy) -> Occupancy {
    fn turn<K: Ord>(table: &mut Table<K>, owners: impl Iterator<Item = (K, u32)>) {
        let owners: Vec<(K, u32)> = owners.collect();
        table.published = owners.iter().map(|(_, index)| *index).collect();
        let taken = &table.published;
        table.known.retain(|_, index| !taken.contains(index));
        table.known.extend(owners);
    }
    let mut occupied = before.clone();
    turn(&mut occupied.ports, plan.ports.iter().map(|port| (port.name.clone(), port.index)));
    turn(&mut occupied.c_tables, plan.c_tables.iter().map(|(key, claim)| (*key, claim.index)));
    let attachments = plan.attachments.iter().map(|own| (own.key.clone(), own.index));
    turn(&mut occupied.attachments, attachments);
    let policers = plan.policers.iter().map(|(key, claim)| (key.clone(), claim.index));
    turn(&mut occupied.policers, policers);
    let queues = plan.flow_queues.iter().map(|(key, claim)| (key.clone(), claim.index));
    turn(&mut occupied.flow_queues, queues);
    turn(&mut occupied.rates, plan.rates.iter().map(|(index, rate)| (*rate, *index)));
    turn(&mut occupied.qos_rows, plan.qos_rows.iter().map(|(index, row)| (*row, *index)));
    let interfaces = plan.interfaces.iter().map(|own| (own.key.clone(), own.index));
    turn(&mut occupied.interfaces, interfaces);
    occupied
}
