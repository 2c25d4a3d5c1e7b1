//! Routed peerings and VNet links.

use std::path::Path;

use super::{check, parse};

mod correct;
mod document;
mod domains;
mod key_files;
mod networks;
mod offers;
mod peerings;
mod prefixes;
mod random;
mod reach;
mod services;
mod sessions;
mod settings;
mod vnet_tables;
mod vnets;
mod warnings;
mod whole;

/// Every key of routed peerings, VNet links and `[routing]`; each on a line of its own.
pub(super) const ROUTED: &str = r#"[edge]
name = "e"
[[port]]
name = "customer0"
interface = "eth0"
side = "customer"
[[port]]
name = "customer1"
interface = "eth1"
side = "customer"
link = "secondary"
[[port]]
name = "core0"
interface = "eth2"
side = "core"
[[port]]
name = "core1"
interface = "eth3"
side = "core"
[routing]
daemon = "bird"
command = "/usr/sbin/bird"
netns = "edge-routing"
asn = 12076
router_id = "192.0.2.1"
table = 1000
bfd = { interval = "300ms", multiplier = 3 }
graceful_restart = "120s"
icmp_rate = 100
punt_rate = 1000
[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
ports = ["customer0", "customer1"]
[[circuit.peering]]
kind = "private"
c_tag = 10
peer_asn = 65001
primary = "192.168.15.16/30"
secondary = "192.168.15.20/30"
primary_v6 = "fd00:15::10/126"
secondary_v6 = "fd00:15::14/126"
key_file = "/etc/edge/keys/contoso"
max_routes = 4000
max_routes_v6 = 100
source_check = "advertised"
bfd = { interval = "50ms" }
passive = false
ttl_security = true
static_routes = ["10.9.0.0/16", "fd00:9::/48"]
[[circuit.peering]]
kind = "microsoft"
c_tag = 20
peer_asn = 65001
network = "192.168.15.24/29"
network_v6 = "fd00:15::18/125"
source_check = "registered"
advertised_prefixes = ["203.0.113.0/24", "2001:db8:113::/48"]
[[circuit.vnet_link]]
vnet = "hub"
port = "core0"
s_tag = 2001
c_tag = 1
own = "10.1.255.5/30"
gateway = "10.1.255.6"
own_v6 = "fd00:1:ff::5/126"
gateway_v6 = "fd00:1:ff::6"
prefixes = ["10.1.0.0/16", "fd00:1::/32"]
[[circuit.vnet_link]]
vnet = "spoke"
port = "core1"
c_tag = 7
own = "10.2.255.5/30"
gateway = "10.2.255.6"
asn = 65515
"#;

/// A change of [`ROUTED`]: some text that is there, the text that takes its place once, and the errors by the
/// starts of the lines that they are in, before the change, and words of the message.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Checks that each change makes these errors and no others. Errors have their line and, for the value of a key, its
/// column.
fn check_cases(cases: &[Case]) {
    check_cases_of(ROUTED, cases);
}

fn check_cases_of(source: &str, cases: &[Case]) {
    for (old, new, expected) in cases {
        assert_eq!(source.matches(old).count(), 1, "{old} is there once");
        let changed = source.replacen(old, new, 1);
        let place = |start: &str| {
            let found = (1..).zip(changed.lines()).find(|(_, line)| line.starts_with(start));
            let (number, text) = found.unwrap_or_else(|| panic!("no line {start:?}:\n{changed}"));
            let value = text.split_once(" = ").map_or(1, |(key, _)| key.chars().count() + 4);
            (number, value)
        };
        let found = match parse(&changed, Path::new("f")) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.errors().to_vec(),
        };
        let is_expected = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(found, (start, words))| {
                let (line, column) = place(start);
                let text = changed.lines().nth(line - 1).unwrap_or_default();
                let is_inside = text.contains(" = [") || text.contains(" = {");
                // The place of a key that nobody knows is its own.
                let column = if found.message.contains("has no key") { 1 } else { column };
                found.message.contains(words)
                    && found.position.is_some_and(|position| {
                        position.line == line
                            && (position.column == column || is_inside && position.column > column)
                    })
            });
        assert!(is_expected, "{new:?}: expected {expected:?}, found {found:#?}");
    }
}

#[test]
fn the_file_itself_is_correct() {
    check(ROUTED, &[]);
}
