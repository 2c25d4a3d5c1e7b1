//! Warnings of ports that lose frames of some kind, or at some times: of an MTU that is too small, and of more
//! bandwidth sold than an interface carries.

use super::ports::{PortState, PortStates};
use crate::config::{Config, Forward, PortUse, oversold};

/// Bytes by which a forwarded frame may exceed an egress MTU: the Ethernet header and one tag, however many
/// the frame has (`xdp_ok_fwd_dev` in `include/linux/filter.h`).
const FORWARD_HEADERS_LEN_BYTES: u32 = 14 + 4;
const ETHERNET_HEADER_LEN_BYTES: u32 = 14;
const TAG_LEN_BYTES: u32 = 4;
const STANDARD_MTU_BYTES: u32 = 1500;
/// Up to this MTU, packets have 1,500 bytes all the same: its owner has raised it for the tags alone.
const MOST_FOR_TAGS_BYTES: u32 = 1600;

/// Adds the ports' use, and what follows from it. `uses` is in the order of the configuration's ports.
pub(super) fn add_uses(config: &Config, uses: &[PortUse], states: &mut PortStates) {
    for (port, port_use) in config.ports.iter().zip(uses) {
        let small_mtu = match &port.forward {
            Forward::Stack => None,
            Forward::Port(egress) => {
                let tags = config.ports.iter().position(|port| port.name == *egress);
                let tags = tags.and_then(|place| uses.get(place)?.most_tags);
                let (from, to) = (states.get(&port.name), states.get(egress));
                let (from, to) = (from.and_then(mtu_bytes), to.zip(to.and_then(mtu_bytes)));
                tags.zip(from).zip(to).and_then(|((tags, from), (state, to))| {
                    small_mtu(from, tags, egress, &state.interface, to)
                })
            }
        };
        let Some(state) = states.get_mut(&port.name) else { continue };
        let sold_bps = port_use.sold_bps;
        let speed_bps = state.settings.as_ref().and_then(|settings| settings.speed_bps);
        let oversold = speed_bps.and_then(|speed| oversold(&state.interface, sold_bps, speed));
        state.sold_bps = sold_bps;
        state.warnings = small_mtu.into_iter().chain(oversold).collect();
    }
}

fn mtu_bytes(state: &PortState) -> Option<u32> {
    Some(state.device.as_ref()?.mtu_bytes)
}

/// A sentence about frames that come in by an interface, and don't leave by that of the port `egress`.
fn small_mtu(
    ingress_mtu_bytes: u32,
    tags: u32,
    egress: &str,
    interface: &str,
    mtu_bytes: u32,
) -> Option<String> {
    let packet_len_bytes = if ingress_mtu_bytes > MOST_FOR_TAGS_BYTES {
        // The tags are within it, but for one.
        ingress_mtu_bytes - TAG_LEN_BYTES * tags.saturating_sub(1)
    } else {
        ingress_mtu_bytes.min(STANDARD_MTU_BYTES)
    };
    let longest_bytes = packet_len_bytes + ETHERNET_HEADER_LEN_BYTES + TAG_LEN_BYTES * tags;
    let most_bytes = mtu_bytes.saturating_add(FORWARD_HEADERS_LEN_BYTES);
    (longest_bytes > most_bytes).then(|| {
        format!(
            "frames above {most_bytes} bytes that come in by it can't leave by port \"{egress}\", as \
             {interface} has an MTU of {mtu_bytes}, and are lost; `ip link set {interface} mtu {}`",
            longest_bytes - FORWARD_HEADERS_LEN_BYTES,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{
            parse,
            sample::{Sample, SampleCircuit},
        },
        kernel::host::{device::Device, link_settings::LinkSettings},
    };

    fn state(interface: &str, mtu_bytes: u32, speed_bps: Option<u64>) -> PortState {
        let device = Device { mtu_bytes, ..Device::default() };
        let settings = LinkSettings { speed_bps, ..LinkSettings::default() };
        PortState {
            interface: interface.to_owned(),
            device: Some(device),
            settings: Some(settings),
            ..PortState::default()
        }
    }

    #[test]
    fn frames_that_an_egress_mtu_is_too_small_for_are_warned_of() {
        for (ingress, tags, egress, remedy) in [
            // A QinQ frame with a packet of 1,500 bytes is four bytes too long for the usual MTU.
            (1500, 2, 1500, Some(1504)),
            (1500, 2, 1504, None),
            (1500, 1, 1500, None),
            (1500, 0, 1496, None),
            // An MTU that is larger for the tags, and one for larger packets.
            (1600, 2, 1504, None),
            (1600, 1, 1400, Some(1500)),
            (9000, 2, 1504, Some(9000)),
            (9000, 1, 9000, None),
            (9004, 2, 9004, None),
            (68, 2, 1500, None),
        ] {
            let told = small_mtu(ingress, tags, "core0", "eth2", egress);
            let case = format!("{ingress} {tags} {egress} {told:?}");
            assert_eq!(told.is_some(), remedy.is_some(), "{case}");
            let (Some(told), Some(remedy)) = (told, remedy) else { continue };
            assert!(told.contains(&format!("frames above {} bytes", egress + 18)), "{case}");
            assert!(told.ends_with(&format!("`ip link set eth2 mtu {remedy}`")), "{case}");
        }
    }

    #[test]
    fn each_port_has_its_own_warnings() {
        let circuit = SampleCircuit::new("contoso", "16 Gbps").s_tag(100).peering("private", 10);
        let config = Sample::lab().circuit(circuit).to_string();
        let config = parse(&config, "test.toml".as_ref()).unwrap();
        let mut states = PortStates::from([
            ("customer0".to_owned(), state("eth1", 1600, Some(10_000_000_000))),
            ("core0".to_owned(), state("eth2", 1500, None)),
        ]);
        let warnings = |states: &PortStates, port: &str| states[port].warnings.clone();
        for _ in 0..2 {
            add_uses(&config, &config.port_use(), &mut states);
            let told = warnings(&states, "customer0");
            assert!(told[0].contains("can't leave by port \"core0\""), "{told:?}");
            assert!(told[1].contains("eth1 runs at 10 Gbps"), "{told:?}");
            assert_eq!(told.len(), 2);
            assert_eq!(warnings(&states, "core0"), [""; 0]);
            assert_eq!(states["core0"].sold_bps, 16_000_000_000);
        }
        // Nothing is known of a port without an interface.
        states.get_mut("core0").unwrap().device = None;
        states.get_mut("customer0").unwrap().settings = None;
        add_uses(&config, &config.port_use(), &mut states);
        assert_eq!(warnings(&states, "customer0"), [""; 0]);
    }
}
