//! The frames that a trace looks for, in the tables' numbers.

use std::collections::BTreeSet;

use edge_common::{
    Reason,
    abi::{
        class::Class,
        port::Features,
        trace::{EVERY_FRAME, TraceFilter, WantedFrames},
    },
};

use super::{refused::TraceRefused, request::TraceRequest};
use crate::{
    config::nearest,
    kernel::TraceMaps,
    plan::{AttachmentPlan, Plan, PortPlan},
};

/// The frames that a trace looks for.
pub(in crate::daemon) struct TraceAim<'p> {
    /// The ports that its frames can come by.
    pub(in crate::daemon) ports: Vec<&'p PortPlan>,
    /// Attachments, and the frames of each; 0: frames of no circuit.
    wanted: Vec<(u32, WantedFrames)>,
    filter: TraceFilter,
}

impl<'p> TraceAim<'p> {
    /// # Errors
    ///
    /// A name is that of nothing.
    pub(in crate::daemon) fn new(
        request: &TraceRequest,
        plan: &'p Plan,
    ) -> Result<Self, TraceRefused> {
        let reasons = reasons(request.reason.as_deref())?;
        let owned = owned(request.circuit.as_deref(), plan)?;
        let mut wanted = wanted(request.class.as_deref(), &owned)?;
        if request.circuit.is_none() && request.class.is_none() {
            wanted.push((0, WantedFrames::ALL));
        }
        let ports = ports(request, plan, &owned)?;
        let TraceRequest { one_in, rate, snap_bytes, .. } = *request;
        let filter = TraceFilter {
            until_ns: 0,
            chance: EVERY_FRAME / u64::from(one_in.max(1)),
            reasons,
            interval_ns: 1_000_000_000 / u64::from(rate.max(1)),
            snap_bytes,
            reserved: 0,
        };
        Ok(Self { ports, wanted, filter })
    }

    /// Has programs look for these frames until then.
    pub(in crate::daemon) fn begin(&self, maps: &TraceMaps, until_ns: u64) {
        for (index, frames) in &self.wanted {
            maps.want(*index, *frames);
        }
        maps.begin(&TraceFilter { until_ns, ..self.filter });
    }
}

fn reasons(name: Option<&str>) -> Result<u64, TraceRefused> {
    let Some(name) = name else { return Ok(TraceFilter::EVERY_REASON) };
    match Reason::ALL.into_iter().find(|reason| reason.as_str() == name) {
        Some(Reason::EgressRefused) => Err(TraceRefused::RefusedByDevices),
        Some(reason) => Ok(TraceFilter::reason(reason)),
        None => Err(no_such("reason", name, Reason::ALL.map(Reason::as_str))),
    }
}

/// The attachments of the circuit; without one, all of them.
fn owned<'p>(
    circuit: Option<&str>,
    plan: &'p Plan,
) -> Result<Vec<&'p AttachmentPlan>, TraceRefused> {
    let all = plan.attachments.iter();
    let owned: Vec<_> =
        all.filter(|own| circuit.is_none_or(|circuit| own.key.circuit == circuit)).collect();
    match circuit {
        Some(circuit) if owned.is_empty() => {
            let known: BTreeSet<&str> =
                plan.attachments.iter().map(|own| &*own.key.circuit).collect();
            Err(no_such("circuit", circuit, known))
        }
        _ => Ok(owned),
    }
}

/// The frames of each attachment: those of the class with this name.
fn wanted(
    class: Option<&str>,
    owned: &[&AttachmentPlan],
) -> Result<Vec<(u32, WantedFrames)>, TraceRefused> {
    let Some(class) = class else {
        return Ok(owned.iter().map(|own| (own.index, WantedFrames::ALL)).collect());
    };
    let wanted = owned.iter().filter_map(|own| {
        let mut numbered = (0..).zip(&own.key.classes);
        let (number, _) = numbered.find(|(_, name)| *name == class)?;
        Some((own.index, WantedFrames::of_class(Class::new(number))))
    });
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        let known: BTreeSet<&str> =
            owned.iter().flat_map(|own| own.key.classes.iter().map(|name| &**name)).collect();
        return Err(no_such("class", class, known));
    }
    Ok(wanted)
}

/// The ports that the frames can come by. Those of routed circuits come by the ports of other circuits, too.
fn ports<'p>(
    request: &TraceRequest,
    plan: &'p Plan,
    owned: &[&AttachmentPlan],
) -> Result<Vec<&'p PortPlan>, TraceRefused> {
    if let Some(name) = &request.port {
        let port = plan
            .port(name)
            .ok_or_else(|| no_such("port", name, plan.ports.iter().map(|port| &*port.name)))?;
        return Ok(vec![port]);
    }
    if request.circuit.is_none() {
        return Ok(plan.ports.iter().collect());
    }
    let is_routed = owned.iter().any(|own| own.key.is_routed);
    let can_come = |port: &&PortPlan| {
        owned.iter().any(|own| own.key.port == port.name)
            || is_routed && port.features.has(Features::ROUTED)
    };
    Ok(plan.ports.iter().filter(can_come).collect())
}

fn no_such<'n>(
    kind: &'static str,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> TraceRefused {
    let known: Vec<&str> = known.into_iter().collect();
    TraceRefused::NoSuch {
        kind,
        name: name.to_owned(),
        nearest: nearest(name, known.iter().copied()).map(str::to_owned),
        known: known.into_iter().map(str::to_owned).collect(),
    }
}
