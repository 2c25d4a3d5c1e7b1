//! Random configurations with wires, routed peerings and VNet links.

use proptest::prelude::*;

use super::parse;
use crate::config::{
    Config,
    sample::{Sample, SampleCircuit, SamplePort, Value},
};

/// Circuits that a configuration has at most.
const CIRCUITS: u16 = 5;

/// A circuit's settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the settings are independent of each other")]
struct Drawn {
    has_s_tag: bool,
    private: DrawnPeering,
    microsoft: Option<DrawnPeering>,
    /// By VNet: whether its gateway speaks BGP, whether it is behind the second core port, and its tags.
    vnets: Vec<(bool, bool, [bool; 2])>,
    accounting: &'static str,
    policing: &'static str,
    is_fair: bool,
    marks_ecn: bool,
    is_enabled: bool,
}

/// A peering's settings.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the settings are independent of each other")]
struct DrawnPeering {
    is_routed: bool,
    links: [bool; 2],
    families: [bool; 2],
    check: &'static str,
    has_session: bool,
    statics: u8,
    has_rules: bool,
    has_bandwidth: bool,
}

fn peering(checks: &'static [&'static str]) -> impl Strategy<Value = DrawnPeering> {
    let two = || prop_oneof![Just([true, false]), Just([false, true]), Just([true, true])];
    (
        prop::bool::weighted(0.8),
        two(),
        two(),
        prop::sample::select(checks),
        any::<[bool; 3]>(),
        0..3u8,
    )
        .prop_map(|(is_routed, links, families, check, flags, statics)| {
            let [has_session, has_rules, has_bandwidth] = flags;
            let has_session = has_session || statics == 0;
            DrawnPeering {
                is_routed,
                links,
                families,
                check,
                has_session,
                statics,
                has_rules,
                has_bandwidth,
            }
        })
}

fn circuit() -> impl Strategy<Value = Drawn> {
    let tags = prop_oneof![Just([true, false]), Just([false, true]), Just([true, true])];
    let vnet = (any::<bool>(), any::<bool>(), tags);
    (
        (any::<bool>(), peering(&["off", "advertised", "strict"])),
        prop::option::of(peering(&["registered"])),
        prop::collection::vec(vnet, 0..4),
        prop::sample::select(&["l1", "l2", "l3", "mef"][..]),
        prop::sample::select(&["circuit-link", "peering-link"][..]),
        any::<[bool; 2]>(),
        prop::bool::weighted(0.8),
    )
        .prop_map(
            |((has_s_tag, private), microsoft, vnets, accounting, policing, flags, enabled)| {
                let [is_fair, marks_ecn] = flags;
                Drawn {
                    has_s_tag,
                    private,
                    microsoft,
                    vnets,
                    accounting,
                    policing,
                    is_fair,
                    marks_ecn,
                    is_enabled: enabled,
                }
            },
        )
}

/// A configuration, in which any number of circuits may be missing.
pub(super) fn config() -> impl Strategy<Value = Config> {
    let circuits =
        prop::collection::vec(prop::option::weighted(0.7, circuit()), usize::from(CIRCUITS));
    (circuits, 10..2_000u32, 0..2_000u32).prop_map(|(circuits, punt_rate, icmp_rate)| {
        let there = (0..CIRCUITS).zip(&circuits);
        let there = there.filter_map(|(number, drawn)| Some(written(number, drawn.as_ref()?)));
        let ports = [("customer0", "customer"), ("core0", "core"), ("core1", "core")];
        let sample = ports
            .into_iter()
            .fold(Sample::new("lab"), |sample, (name, side)| {
                sample.port(SamplePort::new(name, side))
            })
            .port(SamplePort::new("customer1", "customer").key("link", "secondary"))
            .routing("daemon", "none")
            .routing("punt_rate", punt_rate)
            .routing("icmp_rate", icmp_rate)
            .qos(
                "ports",
                [
                    r#"name = "voice", dscp = [46], match = { proto = "udp", dst_port = 5060 }"#,
                    r#"name = "rest", dscp = ["default"], bandwidth = "2 Mbps""#,
                ],
            )
            .circuits(there);
        parse(&sample.to_string())
    })
}

