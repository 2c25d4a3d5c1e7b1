//! Events as people read them.

use edge_api::{EdgeEvent, EventKind};

use super::table::plain;

/// An event in one line, without its end.
#[must_use]
pub fn line(event: &EdgeEvent) -> String {
    let subject = Some(event.subject()).filter(|subject| !subject.is_empty());
    let subject = subject.map_or_else(String::new, |subject| format!("{}: ", plain(&subject)));
    let mark = if event.kind == EventKind::Gap { "! events are missing: " } else { "" };
    let (at, kind) = (event.at, event.kind.as_str());
    format!("{at:.0}  {kind:18}  {mark}{subject}{}", plain(&event.sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_kind_subject_and_sentence() {
        let event = |kind: &str, port: Option<&str>, sentence: &str| {
            let document = serde_json::json!({
                "id": "0-1", "at": "2026-01-01T00:00:00.2Z", "kind": kind, "port": port, "circuit": null,
                "export": null, "sentence": sentence, "details": null,
            });
            line(&serde_json::from_value(document).expect("an event"))
        };
        assert_eq!(
            event("port", Some("core0"), "eth1 is\tdown"),
            "2026-01-01T00:00:00Z  port                port core0: eth1 is\u{fffd}down"
        );
        assert_eq!(
            event("gap", None, "7 events are not kept any more"),
            "2026-01-01T00:00:00Z  gap                 ! events are missing: 7 events are not kept any more"
        );
    }
}
