//! Another bandwidth for one circuit, without a reload.

use std::time::Instant;

use edge_api::BandwidthChange;
use edge_common::abi::rate::Rate;

use super::{
    super::{
        bandwidth::{self, SetBandwidth},
        instructions::{Instructions, terms},
        interfaces::InterfaceChoice,
        timed_bandwidth::TimedBandwidth,
    },
    error::ChangeError,
    instance::Instance,
    running::Running,
};
use crate::{
    config::Circuit,
    daemon::error::DaemonError,
    kernel::{change_rate, occupancy, rates},
    plan::{Full, slots::Table},
    time::{self, deadline::Deadline},
    view,
};

impl Instance {
    /// Gives a circuit another bandwidth, for a time or without an end, which ends the time of its present one.
    pub(super) fn set_bandwidth(
        &mut self,
        request: &SetBandwidth,
        received: Instant,
        user: Option<String>,
    ) -> Result<BandwidthChange, ChangeError> {
        self.ensure_confirmed()?;
        let (before, then_bps) = {
            let running = self.running.read();
            let (place, _) = running.config.circuit_at(&request.circuit, request.bandwidth_bps)?;
            let own = running.timed.of(&request.circuit).map(|timed| timed.then_bps);
            (running.timed.clone(), own.unwrap_or(running.config.circuits[place].bandwidth_bps))
        };
        let mut timed = before.clone();
        timed.end(&request.circuit);
        let mut ends = None;
        if let Some(holds_for) = request.holds_for {
            let now = time::now().map_err(DaemonError::from)?;
            let until = Deadline::after(&now, holds_for);
            ends = Some(until.date(&now));
            let SetBandwidth { circuit, bandwidth_bps, .. } = request.clone();
            timed.set(TimedBandwidth { circuit, bandwidth_bps, then_bps, until, user });
        }
        // Before the change: a daemon that is killed must not forget to end it.
        if timed != before {
            timed.write(&self.state_dir())?;
        }
        let mut changed = self.change_bandwidth(request, received);
        if matches!(changed, Ok(_) | Err(ChangeError::InEffect(_))) {
            self.running.write().timed = timed;
        } else if timed != before {
            self.keep_timed(before);
        }
        if let Ok(change) = &mut changed {
            change.until = ends;
        }
        changed
    }

    /// Gives a circuit another bandwidth: one rate and a store for each of its attachments, not an
    /// `install` of everything.
    ///
    /// With `--save`, the new file is written and checked before the change, and takes the old
    /// one's place after it. So a file that can't be written changes nothing, and no file has a
    /// bandwidth that was never in effect.
    pub(super) fn change_bandwidth(
        &mut self,
        request: &SetBandwidth,
        received: Instant,
    ) -> Result<BandwidthChange, ChangeError> {
        let (place, before, circuit, mut instructions) = {
            let Running { config, .. } = &*self.running.read();
            let (place, circuit) = config.circuit_at(&request.circuit, request.bandwidth_bps)?;
            (place, config.circuits[place].clone(), circuit, Instructions::new(config))
        };
        let file =
            request.save.then(|| bandwidth::new_file(&self.config_path, request)).transpose()?;
        instructions.terms[place] = terms(&instructions.edge, &circuit);
        self.bookkeeper.note_terms(&instructions)?;
        if self.change_rate(place, &circuit).is_err() {
            // These tables have no room for another rate: the ports turn to larger ones.
            let mut config = self.running.read().config.clone();
            config.circuits[place] = circuit.clone();
            let prepared = self.prepare(&config, InterfaceChoice::AsItIs);
            let prepared = prepared.inspect_err(|_| self.bookkeeper.retract_terms())?;
            self.commit(prepared, Some(config));
        }
        tracing::debug!("in effect {:?} after the request", received.elapsed());

        let mut change = bandwidth::change(&before, &circuit);
        let told = view::change::bandwidth(&change);
        tracing::info!(edge.circuit = circuit.name, "{told}");
        self.bookkeeper.follow(instructions);
        if let Some(file) = file {
            let saved = file.replace().map_err(|error| {
                let path = self.config_path.display();
                let text = format!("{told}, in effect now, but not saved to {path}");
                ChangeError::InEffect(error.after(text))
            })?;
            change.saved_to = Some(saved);
        }
        Ok(change)
    }

    fn change_rate(&mut self, place: usize, circuit: &Circuit) -> Result<(), Full> {
        let left = self.left_rate;
        let with_left = |mut rates: Table<Rate>| {
            // A program that ran during the last change may still read that rate.
            rates.published.extend(left);
            rates
        };
        let mut guard = self.running.write();
        let Running { config, digest, installed, set, .. } = &mut *guard;
        let plan = &mut installed.plan;
        let change = match plan.change_rate(circuit, &with_left(rates(&set.tables))) {
            Ok(change) => change,
            // Retired attachments may have all other rates. To find out takes longer.
            Err(Full { .. }) => {
                plan.change_rate(circuit, &with_left(occupancy(&set.tables).rates))?
            }
        };
        if let Some(change) = change {
            change_rate(&set.tables, &change);
            self.left_rate = Some(change.old_index);
        }
        config.circuits[place] = circuit.clone();
        digest.change(place, circuit);
        Ok(())
    }
}
