//! Sessions and routing domains in `edge status` as people read it.

use std::io::{self, Write};

use comfy_table::Table;
use edge_api::{DomainStatus, Status};

use super::table::{plain, text_table};
use crate::units::count;

/// Prints the domains, and what an operator should look into; nothing for an edge without a routed
/// circuit.
pub fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    if !status.domains.is_empty() {
        writeln!(out, "\n{}", domain_table(&status.domains))?;
    }
    let sessions = &status.sessions;
    if let Some(fault) = &sessions.fault {
        writeln!(out, "! BGP sessions: {}", plain(fault))?;
    } else if sessions.is_alarming() {
        let (up, configured) = (count(sessions.up.into()), count(sessions.configured.into()));
        writeln!(out, "! BGP sessions: {up} of {configured} are up: see `edge sessions`")?;
    }
    for domain in &status.domains {
        if let Some(fault) = &domain.fault {
            writeln!(out, "! routing domain {}: {}", name(domain), plain(fault))?;
        }
        if let [link] = &domain.links[..] {
            let link = plain(&link.link);
            writeln!(
                out,
                "routing domain {}: no SLA, as it has the {link} link alone",
                name(domain)
            )?;
        }
        let silent = domain.neighbours.iter().filter(|neighbour| !neighbour.is_up()).count();
        if silent > 0 {
            let all = domain.neighbours.len();
            writeln!(
                out,
                "! routing domain {}: {silent} of {all} neighbours don't answer, or their link is \
                 down",
                name(domain)
            )?;
        }
    }
    Ok(())
}

/// A line for each domain.
fn domain_table(domains: &[DomainStatus]) -> Table {
    let header =
        ["routing domain", "IPv4 routes", "IPv6 routes", "lines", "swaps", "last swap", "behind"];
    let mut table = text_table(header, [1, 2, 3, 4, 5, 6]);
    for domain in domains {
        let seconds = |seconds: f64| format!("{seconds:.1} s");
        table.add_row([
            name(domain),
            count(domain.routes_v4.into()),
            count(domain.routes_v6.into()),
            count(domain.tree_lines.into()),
            count(domain.generation),
            domain.age_s.map_or_else(|| "-".to_owned(), |age_s| format!("{} ago", seconds(age_s))),
            seconds(domain.lag_s),
        ]);
    }
    table
}

fn name(domain: &DomainStatus) -> String {
    format!("{}/{}", domain.circuit, domain.peering)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"edge":"e","uptime_s":1.0,"taken":"2026-01-01T00:00:00Z","ledger":{
"state_dir":"/s","state":"ok","error":null,"failing_since":null,"notice":null,"last_booked":null,
"exports":[]},"watches_egress":true,"ports":[],"circuits":[]"#;
    const DOMAIN: &str = r#"{"circuit":"contoso","peering":"private","routes_v4":4012,"routes_v6":7,
"tree_lines":1043,"generation":3,"age_s":61.25,"fault":"the tables\nare full","lag_s":2.5,"sessions":3,
"neighbours":[{"link":"primary","vnet":null,"port":"customer0","family":"ipv4","address":"192.168.15.17",
"mac":null,"own_mac":"02:ed:00:00:00:01","link_up":true}],"links":[{"link":"primary","state":"down","reason":
"session","arp_availability_percent":0.0,"bgp_availability_percent":0.0}]}"#;

    /// The words of each line that there is.
    fn lines(rest: &str) -> Vec<String> {
        let json = format!("{HEAD}{rest}}}").replace('\n', "");
        let status: Status = serde_json::from_str(&json).unwrap();
        let mut out = Vec::new();
        print(&status, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn an_edge_without_routed_circuits_has_no_line() {
        assert!(lines("").is_empty());
        let idle = r#","sessions":{"configured":0,"up":0,"fault":null},"domains":[]"#;
        assert!(lines(idle).is_empty());
    }

    #[test]
    fn domains_have_a_line_and_each_fault_another() {
        let some = r#","sessions":{"configured":1200,"up":1199,"fault":null}"#;
        let lines = lines(&format!(r#"{some},"domains":[{DOMAIN}]"#));
        assert_eq!(lines[1], "contoso/private 4,012 7 1,043 3 61.2 s ago 2.5 s");
        assert_eq!(
            lines[2..],
            [
                "! BGP sessions: 1,199 of 1,200 are up: see `edge sessions`",
                "! routing domain contoso/private: the tables\u{fffd}are full",
                "routing domain contoso/private: no SLA, as it has the primary link alone",
                "! routing domain contoso/private: 1 of 1 neighbours don't answer, or their link \
                 is down",
            ]
        );
    }

    #[test]
    fn a_speaker_that_is_silent_is_a_fault_of_its_own() {
        let silent = r#","sessions":{"configured":2,"up":0,"fault":"BIRD does not answer"}"#;
        assert_eq!(lines(silent), ["! BGP sessions: BIRD does not answer"]);
        let up = r#","sessions":{"configured":2,"up":2,"fault":null}"#;
        assert!(lines(up).is_empty());
    }
}
