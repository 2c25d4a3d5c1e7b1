//! `edge verify`: a circuit's turn-up test through its own path, in the shape of ITU-T Y.1564, 8.1 (the service
//! configuration test): the rate in steps, and above it.
//!
//! ```text
//! configuration ─▶ services ─▶ frames ─▶ the path, at times of the test's own ─▶ steps ─▶ report
//! ```
//!
//! The frames run through the loaded program with tables of their own: no customer's frame, bucket or meter has to do with
//! them, and no interface is needed.

mod frames;
mod step;
#[cfg(test)]
mod tests;

use edge_common::abi::outcome::Outcome;
use serde::Serialize;

pub use self::step::{StepReport, StepVerdict};
use self::{frames::TestFrame, step::Service};
use crate::{
    config::{Circuit, Config, Direction, Peering, Side, default_burst_bytes},
    plan::{Plan, PortPlan},
    replay::{PathEngine, error::Result},
};

/// Lengths of the frames in bytes, tags included and without FCS.
const FRAME_BYTES: [usize; 3] = [64, 512, 1518];

/// The report about a circuit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerifyReport {
    /// The circuit's name.
    pub circuit: String,
    /// The purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether every step has passed.
    pub passed: bool,
    /// Its peerings, on each of their ports.
    pub services: Vec<ServiceReport>,
}

/// The report about a peering on a port.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceReport {
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// The port that the frames are received on.
    pub port: String,
    /// The port's link.
    pub link: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The class that the frames belong to: the one of frames without a DSCP.
    pub class: String,
    /// The rate that the frames get: the circuit's, or a lower one of the peering or the class, in bit/s.
    pub rate_bps: u64,
    /// The steps.
    pub steps: Vec<StepReport>,
}

/// Tests each peering of `circuit` that is a wire, on each port. `engine` makes the path of a port with tables of its own.
///
/// # Errors
///
/// The path can't be run.
pub fn verify(
    config: &Config,
    plan: &Plan,
    circuit: &Circuit,
    mut engine: impl FnMut(&PortPlan) -> Result<Box<dyn PathEngine>>,
) -> Result<VerifyReport> {
    let mut services = Vec::new();
    let ports = plan.ports.iter().filter(|port| circuit.ports.contains(&port.name));
    for port in ports {
        for peering in circuit.peerings.iter().filter(|peering| peering.routed.is_none()) {
            let mut path = engine(port)?;
            services.push(of_service(config, circuit, peering, port, &mut *path)?);
        }
    }
    let steps = || services.iter().flat_map(|service| &service.steps);
    Ok(VerifyReport {
        circuit: circuit.name.clone(),
        bandwidth_bps: circuit.bandwidth_bps,
        passed: steps().next().is_some() && steps().all(|step| step.verdict == StepVerdict::Passed),
        services,
    })
}

fn of_service(
    config: &Config,
    circuit: &Circuit,
    peering: &Peering,
    port: &PortPlan,
    path: &mut dyn PathEngine,
) -> Result<ServiceReport> {
    let tags = circuit.tags(peering, port.side, port.link);
    let classes = config.qos.get(&peering.qos).map(|profile| &*profile.classes).unwrap_or_default();
    // The first frame tells its class, and so the rate that it gets.
    let first = TestFrame::new(tags, &port.tpids, FRAME_BYTES[0]);
    let Outcome { class, .. } = path.run(&mut first.bytes(), 0)?;
    let class = classes.get(usize::from(class));
    let own = [peering.bandwidth_bps, class.and_then(|class| class.bandwidth_bps)];
    let rate_bps = own.into_iter().flatten().fold(circuit.bandwidth_bps, u64::min);
    let mut service =
        Service::new(rate_bps, circuit.burst_bytes.max(default_burst_bytes(rate_bps)));
    let mut steps = Vec::new();
    for len_bytes in FRAME_BYTES {
        let frame = TestFrame::new(tags, &port.tpids, len_bytes);
        steps.extend(service.steps(&frame, path)?);
    }
    let direction = match port.side {
        Side::Customer => Direction::Inbound,
        Side::Core => Direction::Outbound,
    };
    Ok(ServiceReport {
        peering: peering.kind.as_str().to_owned(),
        port: port.name.clone(),
        link: port.link.as_str().to_owned(),
        direction: direction.as_str().to_owned(),
        class: class.map_or_else(|| "none".to_owned(), |class| class.name.clone()),
        rate_bps,
        steps,
    })
}
