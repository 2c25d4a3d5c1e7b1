//! A bill taken apart, from a ledger that has seen something.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::{GBPS, month, prices, terms, time};
use crate::{
    billing::{
        ledger::{
            ClassReading, EpochInfo, Ledger, Owner, Policy, Reading, SeriesUsage, SlotReading,
            TermsChange, TimeStretch,
        },
        rating::{Explanation, Input, explain},
    },
    model::{Accounting, Billing, Direction, Link, PeeringKind, Sku, Terms},
    time::Moment,
    view,
};

const DAILY: Policy = Policy { period: Duration::from_hours(24), gap: Duration::from_hours(25) };

/// Of a boot at the beginning of the year, by a clock that is right.
fn moment(wall: &str) -> Moment {
    let wall = time(wall);
    let boot_us = wall.as_microsecond() - time("2026-01-01T00:00:00Z").as_microsecond();
    Moment { wall, boot_id: Uuid::from_u128(7), boot_us, is_synchronized: true }
}

fn epoch(number: u128, created: &str) -> EpochInfo {
    EpochInfo {
        id: Uuid::from_u128(number),
        boot_id: Uuid::from_u128(7),
        pin_dir: PathBuf::from("/sys/fs/bpf/edge"),
        layout_version: 1,
        created: time(created),
    }
}

fn slot(slot: u32, circuit: &str, direction: Direction, bytes: u64) -> SlotReading {
    let owner = Owner {
        edge: "e".into(),
        circuit: circuit.into(),
        service_key: (circuit != "gone").then(|| "k".into()),
        peering: PeeringKind::Private,
        link: Link::Primary,
        direction,
        billing: Billing::Metered,
        accounting: Accounting::L2,
    };
    let classes = vec![ClassReading { class: "default".into(), frames: bytes / 100, bytes }];
    SlotReading { slot, generation: 1, owner, classes, drops: Vec::new() }
}

/// The bytes of each slot at a moment.
fn book(ledger: &mut Ledger, epoch: &EpochInfo, wall: &str, slots: Vec<SlotReading>) {
    let reading = Reading { epoch: epoch.clone(), taken: moment(wall), slots, is_final: false };
    ledger.book(&reading, &DAILY).expect(wall);
}

fn sold(circuit: &str, key: Option<&str>, gbps: u64) -> Terms {
    Terms {
        circuit: circuit.into(),
        service_key: key.map(Into::into),
        bandwidth_bps: gbps * GBPS,
        ..terms(Billing::Metered, Sku::Standard)
    }
}

fn change(ledger: &mut Ledger, wall: &str, terms: Vec<Terms>, ended: &[&str]) {
    let ended = ended.iter().map(ToString::to_string).collect();
    let change = TermsChange { at: moment(wall), edge: "e".into(), is_all: false, terms, ended };
    ledger.note_terms(&change, None).expect(wall);
}

/// A February with usage of January that was counted late, another rate, two days without readings, tables that
/// vanish, another name, and a period that is not over. Another circuit ends just before it.
fn made() -> (TempDir, Ledger) {
    let directory = TempDir::new().expect("a directory");
    let mut made = Ledger::open(directory.path()).expect("a ledger");
    let ledger = &mut made;
    for wall in ["2026-01-15T00:00:00Z", "2026-01-15T00:15:00Z"] {
        ledger.observe(&moment(wall)).expect(wall);
    }
    let first = vec![sold("c", Some("k"), 1), sold("gone", None, 1)];
    change(ledger, "2026-01-15T00:20:00Z", first, &[]);
    let one = epoch(1, "2026-01-31T00:00:00Z");
    let counted = |outbound, inbound, gone| {
        vec![
            slot(1, "c", Direction::Outbound, outbound),
            slot(2, "c", Direction::Inbound, inbound),
            slot(3, "gone", Direction::Outbound, gone),
        ]
    };
    book(ledger, &one, "2026-01-31T23:50:00Z", counted(1_000, 0, 500));
    change(ledger, "2026-01-31T23:58:00Z", Vec::new(), &["gone"]);
    ledger.seal(time("2026-02-01T00:00:00Z")).expect("January is over");
    book(ledger, &one, "2026-02-01T00:10:00Z", counted(1_400, 0, 700));
    for day in 2..=12 {
        let wall = format!("2026-02-{day:02}T00:10:00Z");
        book(ledger, &one, &wall, counted(1_400 + 100 * (day - 1), 0, 700));
        if day == 6 {
            ledger.seal(time("2026-02-06T00:00:00Z")).expect("some days are over");
        }
    }
    change(ledger, "2026-02-10T12:00:00Z", vec![sold("c", Some("k"), 2)], &[]);
    // Nobody reads for 60 hours.
    book(ledger, &one, "2026-02-14T12:10:00Z", counted(3_100, 0, 700));
    book(ledger, &one, "2026-02-15T00:10:00Z", counted(3_200, 900, 700));
    let two = epoch(2, "2026-02-15T06:00:00Z");
    let found = ledger.mark_lost(&[&two], &moment("2026-02-15T06:00:00Z"));
    assert_eq!(found.expect("a gap").len(), 1);
    change(ledger, "2026-02-15T06:00:00Z", vec![sold("d", Some("k"), 2)], &["c"]);
    for (day, bytes) in [("16T00:10", 300), ("17T00:00", 600), ("17T12:00", 700)] {
        let slots = vec![slot(1, "d", Direction::Outbound, bytes)];
        book(ledger, &two, &format!("2026-02-{day}:00Z"), slots);
    }
    ledger.seal(time("2026-02-17T00:00:00Z")).expect("most days are over");
    assert_eq!(ledger.check().expect("it can be read"), [""; 0]);
    (directory, made)
}

