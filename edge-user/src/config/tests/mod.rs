//! Whole files.

use std::path::Path;

use edge_common::reason::UnmatchedPolicy;

use super::*;

mod any;
mod rules;

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
    assert_eq!(edge.unmatched, UnmatchedPolicy::Drop);
    let port = &config.ports[0];
    assert_eq!(
        (&port.forward, port.link, port.xdp_mode),
        (&Forward::Stack, Link::Primary, XdpMode::Auto)
    );
    assert_eq!(port.tpids, [0x8100, 0x88a8]);
    let circuit = &config.circuits[0];
    assert_eq!((circuit.billing, circuit.sku), (Billing::Metered, Sku::Standard));
    assert_eq!((circuit.policing, circuit.enabled), (Policing::CircuitLink, true));
    assert_eq!(circuit.ports, ["p0", "p1"]);
    let dscp: Vec<_> = circuit.peerings.iter().map(|peering| peering.dscp).collect();
    assert_eq!(dscp, [DscpPolicy::Preserve, DscpPolicy::Reset, DscpPolicy::Trust]);
    assert_eq!(circuit.peerings[0].qos, "expressroute");
    assert_eq!((config.circuits[1].s_tag, config.circuits[1].burst_bytes), (None, 80_000));
    assert_eq!(config.qos["own"].classes[0].burst_share_permille, 1000);
    assert_eq!(config.qos["own"].classes[0].mark, None);
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
         `control`, `metrics`, `pin_dir`, `unmatched`\n\
         edge.toml:8:10: error: `side` is \"left\"; give \"customer\" or \"core\"\n\
         edge.toml:11:13: error: `bandwidth` is the floating-point number 1.5; give a rate such as \
         \"50 Mbps\", or an integer in bit/s\n\
         edge.toml:12:16: error: `ports` names the unknown port \"p9\"; did you mean \"p0\"?\n\
         edge.toml:15:9: error: `c_tag` is 5000; give a VLAN ID from 1 to 4094"
    );
}

/// Two circuits, at lines 11 and 19: the error's line, a word of it, and the place of the other.
#[test]
fn tag_rules() {
    type Tags = (&'static str, &'static str, u16);
    type Case<'a> = (Tags, Tags, &'a [(usize, &'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        // QinQ and QinQ.
        (("s_tag = 100", "", 10), ("s_tag = 100", "", 11), &[]),
        (("s_tag = 100", "", 10), ("s_tag = 101", "", 10), &[]),
        (("s_tag = 100", "", 10), ("s_tag = 100", "", 10), &[(26, "with C-tag 10", "18:9")]),
        (("s_tag = 100", "ports = ['p0']", 10), ("s_tag = 100", "ports = ['p1']", 10), &[]),
        (
            ("s_tag = 100", "ports = ['p1']", 10),
            ("s_tag = 100", "", 10),
            &[(26, "on port \"p1\"", "18:9")],
        ),
        // Dot1Q and Dot1Q.
        (("", "", 10), ("", "", 11), &[]),
        (("", "", 10), ("", "", 10), &[(26, "C-tag 10 is taken", "18:9")]),
        (("", "ports = ['p0']", 10), ("", "ports = ['p1']", 10), &[]),
        // Both.
        (("", "", 10), ("s_tag = 100", "", 10), &[]),
        (("", "", 100), ("s_tag = 100", "", 10), &[(22, "S-tag 100", "18:9")]),
        (("s_tag = 100", "", 10), ("", "", 100), &[(26, "C-tag 100", "14:9")]),
        (("s_tag = 100", "ports = ['p0']", 10), ("", "ports = ['p1']", 100), &[]),
        // Not known, so not in conflict.
        (("s_tag = 0", "", 10), ("", "", 10), &[(14, "`s_tag` is 0", "")]),
    ];
    for (first, second, expected) in cases {
        let circuit = |name: &str, (s_tag, ports, c_tag): Tags| {
            format!(
                "[[circuit]]\nname = '{name}'\nbandwidth = 1000000\n{s_tag}\n{ports}\n\
                 [[circuit.peering]]\nkind = 'private'\nc_tag = {c_tag}\n"
            )
        };
        let source = format!("{MINIMAL}{}{}", circuit("c1", *first), circuit("c2", *second));
        let words: Vec<_> = expected.iter().map(|(line, words, _)| (*line, *words)).collect();
        check(&source, &words);
        for (line, _, place) in expected.iter().filter(|(.., place)| !place.is_empty()) {
            let claimed = format!("(also claimed at f:{place} by circuit \"c1\")");
            check(&source, &[(*line, &claimed)]);
        }
    }
}

#[test]
fn one_tag_twice_in_a_circuit() {
    for (s_tag, message) in [("s_tag = 100\n", "with C-tag 10"), ("", "C-tag 10 is taken")] {
        let circuit = CIRCUIT.replace("s_tag = 100\n", s_tag);
        let line = if s_tag.is_empty() { 19 } else { 20 };
        let second = "[[circuit.peering]]\nkind = 'public'\nc_tag = 10\n";
        check(&format!("{MINIMAL}{circuit}{second}"), &[(line, message)]);
    }
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
