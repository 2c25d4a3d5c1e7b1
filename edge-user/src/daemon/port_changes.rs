//! Changes of ports, each as a value: the log tells them.

use std::fmt::{self, Display, Formatter};

use super::ports::PortState;
use crate::units::bit_rate;

/// A change of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PortChange {
    /// A fault has come, or has become another one.
    FaultBegan {
        /// The fault, in words.
        fault: String,
        /// Whether the port's program runs.
        runs: bool,
    },
    /// The fault is over.
    FaultEnded {
        /// The name of its interface.
        interface: String,
    },
    /// A warning has come.
    WarningBegan(String),
    /// A warning is over.
    WarningEnded(String),
    /// The link was lost, so many times, and was there again before anybody looked.
    CarrierBounced {
        /// The name of its interface.
        interface: String,
        /// Number of losses.
        losses: u32,
    },
    /// The interface has another MTU.
    Mtu {
        /// The name of its interface.
        interface: String,
        /// The MTU before and now.
        mtu_bytes: [u32; 2],
    },
    /// The link runs at another speed.
    Speed {
        /// The name of its interface.
        interface: String,
        /// The speed before and now.
        speed_bps: [u64; 2],
    },
    /// The interface uses another number of queues.
    Queues {
        /// The name of its interface.
        interface: String,
        /// Queues for receiving, before and now.
        rx: [u32; 2],
        /// Queues for sending, before and now.
        tx: [u32; 2],
    },
}

impl Display for PortChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::FaultBegan { fault: text, .. } | Self::WarningBegan(text) => f.write_str(text),
            Self::FaultEnded { interface } => write!(f, "its program runs on {interface}"),
            Self::WarningEnded(text) => write!(f, "no longer so: {text}"),
            Self::CarrierBounced { interface, losses } => {
                let times =
                    if *losses == 1 { "once".to_owned() } else { format!("{losses} times") };
                write!(f, "{interface} lost its carrier {times}, and has got it back")
            }
            Self::Mtu { interface, mtu_bytes: [before, now] } => {
                write!(f, "{interface} has an MTU of {now} now; before, {before}")
            }
            Self::Speed { interface, speed_bps: [before, now] } => {
                let (before, now) = (bit_rate(*before), bit_rate(*now));
                write!(f, "{interface} runs at {now} now; before, at {before}")
            }
            Self::Queues { interface, rx: [rx_before, rx], tx: [tx_before, tx] } => write!(
                f,
                "{interface} uses {rx} receive and {tx} send queues now; before, {rx_before} and \
                 {tx_before}"
            ),
        }
    }
}

/// The changes from one state of a port to a later one; `None`: nobody has looked before. Properties that
/// one of both lacks, as the interface is gone or the driver tells no speed, have not changed, nor have the
/// warnings of a port without a link, which depend on these.
pub(super) fn changes(before: Option<&PortState>, now: &PortState) -> Vec<PortChange> {
    let mut changes = Vec::new();
    match (before.and_then(|before| before.fault.as_ref()), &now.fault) {
        (before, Some(fault)) if before != Some(fault) => {
            let runs = now.mode.is_some();
            changes.push(PortChange::FaultBegan { fault: fault.clone(), runs });
        }
        (Some(_), None) => {
            changes.push(PortChange::FaultEnded { interface: now.interface.clone() });
        }
        _ => {}
    }
    if before.is_none() || has_link(now) {
        let warnings = before.map_or(&[][..], |before| &before.warnings);
        let over = warnings.iter().filter(|warning| !now.warnings.contains(warning)).cloned();
        changes.extend(over.map(PortChange::WarningEnded));
        let begun = now.warnings.iter().filter(|warning| !warnings.contains(warning)).cloned();
        changes.extend(begun.map(PortChange::WarningBegan));
    }
    if let Some(before) = before {
        changes.extend(link_changes(before, now));
    }
    changes
}

/// Whether the port has an interface with a carrier.
pub(super) fn has_link(state: &PortState) -> bool {
    state.device.as_ref().is_some_and(|device| device.is_up && device.has_carrier)
}

