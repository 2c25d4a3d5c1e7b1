//! The table of `docs/packet-path.md`, run on the host and in the kernel.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use edge_common::{Action, Reason, reason::UnmatchedPolicy};
use edge_tests::{
    both::MIN_FRAME_LEN_BYTES, fixture::Fixture, notation::frame_of, oracle::predict,
};
use edge_user::{lab::root_or_skip, plan::Police, replay::PathEngine};

const DOCUMENT: &str = include_str!("../../../docs/packet-path.md");

/// A row of the table.
#[derive(Debug)]
struct Row<'a> {
    number: u8,
    reason: &'a str,
    verdict: &'a str,
    port: &'a str,
    /// In the notation; empty: none of its own.
    frame: &'a str,
    leaves: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    // `edge-common/tests/host/documents.rs` has the table of routed circuits.
    let (wires, _) = DOCUMENT.split_once("\n## Routed circuits").expect("the section");
    let lines = wires.lines().filter_map(|line| line.strip_prefix("| "));
    let lines = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let row = |line: &'static str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [number, reason, verdict, port, frame, leaves, _why, ""] = cells[..] else {
            panic!("not a row of the table: {line}");
        };
        let [reason, frame, leaves] = [reason, frame, leaves].map(|cell| cell.trim_matches('`'));
        Row { number: number.parse().expect("a number"), reason, verdict, port, frame, leaves }
    };
    lines.map(row).collect()
}

fn fixture() -> Fixture {
    let block = DOCUMENT.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    Fixture::of(block.expect("the document has a configuration"), Police::Purchased)
}

#[test]
fn every_reason_has_a_row_with_its_number_and_verdict() {
    let rows = rows();
    for reason in Reason::ALL.into_iter().filter(|reason| reason.number() < Reason::Punted.number()) {
        let verdict =
            match (reason.action(UnmatchedPolicy::Drop), reason.action(UnmatchedPolicy::Pass)) {
                (Action::Forward, Action::Forward) => "forward",
                (Action::Pass, Action::Pass) => "pass",
                (Action::Drop, Action::Drop) => "drop",
                (Action::Drop, Action::Pass) => "as unmatched",
                other => panic!("{}: {other:?}", reason.as_str()),
            };
        assert!(rows.iter().any(|row| row.reason == reason.as_str()), "{}", reason.as_str());
        for row in rows.iter().filter(|row| row.reason == reason.as_str()) {
            assert_eq!((row.number, row.verdict), (reason.number(), verdict), "{row:?}");
        }
    }
    let without_a_frame = rows.iter().filter(|row| row.frame.is_empty()).map(|row| row.reason);
    let expected = ["no-egress", "dangling-table", "no-headroom", "egress-refused"];
    assert_eq!(without_a_frame.collect::<BTreeSet<_>>(), BTreeSet::from(expected));
}

#[test]
fn the_host_path_keeps_to_the_table() -> Result<()> {
    let fixture = fixture();
    for row in rows().iter().filter(|row| !row.frame.is_empty()) {
        keeps_to(row, &mut fixture.host(row.port))?;
        let port = fixture.config.ports.iter().find(|port| port.name == row.port);
        let predicted = predict(&fixture.config, port.context("a port")?, &frame_of(row.frame)?);
        let reason = if row.reason == "over-rate" { "ok" } else { row.reason };
        assert_eq!(predicted.reason.as_str(), reason, "the oracle says of {row:?}");
    }
    Ok(())
}

#[test]
fn the_kernel_keeps_to_the_table() -> Result<()> {
    if !root_or_skip("the_kernel_keeps_to_the_table") {
        return Ok(());
    }
    let fixture = fixture();
    for port in ["customer", "core"] {
        let mut kernel = fixture.kernel(port)?;
        for row in rows().iter().filter(|row| row.port == port) {
            if frame_of(row.frame)?.len() >= MIN_FRAME_LEN_BYTES {
                keeps_to(row, &mut kernel)?;
            }
        }
    }
    Ok(())
}

fn keeps_to(row: &Row<'_>, engine: &mut dyn PathEngine) -> Result<()> {
    let sent = frame_of(row.frame)?;
    let mut left = sent.clone();
    let outcome = engine.run(&mut left, 1).with_context(|| format!("{row:?}"))?;
    assert_eq!(outcome.reason().map(Reason::as_str), Some(row.reason), "{row:?}");
    let expected = match row.leaves {
        // It doesn't leave.
        "" => left.clone(),
        "as it came" => sent,
        frame => frame_of(frame)?,
    };
    assert_eq!(left, expected, "{row:?}");
    Ok(())
}
