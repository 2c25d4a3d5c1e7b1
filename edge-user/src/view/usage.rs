//! Records of usage as a table, as CSV and as JSON.

use std::io::{self, Write};

use comfy_table::Table;
use jiff::{Timestamp, tz::Offset};
use serde::Serialize;

use super::table::{plain, text_table};
use crate::{
    billing::ledger::{Percentile, UsageRecord},
    units::{bit_rate, count},
};

/// Fields of [`UsageRecord`].
pub const USAGE_HEADER: &[&str] = &[
    "edge",
    "circuit",
    "service_key",
    "peering",
    "link",
    "direction",
    "class",
    "billing",
    "accounting",
    "start",
    "end",
    "frames",
    "bytes",
    "billed_bytes",
    "estimated",
];

/// Fields of [`Percentile`].
pub const PERCENTILE_HEADER: &[&str] =
    &["edge", "circuit", "direction", "start", "end", "samples", "p95_bps"];

/// Prints one document: an object with all records under `key`.
pub fn json(out: &mut dyn Write, key: &str, records: &[impl Serialize]) -> io::Result<()> {
    write!(out, "{{{}:", serde_json::to_string(key)?)?;
    serde_json::to_writer(&mut *out, records)?;
    writeln!(out, "}}")?;
    Ok(())
}

/// Prints a header, and then one line for each record.
pub fn csv(out: &mut dyn Write, header: &[&str], records: &[impl Serialize]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(header).map_err(of_csv)?;
    for record in records {
        writer.serialize(record).map_err(of_csv)?;
    }
    writer.flush()
}

/// The system's error inside a CSV error: callers look for a closed pipe.
fn of_csv(error: csv::Error) -> io::Error {
    let text = error.to_string();
    if let csv::ErrorKind::Io(error) = error.into_kind() { error } else { io::Error::other(text) }
}

/// Records for people, with the sums.
#[must_use]
pub fn usage_table(records: &[UsageRecord]) -> Table {
    let header = [
        "edge",
        "circuit",
        "peering",
        "link",
        "direction",
        "class",
        "billing",
        "start",
        "end",
        "frames",
        "bytes",
        "billed bytes",
        "",
    ];
    let mut table = text_table(header, [9, 10, 11]);
    let mut sums = [0u64; 3];
    for record in records {
        let counts = [record.frames, record.bytes, record.billed_bytes];
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum = sum.saturating_add(count);
        }
        let [frames, bytes, billed_bytes] = counts.map(count);
        table.add_row([
            plain(&record.edge),
            plain(&record.circuit),
            record.peering.clone(),
            record.link.clone(),
            record.direction.clone(),
            plain(&record.class),
            record.billing.clone(),
            minutes(record.start),
            minutes(record.end),
            frames,
            bytes,
            billed_bytes,
            if record.estimated { "estimated" } else { "" }.to_owned(),
        ]);
    }
    let mut totals = vec![String::new(); header.len()];
    "total".clone_into(&mut totals[0]);
    for (cell, sum) in totals[9..].iter_mut().zip(sums) {
        *cell = count(sum);
    }
    table.add_row(totals);
    table
}

/// Percentiles for people.
#[must_use]
pub fn percentile_table(percentiles: &[Percentile]) -> Table {
    let header = ["edge", "circuit", "direction", "start", "end", "samples", "95th percentile"];
    let mut table = text_table(header, [5, 6]);
    for percentile in percentiles {
        table.add_row([
            plain(&percentile.edge),
            plain(&percentile.circuit),
            percentile.direction.clone(),
            minutes(percentile.start),
            minutes(percentile.end),
            count(percentile.samples),
            bit_rate(percentile.p95_bps),
        ]);
    }
    table
}

