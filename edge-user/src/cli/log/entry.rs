//! An entry in the journal's native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use tracing::Level;

/// Most bytes of a value. A datagram of Linux's default size has room for one, and for names beside it.
const MOST_VALUE_BYTES: usize = 64 << 10;

/// An entry in the making.
pub(super) struct Entry(Vec<u8>);

impl Entry {
    /// With this message.
    pub(super) fn new(level: Level, message: &str) -> Self {
        let mut entry = Self(Vec::with_capacity(256));
        entry.put("PRIORITY", priority(level));
        // `daemon`, as systemd has it for standard error.
        entry.put("SYSLOG_FACILITY", "3");
        entry.put("SYSLOG_IDENTIFIER", "edge");
        entry.put("MESSAGE", message);
        entry
    }

    /// With one more field. A name can have several.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        let end = value.floor_char_boundary(MOST_VALUE_BYTES);
        let (value, cut) = (&value[..end], if end < value.len() { "…" } else { "" });
        let Self(bytes) = self;
        bytes.extend_from_slice(name.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend_from_slice(&((value.len() + cut.len()) as u64).to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(cut.as_bytes());
        bytes.push(b'\n');
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The priority of syslog(3).
pub(super) fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_several_lines_have_their_length() {
        let mut entry = Entry::new(Level::WARN, "a\nb");
        entry.put("EDGE_PORT", "P1");
        let head = b"PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=edge\n".as_slice();
        let rest = b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\nEDGE_PORT=P1\n".as_slice();
        assert_eq!(entry.into_bytes(), [head, rest].concat());
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        // Two bytes each, from an odd place on.
        let long = format!("a{}", "é".repeat(MOST_VALUE_BYTES));
        for (text, newlines) in [(long.clone(), 0), (format!("\n{long}"), 1)] {
            let mut entry = Entry(Vec::new());
            entry.put("M", &text);
            let bytes = entry.into_bytes();
            let value = &bytes[if newlines == 0 { 2 } else { 10 }..bytes.len() - 1];
            let value = std::str::from_utf8(value).expect("whole characters");
            let kept = value.strip_suffix('…').expect("a mark of the cut");
            assert!(text.starts_with(kept) && kept.len() >= MOST_VALUE_BYTES - 1);
            if newlines == 1 {
                assert_eq!(bytes[2..10], (value.len() as u64).to_le_bytes());
            }
        }
    }

    #[test]
    fn priorities_are_those_of_syslog() {
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        assert_eq!(levels.map(priority), ["3", "4", "6", "7", "7"]);
    }
}
