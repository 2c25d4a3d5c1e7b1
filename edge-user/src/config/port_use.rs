//! The use that circuits make of each port: the bandwidth that is sold on it, and the tags of frames that leave
//! by it.

use std::collections::HashMap;

use super::{Config, Port, SideTags};
use crate::units::bit_rate;

/// The use that the circuits make of a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortUse {
    /// Sum of the bandwidths, in bit/s, of the enabled circuits whose frames come in or leave by the port.
    ///
    /// A circuit counts once a port, however many peerings it has there, and whether it comes by the
    /// primary link, the secondary one or both. A wire is on all ports of its circuit, of either side; a
    /// routed peering on the ports of its links, and a virtual network on the core port that it is behind.
    pub sold_bps: u64,
    /// Most tags that a wire's frame has when it leaves by the port; `None`: no wire has the port.
    pub most_tags: Option<u32>,
}

impl Config {
    /// The use of each port, in the order of [`Config::ports`].
    #[must_use]
    pub fn port_use(&self) -> Vec<PortUse> {
        let places: HashMap<&str, usize> = self
            .ports
            .iter()
            .enumerate()
            .map(|(place, port)| (port.name.as_str(), place))
            .collect();
        let mut uses = vec![PortUse::default(); self.ports.len()];
        for circuit in self.circuits.iter().filter(|circuit| circuit.enabled) {
            let mut own = Vec::new();
            for name in circuit.ports.iter().filter(|_| circuit.wires().next().is_some()) {
                let Some(place) = places.get(name.as_str()) else { continue };
                let Port { side, link, .. } = self.ports[*place];
                let wires = circuit.wires();
                let tags = wires.map(|peering| tags(circuit.tags(peering, side, link))).max();
                uses[*place].most_tags = uses[*place].most_tags.max(tags);
                own.push(*place);
            }
            let routed = circuit.peerings.iter().filter_map(|peering| peering.routed.as_ref());
            let links = routed.flat_map(|routed| routed.links.iter().map(|link| &link.port));
            let vnets = circuit.vnet_links.iter().map(|link| &link.port);
            own.extend(links.chain(vnets).filter_map(|port| places.get(port.as_str())));
            own.sort_unstable();
            own.dedup();
            for place in own {
                uses[place].sold_bps = uses[place].sold_bps.saturating_add(circuit.bandwidth_bps);
            }
        }
        uses
    }
}

/// A sentence about a port on which more is sold than its interface carries; `None`: no more is.
#[must_use]
pub fn oversold(interface: &str, sold_bps: u64, speed_bps: u64) -> Option<String> {
    (sold_bps > speed_bps).then(|| {
        format!(
            "{} are sold on it, and {interface} runs at {}: circuits that are busy together lose frames \
             within their bandwidths; move some to another port, or use a faster link",
            bit_rate(sold_bps),
            bit_rate(speed_bps),
        )
    })
}

fn tags(SideTags { s_vid, c_vids }: SideTags) -> u32 {
    u32::from(s_vid.is_some()) + u32::from(c_vids.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        parse,
        sample::{Sample, SampleCircuit},
    };

    const GBPS: u64 = 1_000_000_000;

    fn uses(sample: &Sample) -> Vec<(u64, Option<u32>)> {
        let config = parse(&sample.to_string(), "test.toml".as_ref()).unwrap();
        config.port_use().iter().map(|port| (port.sold_bps / GBPS, port.most_tags)).collect()
    }

    #[test]
    fn a_circuit_counts_once_a_port_while_it_is_enabled() {
        let pairs = Sample::lab().pair("customer1", "core1");
        assert_eq!(uses(&pairs), [(0, None); 4]);
        let both = SampleCircuit::new("both", "2 Gbps").s_tag(100);
        let both = both.peering("private", 10).peering("microsoft", 11);
        let first = SampleCircuit::new("first", "3 Gbps").peering("private", 20);
        let first = first.key("ports", vec!["customer0", "core0"]);
        let off = SampleCircuit::new("off", "40 Gbps").s_tag(101).key("enabled", false);
        let sample = pairs.circuits([both, first, off.peering("private", 10)]);
        assert_eq!(uses(&sample), [(5, Some(2)), (5, Some(2)), (2, Some(2)), (2, Some(2))]);
        let untagged = sample.change_circuit("both", |circuit| circuit.key("enabled", false));
        assert_eq!(uses(&untagged), [(3, Some(1)), (3, Some(1)), (0, None), (0, None)]);
    }

    #[test]
    fn a_routed_circuit_counts_on_the_ports_of_its_links_and_virtual_networks() {
        let routed = "[edge]\nname = 'e'\n\
            [[port]]\nname = 'a'\ninterface = 'a'\nside = 'customer'\n\
            [[port]]\nname = 'b'\ninterface = 'b'\nside = 'customer'\nlink = 'secondary'\n\
            [[port]]\nname = 'c'\ninterface = 'c'\nside = 'core'\n\
            [[port]]\nname = 'd'\ninterface = 'd'\nside = 'core'\n\
            [routing]\nasn = 12076\nrouter_id = '192.0.2.1'\n\
            [[circuit]]\nname = 'contoso'\nbandwidth = '1 Gbps'\ns_tag = 100\n\
            vnet_link = [{ vnet = 'hub', port = 'c', s_tag = 2001, c_tag = 1, own = '10.1.255.5/30', \
            gateway = '10.1.255.6', prefixes = ['10.1.0.0/16'] }]\n\
            [[circuit.peering]]\nkind = 'private'\nc_tag = 10\npeer_asn = 65001\n\
            primary = '192.168.15.16/30'\nsecondary = '192.168.15.20/30'\n";
        let config = parse(routed, "test.toml".as_ref()).unwrap();
        let sold: Vec<_> = config.port_use().iter().map(|port| port.sold_bps / GBPS).collect();
        assert_eq!(sold, [1, 1, 1, 0]);
        assert_eq!(config.port_use()[0].most_tags, None);
    }

    #[test]
    fn only_a_sum_above_the_speed_is_oversold() {
        assert_eq!(oversold("eth1", GBPS, GBPS), None);
        let told = oversold("eth1", 16 * GBPS, 10 * GBPS).unwrap();
        assert!(told.starts_with("16 Gbps are sold on it, and eth1 runs at 10 Gbps"), "{told}");
    }
}
