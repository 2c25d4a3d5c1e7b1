//! Files with circuits, written shortly.

use super::MINIMAL;

/// Where a line with a mark has its value.
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) circuit: String,
}

/// [`MINIMAL`] with circuits c1, c2, …, separated by `|`: each its keys and, after a `+` each,
/// those of its peerings, with `/` between keys. A word after `#` is a comment: a line's mark.
pub(super) fn circuits(text: &str) -> String {
    let mut lines: Vec<String> = MINIMAL.lines().map(Into::into).collect();
    let keys = |text: &str| text.split('/').map(|key| key.trim().to_string()).collect::<Vec<_>>();
    for (number, circuit) in (1..).zip(text.split('|')) {
        let mut parts = circuit.split('+');
        lines.extend(["[[circuit]]".into(), format!("name='c{number}'")]);
        lines.push("bandwidth=1000000".into());
        lines.extend(parts.next().map(keys).unwrap_or_default());
        for (kind, peering) in ["private", "public", "microsoft"].iter().zip(parts) {
            lines.extend(["[[circuit.peering]]".into(), format!("kind='{kind}'")]);
            lines.extend(keys(peering));
        }
    }
    lines.join("\n")
}

/// The line with `mark`.
pub(super) fn place(source: &str, mark: &str) -> Place {
    let lines = (1..).zip(source.lines());
    let mut circuit = String::new();
    for (line, text) in lines {
        if let Some(name) = text.strip_prefix("name='") {
            circuit = name.trim_end_matches('\'').into();
        }
        if text.ends_with(mark) {
            let column = text.find('=').expect("a key") + 2;
            return Place { line, column, circuit };
        }
    }
    panic!("no {mark} in\n{source}")
}
