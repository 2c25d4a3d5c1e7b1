//! Circuits that lose frames above a rate: over their rate, or in bursts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use edge_api::{Condition, PolicerStatus};
use jiff::Timestamp;

use super::{
    super::{circuit_buckets, engine::running::Running, head::Steps},
    HOLD,
    judge::{Burstiness, OfferedClass, judge},
    lasting::LastingConditions,
    loads::{AttachmentLoads, ClassLoad, LoadReading},
};
use crate::{
    config::{Circuit, Config, Direction, Link},
    daemon::error::{DaemonError, Result},
};

/// Most circuits that are judged in a look.
const MOST: usize = 256;
/// Circuits that are judged in one step.
const IN_A_STEP: usize = 32;

/// A direction on a link, which circuits have buckets for.
type LossWay = (Direction, Link);

/// The directions and links in which frames were lost lately, and the last reading of their circuits.
#[derive(Debug, Default)]
pub(super) struct Losing {
    /// With the times since boot until which circuits are read.
    ways: BTreeMap<LossWay, Duration>,
    last: Option<LoadReading>,
}

/// The growth of a circuit's attachments: way, peering, and the load of each class.
type CircuitLoads = Vec<(LossWay, String, Vec<(String, ClassLoad)>)>;

impl Losing {
    /// Looks at the circuits, where some of these ports have lost frames above a rate since the last look.
    pub(super) fn look(
        &mut self,
        steps: &Steps<'_>,
        ports: &BTreeSet<String>,
        now: Duration,
        lasting: &mut LastingConditions,
    ) -> Result<()> {
        let ways = steps.step(|running| ways(&running.config, ports));
        self.ways.extend(ways.unwrap_or_default().into_iter().map(|way| (way, now + HOLD)));
        self.ways.retain(|_, until| *until > now);
        if self.ways.is_empty() {
            self.last = None;
            return Ok(());
        }
        let ways = self.ways.keys().copied().collect();
        let Some(reading) = LoadReading::read(steps, &ways, now)? else { return Ok(()) };
        let grown = self.last.as_ref().and_then(|before| reading.since(before));
        self.last = Some(reading);
        let Some((over, grown)) = grown else { return Ok(()) };
        let Some(losers) = steps.step(|running| losers(running, &grown)) else { return Ok(()) };
        judge_all(steps, losers, (over, now), lasting)
    }
}

/// The ways of the frames that these ports receive.
fn ways(config: &Config, ports: &BTreeSet<String>) -> BTreeSet<LossWay> {
    let ports = config.ports.iter().filter(|port| ports.contains(&port.name));
    ports.map(|port| (port.side.direction(), port.link)).collect()
}

/// The circuits that have lost frames, with all of their loads.
fn losers(running: &Running, grown: &[AttachmentLoads]) -> HashMap<String, CircuitLoads> {
    let attachments = &running.installed.plan.attachments;
    let has_lost = |loads: &[ClassLoad]| loads.iter().any(|load| load.lost_frames > 0);
    let lost = grown.iter().filter(|(_, loads)| has_lost(loads));
    let names: BTreeSet<&str> = lost.map(|(place, _)| &*attachments[*place].key.circuit).collect();
    let mut losers: HashMap<String, CircuitLoads> = HashMap::new();
    for (place, loads) in grown {
        let key = &attachments[*place].key;
        if names.contains(&*key.circuit) {
            let classes = key.classes.iter().cloned().zip(loads.iter().copied()).collect();
            let way = (key.direction, key.link);
            let peering = key.peering.as_str().to_owned();
            losers.entry(key.circuit.clone()).or_default().push((way, peering, classes));
        }
    }
    losers
}

fn judge_all(
    steps: &Steps<'_>,
    mut losers: HashMap<String, CircuitLoads>,
    (over, now): (Duration, Duration),
    lasting: &mut LastingConditions,
) -> Result<()> {
    let known: BTreeSet<String> = lasting.circuits().map(str::to_owned).collect();
    let mut order: Vec<(bool, u64, String)> = losers
        .iter()
        .map(|(name, loads)| {
            let classes = loads.iter().flat_map(|(.., classes)| classes);
            let lost = classes.map(|(_, load)| load.lost_frames).sum();
            (known.contains(name), lost, name.clone())
        })
        .collect();
    // Those that are known already, and then those that lose most.
    order.sort_unstable_by(|one, other| other.cmp(one));
    for (_, _, name) in order.drain(MOST.min(order.len())..) {
        losers.remove(&name);
        lasting.leave_out(1);
    }
    let Some(places) = steps.step(|running| {
        let circuits = running.config.circuits.iter().enumerate();
        let own = circuits.filter(|(_, circuit)| losers.contains_key(&circuit.name));
        own.map(|(place, _)| place).collect::<Vec<_>>()
    }) else {
        return Ok(());
    };
    for some in places.chunks(IN_A_STEP) {
        let judged = steps.step(|running| {
            let circuits: Vec<&Circuit> =
                some.iter().map(|place| &running.config.circuits[*place]).collect();
            let states = circuit_buckets::states(running, circuits.iter().copied())?;
            for circuit in circuits {
                let buckets = circuit_buckets::buckets(running, circuit, &states);
                let loads = &losers[&circuit.name];
                let burst = Burstiness::of(&running.config, circuit);
                let found = judge_one(circuit, (&buckets, burst), loads, over, lasting);
                for condition in found {
                    lasting.see(condition, circuit, now);
                }
            }
            Ok::<_, DaemonError>(())
        });
        match judged {
            None => return Ok(()),
            Some(judged) => judged?,
        }
    }
    Ok(())
}

fn judge_one(
    circuit: &Circuit,
    (buckets, burst): (&[PolicerStatus], Burstiness),
    loads: &CircuitLoads,
    over: Duration,
    lasting: &LastingConditions,
) -> Vec<Condition> {
    let ways: BTreeSet<LossWay> = loads.iter().map(|(way, ..)| *way).collect();
    let judged = ways.into_iter().filter_map(|(direction, link)| {
        let (direction_name, link_name) = (direction.as_str(), link.as_str());
        let own = buckets
            .iter()
            .filter(|bucket| bucket.direction == direction_name && bucket.link == link_name);
        let own: Vec<&PolicerStatus> = own.collect();
        let of_way = loads.iter().filter(|(way, ..)| *way == (direction, link));
        let classes = of_way.flat_map(|(_, peering, classes)| {
            classes.iter().map(move |(class, load)| OfferedClass { peering, class, load: *load })
        });
        let classes: Vec<OfferedClass<'_>> = classes.collect();
        let before = lasting.kind_of(&circuit.name, direction_name, link_name);
        let verdict = judge(&own, &classes, over, before)?;
        let sentence = verdict.sentence(direction_name, link_name, burst);
        Some(Condition {
            circuit: Some(circuit.name.clone()),
            direction: Some(direction_name.to_owned()),
            link: Some(link_name.to_owned()),
            // The lasting conditions know since when.
            ..Condition::new(verdict.kind, Timestamp::UNIX_EPOCH, sentence)
        })
    });
    judged.collect()
}
