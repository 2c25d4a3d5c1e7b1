//! The parser returns errors or a configuration for any file, and never panics.

use std::path::Path;

use edge_common::abi::rate::Rate;
use proptest::prelude::*;

use super::{CONTRACT, TAGS_AND_CLASSES, parse, prices::PRICED, routed::ROUTED};

/// Reads anything: an error or a configuration that the policer can do.
fn read(source: &str) {
    match parse(source, Path::new("f")) {
        Ok(config) => {
            let _ = (config.warnings(), config.summary());
            for circuit in &config.circuits {
                let rate = Rate::new(circuit.bandwidth_bps, circuit.burst_bytes);
                assert!(rate.is_ok(), "{circuit:?}");
            }
        }
        Err(errors) => {
            assert!(!errors.errors().is_empty(), "no error in\n{source}");
            assert_eq!(errors.to_string().lines().count(), errors.errors().len(), "{errors}");
        }
    }
}

/// A value that the file has, or hasn't, or has elsewhere.
pub(super) fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        "[0-9]{1,22}(\\.[0-9]{1,22})? ?(ms|us|s|min|h|d|KiB|MB|Mbps|Gbps|bps|µs)?"
            .prop_map(|t| format!("{t:?}")),
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        Just("[]".into()),
        Just("{}".into()),
        Just("[[], {}, 1, 'x']".into()),
        Just("'\\u0000'".into()),
        "[0-9]{1,5} ?- ?[0-9]{1,5}".prop_map(|text| format!("{text:?}")),
        Just("'any'".into()),
        Just("true".into()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read(source in any::<String>()) {
        read(&source);
    }

    #[test]
    fn text_of_tomls_characters_is_read(source in "[a-c\\[\\]{}.,=\"'#é0-9\\-+_ \\n\\\\]{0,60}") {
        read(&source);
    }

    #[test]
    fn lines_with_other_values_are_read(
        source in prop::sample::select(&[CONTRACT, TAGS_AND_CLASSES, PRICED, ROUTED][..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..5),
    ) {
        let mut lines: Vec<String> = source.lines().map(Into::into).collect();
        for (at, value) in changes {
            let line = at.get(&lines).clone();
            let at = at.index(lines.len());
            if let Some((key, _)) = line.split_once('=') {
                lines[at] = format!("{key}={value}");
            } else {
                lines.remove(at);
            }
        }
        read(&lines.join("\n"));
    }

    #[test]
    fn lines_in_another_order_are_read(
        lines in Just(CONTRACT.lines().collect::<Vec<_>>()).prop_shuffle(),
        len in 0..40usize,
    ) {
        read(&lines[..len].join("\n"));
    }
}
