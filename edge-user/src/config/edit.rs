//! Another bandwidth in the text of a configuration: the parser gives the place of the value, so
//! that only this value is replaced, and every other byte stays.

use toml_span::{Value, value::ValueInner};

use super::values;
use crate::units::bit_rate;

/// `source` with the bandwidth `bandwidth_bps` in bit/s for the circuit `name`. A string stays a
/// string and a number a number. `None`: the circuit or its bandwidth is not found.
///
/// The function does not check the new text: [`super::parse`] does that.
#[must_use]
pub fn with_bandwidth(source: &str, name: &str, bandwidth_bps: u64) -> Option<String> {
    let document = toml_span::parse(source).ok()?;
    let mut circuits = document.as_table()?.get("circuit")?.as_array()?.iter();
    let circuit =
        circuits.find(|circuit| key(circuit, "name").and_then(Value::as_str) == Some(name));
    let value = key(circuit?, "bandwidth")?;
    if values::bandwidth(value) == Ok(bandwidth_bps) {
        // The present value may have the same meaning in another notation: it stays then.
        return Some(source.to_owned());
    }
    let text = match value.as_ref() {
        // The place without the quotes, of which TOML has four kinds.
        ValueInner::String(_) => bit_rate(bandwidth_bps),
        ValueInner::Integer(_) => bandwidth_bps.to_string(),
        ValueInner::Float(_)
        | ValueInner::Boolean(_)
        | ValueInner::Array(_)
        | ValueInner::Table(_) => return None,
    };
    let (before, after) = (source.get(..value.span.start)?, source.get(value.span.end..)?);
    Some([before, &text, after].concat())
}

fn key<'v, 'de>(table: &'v Value<'de>, key: &str) -> Option<&'v Value<'de>> {
    table.as_table()?.get(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replaces `old`, which is in the text once, by `new`.
    fn check(source: &str, bandwidth_bps: u64, old: &str, new: &str) {
        assert_eq!(source.matches(old).count(), 1, "{source}");
        let edited = with_bandwidth(source, "contoso", bandwidth_bps);
        assert_eq!(edited, Some(source.replace(old, new)), "{source}");
    }

    #[test]
    fn only_the_value_changes() {
        let tables = "# 1 Gbps is what they bought\n[[circuit]]\nname = \"fabrikam\"\n\
                      bandwidth = \"3 Gbps\"\n\n[[circuit]] # é\n  bandwidth   =   \"2 Gbps\" # was 1\n\
                      name = \"contoso\"\n\t[[circuit.peering]]\n\tkind = \"private\"\n";
        check(tables, 50_000_000, "2 Gbps", "50 Mbps");
        check(&tables.replace('\n', "\r\n"), 50_000_000, "2 Gbps", "50 Mbps");
        check(&format!("\u{feff}{tables}"), 50_000_000, "2 Gbps", "50 Mbps");
        let inline = "circuit = [{ name = 'fabrikam', bandwidth = '3 Gbps' },\n  # mine\n  \
                      { name = 'contoso', bandwidth = '2Gbps', peering = [{ kind = 'private' }] }]";
        check(inline, 2_500_000_000, "2Gbps", "2.5 Gbps");
        for quotes in ["\"", "'", "\"\"\"", "'''"] {
            let value = format!("{quotes}2 Gbps{quotes}");
            let source = tables.replace("\"2 Gbps\"", &value);
            check(&source, 64_001, &value, &format!("{quotes}64.001 kbps{quotes}"));
        }
        check(&tables.replace("\"2 Gbps\"", "2_000_000_000"), 64_001, "2_000_000_000", "64001");
        check(&tables.replace("\"2 Gbps\"", "+2000000000"), 64_001, "+2000000000", "64001");
        check(&tables.replace("2 Gbps", "2\\u0020Gbps"), 64_001, "2\\u0020Gbps", "64.001 kbps");
        check("circuit = [{ name = 'contoso', bandwidth = 64001}]", 64_000, "64001", "64000");
        check(
            "circuit = [{ name = 'contoso', 'bandwidth' = '1 Mbps' }]",
            64_000,
            "1 Mbps",
            "64 kbps",
        );
    }

    #[test]
    fn the_bandwidth_that_is_there_stays_as_it_is_written() {
        let source = "circuit = [{ name = 'contoso', bandwidth = '1000 Mbps' }]";
        assert_eq!(with_bandwidth(source, "contoso", 1_000_000_000).as_deref(), Some(source));
    }

    #[test]
    fn what_is_not_there_is_not_changed() {
        for source in [
            "",
            "circuit = 1",
            "[[circuit]]\nname = 'fabrikam'\nbandwidth = '1 Gbps'",
            "[[circuit]]\nname = 'contoso'",
            "[[circuit]]\nname = 'contoso'\nbandwidth = 1.5",
            "[[circuit]\nname = 'contoso'\nbandwidth = '1 Gbps'",
        ] {
            assert_eq!(with_bandwidth(source, "contoso", 64_000), None, "{source}");
        }
    }
}
