use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Result, ensure};
use edge_user::{
    bench::policer::{self, Load, MeasuredCell, PolicerReport, Size},
    units::{bit_rate, count},
    view::table::text_table,
};

use super::super::progress::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Seconds that each of the 480 measurements takes.
    #[arg(long, value_name = "N", default_value_t = 0.3)]
    seconds: f64,
}

pub(super) fn bench(args: &Args, json: bool) -> Result<()> {
    ensure!(args.seconds > 0.0 && args.seconds <= 3600.0, "--seconds: more than 0, at most 3600");
    let progress = Progress::of("loading");
    let mut done = 0;
    let report = policer::bench(Duration::from_secs_f64(args.seconds), |row| {
        done += 1;
        progress.now(format!("{done}: {}", name(row)));
    })?;
    drop(progress);
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    print(&mut out, &report)
}

/// Prints a line for each rate, size and number of CPUs, with a column for each load.
fn print(out: &mut impl io::Write, report: &PolicerReport) -> Result<()> {
    let loads = report.rows.iter().map(|row| load(row.cell.load));
    let mut loads: Vec<String> = loads.take(4).collect();
    loads.dedup();
    let header = ["purchased", "bytes", "CPUs"].map(str::to_owned).into_iter();
    let header: Vec<String> = header.chain(loads.iter().cloned()).collect();
    let columns = 0..header.len();
    let mut table = text_table(header, columns);
    for rows in report.rows.chunks(loads.len()) {
        let cell = rows[0].cell;
        let line = [bit_rate(cell.rate_bps), size(cell.size), cell.cpus.to_string()];
        table.add_row(line.into_iter().chain(rows.iter().map(result)));
    }
    writeln!(out, "Bytes delivered over bytes purchased, and frames offered\n\n{table}\n")?;

    if let Some((row, error)) = report.worst_above().and_then(|row| Some((row, row.error()?))) {
        let (error, resolution) = (error * 100.0, row.measured.resolution * 100.0);
        let name = name(row);
        writeln!(out, "worst above the rate: {error:+.3} % (told to {resolution:.3} %): {name}")?;
    }
    if let Some(row) = report.worst_within() {
        let lost = count(row.measured.dropped_frames);
        writeln!(out, "worst within the rate: {lost} frames lost: {}", name(row))?;
    }
    Ok(())
}

fn result(row: &MeasuredCell) -> String {
    let Some(ratio) = row.delivered_ratio else {
        let target = row.cell.load.wanted_bps(row.cell.rate_bps) / 1e9;
        return format!("not offered: {:.3} of {target:.3} Gbps", row.offered_bps() / 1e9);
    };
    let frames = count(row.measured.offered_frames);
    if row.cell.load == Load::WITHIN {
        return format!("{} of {frames} lost", count(row.measured.dropped_frames));
    }
    format!("{:.3} % of {frames}", ratio * 100.0)
}

fn name(row: &MeasuredCell) -> String {
    let cell = row.cell;
    let (rate, size, load) = (bit_rate(cell.rate_bps), size(cell.size), load(cell.load));
    format!("{rate}, frames of {size}, {} CPUs, {load}", cell.cpus)
}

fn size(size: Size) -> String {
    match size {
        Size::Bytes(bytes) => bytes.to_string(),
        Size::Imix => "IMIX".to_owned(),
    }
}

fn load(load: Load) -> String {
    match load {
        Load::Times(times) => format!("{times} times the rate"),
        Load::Flat => "as fast as it goes".to_owned(),
    }
}
