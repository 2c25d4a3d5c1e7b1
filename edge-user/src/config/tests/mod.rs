//! Whole files.

use std::path::Path;

use edge_common::reason::UnmatchedPolicy;

use super::*;

mod any;
mod changes;
mod classes;
mod forwards;
mod ledger;
mod look_alikes;
mod notations;
mod overlaps;
mod prices;
mod provisioning;
mod routed;
mod rules;
mod secondary_tags;
mod source;
mod tags;
mod tpids;

const MINIMAL: &str = r#"[edge]
name = "e"
[[port]]
name = "p0"
interface = "eth0"
side = "customer"
[[port]]
name = "p1"
interface = "eth1"
side = "core"
"#;

const CIRCUIT: &str = r#"[[circuit]]
name = "c1"
bandwidth = "1 Gbps"
s_tag = 100
[[circuit.peering]]
kind = "private"
c_tag = 10
"#;

const CONTRACT: &str = r#"[edge]
name      = "ams-msee-1"
state_dir = "/var/lib/edge"          # ledger; default shown
control   = "/run/edge/control.sock" # default shown
metrics   = "127.0.0.1:9478"         # Prometheus and the status page; default shown
pin_dir   = "/sys/fs/bpf/edge"       # default shown
unmatched = "drop"                   # or "pass"

[[port]]
name      = "customer0"
interface = "eth1"
side      = "customer"               # frames received here are inbound
forward   = "core0"                  # a port's name, or "stack"; default "stack"
link      = "primary"                # or "secondary"; default primary
tpids     = ["0x8100", "0x88a8"]     # accepted outer TPIDs; default shown
xdp_mode  = "auto"                   # native, generic, auto; default auto

[[port]]
name      = "core0"
interface = "eth2"
side      = "core"                   # frames received here are outbound, and billed
forward   = "customer0"

[[circuit]]
name        = "contoso-ams"
service_key = "6f0a5d4e-…"           # optional
bandwidth   = "1 Gbps"
billing     = "metered"              # or "unlimited"; default metered
sku         = "standard"             # local, standard, premium; default standard
s_tag       = 100                    # 1..4094; without it the circuit is Dot1Q
ports       = ["customer0", "core0"] # default: every port
burst       = "25ms"
ecn         = "drop"
fairness    = "none"
policing    = "circuit-link"
enabled     = true

  [[circuit.peering]]
  kind  = "private"
  c_tag = 10
  dscp  = "preserve"
  qos   = "expressroute"

[qos.voice-heavy]
classes = [
  { name = "voice",   dscp = [46],        mark = 46, burst_share = 1.0 },
  { name = "default", dscp = ["default"], mark = 0,  burst_share = 0.5 },
]
"#;

/// Every key of tags, TPIDs and classes.
const TAGS_AND_CLASSES: &str = r#"[edge]
name = "e"
[[port]]
name = "p0"
interface = "eth0"
side = "customer"
forward = "p1"
[[port]]
name = "p1"
interface = "eth1"
side = "core"
forward = "p0"
tpids = ["0x8100", "0x88a8", "0x9100"]
[[circuit]]
name = "c1"
bandwidth = "1 Gbps"
s_tag = 100
core_s_tag = 200
s_tpid = "0x88a8"
core_s_tpid = "0x9100"
accounting = "mef"
[[circuit.peering]]
kind = "private"
c_tag = "100-199"
c_tpid = "0x8100"
core_c_tpid = "0x88a8"
[[circuit.peering]]
kind = "microsoft"
c_tag = 10
core_c_tag = 11
qos = "own"
[[circuit]]
name = "c2"
bandwidth = "1 Gbps"
accounting = "l3"
[[circuit.peering]]
kind = "private"
c_tag = 10
core_c_tag = 0
[qos.own]
[[qos.own.classes]]
name = "voice"
pcp = [5, 6]
pcp_mark = 5
match = [{ proto = "udp", dst_port = "50000-50019" }, { proto = 50 }]
mark = 46
[[qos.own.classes]]
name = "sip"
match = { proto = "tcp", src_port = 5060, dst_port = 5060 }
[[qos.own.classes]]
name = "default"
dscp = ["default"]
"#;

