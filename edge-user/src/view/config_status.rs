//! The configuration that runs, where an operator should look into it.

use std::io::{self, Write};

use edge_api::{ConfigStatus, UnconfirmedChange};

use super::table::plain;
use crate::units::bit_rate;

/// Prints a line for a change that waits for its confirmation, and one for a file that doesn't say what runs.
pub(super) fn print(config: &ConfigStatus, out: &mut dyn Write) -> io::Result<()> {
    if let Some(change) = &config.unconfirmed {
        let UnconfirmedChange { until, left_s, user, message, fault } = change;
        let by = user.as_deref().map(|user| format!(" by {}", plain(user))).unwrap_or_default();
        let message = message.as_deref().map(|text| format!(" ({})", plain(text)));
        let message = message.unwrap_or_default();
        match fault {
            None => writeln!(
                out,
                "! the last change{by}{message} is taken back at {until:.0}, in {left_s:.0} s: `edge confirm` keeps it, \
                 and `edge rollback` takes it back now"
            )?,
            Some(fault) => writeln!(
                out,
                "! the last change{by}{message} was not confirmed by {until:.0}, and can't be taken back: {}; the daemon \
                 tries again, and `edge confirm` keeps the change",
                plain(fault)
            )?,
        }
    }
    for timed in &config.timed_bandwidths {
        let (circuit, until) = (plain(&timed.circuit), timed.until);
        let [now, then] = [timed.bandwidth_bps, timed.then_bps].map(bit_rate);
        writeln!(out, "circuit {circuit} has {now} until {until:.0}, and {then} from then on")?;
    }
    match &config.file_fault {
        Some(fault) => writeln!(out, "! {}", plain(fault)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(json: &str) -> String {
        let config = serde_json::from_str(json).expect("a document");
        let mut out = Vec::new();
        print(&config, &mut out).expect("it is memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_line_says_what_an_operator_should_do() {
        assert_eq!(printed(r#"{"digest":"aa","file_fault":null,"unconfirmed":null}"#), "");
        let told = printed(
            r#"{"digest":"aa","file_fault":"the file is wrong","unconfirmed":{"until":"2026-01-01T00:10:00.4Z",
            "left_s":59.7,"user":"anna","message":"order 7","fault":null}}"#,
        );
        let expected = "\
! the last change by anna (order 7) is taken back at 2026-01-01T00:10:00Z, in 60 s: `edge confirm` keeps it, and `edge rollback` \
takes it back now
! the file is wrong
";
        assert_eq!(told, expected);
        let told = printed(
            r#"{"digest":"aa","file_fault":null,"unconfirmed":null,"timed_bandwidths":[{"circuit":"contoso",
            "bandwidth_bps":2000000000,"then_bps":1000000000,"until":"2026-01-01T00:10:00Z","user":null}]}"#,
        );
        let line =
            "circuit contoso has 2 Gbps until 2026-01-01T00:10:00Z, and 1 Gbps from then on\n";
        assert_eq!(told, line);
        let told = printed(
            r#"{"digest":"aa","file_fault":null,"unconfirmed":{"until":"2026-01-01T00:10:00Z",
            "left_s":0.0,"user":null,"message":null,"fault":"there is no eth1"}}"#,
        );
        assert!(
            told.starts_with(
                "! the last change was not confirmed by 2026-01-01T00:10:00Z, and can't"
            ),
            "{told}"
        );
        assert!(told.contains("there is no eth1"), "{told}");
    }
}
