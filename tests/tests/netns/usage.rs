//! `edge usage`, `edge bill` and `edge ledger`, as an operator meets them.

use std::{fs, path::Path, process::Output, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    books::{Edge, STATE_DIR, config, of_ledger, of_status},
    daemon::{CONFIG_PATH, book, configure, detach, edge, set_bandwidth, status},
};
use edge_user::{billing::ledger::UsageRecord, lab::root_or_skip};
use jiff::Timestamp;
use serde_json::Value;

const PRICES: &str = r#"
[prices]
currency = "EUR"
[prices.zones.zone-1]
outbound_gb = "0.025"
[[prices.zones.zone-1.monthly]]
bandwidth = "1 Gbps"
metered = "436"
unlimited = "5700.00"
[[prices.zones.zone-1.monthly]]
bandwidth = "2 Gbps"
metered = "872"
"#;

impl Told {
    fn ok(self) -> Result<String> {
        ensure!(self.code == Some(0), "{}", self.err);
        Ok(self.out)
    }
}

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

fn told(lab: &Edge, arguments: &[&str]) -> Result<Told> {
    let Output { status, stdout, stderr } = edge(&lab.lab, arguments)?;
    let (out, err) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
    Ok(Told { code: status.code(), out, err })
}

fn records(told: &str) -> Result<Vec<UsageRecord>> {
    let mut document: Value = serde_json::from_str(told)?;
    let records = document.get_mut("records").context("records")?.take();
    Ok(serde_json::from_value(records)?)
}

