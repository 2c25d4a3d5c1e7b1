//! Bandwidths that end at a time, as people read them.

use std::io::{self, Write};

use edge_api::ConfigStatus;

use super::table::plain;
use crate::units::bit_rate;

/// Prints a line for each bandwidth that ends at a time.
pub(super) fn print(config: &ConfigStatus, out: &mut dyn Write) -> io::Result<()> {
    for timed in &config.timed_bandwidths {
        let (circuit, until) = (plain(&timed.circuit), timed.until);
        let [now, then] = [timed.bandwidth_bps, timed.then_bps].map(bit_rate);
        writeln!(out, "circuit {circuit} has {now} until {until:.0}, and {then} from then on")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_that_ends_has_a_line() {
        let config = r#"{"digest":"aa","file_fault":null,"unconfirmed":null,"timed_bandwidths":[{"circuit":"contoso",
            "bandwidth_bps":2000000000,"then_bps":1000000000,"until":"2026-01-01T00:10:00Z","user":null}]}"#;
        let mut out = Vec::new();
        print(&serde_json::from_str(config).expect("a document"), &mut out).expect("it is memory");
        let lines =
            "circuit contoso has 2 Gbps until 2026-01-01T00:10:00Z, and 1 Gbps from then on\n";
        assert_eq!(String::from_utf8(out).expect("text"), lines);
    }
}
