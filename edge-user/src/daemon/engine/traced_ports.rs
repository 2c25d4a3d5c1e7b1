//! Ports run programs with a trace in them while somebody traces, and their own ones again afterwards.

use std::collections::BTreeMap;

use edge_api::{TraceStart, TracedPort};

use super::{
    super::{
        install::replace,
        trace::{
            EndTrace, LEASE, Owners, TraceAim, TraceEnding, TraceFeed, TraceRefused, TraceRequest,
        },
    },
    instance::Instance,
    running::Running,
    traced::TracedPorts,
};
use crate::{
    daemon::error::{Context as _, DaemonError, Result},
    kernel::{LinkPlace, PortLink, PortProgram, PortToTrace, TraceMaps, load_traced, quiesce},
    plan::PortPlan,
    report::Told,
    time::MonotonicDates,
};

impl Instance {
    /// Begins a trace. With an error, each port runs its own program.
    pub(super) fn trace(
        &mut self,
        request: &TraceRequest,
        user: Option<&str>,
        end_by: impl FnOnce(TraceEnding) -> EndTrace,
    ) -> Result<TraceFeed, TraceRefused> {
        if let Some(running) = &self.traced {
            return Err(TraceRefused::Busy(running.user.clone()));
        }
        let feed = self.begin_trace(request, user, end_by);
        if feed.is_err() {
            self.end_trace("it could not begin");
        }
        feed
    }

    fn begin_trace(
        &mut self,
        request: &TraceRequest,
        user: Option<&str>,
        end_by: impl FnOnce(TraceEnding) -> EndTrace,
    ) -> Result<TraceFeed, TraceRefused> {
        let shared = self.running.clone();
        // Programs take a while to load, and readers go on meanwhile.
        let running = shared.read();
        let plan = running.installed.plan.clone();
        let aim = TraceAim::new(request, &plan)?;
        let capacity = running.set.tables.capacity();
        let (mut attached, mut waiting, mut start) = (Vec::new(), Vec::new(), Vec::new());
        for port in &aim.ports {
            let link = running.installed.attached.get(&port.name);
            let link = link.filter(|link| link.pins == running.set.pins);
            let device = match link.map(|link| link.place) {
                Some(LinkPlace::Here(ifindex)) => {
                    self.devices.by_index(ifindex).map_err(DaemonError::from)?
                }
                _ => None,
            };
            let Some((link, device)) = link.zip(device) else {
                waiting.push(port.name.clone());
                continue;
            };
            let (mode, mtu_bytes) = (link.mode(), device.mtu_bytes);
            attached.push((link.clone(), PortToTrace { port, mtu_bytes, mode }));
            start.push(TracedPort { name: port.name.clone(), interface: device.name });
        }
        if attached.is_empty() {
            return Err(TraceRefused::NothingAttached(waiting.join(", ")));
        }
        let pins = running.set.pins.clone();
        let ports: Vec<_> = attached.iter().map(|(_, port)| *port).collect();
        // Everything that may fail for want of memory comes before the first port gets another program.
        let own = ports.iter().map(|PortToTrace { port, mtu_bytes, mode }| {
            let mut own = PortProgram::load_in_mode(port, *mtu_bytes, *mode, &capacity, &pins)?;
            own.close_tables();
            Ok(own)
        });
        let own = own.collect::<Result<Vec<_>>>()?;
        let (programs, maps) = load_traced(&ports, &capacity, &pins).map_err(DaemonError::from)?;
        let maps = TraceMaps::new(maps).map_err(DaemonError::from)?;
        let owners = Owners::new(&running.config, &plan, capacity.router_port());
        drop(running);
        let ending = TraceEnding::default();
        let (ports, user_of) = (BTreeMap::new(), user.map(str::to_owned));
        let traced =
            self.traced.insert(TracedPorts { user: user_of, ending: ending.clone(), ports });
        for (((link, PortToTrace { port, .. }), mut program), own) in
            attached.into_iter().zip(programs).zip(own)
        {
            let id = turn(&mut shared.write(), port, link, &mut program)?;
            traced.ports.insert(port.name.clone(), (id, own));
        }
        aim.begin(&maps, MonotonicDates::now().moment_after(LEASE));
        let names: Vec<_> = traced.ports.keys().map(String::as_str).collect();
        tracing::info!(
            "{} traces frames that come by {}: {request:?}",
            user.unwrap_or("somebody"),
            names.join(", ")
        );
        Ok(TraceFeed {
            start: TraceStart { ports: start, waiting },
            maps,
            owners,
            count: request.count,
            lasts: request.lasts,
            end: end_by(ending.clone()),
            ending,
        })
    }

    /// Ends this trace, if it still runs. `why`: it has all that was asked for; `None`: its client has gone.
    pub(super) fn end_trace_of(&mut self, ending: &TraceEnding, why: Option<&str>) {
        if self.traced.as_ref().is_some_and(|traced| traced.ending.is(ending)) {
            self.end_trace_by(why.unwrap_or("the client has gone"), why.is_some());
        }
    }

    /// Ends the trace, if there is one. No program tells of a frame after that.
    pub(super) fn end_trace(&mut self, why: &str) {
        self.end_trace_by(why, false);
    }

    fn end_trace_by(&mut self, why: &str, is_complete: bool) {
        let Some(mut traced) = self.traced.take() else { return };
        let mut guard = self.running.write();
        let running = &mut *guard;
        traced.ports.retain(|name, (id, own)| {
            let link = running.installed.attached.get(name);
            let link = link.filter(|link| link.program_id == *id).cloned();
            let port = running.installed.plan.port(name).cloned();
            // Otherwise it has another program by now.
            let Some((link, port)) = link.zip(port) else { return false };
            match turn(running, &port, link, own) {
                Ok(_) => false,
                Err(error) => {
                    tracing::error!(
                        edge.port = name,
                        "port \"{name}\" keeps a program with a trace, which tells nothing any more and \
                         costs a few ns a frame; it is tried again every second: {error:#}"
                    );
                    true
                }
            }
        });
        drop(guard);
        quiesce();
        tracing::info!("the trace has ended: {why}");
        traced.ending.end(why, is_complete);
        if !traced.ports.is_empty() {
            self.traced = Some(traced);
        }
    }

    /// Tries again to give ports their own programs back, where that has failed.
    pub(super) fn look_after_trace(&mut self) {
        if self.traced.as_ref().is_some_and(|traced| traced.ending.is_over()) {
            self.end_trace("its ports did not get their programs back at once");
        }
    }
}

/// Has the port run another program on its tables, without a lost frame. Returns the program's id.
fn turn(
    running: &mut Running,
    port: &PortPlan,
    link: PortLink,
    program: &mut PortProgram,
) -> Result<u32> {
    let link = link.open().and_then(|link| replace(&running.set, port, link, program));
    let link = link.with_context(|| format!("port \"{}\"", port.name))?;
    let id = link.program_id;
    running.installed.attached.insert(port.name.clone(), link);
    Ok(id)
}

impl From<DaemonError> for TraceRefused {
    fn from(error: DaemonError) -> Self {
        Self::Failed(Told::bare(error))
    }
}
