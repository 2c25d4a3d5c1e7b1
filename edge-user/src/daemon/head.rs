//! The parts of a status that cost little, however many circuits there are: ports, books, configuration and router.

mod config_status;
mod ports;
mod routed;
mod steps;

use std::{cell::RefCell, sync::Arc};

use edge_api::Status;

use self::config_status::config_status;
pub(super) use self::{routed::RoutedPart, steps::Steps};
use super::{
    engine::{Engine, running::Running},
    file_look::FileLook,
};
use crate::{
    daemon::error::{DaemonError, Result},
    kernel::{BesideOurs, host::device::Devices},
    time,
};

/// Reads them.
pub(super) struct HeadReader {
    engine: Engine,
    devices: Devices,
    file: RefCell<FileLook>,
}

impl HeadReader {
    /// A reader of this edge.
    pub(super) fn open(engine: &Engine) -> Result<Self> {
        let file = FileLook::new(engine.config_path.clone()).into();
        Ok(Self { engine: engine.clone(), devices: Devices::open()?, file })
    }

    /// A status without circuits; `None`: slots or tables have changed in between. `with_others`: counters of earlier tables
    /// are in those of ports; the counts of these tables' circuits come with it.
    pub(super) fn read(
        &self,
        steps: &Steps<'_>,
        routed: &RoutedPart,
        with_others: bool,
    ) -> Result<Option<(Status, BesideOurs)>> {
        let begin = |running: &Running| {
            let others = running.others.iter().filter(|_| with_others);
            let others: Vec<_> = others.map(|(_, books)| Arc::clone(books)).collect();
            let ports = running.explain(running.look_at_ports(&self.devices)?);
            Ok::<_, DaemonError>((others, ports))
        };
        let Some(first) = steps.step(begin) else { return Ok(None) };
        let (others, states) = first?;
        // The engine is not held: these tables don't change any more, but may be removed.
        let beside = BesideOurs::read(others.iter().map(|books| &**books))?;
        let head = |running: &Running| {
            let head = Status {
                edge: running.config.edge.name.clone(),
                uptime_s: self.engine.started.elapsed().as_secs_f64(),
                taken: time::wall(),
                ledger: self.engine.bookkeeper.status(),
                watches_egress: running.watches_egress,
                ports: ports::ports(running, &states, &beside)?,
                circuits: Vec::new(),
                sessions: routed.counts.clone(),
                domains: routed.domains.clone(),
                router_faults: routed.faults.clone(),
                config: config_status(running),
                conditions: Vec::new(),
                conditions_left_out: 0,
            };
            // Each digest is made of all circuits.
            let is_same = running.timed.0.is_empty();
            let digest_of_file = (!is_same).then(|| running.digest_of_file());
            Ok::<_, DaemonError>((head, digest_of_file))
        };
        let Some(second) = steps.step(head) else { return Ok(None) };
        let (mut read, digest_of_file) = second?;
        // A file of thousands of circuits takes its time, and the engine is not held.
        let digest_of_file = digest_of_file.as_deref().unwrap_or(&read.config.digest);
        read.config.file_fault = self.file.borrow_mut().fault(digest_of_file);
        Ok(Some((read, beside)))
    }
}