fn parts(ledger: &Ledger, circuit: &str) -> (Input, Vec<SeriesUsage>) {
    let february = month("2026-02");
    let (start, end) = (february.start(), february.end());
    let spans = ledger.terms_around(start, end).expect("terms");
    let mut input = Input { records: Vec::new(), spans, ..Input::default() };
    let changes = input.changes_of_price();
    input.records = ledger.usage_in_parts(start, end, &changes).expect("usage");
    let named = input.named(circuit);
    let is_own =
        |series: &edge_api::UsageRecord| named.has(&series.circuit, series.service_key.as_deref());
    let series = ledger.usage_by_record(start, end, is_own).expect("records");
    drop(named);
    input.retain_circuit(circuit);
    (input, series)
}

fn explained(ledger: &Ledger, circuit: &str) -> Explanation {
    let (input, series) = parts(ledger, circuit);
    let explained = explain("e", month("2026-02"), &prices(), &input, &series);
    let mut explained = explained.expect("it adds up");
    for circuit in &mut explained.circuits {
        let past: Vec<TimeStretch> = circuit
            .existed
            .iter()
            .map(|existed| TimeStretch {
                to: existed.to.min(time("2026-02-17T12:00:00Z")),
                ..*existed
            })
            .collect();
        circuit.readings = ledger.readings(&circuit.numbers, &past).expect("readings");
    }
    explained
}