fn written(number: u16, drawn: &Drawn) -> SampleCircuit {
    let mut circuit = SampleCircuit::new(format!("c{number}"), "10 Mbps")
        .key("accounting", drawn.accounting)
        .key("policing", drawn.policing)
        .key("fairness", if drawn.is_fair { "flow" } else { "none" })
        .key("ecn", if drawn.marks_ecn { "mark" } else { "drop" })
        .key("enabled", drawn.is_enabled);
    let mut c_tags = [10, 20];
    if drawn.has_s_tag {
        circuit = circuit.s_tag(100 + number);
    } else {
        c_tags = [500 + 2 * number, 501 + 2 * number];
    }
    circuit = with_peering(circuit, "private", c_tags[0], number, &drawn.private);
    if let Some(microsoft) = &drawn.microsoft {
        circuit = with_peering(circuit, "microsoft", c_tags[1], number, microsoft);
    }
    if !drawn.private.is_routed {
        return circuit;
    }
    for (place, (has_bgp, is_second, [has_s_tag, has_c_tag])) in (0u16..).zip(&drawn.vnets) {
        let vnet = format!("v{place}");
        let vid = 2_000 + 10 * number + place;
        circuit = circuit
            .of_vnet(&vnet, "port", if *is_second { "core1" } else { "core0" })
            .of_vnet(&vnet, "own", format!("10.{place}.255.1/29"))
            .of_vnet(&vnet, "gateway", format!("10.{place}.255.2"));
        if *has_s_tag {
            circuit = circuit.of_vnet(&vnet, "s_tag", vid);
        }
        if *has_c_tag {
            circuit = circuit.of_vnet(&vnet, "c_tag", if *has_s_tag { 7 } else { vid + 1_000 });
        }
        circuit = if *has_bgp {
            circuit.of_vnet(&vnet, "asn", 65_515)
        } else {
            circuit.of_vnet(&vnet, "prefixes", strings([format!("10.{place}.0.0/17")]))
        };
    }
    circuit
}

/// All customers have the same addresses, but for registered ones.
fn with_peering(
    mut circuit: SampleCircuit,
    kind: &str,
    c_tag: u16,
    number: u16,
    drawn: &DrawnPeering,
) -> SampleCircuit {
    circuit = circuit.peering(kind, c_tag);
    if drawn.has_rules {
        circuit = circuit.of_peering(kind, "qos", "ports");
    }
    if drawn.has_bandwidth {
        circuit = circuit.of_peering(kind, "bandwidth", "5 Mbps");
    }
    if !drawn.is_routed {
        return circuit;
    }
    let [has_v4, has_v6] = drawn.families;
    let third = if kind == "private" { 15 } else { 16 };
    for (link, host) in [("primary", 16), ("secondary", 20)] {
        if drawn.links[usize::from(host == 20)] {
            if has_v4 {
                circuit = circuit.of_peering(kind, link, format!("192.168.{third}.{host}/30"));
            }
            if has_v6 {
                let key = format!("{link}_v6");
                let network = format!("fd00:{third}::{host:x}/126");
                circuit = circuit.of_peering(kind, &key, network);
            }
        }
    }
    circuit = circuit.of_peering(kind, "source_check", drawn.check);
    if drawn.has_session {
        circuit = circuit.of_peering(kind, "peer_asn", 65_001);
    }
    // Registered prefixes are in one place only.
    let prefix = |place: u8| match (kind, has_v4) {
        ("private", true) => format!("172.{}.0.0/16", 16 + place),
        ("private", false) => format!("fd00:{:x}00::/32", 0xa0 + place),
        (_, true) => format!("20.{number}.{place}.0/24"),
        (_, false) => format!("2600:{number}:{place}::/48"),
    };
    let statics: Vec<String> = (0..drawn.statics).map(prefix).collect();
    if !statics.is_empty() {
        circuit = circuit.of_peering(kind, "static_routes", strings(statics));
    }
    if kind == "microsoft" {
        let all =
            if has_v4 { format!("20.{number}.0.0/16") } else { format!("2600:{number}::/32") };
        circuit = circuit.of_peering(kind, "advertised_prefixes", strings([all]));
    }
    circuit
}

fn strings(values: impl IntoIterator<Item = String>) -> Value {
    Value::from(values.into_iter().collect::<Vec<_>>())
}
