//! Faults of ports in the log: each once, when it begins, and once more when it is over.

use std::collections::BTreeMap;

use super::ports::PortStates;

/// Ports whose fault is another one than that which was told before are told of, once.
#[derive(Default)]
pub(super) struct ToldFaults(BTreeMap<String, String>);

impl ToldFaults {
    /// Tells of what has changed.
    pub(super) fn tell(&mut self, states: &PortStates) {
        for (port, state) in states {
            match (&state.fault, self.0.get(port)) {
                (Some(fault), Some(told)) if fault == told => {}
                (Some(fault), _) => {
                    if state.mode.is_some() {
                        tracing::warn!("port \"{port}\": {fault}");
                    } else {
                        tracing::error!("port \"{port}\": {fault}");
                    }
                    self.0.insert(port.clone(), fault.clone());
                }
                (None, Some(_)) => {
                    tracing::info!("port \"{port}\": its program runs on {}", state.interface);
                    self.0.remove(port);
                }
                (None, None) => {}
            }
        }
        self.0.retain(|port, _| states.contains_key(port));
    }
}