/// Text with words for the ledgers' ids, by their order, and without spaces at the ends of lines.
fn told(explanation: &Explanation, each_record: bool) -> String {
    let mut text = Vec::new();
    view::explained::print(explanation, each_record, &mut text).expect("it is memory");
    let mut text = String::from_utf8(text).expect("text");
    let series = explanation.circuits.iter().flat_map(|circuit| &circuit.lines);
    let records = series.flat_map(|line| &line.series).flat_map(|series| &series.records);
    let mut ids: Vec<_> = records.filter_map(|record| record.usage.id).collect();
    ids.sort_by_key(|id| id.seq);
    ids.dedup_by_key(|id| id.ledger);
    for (number, id) in ids.iter().enumerate() {
        text = text.replace(&id.ledger.to_string(), &format!("LEDGER{number}"));
    }
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[test]
fn a_bill_is_told_down_to_records_readings_and_terms() {
    let (_directory, ledger) = made();
    let explanation = explained(&ledger, "d");
    assert_eq!(explanation.differences, [""; 0]);
    let text = told(&explanation, false);
    let expected = "\
e, 2026-02 (UTC), amounts in EUR

d, service key k, zone zone-1: total 724.07 EUR

1 Gbps metered, 2026-02-01T00:00:00Z to 2026-02-10T12:00:00Z: 0.339286 month at 436.00 is 147.93
 from                  to                    seconds  terms
 2026-02-01T00:00:00Z  2026-02-10T12:00:00Z   820800      1
 sum 820800 seconds

2 Gbps metered, 2026-02-10T12:00:00Z to 2026-03-01T00:00:00Z: 0.660714 month at 872.00 is 576.14
 from                  to                    seconds  terms
 2026-02-10T12:00:00Z  2026-02-15T06:00:00Z   410400      2
 2026-02-15T06:00:00Z  2026-03-01T00:00:00Z  1188000      3
 sum 1598400 seconds

outbound, metered: 0.000003 GB at 0.025 is 0.00
 of                                from              to                records  record ids                                     frames  bytes  terms
 private primary default l2, as c  2026-02-01 00:00  2026-02-06 00:00        5  LEDGER0-3 to 8         8    899      1
 private primary default l2, as c  2026-02-06 00:00  2026-02-10 00:00        4  LEDGER1-9 to 12        4    400      1
 private primary default l2, as c  2026-02-10 00:00  2026-02-12 00:00        2  LEDGER1-13 to 14       2    200      2
 private primary default l2, as c  2026-02-12 00:00  2026-02-15 00:00        3  LEDGER1-15 to 17       7    699      2  estimated
 private primary default l2, as c  2026-02-15 00:00  2026-02-16 00:00        1  LEDGER1-19             1      2      3
 private primary default l2        2026-02-15 00:00  2026-02-17 00:00        2  LEDGER1-21 to 22       6    600      3
 private primary default l2        2026-02-17 00:00  2026-02-18 00:00        1  none yet: open                                      1    100      3
 sum 2,900 bytes

inbound, free: 0.000001 GB at 0 is 0.00
 of                                from              to                records  record ids                               frames  bytes  terms
 private primary default l2, as c  2026-02-14 00:00  2026-02-15 00:00        1  LEDGER1-18       8    887      2
 private primary default l2, as c  2026-02-15 00:00  2026-02-16 00:00        1  LEDGER1-20       1     13      3
 sum 900 bytes

terms
 1: c 1 Gbps metered standard, zone zone-1, service key k, from 2026-01-15T00:20:00Z to 2026-02-10T12:00:00Z
    begun by whom is not known
 2: c 2 Gbps metered standard, zone zone-1, service key k, from 2026-02-10T12:00:00Z to 2026-02-15T06:00:00Z
    begun by whom is not known
 3: d 2 Gbps metered standard, zone zone-1, service key k, from 2026-02-15T06:00:00Z to now
    begun by whom is not known

readings
 last at 2026-02-17T12:00:00Z, number 18
 their times are known since 2026-01-31T00:00:00Z
 tables 00000000-0000-0000-0000-000000000001: made at 2026-01-31T00:00:00Z, last read at 2026-02-15T00:10:00Z, gone at 2026-02-15T06:00:00Z, with what they had counted since
 tables 00000000-0000-0000-0000-000000000002: made at 2026-02-15T06:00:00Z, last read at 2026-02-17T12:00:00Z, may still count

gaps
 nobody read the meters from 2026-02-12T00:10:00Z to 2026-02-14T12:10:00Z
";
    assert_eq!(text, expected, "{text}");
    // By the name that it had before.
    assert_eq!(told(&explained(&ledger, "c"), false), text);
}

#[test]
fn each_record_can_be_told() {
    let (_directory, ledger) = made();
    let explanation = explained(&ledger, "d");
    let text = told(&explanation, true);
    let records = explanation.circuits[0].lines.iter().flat_map(|line| &line.series);
    let records = records.flat_map(|series| &series.records).count();
    assert_eq!(text.lines().filter(|line| line.contains("  frames ")).count(), records);
    for line in [
        "  2026-02-14 00:00 to 2026-02-15 00:00  LEDGER1-17  frames 2, bytes 220, terms 2, estimated",
        "  2026-02-17 00:00 to 2026-02-18 00:00  no id yet: open  frames 1, bytes 100, terms 3",
    ] {
        assert!(text.lines().any(|told| told == line), "{text}");
    }
}

#[test]
fn the_last_usage_of_a_circuit_is_told() {
    let (_directory, ledger) = made();
    let explanation = explained(&ledger, "gone");
    assert_eq!(explanation.differences, [""; 0]);
    let text = told(&explanation, false);
    let row = " private primary default l2  2026-02-01 00:00  2026-02-02 00:00        1  LEDGER0-4       2    200      1  \
               counted after these terms ended";
    assert!(text.lines().any(|line| line == row), "{text}");
    assert!(text.contains("\n    ended by whom is not known\n"), "{text}");
}

#[test]
fn the_json_of_a_bill_taken_apart_is_pinned() {
    let (_directory, ledger) = made();
    let explanation = explained(&ledger, "gone");
    let ledger_id = explanation.circuits[0].lines[0].series[0].records[0].usage.id;
    let ledger_id = ledger_id.expect("it is sealed").ledger;
    let json = serde_json::to_value(&explanation).expect("JSON");
    let expected = r#"{
  "edge": "e", "month": "2026-02", "currency": "EUR", "is_complete": true, "warnings": [], "differences": [],
  "circuits": [{
    "circuit": "gone", "service_key": null, "zone": "zone-1", "total": "0.00",
    "lines": [{
      "what": "outbound, metered", "zone": "zone-1", "quantity": "0.0000002", "unit": "GB", "bytes": 200,
      "seconds": null, "parts": null, "from": null, "to": null, "unit_price": "0.025", "amount": "0.00",
      "sum_bytes": 200, "sum_seconds": null, "stretches": [],
      "series": [{
        "edge": "e", "circuit": "gone", "service_key": null, "peering": "private", "link": "primary",
        "direction": "outbound", "class": "default", "billing": "metered", "accounting": "l2",
        "records": [{
          "id": "LEDGER-4", "start": "2026-02-01T00:00:00Z", "end": "2026-02-02T00:00:00Z",
          "frames": 2, "bytes": 200, "estimated": false, "terms": 1, "held": "before"
        }]
      }]
    }],
    "terms": [{
      "number": 1, "edge": "e", "circuit": "gone", "service_key": null, "bandwidth_bps": 1000000000,
      "billing": "metered", "sku": "standard", "zone": "zone-1", "begun_by": null, "ended_by": null,
      "from": "2026-01-15T00:20:00Z", "to": "2026-01-31T23:58:00Z"
    }],
    "readings": {
      "last": "2026-02-17T12:00:00Z", "checkpoint": 18, "known_since": "2026-01-31T00:00:00Z",
      "unknown": [], "unread": [],
      "undated_frames": 0, "undated_bytes": 0, "expired_until": null,
      "epochs": [{
        "epoch": "00000000-0000-0000-0000-000000000001", "created": "2026-01-31T00:00:00Z",
        "last_read": "2026-02-15T00:10:00Z", "end": "lost", "found_gone": "2026-02-15T06:00:00Z"
      }]
    }
  }]
}"#;
    let expected = expected.replace("LEDGER", &ledger_id.to_string());
    let expected: Value = serde_json::from_str(&expected).expect("JSON");
    assert_eq!(json, expected);
    let fee = &explained(&ledger, "d").circuits[0].lines[0];
    let fee = serde_json::to_value(fee).expect("JSON");
    assert_eq!((&fee["sum_seconds"], &fee["sum_bytes"]), (&"820800".into(), &().into()));
    let stretch = serde_json::json!([{
        "from": "2026-02-01T00:00:00Z", "to": "2026-02-10T12:00:00Z", "seconds": "820800", "terms": 1,
    }]);
    assert_eq!(fee["stretches"], stretch);
}

