//! Bandwidths that end at a time, in a file of the state directory: a daemon that is killed meanwhile goes on with
//! them. The configuration file has nothing of them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::state_file;
use crate::{
    config::Config,
    daemon::error::Result,
    time::{Moment, deadline::Deadline},
};

/// The file in the state directory.
const FILE_NAME: &str = "timed-bandwidths.json";

/// A bandwidth of a circuit that ends at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimedBandwidth {
    /// The circuit's name.
    pub(super) circuit: String,
    /// The bandwidth until then.
    pub(super) bandwidth_bps: u64,
    /// The bandwidth of the configuration, which it has afterwards.
    pub(super) then_bps: u64,
    /// The end.
    pub(super) until: Deadline,
    /// The user who asked for it, where that is known.
    pub(super) user: Option<String>,
}

/// All bandwidths that end at a time, one of a circuit at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TimedBandwidths(pub(super) Vec<TimedBandwidth>);

impl TimedBandwidths {
    /// Reads the bandwidths that a state directory has.
    pub(super) fn read(state_dir: &Path) -> Result<Self> {
        Ok(state_file::read(state_dir, FILE_NAME)?.unwrap_or_default())
    }

    /// Writes them, so that they outlive the daemon and the machine.
    pub(super) fn write(&self, state_dir: &Path) -> Result<()> {
        state_file::write_list(state_dir, FILE_NAME, &self.0)
    }

    /// The one of a circuit.
    pub(super) fn of(&self, circuit: &str) -> Option<&TimedBandwidth> {
        self.0.iter().find(|timed| timed.circuit == circuit)
    }

    /// Adds one, in the place of the circuit's other one.
    pub(super) fn set(&mut self, timed: TimedBandwidth) {
        self.end(&timed.circuit);
        self.0.push(timed);
    }

    /// Removes the one of a circuit.
    pub(super) fn end(&mut self, circuit: &str) {
        self.0.retain(|timed| timed.circuit != circuit);
    }

    /// Removes those that are over.
    pub(super) fn end_old(&mut self, now: &Moment) {
        self.0.retain(|timed| timed.until.left(now).is_some());
    }

    /// Gives the circuits of a file's configuration these bandwidths, and notes those of the file. A circuit that is not there
    /// any more, or can't have the bandwidth any more, has none: the reasons are returned.
    pub(super) fn lay_over(&mut self, config: &mut Config) -> Vec<String> {
        let mut ended = Vec::new();
        self.0.retain_mut(|timed| match config.circuit_at(&timed.circuit, timed.bandwidth_bps) {
            Ok((place, circuit)) => {
                timed.then_bps = config.circuits[place].bandwidth_bps;
                config.circuits[place] = circuit;
                true
            }
            Err(refused) => {
                let name = &timed.circuit;
                ended.push(format!(
                    "the timed bandwidth of {name} ends with this change: {refused}"
                ));
                false
            }
        });
        ended
    }

    /// Takes these bandwidths off a configuration that has them: it is the file's again.
    pub(super) fn take_off(&self, config: &mut Config) {
        for timed in &self.0 {
            // The configuration had this bandwidth.
            if let Ok((place, circuit)) = config.circuit_at(&timed.circuit, timed.then_bps) {
                config.circuits[place] = circuit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::{config::parse, time};

    fn config(bandwidth: &str) -> Config {
        let text = format!(
            "edge = {{ name = 'e' }}\nport = [{{ name = 'p', interface = 'i', side = 'core' }}]\n\
             [[circuit]]\nname = 'contoso'\nbandwidth = '{bandwidth}'\n\
             [[circuit.peering]]\nkind = 'private'\nc_tag = 10\nbandwidth = '100 Mbps'\n"
        );
        parse(&text, Path::new("f")).unwrap()
    }

    fn timed(circuit: &str, bandwidth_bps: u64) -> TimedBandwidth {
        let until = Deadline::after(&time::now().unwrap(), Duration::from_mins(1));
        TimedBandwidth {
            circuit: circuit.to_owned(),
            bandwidth_bps,
            then_bps: 0,
            until,
            user: None,
        }
    }

    #[test]
    fn a_file_has_its_own_bandwidth_under_the_timed_one() {
        let mut all = TimedBandwidths::default();
        all.set(timed("contoso", 3_000_000_000));
        all.set(timed("contoso", 2_000_000_000));
        let file = config("1 Gbps");
        let mut running = file.clone();
        assert_eq!(all.lay_over(&mut running), [""; 0]);
        assert_eq!(running.circuits[0].bandwidth_bps, 2_000_000_000);
        assert_eq!(all.of("contoso").unwrap().then_bps, 1_000_000_000);
        all.take_off(&mut running);
        assert_eq!(running, file);
        all.end("contoso");
        assert_eq!(all, TimedBandwidths::default());
    }

    #[test]
    fn one_that_its_circuit_can_not_have_any_more_ends() {
        let mut all = TimedBandwidths::default();
        all.set(timed("fabrikam", 2_000_000_000));
        all.set(timed("contoso", 50_000_000));
        let mut running = config("1 Gbps");
        let ended = all.lay_over(&mut running);
        assert!(ended[0].contains("fabrikam") && ended[1].contains("100 Mbps"), "{ended:?}");
        assert_eq!((all.0.len(), running), (0, config("1 Gbps")));
    }

    #[test]
    fn they_outlive_the_daemon_and_end_in_time() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut all = TimedBandwidths::read(directory.path()).unwrap();
        assert_eq!(all, TimedBandwidths::default());
        all.set(timed("contoso", 1));
        all.write(directory.path()).unwrap();
        assert_eq!(TimedBandwidths::read(directory.path()).unwrap(), all);
        let now = time::now().unwrap();
        all.end_old(&now);
        assert_eq!(all.0.len(), 1);
        all.end_old(&Moment { boot_us: now.boot_us + 61_000_000, ..now });
        all.write(directory.path()).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
