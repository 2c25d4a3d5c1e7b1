//! What a configuration asks of the tables: one entry for each peering on each of its ports.

use edge_common::{mark::MarkRow, rate::Rate};

use super::{AttachmentKey, PolicerKey, marks, rates};
use crate::config::{Circuit, Config, Peering, Policing, Port, QosProfile};

/// A peering of a circuit on one of its ports.
pub(super) struct Member<'a> {
    pub(super) config: &'a Config,
    pub(super) circuit: &'a Circuit,
    pub(super) peering: &'a Peering,
    pub(super) port: &'a Port,
}

pub(super) fn members(config: &Config) -> impl Iterator<Item = Member<'_>> {
    config.circuits.iter().flat_map(move |circuit| {
        let on_port = move |port: &'_ &Port| circuit.ports.contains(&port.name);
        circuit.peerings.iter().flat_map(move |peering| {
            let ports = config.ports.iter().filter(on_port);
            ports.map(move |port| Member { config, circuit, peering, port })
        })
    })
}

impl Member<'_> {
    pub(super) fn key(&self) -> AttachmentKey {
        AttachmentKey {
            circuit: self.circuit.name.clone(),
            peering: self.peering.kind,
            port: self.port.name.clone(),
            classes: self.profile().classes.iter().map(|class| class.name.clone()).collect(),
        }
    }

    pub(super) fn policer(&self) -> PolicerKey {
        PolicerKey {
            circuit: self.circuit.name.clone(),
            peering: match self.circuit.policing {
                Policing::CircuitLink => None,
                Policing::PeeringLink => Some(self.peering.kind),
            },
            direction: self.port.side.direction(),
            link: self.port.link,
        }
    }

    pub(super) fn rate(&self) -> Rate {
        rates::rate(self.circuit)
    }

    pub(super) fn mark_row(&self) -> MarkRow {
        marks::mark_row(self.profile(), self.peering.dscp)
    }

    pub(super) fn profile(&self) -> &QosProfile {
        &self.config.qos[&self.peering.qos]
    }
}