/// A moment to the minute, in UTC.
pub(super) fn minutes(time: Timestamp) -> String {
    Offset::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(circuit: &str, bytes: u64) -> UsageRecord {
        UsageRecord {
            edge: "edge-1".to_owned(),
            circuit: circuit.to_owned(),
            service_key: None,
            peering: "private".to_owned(),
            link: "primary".to_owned(),
            direction: "outbound".to_owned(),
            class: "default".to_owned(),
            billing: "metered".to_owned(),
            accounting: "l2".to_owned(),
            start: "2026-01-01T00:00:00Z".parse().unwrap(),
            end: "2026-01-01T01:00:00Z".parse().unwrap(),
            frames: bytes / 100,
            bytes,
            billed_bytes: bytes,
            estimated: bytes > 1000,
        }
    }

    fn percentile() -> Percentile {
        Percentile {
            edge: "edge-1".to_owned(),
            circuit: "a".to_owned(),
            direction: "greater".to_owned(),
            start: "2026-01-01T00:00:00Z".parse().unwrap(),
            end: "2026-01-02T00:00:00Z".parse().unwrap(),
            samples: 288,
            p95_bps: 2_500_000,
        }
    }

    fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_document() {
        let json = text(|out| json(out, "records", &[record("a", 100)]));
        assert_eq!(
            json,
            "{\"records\":[{\"edge\":\"edge-1\",\"circuit\":\"a\",\"service_key\":null,\
             \"peering\":\"private\",\"link\":\"primary\",\"direction\":\"outbound\",\
             \"class\":\"default\",\"billing\":\"metered\",\"accounting\":\"l2\",\
             \"start\":\"2026-01-01T00:00:00Z\",\"end\":\"2026-01-01T01:00:00Z\",\"frames\":1,\
             \"bytes\":100,\"billed_bytes\":100,\"estimated\":false}]}\n"
        );
        let none: [Percentile; 0] = [];
        assert_eq!(text(|out| super::json(out, "percentiles", &none)), "{\"percentiles\":[]}\n");
    }

    #[test]
    fn csv_has_the_same_fields_and_quotes_strange_names() {
        let names = ["a,b", "say \"hi\"", "two\nlines", " padded ", "=1+1", "Ümlaut"];
        let records: Vec<_> = names.iter().map(|name| record(name, 2000)).collect();
        let csv = text(|out| csv(out, USAGE_HEADER, &records));
        assert!(csv.contains(",\"a,b\",") && csv.contains(",\"say \"\"hi\"\"\","), "{csv}");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let read: Vec<UsageRecord> = reader.deserialize().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, records);
    }

    #[test]
    fn headers_are_the_fields_of_the_records() {
        // In order, which `Value` does not keep.
        let fields = |json: &str| -> Vec<String> {
            json.split(['{', ','])
                .filter_map(|pair| Some(pair.split_once(':')?.0.to_owned()))
                .map(|name| name.trim_matches('"').to_owned())
                .collect()
        };
        let usage = serde_json::to_string(&record("a", 1)).unwrap();
        assert_eq!(fields(&usage), USAGE_HEADER);
        let percentile = serde_json::to_string(&percentile()).unwrap();
        assert_eq!(fields(&percentile), PERCENTILE_HEADER);
        let none: [UsageRecord; 0] = [];
        let csv = text(|out| csv(out, USAGE_HEADER, &none));
        assert_eq!(csv.trim_end(), USAGE_HEADER.join(","), "also where there is nothing");
    }

    #[test]
    fn tables_have_minutes() {
        assert_eq!(minutes("2026-01-31T23:59:59.9Z".parse().unwrap()), "2026-01-31 23:59");
    }

    #[test]
    fn tables_have_sums_and_times_for_people() {
        let table = usage_table(&[record("a", 1_000), record("evil\u{1b}[2J", 2_000)]).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert!(lines[1].contains("2026-01-01 00:00") && lines[1].contains("2026-01-01 01:00"));
        assert!(!lines[1].contains("estimated") && lines[2].contains("estimated"), "{table}");
        assert!(!table.contains('\u{1b}'), "{table}");
        let total: Vec<&str> = lines[3].split_whitespace().collect();
        assert_eq!(total, ["total", "30", "3,000", "3,000"]);
        let table = percentile_table(&[percentile()]).to_string();
        assert!(table.contains("2.5 Mbps") && table.contains("greater"), "{table}");
    }
}