#[test]
fn tags_and_classes() {
    let config = parse(TAGS_AND_CLASSES, Path::new("f")).expect("correct");
    assert_eq!(config.warnings(), Vec::<String>::new());
    let [first, second] = config.circuits.as_slice() else { panic!("two circuits") };
    assert_eq!((first.s_tag, first.core_s_tag), (Some(100), CoreTag::Vid(200)));
    assert_eq!((first.s_tpid, first.core_s_tpid), (Some(0x88a8), Some(0x9100)));
    assert_eq!((first.accounting, second.accounting), (Accounting::Mef, Accounting::L3));
    let [private, microsoft] = first.peerings.as_slice() else { panic!("two peerings") };
    assert_eq!(private.c_tags, CTags { first: 100, last: 199 });
    assert_eq!((private.c_tpid, private.core_c_tpid), (Some(0x8100), Some(0x88a8)));
    assert_eq!(microsoft.core_c_tag, CoreTag::Vid(11));
    assert_eq!(second.peerings[0].core_c_tag, CoreTag::None);
    let [voice, sip, default] = config.qos["own"].classes.as_slice() else { panic!("three") };
    assert_eq!(
        (voice.pcp.as_slice(), voice.pcp_mark, voice.mark),
        (&[5, 6][..], Some(5), Some(46))
    );
    assert!(voice.dscp.is_empty() && default.is_default);
    let ports = |first, last| PortRange { first, last };
    let rule = |protocol, src_ports, dst_ports| ClassMatch { protocol, src_ports, dst_ports };
    assert_eq!(
        voice.matches,
        [rule(17, PortRange::ALL, ports(50_000, 50_019)), rule(50, PortRange::ALL, PortRange::ALL)]
    );
    assert_eq!(sip.matches, [rule(6, ports(5060, 5060), ports(5060, 5060))]);
}

#[test]
fn the_contracts_example() {
    let config = parse(CONTRACT, Path::new("f")).expect("correct");
    assert_eq!(
        config.summary(),
        "ok: edge \"ams-msee-1\": 2 ports, 1 circuit (1 QinQ, 0 Dot1Q), 1 peering"
    );
    assert_eq!(config.warnings(), Vec::<String>::new());
    assert!(config.edge.metrics_is_explicit);
    let [customer, core] = config.ports.as_slice() else { panic!("two ports") };
    assert_eq!(customer.forward, Forward::Port("core0".into()));
    assert_eq!((core.link, core.side.direction()), (Link::Primary, Direction::Outbound));
    let circuit = &config.circuits[0];
    assert_eq!(circuit.service_key.as_deref(), Some("6f0a5d4e-…"));
    assert_eq!((circuit.bandwidth_bps, circuit.burst_bytes), (1_000_000_000, 3_125_000));
    let own = &config.qos["voice-heavy"].classes;
    assert_eq!(
        (own[0].dscp.as_slice(), own[0].mark, own[0].is_default),
        (&[46][..], Some(46), false)
    );
    assert_eq!((own[1].mark, own[1].is_default, own[1].burst_share_permille), (Some(0), true, 500));
}

#[test]
fn defaults() {
    let source = format!(
        "{MINIMAL}{CIRCUIT}[[circuit.peering]]\nkind='public'\nc_tag=11\n\
         [[circuit.peering]]\nkind='microsoft'\nc_tag=12\n[[circuit]]\nname='d'\n\
         bandwidth=64000\n[[circuit.peering]]\nkind='private'\nc_tag=10\n\
         [qos.own]\nclasses=[{{name='all',dscp=['default']}}]\n"
    );
    let config = parse(&source, Path::new("f")).expect("correct");
    let edge = &config.edge;
    assert_eq!(edge.state_dir, Path::new("/var/lib/edge"));
    assert_eq!(edge.control, Path::new("/run/edge/control.sock"));
    assert_eq!(edge.pin_dir, Path::new("/sys/fs/bpf/edge"));
    assert_eq!(edge.metrics.to_string(), "127.0.0.1:9478");
    assert!(!edge.metrics_is_explicit);
    assert_eq!((edge.metrics_detail.as_str(), edge.unmatched), ("circuit", UnmatchedPolicy::Drop));
    let port = &config.ports[0];
    assert_eq!(
        (&port.forward, port.link, port.xdp_mode),
        (&Forward::Stack, Link::Primary, XdpMode::Auto)
    );
    assert_eq!(port.tpids, [0x8100, 0x88a8]);
    let circuit = &config.circuits[0];
    assert_eq!((circuit.billing, circuit.sku), (Billing::Metered, Sku::Standard));
    assert_eq!((circuit.policing, circuit.enabled), (Policing::CircuitLink, true));
    assert_eq!((circuit.accounting, circuit.core_s_tag), (Accounting::L2, CoreTag::Same));
    assert_eq!((circuit.s_tpid, circuit.core_s_tpid), (None, None));
    let peering = &circuit.peerings[0];
    assert_eq!((peering.c_tags, peering.core_c_tag), (CTags::one(10), CoreTag::Same));
    assert_eq!((peering.c_tpid, peering.core_c_tpid), (None, None));
    assert_eq!(circuit.ports, ["p0", "p1"]);
    let dscp: Vec<_> = circuit.peerings.iter().map(|peering| peering.dscp).collect();
    assert_eq!(dscp, [DscpPolicy::Preserve, DscpPolicy::Reset, DscpPolicy::Trust]);
    assert_eq!(circuit.peerings[0].qos, "expressroute");
    assert_eq!((config.circuits[1].s_tag, config.circuits[1].burst_bytes), (None, 128_000));
    let class = &config.qos["own"].classes[0];
    assert_eq!((class.burst_share_permille, class.mark, class.pcp_mark), (1000, None, None));
    assert!(class.pcp.is_empty() && class.matches.is_empty());
    assert_eq!((config.ledger, &config.prices), (LedgerConfig::default(), &None));
    assert!(config.exports.is_empty() && circuit.zone.is_none());
}