/// Whichever record the ledger would not give, or give twice.
#[test]
fn a_part_that_is_left_out_is_told() {
    let (_directory, ledger) = made();
    let (input, series) = parts(&ledger, "d");
    let told = |series: &[SeriesUsage]| {
        explain("e", month("2026-02"), &prices(), &input, series).expect("it adds up").differences
    };
    assert_eq!(told(&series), [""; 0]);
    for place in 0..series.len() {
        for record in 0..series[place].periods.len() {
            let mut other = series.clone();
            let left_out = other[place].periods.remove(record);
            assert_eq!(told(&other).len(), 1, "{left_out:?}");
            other[place].periods.extend([left_out; 2]);
            assert_eq!(told(&other).len(), 1, "{left_out:?}");
        }
    }
    let mut other = series;
    other[0].sum.service_key = Some("another".into());
    let told = told(&other);
    let last = told.iter().find(|told| told.contains("are on no line of the bill"));
    assert!(told.len() > 1 && last.is_some(), "{told:?}");
}

#[test]
fn usage_in_no_period_is_told_of_its_circuit() {
    let (directory, mut ledger) = made();
    let taken = Moment {
        wall: time("1970-01-01T00:10:00Z"),
        boot_id: Uuid::from_u128(8),
        boot_us: 1,
        ..moment("2026-02-17T13:00:00Z")
    };
    let slots =
        vec![slot(1, "d", Direction::Outbound, 300), slot(3, "gone", Direction::Outbound, 400)];
    let three = EpochInfo { boot_id: taken.boot_id, ..epoch(3, "1970-01-01T00:00:00Z") };
    ledger.book(&Reading { epoch: three, taken, slots, is_final: false }, &DAILY).expect("booked");
    let explanation = explained(&ledger, "d");
    assert_eq!(explanation.circuits[0].readings.undated_bytes, 300);
    let text = told(&explanation, false);
    assert!(text.contains(" 3 frames (300 bytes) are in no period"), "{text}");

    // As if all records of one series before that day had been deleted by age.
    let path = directory.path().join("ledger.db");
    let connection = rusqlite::Connection::open(path).expect("a database");
    let sql = "UPDATE series SET expired_until_s = 1769990400 WHERE id = 1";
    assert_eq!(connection.execute(sql, []), Ok(1));
    // As if a version had kept it that did not note when the meters were read.
    connection.execute("DELETE FROM covered", []).expect("deleted");
    let text = told(&explained(&ledger, "d"), false);
    let unknown = " when the meters were read from 2026-02-01T00:00:00Z to 2026-02-17T12:00:00Z is not known\n";
    assert!(text.contains(unknown) && !text.contains("nobody read"), "{text}");
    assert!(text.contains(" records before 2026-02-02T00:00:00Z were deleted by age\n"), "{text}");
}
