//! Availability as a table, and as CSV.

use std::io::{self, Write};

use comfy_table::Table;
use edge_api::{Availability, PeeringAvailability};
use jiff::{Timestamp, tz::Offset};
use serde::Serialize;

use super::{
    table::{plain, text_table},
    usage::{csv, minutes},
};
use crate::units::count;

/// Fields of a line of CSV: those of a peering in the document, without its links.
const HEADER: &[&str] = &[
    "edge",
    "circuit",
    "peering",
    "minutes_up",
    "minutes_degraded",
    "minutes_down",
    "minutes_unknown",
    "minutes_planned",
    "availability_percent",
    "sla_minutes",
    "sla_minutes_down",
    "sla_percent",
];

/// Prints a line for each peering and, `with_changes`, one for each change of a link.
pub fn print(found: &Availability, with_changes: bool, out: &mut dyn Write) -> io::Result<()> {
    let (from, until) = (minutes(found.from), minutes(found.until));
    writeln!(out, "{}, minutes from {from} to {until} (UTC)", found.month)?;
    if found.peerings.is_empty() {
        return writeln!(out, "no routed peering is known of this time");
    }
    writeln!(out, "\n{}", table(&found.peerings).trim_fmt())?;
    if with_changes {
        writeln!(out, "\n{}", changes(&found.peerings).trim_fmt())?;
    }
    Ok(())
}

/// Prints a header, and a line for each peering.
pub fn print_csv(found: &Availability, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<CsvLine<'_>> = found.peerings.iter().map(CsvLine::of).collect();
    csv(out, HEADER, &lines)
}

fn table(peerings: &[PeeringAvailability]) -> Table {
    let header = [
        "circuit",
        "peering",
        "up",
        "degraded",
        "down",
        "unknown",
        "planned",
        "availability",
        "SLA",
    ];
    let mut table = text_table(header, [2, 3, 4, 5, 6, 7]);
    for it in peerings {
        let percent = it.availability_percent.as_ref();
        table.add_row([
            plain(&it.circuit),
            it.peering.clone(),
            count(it.minutes_up),
            count(it.minutes_degraded),
            count(it.minutes_down),
            count(it.minutes_unknown),
            count(it.minutes_planned),
            percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %")),
            sla(it),
        ]);
    }
    table
}

fn sla(it: &PeeringAvailability) -> String {
    match (&it.sla_percent, &it.links[..]) {
        (Some(percent), _) => {
            let (down, all) = (count(it.sla_minutes_down), count(it.sla_minutes));
            format!("{percent} % ({down} of {all} minutes down)")
        }
        (None, [_]) => "no SLA: one link".to_owned(),
        (None, _) => "no SLA: both links were never in use together".to_owned(),
    }
}

fn changes(peerings: &[PeeringAvailability]) -> Table {
    let mut table = text_table(["circuit", "peering", "link", "since", "state", "reason"], []);
    for it in peerings {
        for link in &it.links {
            for change in &link.changes {
                table.add_row([
                    plain(&it.circuit),
                    it.peering.clone(),
                    link.link.clone(),
                    seconds(change.at),
                    change.state.clone(),
                    change.reason.clone(),
                ]);
            }
        }
    }
    table
}

/// A moment to the second, in UTC.
fn seconds(time: Timestamp) -> String {
    Offset::UTC.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[derive(Serialize)]
struct CsvLine<'a> {
    edge: &'a str,
    circuit: &'a str,
    peering: &'a str,
    minutes: [u64; 5],
    availability_percent: Option<&'a str>,
    sla_minutes: u64,
    sla_minutes_down: u64,
    sla_percent: Option<&'a str>,
}

impl<'a> CsvLine<'a> {
    fn of(it: &'a PeeringAvailability) -> Self {
        Self {
            edge: &it.edge,
            circuit: &it.circuit,
            peering: &it.peering,
            minutes: [
                it.minutes_up,
                it.minutes_degraded,
                it.minutes_down,
                it.minutes_unknown,
                it.minutes_planned,
            ],
            availability_percent: it.availability_percent.as_deref(),
            sla_minutes: it.sla_minutes,
            sla_minutes_down: it.sla_minutes_down,
            sla_percent: it.sla_percent.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_api::{LinkAvailability, LinkTransition};

    use super::*;

    fn found() -> Availability {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let change = LinkTransition {
            at: time("2026-01-02T03:04:05.6Z"),
            state: "down".to_owned(),
            reason: "session".to_owned(),
        };
        let link = |name: &str| LinkAvailability {
            link: name.to_owned(),
            changes: vec![change.clone()],
            ..LinkAvailability::default()
        };
        let two = PeeringAvailability {
            edge: "edge-1".to_owned(),
            circuit: "contoso".to_owned(),
            peering: "private".to_owned(),
            minutes_up: 44_600,
            minutes_down: 20,
            minutes_planned: 3,
            availability_percent: Some("99.9551".to_owned()),
            sla_minutes: 44_620,
            sla_minutes_down: 20,
            sla_percent: Some("99.9551".to_owned()),
            links: vec![link("primary"), link("secondary")],
            ..PeeringAvailability::default()
        };
        let one = PeeringAvailability {
            circuit: "fabrikam".to_owned(),
            availability_percent: None,
            sla_minutes: 0,
            sla_percent: None,
            links: vec![link("primary")],
            ..two.clone()
        };
        let (from, until) = (time("2026-01-01T00:00:00Z"), time("2026-02-01T00:00:00Z"));
        let peerings = vec![two, one];
        let month = "2026-01".to_owned();
        Availability { month, from, until, peerings, is_complete: true, warnings: Vec::new() }
    }

    fn lines(text: Vec<u8>) -> Vec<String> {
        let text = String::from_utf8(text).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(words).filter(|line| !line.is_empty()).collect()
    }

    #[test]
    fn a_peering_has_a_line_and_one_link_no_sla() {
        let mut out = Vec::new();
        print(&found(), true, &mut out).unwrap();
        let lines = lines(out);
        assert_eq!(lines[0], "2026-01, minutes from 2026-01-01 00:00 to 2026-02-01 00:00 (UTC)");
        assert_eq!(
            lines[2..4],
            [
                "contoso private 44,600 0 20 0 3 99.9551 % 99.9551 % (20 of 44,620 minutes down)",
                "fabrikam private 44,600 0 20 0 3 - no SLA: one link",
            ]
        );
        assert_eq!(lines[5], "contoso private primary 2026-01-02 03:04:05 down session");
        assert_eq!(lines.len(), 8);
        let none = Availability { peerings: Vec::new(), ..found() };
        let mut out = Vec::new();
        print(&none, true, &mut out).unwrap();
        assert!(out.ends_with(b"no routed peering is known of this time\n"));
    }

    #[test]
    fn csv_has_a_column_for_each_field() {
        let mut out = Vec::new();
        print_csv(&found(), &mut out).unwrap();
        let lines = lines(out);
        assert_eq!(lines[0], HEADER.join(","));
        assert_eq!(lines[1], "edge-1,contoso,private,44600,0,20,0,3,99.9551,44620,20,99.9551");
        assert_eq!(lines[2], "edge-1,fabrikam,private,44600,0,20,0,3,,0,20,");
    }
}
