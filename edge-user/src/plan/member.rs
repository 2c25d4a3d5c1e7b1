//! The entries that a configuration needs in the tables: one for each peering on each of its ports. Routed peerings
//! have none of these.

use edge_common::abi::{attachment::Attachment, port::Features, qos::QosRow, rate::Rate};

use super::{AttachmentKey, PolicerKey, Scope, qos, rates};
use crate::{
    config::{Circuit, Config, Peering, Port, QosProfile, SideTags},
    model::{Accounting, DscpPolicy, Ecn, Fairness, Policing},
};

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
        circuit.wires().flat_map(move |peering| {
            let ports = config.ports.iter().filter(on_port);
            ports.map(move |port| Member { config, circuit, peering, port })
        })
    })
}

impl<'a> Member<'a> {
    /// The source of [`Self::qos_row`]: the name of a profile, and a policy.
    pub(super) fn qos(&self) -> (&'a str, DscpPolicy) {
        (&self.peering.qos, self.peering.dscp)
    }
}

impl Member<'_> {
    pub(super) fn key(&self) -> AttachmentKey {
        AttachmentKey {
            edge: self.config.edge.name.clone(),
            circuit: self.circuit.name.clone(),
            service_key: self.circuit.service_key.clone(),
            peering: self.peering.kind,
            port: self.port.name.clone(),
            direction: self.port.side.direction(),
            link: self.port.link,
            billing: self.circuit.billing,
            accounting: self.circuit.accounting,
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
            scope: Scope::Purchased,
            direction: self.port.side.direction(),
            link: self.port.link,
        }
    }

    pub(super) fn rate(&self) -> Rate {
        rates::rate(self.circuit)
    }

    /// The buckets inside the circuit's.
    pub(super) fn limits(&self) -> Vec<(PolicerKey, Rate)> {
        let peering = (Scope::Peering, self.peering.bandwidth_bps);
        let classes = (0u8..).zip(&self.profile().classes);
        let classes = classes.map(|(number, class)| (Scope::Class(number), class.bandwidth_bps));
        let limits = std::iter::once(peering).chain(classes).filter_map(|(scope, limit_bps)| {
            let key = PolicerKey { scope, peering: Some(self.peering.kind), ..self.policer() };
            Some((key, rates::limit(limit_bps?)))
        });
        limits.collect()
    }

    /// All its buckets.
    pub(super) fn buckets(&self) -> Vec<(PolicerKey, Rate)> {
        std::iter::once((self.policer(), self.rate())).chain(self.limits()).collect()
    }

    pub(super) fn is_fair(&self) -> bool {
        self.circuit.fairness == Fairness::Flow
    }

    pub(super) fn qos_row(&self) -> QosRow {
        qos::qos_row(self.profile(), self.peering.dscp)
    }

    /// The tags that its frames arrive with.
    pub(super) fn tags(&self) -> SideTags {
        self.circuit.tags(self.peering, self.port.side)
    }

    /// The S-VID whose C-table has the peering's C-tags; `None`: the outer tag alone tells the
    /// owner.
    pub(super) fn c_table_s_vid(&self) -> Option<u16> {
        let SideTags { s_vid, c_vids } = self.tags();
        s_vid.filter(|_| c_vids.is_some())
    }

    /// Bytes that a frame counts for beside its length as received.
    pub(super) fn len_adjust_bytes(&self) -> i16 {
        /// FCS (802.3-2022, 3.2.9).
        const FCS: i16 = 4;
        /// Preamble, start delimiter (3.2.1, 3.2.2) and the gap between frames (4.4.2).
        const PREAMBLE_AND_GAP: i16 = 8 + 12;
        const TAG: i16 = 4;
        match self.circuit.accounting {
            Accounting::L1 => FCS + PREAMBLE_AND_GAP,
            Accounting::Mef if self.tags().s_vid.is_some() => FCS - TAG,
            Accounting::Mef => FCS,
            // The path knows the packet's length itself.
            Accounting::L2 | Accounting::L3 => 0,
        }
    }

    pub(super) fn flags(&self) -> u8 {
        let classes = &self.profile().classes;
        let flag = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        flag(Attachment::DISABLED, !self.circuit.enabled)
            | flag(Attachment::HAS_RULES, self.has_rules())
            | flag(Attachment::MARKS_PCP, classes.iter().any(|class| class.pcp_mark.is_some()))
            | flag(Attachment::HAS_LIMITS, !self.limits().is_empty())
            | flag(Attachment::MARKS_ECN, self.circuit.ecn == Ecn::Mark)
            | flag(Attachment::ACCOUNT_PACKET, self.circuit.accounting == Accounting::L3)
    }

    pub(super) fn features(&self) -> Features {
        let feature = |feature: Features, is_used: bool| {
            if is_used { feature } else { Features::NONE }
        };
        feature(Features::RULES, self.has_rules())
            .with(feature(Features::LIMITS, !self.limits().is_empty()))
            .with(feature(Features::FAIRNESS, self.is_fair()))
            .with(feature(Features::ECN, self.circuit.ecn == Ecn::Mark))
    }

    fn has_rules(&self) -> bool {
        self.profile().classes.iter().any(|class| !class.matches.is_empty())
    }

    pub(super) fn profile(&self) -> &QosProfile {
        &self.config.qos[&self.peering.qos]
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{
        config::{
            parse,
            sample::{Sample, SampleCircuit},
        },
        model::PeeringKind,
        plan::{Capacity, Plan, Police},
    };

    #[test]
    fn routed_peerings_and_vnet_links_have_no_entry_of_a_wire() {
        let circuit = SampleCircuit::new("contoso", "1 Gbps")
            .s_tag(100)
            .peering("private", 10)
            .of_peering("private", "peer_asn", 65_001)
            .of_peering("private", "primary", "192.168.15.16/30")
            .peering("microsoft", 20)
            .of_vnet("hub", "port", "core0")
            .of_vnet("hub", "s_tag", 2_001)
            .of_vnet("hub", "c_tag", 1)
            .of_vnet("hub", "own", "10.1.255.5/30")
            .of_vnet("hub", "gateway", "10.1.255.6")
            .of_vnet("hub", "asn", 65_515);
        let sample = Sample::lab().circuit(circuit).routing("daemon", "none");
        let config = parse(&sample.to_string(), Path::new("f")).expect("correct");
        let capacity = Capacity::for_config(&config);
        let plan = Plan::new(&config, &capacity.unused(), Police::Purchased).expect("room");
        let owners = plan.attachments.iter().map(|own| (own.key.peering, own.key.port.as_str()));
        let microsoft = PeeringKind::Microsoft;
        assert_eq!(owners.collect::<Vec<_>>(), [(microsoft, "customer0"), (microsoft, "core0")]);
        // Neither do their tags lead anywhere.
        let core0 = plan.port("core0").expect("a port").index;
        assert_eq!(plan.s_tags[&core0][2_001], 0);
        let c_tables: Vec<_> = plan.c_tables.keys().map(|key| key.s_vid).collect();
        assert_eq!(c_tables, [100, 100]);
        assert!(plan.c_tags.values().all(|vids| vids[10] == 0 && vids[20] != 0));
    }
}
