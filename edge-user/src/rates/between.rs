//! The rates between two looks at an edge.

use std::collections::{BTreeMap, HashMap};

use edge_api::{
    CircuitRates, CircuitStatus, ClassRates, ClassStatus, Counters, Health, PeeringStatus,
    PortRates, PortStatus, Status, TrafficRates,
};

/// Growth per second.
#[derive(Clone, Copy)]
struct PerSecond(f64);

impl PerSecond {
    /// A counter that went back belongs to another data plane, and has no rate.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rate for people to look at"
    )]
    fn of(self, before: u64, now: u64) -> u64 {
        (now.saturating_sub(before) as f64 / self.0).round() as u64
    }

    fn counters(self, before: Counters, now: Counters) -> [u64; 4] {
        [
            self.of(before.forwarded_bytes, now.forwarded_bytes) * 8,
            self.of(before.forwarded_frames, now.forwarded_frames),
            self.of(before.dropped_frames, now.dropped_frames),
            self.of(before.refused_frames, now.refused_frames),
        ]
    }
}

/// The rates from one look to the next, of all circuits in configuration order.
#[must_use]
pub fn between(before: &Status, now: &Status) -> TrafficRates {
    // The wall clock may be set in between; the daemon's own does not go back.
    let interval_s = now.uptime_s - before.uptime_s;
    let per_second = PerSecond(if interval_s > 0.0 { interval_s } else { f64::INFINITY });
    let circuits: HashMap<&str, &CircuitStatus> =
        before.circuits.iter().map(|circuit| (&*circuit.name, circuit)).collect();
    let ports: HashMap<&str, &PortStatus> =
        before.ports.iter().map(|port| (&*port.name, port)).collect();
    let circuit = |now: &CircuitStatus| circuit(per_second, circuits.get(&*now.name).copied(), now);
    let port = |now: &PortStatus| port(per_second, ports.get(&*now.name).copied(), now);
    let file = now.config.file_fault.iter().cloned();
    let unconfirmed = now.config.unconfirmed.iter().map(|change| {
        format!("the last change is taken back in {:.0} s: `edge confirm` keeps it", change.left_s)
    });
    TrafficRates {
        edge: now.edge.clone(),
        uptime_s: now.uptime_s,
        taken: now.taken,
        interval_s: interval_s.max(0.0),
        matching: now.circuits.len(),
        faults: Health::of(now).faults.into_iter().chain(unconfirmed).chain(file).collect(),
        circuits: now.circuits.iter().map(circuit).collect(),
        ports: now.ports.iter().map(port).collect(),
    }
}

fn circuit(
    per_second: PerSecond,
    before: Option<&CircuitStatus>,
    now: &CircuitStatus,
) -> CircuitRates {
    // One that is new has no rate yet.
    let before = before.unwrap_or(now);
    let peerings: HashMap<_, &PeeringStatus> =
        before.peerings.iter().map(|peering| (key(peering), peering)).collect();
    let mut rates = CircuitRates {
        name: now.name.clone(),
        bandwidth_bps: now.bandwidth_bps,
        enabled: now.enabled,
        policers: now.policers.clone(),
        ..CircuitRates::default()
    };
    let mut by_link: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for peering in &now.peerings {
        let before = peerings.get(&key(peering)).copied().unwrap_or(peering);
        let [bps, _, dropped_fps, _] = per_second.counters(before.total, peering.total);
        let direction = &*peering.direction;
        *by_link.entry((&peering.link, direction)).or_default() += bps;
        let offered_bps =
            per_second.of(offered_bytes(before.total), offered_bytes(peering.total)) * 8;
        let (forwarded, offered) = if direction == "inbound" {
            (&mut rates.in_bps, &mut rates.offered_in_bps)
        } else {
            (&mut rates.out_bps, &mut rates.offered_out_bps)
        };
        *forwarded += bps;
        *offered += offered_bps;
        rates.dropped_fps += dropped_fps;
        for (reason, drops) in &peering.drops {
            let was = before.drops.get(reason).map_or(0, |drops| drops.frames);
            *rates.drops_fps.entry(reason.clone()).or_default() += per_second.of(was, drops.frames);
        }
        rates.classes.extend(classes(per_second, before, peering));
    }
    rates.drops_fps.retain(|_, fps| *fps > 0);
    let busiest_bps = by_link.into_values().max().unwrap_or(0);
    rates.used_permille = busiest_bps * 1000 / now.bandwidth_bps.max(1);
    let own = now.policers.iter().filter(|policer| policer.peering.is_none());
    for policer in own {
        rates.peak_1ms_bps = rates.peak_1ms_bps.max(policer.peak_1ms_bps);
        rates.peak_100ms_bps = rates.peak_100ms_bps.max(policer.peak_100ms_bps);
    }
    rates
}

fn offered_bytes(counters: Counters) -> u64 {
    counters.forwarded_bytes + counters.dropped_bytes + counters.refused_bytes
}

fn key(peering: &PeeringStatus) -> [&str; 3] {
    [&peering.kind, &peering.port, &peering.direction]
}

fn classes<'a>(
    per_second: PerSecond,
    before: &'a PeeringStatus,
    now: &'a PeeringStatus,
) -> impl Iterator<Item = ClassRates> + 'a {
    now.classes.iter().map(move |class: &ClassStatus| {
        let was = before.classes.iter().find(|was| was.class == class.class);
        let was = was.map_or(class.counters, |was| was.counters);
        let [forwarded_bps, frames_fps, dropped_fps, refused_fps] =
            per_second.counters(was, class.counters);
        ClassRates {
            peering: now.kind.clone(),
            port: now.port.clone(),
            link: now.link.clone(),
            direction: now.direction.clone(),
            class: class.class.clone(),
            forwarded_bps,
            forwarded_fps: frames_fps,
            dropped_fps,
            refused_fps,
        }
    })
}

fn port(per_second: PerSecond, before: Option<&PortStatus>, now: &PortStatus) -> PortRates {
    let before = before.unwrap_or(now);
    let reasons = now.reasons.iter().map(|(reason, frames)| {
        let was = before.reasons.get(reason).copied().unwrap_or(0);
        (reason.clone(), per_second.of(was, *frames))
    });
    let link_state = match (now.is_up, now.carrier) {
        (Some(true), Some(true)) => "up",
        (Some(true), _) => "no carrier",
        (_, _) => "down",
    };
    PortRates {
        name: now.name.clone(),
        interface: now.interface.clone(),
        side: now.side.clone(),
        link: now.link.clone(),
        xdp_mode: now.xdp_mode.clone(),
        link_state: link_state.to_owned(),
        speed_bps: now.speed_bps,
        rx_bps: per_second.of(before.rx_bytes, now.rx_bytes) * 8,
        rx_fps: per_second.of(before.rx_frames, now.rx_frames),
        reasons_fps: reasons.filter(|(_, fps)| *fps > 0).collect(),
    }
}