fn link_changes(before: &PortState, now: &PortState) -> Vec<PortChange> {
    let mut changes = Vec::new();
    let interface = &now.interface;
    if let Some((was, is)) = before.device.as_ref().zip(now.device.as_ref()) {
        let carrier_changes = is.carrier_changes.saturating_sub(was.carrier_changes);
        // The first of an odd number is the one that the fault tells of.
        let losses = carrier_changes / 2;
        if was.ifindex == is.ifindex && losses > 0 {
            changes.push(PortChange::CarrierBounced { interface: interface.clone(), losses });
        }
        if was.mtu_bytes != is.mtu_bytes {
            let mtu_bytes = [was.mtu_bytes, is.mtu_bytes];
            changes.push(PortChange::Mtu { interface: interface.clone(), mtu_bytes });
        }
    }
    if let Some((was, is)) = before.settings.as_ref().zip(now.settings.as_ref()) {
        if let Some((was, is)) = was.speed_bps.zip(is.speed_bps)
            && was != is
        {
            changes.push(PortChange::Speed { interface: interface.clone(), speed_bps: [was, is] });
        }
        let (rx, tx) = ([was.rx_queues, is.rx_queues], [was.tx_queues, is.tx_queues]);
        if rx[0] != rx[1] || tx[0] != tx[1] {
            changes.push(PortChange::Queues { interface: interface.clone(), rx, tx });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        AttachedMode,
        host::{device::Device, link_settings::LinkSettings},
    };

    fn device(mtu_bytes: u32, carrier_changes: u32) -> Device {
        let (is_up, has_carrier) = (true, true);
        Device { ifindex: 5, is_up, has_carrier, mtu_bytes, carrier_changes, ..Device::default() }
    }

    fn sound() -> PortState {
        let settings = LinkSettings {
            speed_bps: Some(10_000_000_000),
            rx_queues: 4,
            tx_queues: 4,
            ..LinkSettings::default()
        };
        PortState {
            interface: "eth1".to_owned(),
            mode: Some(AttachedMode::Native),
            device: Some(device(1500, 0)),
            settings: Some(settings),
            ..PortState::default()
        }
    }

    fn told(before: Option<&PortState>, now: &PortState) -> Vec<String> {
        changes(before, now).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_difference_of_two_states_is_one_change() {
        let before = sound();
        assert_eq!(told(None, &before), [""; 0]);
        assert_eq!(told(Some(&before), &before), [""; 0]);
        let mut now = sound();
        now.warnings.push("it is oversold".to_owned());
        now.device = Some(device(9000, 5));
        let settings = LinkSettings {
            speed_bps: Some(25_000_000_000),
            rx_queues: 8,
            ..LinkSettings::default()
        };
        now.settings = Some(LinkSettings { tx_queues: 4, ..settings });
        assert_eq!(
            told(Some(&before), &now),
            [
                "it is oversold",
                "eth1 lost its carrier 2 times, and has got it back",
                "eth1 has an MTU of 9000 now; before, 1500",
                "eth1 runs at 25 Gbps now; before, at 10 Gbps",
                "eth1 uses 8 receive and 4 send queues now; before, 4 and 4",
            ]
        );
        assert_eq!(told(Some(&now), &before)[0], "no longer so: it is oversold");
        // Without a carrier, nobody knows the speed that the warning depends on.
        let unplugged = Device { has_carrier: false, ..device(9000, 5) };
        let unplugged = PortState { device: Some(unplugged), ..before };
        assert_eq!(told(Some(&now), &unplugged).len(), 2);
    }

    #[test]
    fn faults_begin_change_and_end() {
        let (sound, fault) = (sound(), |text: &str| Some(text.to_owned()));
        let down = PortState { fault: fault("eth1 is down"), ..sound.clone() };
        let gone = PortState { fault: fault("there is no eth1"), ..PortState::default() };
        assert_eq!(told(None, &down), ["eth1 is down"]);
        assert_eq!(told(Some(&down), &down), [""; 0]);
        let began = |state: &PortState, runs| {
            vec![PortChange::FaultBegan { fault: state.fault.clone().unwrap(), runs }]
        };
        assert_eq!(changes(Some(&sound), &down), began(&down, true));
        assert_eq!(changes(Some(&down), &gone), began(&gone, false));
        assert_eq!(told(Some(&gone), &sound), ["its program runs on eth1"]);
    }

    #[test]
    fn what_one_state_lacks_has_not_changed() {
        let mut now = sound();
        now.settings =
            Some(LinkSettings { speed_bps: None, rx_queues: 4, tx_queues: 4, driver: None });
        assert_eq!(told(Some(&sound()), &now), [""; 0]);
        (now.settings, now.device) = (None, None);
        assert_eq!(told(Some(&sound()), &now), [""; 0]);
        // Another interface counts from its own beginning.
        let remade = Device { ifindex: 9, ..device(1500, 7) };
        let now = PortState { device: Some(remade), ..sound() };
        assert_eq!(told(Some(&sound()), &now), [""; 0]);
    }
}