#[test]
fn every_error_with_its_position() {
    let source = "[edge]\nname = \"\"\nmetrics = \"localhost\"\ncolour = 1\n\
                  [[port]]\n  name = \"p0\"\n  interface = \"eth0\"\n  side = \"left\"\n\
                  [[circuit]]\nname = \"é\"\nbandwidth = 1.5\nports = [\"p0\", \"p9\"]\n\
                  [[circuit.peering]]\nkind = \"private\"\nc_tag = 5000\n";
    let errors = parse(source, Path::new("edge.toml")).expect_err("wrong");
    assert_eq!(
        errors.to_string(),
        "edge.toml:2:8: error: `name` is empty; give a name\n\
         edge.toml:3:11: error: `metrics` is \"localhost\"; give an IP address and a port, such as \
         \"127.0.0.1:9478\"\n\
         edge.toml:4:1: error: [edge] has no key `colour`; the keys are `name`, `state_dir`, \
         `control`, `metrics`, `metrics_detail`, `pin_dir`, `unmatched`\n\
         edge.toml:8:10: error: `side` is \"left\"; give \"customer\" or \"core\"\n\
         edge.toml:11:13: error: `bandwidth` is the floating-point number 1.5; give a rate such as \
         \"50 Mbps\", or an integer in bit/s\n\
         edge.toml:12:16: error: `ports` names the unknown port \"p9\"; did you mean \"p0\"?\n\
         edge.toml:15:9: error: `c_tag` is 5000; give a VLAN ID from 1 to 4094, a range such as \
         \"100-199\", or \"any\""
    );
}

#[test]
fn warnings() {
    let source =
        format!("{MINIMAL}{CIRCUIT}").replace("s_tag = 100\n", "s_tag = 100\nports=['p0']\n");
    for (line, expected) in [
        ("burst = '1ms'", "a burst below 5 ms"),
        ("burst = 15359", "no frame of 9216 bytes passes"),
        ("enabled = false", "circuit \"c1\" is disabled"),
        ("", "port \"p1\" has no circuit"),
    ] {
        let source = source.replace("ports=", &format!("{line}\nports="));
        let warnings = parse(&source, Path::new("f")).expect("correct").warnings();
        assert!(warnings.iter().any(|w| w.contains(expected)), "{expected}: {warnings:?}");
        assert_eq!(warnings.len(), if line.is_empty() { 1 } else { 2 }, "{warnings:?}");
    }
    let config = parse(MINIMAL, Path::new("f")).expect("correct");
    assert_eq!(config.warnings(), ["there is no circuit: every frame is unmatched"]);
    assert_eq!(
        config.summary(),
        "ok: edge \"e\": 2 ports, 0 circuits (0 QinQ, 0 Dot1Q), 0 peerings"
    );
}

/// That `source` has these errors, by line and words of the message, and no others.
fn check(source: &str, expected: &[(usize, &str)]) {
    let found = match parse(source, Path::new("f")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.errors().to_vec(),
    };
    let is_expected = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, (line, words))| {
            found.position.is_some_and(|position| position.line == *line)
                && found.message.contains(words)
        });
    assert!(is_expected, "expected {expected:?}, found {found:#?} in\n{source}");
}
