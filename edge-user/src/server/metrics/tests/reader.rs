//! A strict reader of both formats: `OpenMetrics` 1.0.0 and Prometheus's text format 0.0.4, with
//! counters, gauges and infos.

use std::collections::{BTreeMap, BTreeSet};

use super::super::format::TextFormat;

/// The content of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The number of families.
    pub(super) families: usize,
    /// Values, by name and labels, such as `edge_port_attached{port=C1}`, without quotes or escapes.
    pub(super) samples: BTreeMap<String, String>,
}

/// The family that lines are about.
struct Family<'t> {
    /// Its name in `# HELP` and `# TYPE`.
    name: &'t str,
    /// The name of its samples, when `# TYPE` has told it.
    sample: Option<String>,
    has_samples: bool,
}

/// Reads an answer, or says which rule it breaks.
pub(super) fn read(text: &str, format: TextFormat) -> Result<Answer, String> {
    let text = match format {
        TextFormat::OpenMetrics => text.strip_suffix("# EOF\n").ok_or("no end")?,
        TextFormat::Text => text,
    };
    let lines = text.strip_suffix('\n').ok_or("the last line has no end")?.split('\n');
    let mut answer = Answer::default();
    let mut seen = BTreeSet::new();
    let mut family: Option<Family<'_>> = None;
    for line in lines {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').ok_or_else(|| format!("no help: {line}"))?;
            ensure(is_name(name) && !help.is_empty(), line)?;
            ensure(seen.insert(name), line)?;
            answer.families += 1;
            family = Some(Family { name, sample: None, has_samples: false });
            continue;
        }
        let family = family.as_mut().ok_or_else(|| format!("of no family: {line}"))?;
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
            ensure(name == family.name && family.sample.is_none() && !family.has_samples, line)?;
            family.sample = Some(sample_name(name, kind, format)?);
        } else if let Some(unit) = line.strip_prefix("# UNIT ") {
            let (name, unit) = unit.split_once(' ').ok_or_else(|| format!("no unit: {line}"))?;
            ensure(format == TextFormat::OpenMetrics && name == family.name, line)?;
            ensure(name.ends_with(&format!("_{unit}")) && !family.has_samples, line)?;
        } else {
            let (name, sample, value) = sample(line)?;
            ensure(family.sample.as_deref() == Some(name), line)?;
            family.has_samples = true;
            ensure(value.parse::<f64>().is_ok(), line)?;
            ensure(answer.samples.insert(sample, value.to_owned()).is_none(), line)?;
        }
    }
    Ok(answer)
}

/// The name that a family's samples must have. In `OpenMetrics` a suffix comes behind the family's
/// name; in the older format the family has it already, and info is a gauge.
fn sample_name(name: &str, kind: &str, format: TextFormat) -> Result<String, String> {
    let suffix = match kind {
        "counter" => "_total",
        "info" if format == TextFormat::OpenMetrics => "_info",
        "gauge" => "",
        other => return Err(format!("the type {other}")),
    };
    let ends_reserved = name.ends_with("_total") || name.ends_with("_info");
    match format {
        TextFormat::OpenMetrics if ends_reserved => Err(format!("a family named {name}")),
        TextFormat::OpenMetrics => Ok(format!("{name}{suffix}")),
        TextFormat::Text if !name.ends_with(suffix) => Err(format!("a counter named {name}")),
        TextFormat::Text => Ok(name.to_owned()),
    }
}

/// Name, name with labels, and value of a sample.
fn sample(line: &str) -> Result<(&str, String, &str), String> {
    let end = line.find(['{', ' ']).ok_or_else(|| format!("no value: {line}"))?;
    let (name, mut rest) = line.split_at(end);
    ensure(is_name(name), line)?;
    let mut labels: Vec<(&str, String)> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").ok_or_else(|| format!("{rest}: {line}"))?;
            ensure(is_name(label) && labels.iter().all(|(other, _)| *other != label), line)?;
            let (value, behind) = unescaped(value).ok_or_else(|| format!("escapes: {line}"))?;
            labels.push((label, value));
            if let Some(next) = behind.strip_prefix(',') {
                rest = next;
            } else {
                rest = behind.strip_prefix('}').ok_or_else(|| format!("no brace: {line}"))?;
                break;
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or_else(|| format!("no value: {line}"))?;
    let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}={value}")).collect();
    Ok((name, format!("{name}{{{}}}", labels.join(",")), value))
}

/// A label's value, and the text behind its closing quote.
fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                same @ ('"' | '\\') => same,
                _ => return None,
            }),
            (_, other) => value.push(other),
        }
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn ensure(holds: bool, line: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("wrong: {line}")) }
}

#[test]
fn wrong_answers_are_refused() {
    let open = "# HELP a_seconds A.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n";
    let plain = "# HELP b_total B.\n# TYPE b_total counter\nb_total{c=\"d\"} 1\n";
    assert!(read(open, TextFormat::OpenMetrics).is_ok() && read(plain, TextFormat::Text).is_ok());
    // Neither format is the other.
    assert!(read(open, TextFormat::Text).is_err() && read(plain, TextFormat::OpenMetrics).is_err());
    for (right, wrong) in [
        ("b_total{c=\"d\"} 1\n", "b_total{c=\"d\"} 1"),
        ("b_total{c=\"d\"} 1\n", "b_total{c=\"d\"} 1\nb_total{c=\"d\"} 1\n"),
        ("b_total{c=\"d\"} 1\n", "b{c=\"d\"} 1\n"),
        ("\"d\"", "\"\\d\""),
        ("\"d\"", "\"d"),
        ("c=\"d\"", "c=\"d\",c=\"e\""),
        ("counter", "info"),
        (" 1", ""),
        (" 1", " one"),
    ] {
        assert!(read(&plain.replace(right, wrong), TextFormat::Text).is_err(), "{wrong}");
    }
}