#[test]
fn usage_is_what_status_counted_running_and_stopped() -> Result<()> {
    if !root_or_skip("usage_is_what_status_counted_running_and_stopped") {
        return Ok(());
    }
    let mut lab = Edge::start(&config())?;
    lab.send(7)?;
    // At once, not at the next checkpoint.
    let running = records(&told(&lab, &["usage", "--format", "json"])?.ok()?)?;
    assert_eq!(of_ledger(&running), of_status(&status()?));
    lab.send(2)?;
    let counted = of_status(&status()?);
    lab.daemon()?.stop()?;
    let state_dir = ["--state-dir", STATE_DIR];
    for place in [&[][..], &["-c", CONFIG_PATH], &state_dir] {
        let arguments = [&["usage", "--format", "json"], place].concat();
        assert_eq!(of_ledger(&records(&told(&lab, &arguments)?.ok()?)?), counted, "{place:?}");
    }
    for record in &running {
        assert_eq!((&*record.edge, record.estimated), ("lab", false));
        let seconds = record.end.duration_since(record.start).as_secs();
        assert_eq!((seconds, record.start.as_second() % 3600), (3600, 0), "{record:?}");
    }

    // The data plane goes on, and its meters can be read.
    lab.send(1)?;
    lab.restart(&config())?;
    lab.send(3)?;
    let counted = of_status(&status()?);
    lab.daemon()?.kill()?;
    let killed = told(&lab, &["usage", "--format", "json"])?;
    assert_eq!(killed.err, "");
    assert_eq!(of_ledger(&records(&killed.ok()?)?), counted);

    // The sums of every grain and format are the same.
    let total: u64 = counted.values().sum();
    for by in ["period", "hour", "day", "month", "total"] {
        let json = told(&lab, &["usage", "--by", by, "--format", "json"])?.ok()?;
        let sum: u64 = records(&json)?.iter().map(|record| record.bytes).sum();
        assert_eq!(sum, total, "{by}");
        let csv = told(&lab, &["usage", "--by", by, "--format", "csv"])?.ok()?;
        let column = csv.lines().next().context("a header")?.split(',');
        let column = column.into_iter().position(|name| name == "bytes").context("bytes")?;
        let bytes = csv.lines().skip(1).map(|line| line.split(',').nth(column));
        let bytes = bytes.map(|bytes| bytes.unwrap_or_default().parse::<u64>());
        assert_eq!(bytes.sum::<Result<u64, _>>()?, total, "{by}");
    }
    let table = told(&lab, &["usage"])?.ok()?;
    ensure!(table.contains("contoso") && table.to_lowercase().contains("total"), "{table}");

    let one = told(&lab, &["usage", "--circuit", "fabrikam", "--format", "json"])?.ok()?;
    ensure!(records(&one)?.iter().all(|record| record.circuit == "fabrikam"), "{one}");
    let past = told(&lab, &["usage", "--to", "2020-01", "--format", "json"])?.ok()?;
    assert_eq!(past.trim(), r#"{"records":[]}"#);
    let unknown = told(&lab, &["usage", "--circuit", "contosso"])?;
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
    ensure!(unknown.err.contains("did you mean \"contoso\"?"), "{}", unknown.err);

    assert_eq!(told(&lab, &["ledger", "check"])?.ok()?.trim(), "ok");
    let copy = tempfile::tempdir()?;
    let copy_path = copy.path().join("ledger.db");
    let copy_path = copy_path.to_str().context("a path")?;
    told(&lab, &["ledger", "backup", copy_path])?.ok()?;
    let copied = ["usage", "--format", "json", "--state-dir"];
    let copied = [&copied[..], &[copy.path().to_str().context("a path")?]].concat();
    assert_eq!(of_ledger(&records(&told(&lab, &copied)?.ok()?)?), counted);
    let nobody = told(&lab, &["usage", "-s", "/run/edge/nobody.sock"])?;
    assert_eq!(nobody.code, Some(1), "{}", nobody.out);
    ensure!(nobody.err.contains("--state-dir"), "{}", nobody.err);
    let reversed = told(&lab, &["usage", "--from", "2026-02", "--to", "2026-01"])?;
    assert_eq!(reversed.code, Some(2), "{}", reversed.err);
    let percentiles = told(&lab, &["usage", "--p95", "--format", "json"])?.ok()?;
    let percentiles: Value = serde_json::from_str(&percentiles)?;
    ensure!(percentiles["percentiles"].is_array(), "{percentiles}");
    detach(&lab.lab)?;
    Ok(())
}

#[test]
fn a_bill_has_volumes_and_fees() -> Result<()> {
    if !root_or_skip("a_bill_has_volumes_and_fees") {
        return Ok(());
    }
    let mut lab = Edge::start(&config())?;
    lab.send(3)?;
    // Fees are by the second.
    thread::sleep(Duration::from_millis(1100));
    set_bandwidth("contoso", 2_000_000_000)?;
    // In UTC: 2026-01.
    let month = Timestamp::now().to_string()[..7].to_owned();
    let unpriced = told(&lab, &["bill", "-c", CONFIG_PATH, "--month", &month])?;
    assert_eq!(unpriced.code, Some(2), "{}", unpriced.err);
    let faster = config().change_circuit("contoso", |own| own.key("bandwidth", "2 Gbps"));
    configure(&faster.tables(PRICES))?;

    let bill = ["bill", "-c", CONFIG_PATH, "--month", &month];
    let json = told(&lab, &[&bill[..], &["--format", "json"]].concat())?.ok()?;
    let invoice: Value = serde_json::from_str(&json)?;
    let circuits = invoice["circuits"].as_array().context("circuits")?;
    let names: Vec<_> = circuits.iter().map(|circuit| &circuit["circuit"]).collect();
    assert_eq!(names, ["contoso", "fabrikam"]);
    // Of its first bandwidth for some seconds, of the second for the rest: both are on the bill.
    let lines = circuits[0]["lines"].as_array().context("lines")?;
    let prices: Vec<_> = lines.iter().filter_map(|line| line["unit_price"].as_str()).collect();
    for price in ["436", "872", "0.025"] {
        let is_there = prices.iter().any(|known| known.trim_end_matches(".00") == price);
        ensure!(is_there, "{price} of {prices:?}");
    }
    let outbound = lines.iter().find(|line| line["unit_price"] == "0.025").context("a volume")?;
    assert_eq!(outbound["bytes"].as_u64(), Some(3 * (222 + 1022 + 82)), "{outbound}");
    let table = told(&lab, &bill)?.ok()?;
    ensure!(table.contains("EUR") && table.contains("fabrikam"), "{table}");

    // Each bandwidth has a revision, and the first one that of the start.
    let other = format!("{CONFIG_PATH}.other");
    fs::write(&other, config().tables(PRICES).to_string())?;
    told(&lab, &["apply", "-c", &other, "-m", "order 4711"])?.ok()?;
    let explain = ["bill", "-c", CONFIG_PATH, "--month", &month, "--explain", "contoso"];
    let json = told(&lab, &[&explain[..], &["--format", "json"]].concat())?.ok()?;
    let explained: Value = serde_json::from_str(&json)?;
    assert_eq!(explained["differences"].as_array().map(Vec::len), Some(0), "{explained}");
    let circuit = &explained["circuits"][0];
    let terms = circuit["terms"].as_array().context("terms")?;
    let begun: Vec<_> = terms.iter().map(|terms| &terms["begun_by"]).collect();
    let told_by: Vec<_> =
        begun.iter().map(|it| (&it["revision"], &it["by"], &it["message"])).collect();
    let expected = serde_json::json!([
        [1, "start", null],
        [2, "set-bandwidth", null],
        [3, "apply", "order 4711"]
    ]);
    assert_eq!(serde_json::to_value(told_by)?, expected, "{explained}");
    assert_eq!((&terms[0]["ended_by"], &terms[1]["ended_by"]), (begun[1], begun[2]));
    let lines = circuit["lines"].as_array().context("lines")?;
    let volume = lines.iter().find(|line| line["unit_price"] == "0.025").context("a volume")?;
    assert_eq!((&volume["bytes"], &volume["sum_bytes"]), (&outbound["bytes"], &outbound["bytes"]));
    ensure!(volume["series"][0]["records"][0]["id"].is_null(), "the period is not over: {volume}");
    let text = told(&lab, &explain)?.ok()?;
    ensure!(text.contains("apply by ") && text.contains(": order 4711\n"), "{text}");
    let unknown =
        told(&lab, &["bill", "-c", CONFIG_PATH, "--month", &month, "--explain", "nobody"])?;
    assert_eq!(unknown.code, Some(2), "{}", unknown.err);
    lab.daemon()?.stop()?;
    detach(&lab.lab)?;
    Ok(())
}

/// As after a power cut: the counts since the last booking are lost.
#[test]
fn tables_that_vanish_leave_a_gap_that_is_told() -> Result<()> {
    if !root_or_skip("tables_that_vanish_leave_a_gap_that_is_told") {
        return Ok(());
    }
    let mut lab = Edge::start(&config())?;
    lab.send(3)?;
    lab.daemon()?.stop()?;
    let booked = of_ledger(&lab.check()?);
    fs::remove_dir_all(Path::new("/sys/fs/bpf/edge"))?;

    lab.restart(&config())?;
    let usage = told(&lab, &["usage", "--format", "json"])?;
    ensure!(usage.err.contains("/sys/fs/bpf/edge were gone"), "{}", usage.err);
    assert_eq!(of_ledger(&records(&usage.ok()?)?), booked);
    lab.send(2)?;
    let usage = told(&lab, &["usage", "--format", "json"])?.ok()?;
    book()?;
    assert_eq!(of_ledger(&records(&usage)?), of_ledger(&lab.check()?));
    lab.daemon()?.stop()?;
    detach(&lab.lab)?;
    Ok(())
}
