//! Conditions that an operator should know of, as people read them.

use std::io::{self, Write};

use edge_api::{Condition, Status};

use super::table::plain;
use crate::units::count;

/// Prints a line for each, and an empty one behind them.
pub(super) fn print(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    let told;
    let mut conditions = &status.conditions;
    if conditions.is_empty() {
        // A daemon of an earlier version has no list of its own.
        told = Condition::told_by(status);
        conditions = &told;
    }
    for condition in conditions {
        let subject = Some(condition.subject()).filter(|subject| !subject.is_empty());
        let subject = subject.map_or_else(String::new, |subject| format!("{}: ", plain(&subject)));
        let (sentence, since) = (plain(&condition.sentence), condition.since);
        writeln!(out, "! {subject}{sentence} (since {since:.0})")?;
    }
    let left_out = status.conditions_left_out;
    if left_out > 0 {
        writeln!(out, "! {} circuits more lose frames: see `edge top`", count(left_out))?;
    }
    if !conditions.is_empty() || left_out > 0 { writeln!(out) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(more: &str) -> String {
        let status = format!(
            r#"{{"edge":"e","uptime_s":1.0,"taken":"2026-01-01T00:00:00Z","ledger":{{"state_dir":"/s","state":"ok",
            "error":null,"failing_since":null,"notice":null,"last_booked":null,"exports":[]}},"watches_egress":true,
            "ports":[],"circuits":[]{more}}}"#
        );
        let mut out = Vec::new();
        print(&serde_json::from_str(&status).expect("a status"), &mut out).expect("it is memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn each_has_a_line_with_its_subject() {
        assert_eq!(printed(""), "");
        let told = printed(
            r#","conditions":[{"kind":"over-rate","port":null,"circuit":"a\u001b[2J","export":null,"direction":"inbound",
            "link":"primary","since":"2026-01-01T00:00:00.7Z","sentence":"too much"},{"kind":"too-hot","port":null,
            "circuit":null,"export":null,"direction":null,"link":null,"since":"2026-01-01T00:00:00Z","sentence":
            "it is hot"}],"conditions_left_out":1234"#,
        );
        let expected = "\
! circuit a\u{fffd}[2J: too much (since 2026-01-01T00:00:00Z)
! it is hot (since 2026-01-01T00:00:00Z)
! 1,234 circuits more lose frames: see `edge top`

";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_daemon_of_an_earlier_version_has_its_faults_told() {
        let told = printed(r#","router_faults":["the port is missing"]"#);
        assert_eq!(told, "! router: the port is missing (since 2026-01-01T00:00:00Z)\n\n");
    }
}
