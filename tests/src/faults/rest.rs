//! A reckoning between faults: no frame is sent for a moment, and all counts must agree.

use std::{collections::BTreeMap, fmt::Debug};

use anyhow::{Context as _, Result, ensure};
use edge_api::{PeeringStatus, Status};
use edge_user::{
    billing::ledger::UsageRecord,
    lab::{WireCounts, WireKey},
};

use super::{
    accounts::{Count, booked, tagged, total_usage},
    arrival::await_arrival,
    groups::{GROUPS, Group, built_in_class},
    run::{Run, is_booked},
    watch::answered,
    wires::WIRES,
};
use crate::patience::PATIENCE;

/// Both directions of a cable.
pub struct Cable {
    /// Counts of the frames that its far end offered.
    pub offered: WireCounts,
    /// Counts of the frames that reached its far end.
    pub received: WireCounts,
    /// The part of `offered` that came as far as the cable.
    pub sent: Count,
}

/// The meters of each port at some moment, and what was sent and received by then.
pub struct Meters {
    status: Status,
    cables: Vec<Cable>,
    ports: [&'static str; 4],
}

impl Run<'_> {
    /// Stops the far ends, compares all counts, and goes on.
    pub(super) fn rest(&mut self) -> Result<()> {
        for wire in 0..WIRES.len() {
            self.traffic.pause(wire);
        }
        await_arrival()?;
        ensure!(self.lab.settle(PATIENCE)?, "frames are still on their way");
        self.charges.is_now(self.lab, &self.model)?;
        let now = self.meters()?;
        self.all_is_taken(&now.status, &now.cables);
        if self.disk.is_sound() {
            is_booked()?;
            let usage = total_usage()?;
            self.ledger_is_wire(&usage, &now.cables);
            let wrong = self.charges.out_of_bounds(&usage);
            self.problems.extend(wrong);
        }
        if let Some(before) = self.meters.take()
            && before.ports == now.ports
        {
            self.meters_are_wire(&before, &now)?;
        }
        self.meters = Some(now);
        let problems = self.charges.problems();
        self.problems.extend(problems);
        for wire in self.cables.sound() {
            self.traffic.resume(wire);
        }
        Ok(())
    }

    /// Checks that all ports together received the frames sent, which is the sum of their reasons,
    /// and that the far ends received as many as `ok` says.
    pub(super) fn all_is_taken(&mut self, status: &Status, cables: &[Cable]) {
        let (mut sent, mut left, mut taken): (Count, Count, Count) = Default::default();
        for cable in cables {
            sent += cable.sent;
            left += Count::from(cable.received.total());
        }
        let (mut reasons, mut ok) = (0, 0);
        for port in &status.ports {
            taken += Count { frames: port.rx_frames, bytes: port.rx_bytes };
            reasons += port.reasons.values().sum::<u64>();
            ok += port.reasons.get("ok").copied().unwrap_or(0);
        }
        self.same("sent, and received by all ports", &sent, &taken);
        self.same("sent, and the sum over all ports' reasons", &sent.frames, &reasons);
        self.same("received, and ok", &left.frames, &ok);
    }

    /// The meters now, and what was sent and received by now.
    pub(super) fn meters(&self) -> Result<Meters> {
        let ports = self.model.ports.each_ref().map(|port| port.name);
        Ok(Meters { status: answered()?, cables: self.cables_now()?, ports })
    }

    /// Counts of the frames sent and received by now, by wire.
    pub(super) fn cables_now(&self) -> Result<Vec<Cable>> {
        let mut cables = Vec::new();
        for (number, wire) in WIRES.iter().enumerate() {
            let end = self.lab.far_end(wire.name)?;
            let unsent = self.traffic.unsent(number);
            let (offered, received) = (end.offered()?, end.received()?);
            ensure!(
                offered.total().frames >= self.traffic.sent(number),
                "the lab has counted less than was sent"
            );
            let sent = Count::from(offered.total()).since(unsent.into());
            cables.push(Cable { offered, received, sent });
        }
        Ok(cables)
    }

    /// Checks that the ledger has as much of each customer as the far ends received with its tags.
    pub(super) fn ledger_is_wire(&mut self, usage: &[UsageRecord], cables: &[Cable]) {
        for (wire, cable) in cables.iter().enumerate() {
            let (name, sender) = (WIRES[wire].name, WIRES[wire].partner);
            let mut strange = Count::from(cable.received.total());
            for group in &GROUPS {
                let left = if group.is_on(wire) {
                    tagged(&cable.received, group)
                } else {
                    Count::default()
                };
                strange = strange.since(left);
                let booked = booked(usage, sender, group, |_| true);
                self.same(&format!("{name}: wire and ledger of {:?}", group.names), &left, &booked);
            }
            self.same(&format!("{name}: frames of no circuit"), &Count::default(), &strange);
        }
    }

