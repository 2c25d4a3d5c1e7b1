//! Bandwidths that end at a time and links out of use, as people read them.

use std::io::{self, Write};

use edge_api::{ConfigStatus, LinkOutOfUse};

use super::table::plain;
use crate::units::bit_rate;

/// Prints a line for each bandwidth that ends at a time, and for each link out of use.
pub(super) fn print(config: &ConfigStatus, out: &mut dyn Write) -> io::Result<()> {
    for timed in &config.timed_bandwidths {
        let (circuit, until) = (plain(&timed.circuit), timed.until);
        let [now, then] = [timed.bandwidth_bps, timed.then_bps].map(bit_rate);
        writeln!(out, "circuit {circuit} has {now} until {until:.0}, and {then} from then on")?;
    }
    for out_of_use in &config.links_out_of_use {
        let LinkOutOfUse { circuit, link, link_use, since, user, message } = out_of_use;
        let by = user.as_ref().map(|user| format!(" by {}", plain(user))).unwrap_or_default();
        let why = message.as_ref().map(|text| format!(" ({})", plain(text))).unwrap_or_default();
        writeln!(
            out,
            "! circuit {}: its {link} link is {} since {since:.0}{by}{why}; `edge undrain` takes it back",
            plain(circuit),
            link_use.as_str(),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_that_ends_and_a_link_out_of_use_have_a_line() {
        let config = r#"{"digest":"aa","file_fault":null,"unconfirmed":null,"timed_bandwidths":[{"circuit":"contoso",
            "bandwidth_bps":2000000000,"then_bps":1000000000,"until":"2026-01-01T00:10:00Z","user":null}],
            "links_out_of_use":[{"circuit":"contoso","link":"secondary","use":"drained","since":"2026-01-01T00:00:00Z",
            "user":"anna","message":"a new card"}]}"#;
        let mut out = Vec::new();
        print(&serde_json::from_str(config).expect("a document"), &mut out).expect("it is memory");
        let lines = "circuit contoso has 2 Gbps until 2026-01-01T00:10:00Z, and 1 Gbps from then on\n\
             ! circuit contoso: its secondary link is drained since 2026-01-01T00:00:00Z by anna (a new card); `edge undrain` takes \
             it back\n";
        assert_eq!(String::from_utf8(out).expect("text"), lines);
    }
}