    /// Checks that since `before` the port received the frames sent, which is the sum of its
    /// reasons, and that the partner's far end received as many as `ok` says.
    fn meters_are_wire(&mut self, before: &Meters, now: &Meters) -> Result<()> {
        for (wire, cable) in now.cables.iter().enumerate() {
            let name = now.ports[wire];
            let sent = cable.sent.since(before.cables[wire].sent);
            let (received, reasons) = port(&now.status, name)?;
            let (received_before, reasons_before) = port(&before.status, name)?;
            let received = received.since(received_before);
            self.same(&format!("{name}: sent, and received by the port"), &sent, &received);
            let sum = |reasons: &BTreeMap<String, u64>| reasons.values().sum::<u64>();
            let counted = sum(&reasons) - sum(&reasons_before);
            self.same(&format!("{name}: sent, and the sum over reasons"), &sent.frames, &counted);
            let far = WIRES[wire].partner;
            let left = now.cables[far].received.since(&before.cables[far].received);
            let ok = |reasons: &BTreeMap<String, u64>| reasons.get("ok").copied().unwrap_or(0);
            let ok = ok(&reasons) - ok(&reasons_before);
            self.same(
                &format!("{name}: received by its partner, and ok"),
                &left.total().frames,
                &ok,
            );
            let offered = cable.offered.since(&before.cables[wire].offered);
            for group in GROUPS.iter().filter(|group| group.is_constant && group.is_on(wire)) {
                let peerings =
                    [&now.status, &before.status].map(|status| peering(status, name, group));
                let [Some(peering), Some(peering_before)] = peerings else {
                    self.problems.push(format!("{name} has no {:?}", group.names));
                    continue;
                };
                let what = format!("{name} {} {}", group.names[0], group.peering);
                self.circuit_is_wire(&what, group, (&offered, &left), (peering_before, peering));
            }
        }
        Ok(())
    }

    /// Checks that every frame sent has left or was dropped, by reason, and that the wire has those
    /// that left, by class.
    fn circuit_is_wire(
        &mut self,
        what: &str,
        group: &Group,
        (offered, left): (&WireCounts, &WireCounts),
        (before, now): (&PeeringStatus, &PeeringStatus),
    ) {
        let forwarded = forwarded(now).since(forwarded(before));
        let all = all_of(now).since(all_of(before));
        self.same(
            &format!("{what}: sent, and forwarded or dropped"),
            &tagged(offered, group),
            &all,
        );
        self.same(&format!("{what}: wire and forwarded"), &tagged(left, group), &forwarded);
        for class in &now.classes {
            let of_class = |key: &WireKey| {
                group.tags.contains(&(key.s_vid, key.c_vid))
                    && built_in_class(key.dscp()) == class.class
            };
            let wire: Count = left.sum(of_class).into();
            let meter = of_class_of(now, &class.class).since(of_class_of(before, &class.class));
            self.same(&format!("{what} {}: wire and meter", class.class), &wire, &meter);
        }
    }

    pub(super) fn same<T: PartialEq + Debug>(&mut self, what: &str, one: &T, other: &T) {
        if one != other {
            let short = |value: &T| format!("{value:?}").chars().take(400).collect::<String>();
            self.problems.push(format!("{what}: {} is not {}", short(one), short(other)));
        }
    }
}

fn port(status: &Status, name: &str) -> Result<(Count, BTreeMap<String, u64>)> {
    let port = status.ports.iter().find(|port| port.name == name).context("the port")?;
    Ok((Count { frames: port.rx_frames, bytes: port.rx_bytes }, port.reasons.clone()))
}

fn peering<'a>(status: &'a Status, port: &str, group: &Group) -> Option<&'a PeeringStatus> {
    let circuit = status.circuits.iter().find(|circuit| circuit.name == group.names[0])?;
    let is_it = |peering: &&PeeringStatus| peering.kind == group.peering && peering.port == port;
    circuit.peerings.iter().find(is_it)
}

fn forwarded(peering: &PeeringStatus) -> Count {
    let total = &peering.total;
    Count { frames: total.forwarded_frames, bytes: total.forwarded_bytes }
}

fn all_of(peering: &PeeringStatus) -> Count {
    let mut all = forwarded(peering);
    for dropped in peering.drops.values() {
        all += Count { frames: dropped.frames, bytes: dropped.bytes };
    }
    all
}

fn of_class_of(peering: &PeeringStatus, class: &str) -> Count {
    let counters = peering.classes.iter().find(|other| other.class == class);
    counters.map_or_else(Count::default, |class| Count {
        frames: class.counters.forwarded_frames,
        bytes: class.counters.forwarded_bytes,
    })
}
