mod policer;

use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use edge_user::{bench::stages, units::count};

use super::progress::Progress;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// Prints one JSON document.
    #[arg(long, global = true)]
    json: bool,
}

/// Parts of the path that are measured by themselves.
#[derive(Debug, clap::Subcommand)]
enum What {
    /// Measures how much of its rate a circuit delivers: at 50 Mbps to 100 Gbps, with five sizes of
    /// frames, on one CPU and on all, under four loads.
    Policer(policer::Args),
}

pub(super) fn bench(args: &Args) -> Result<()> {
    if let Some(What::Policer(policer)) = &args.what {
        return policer::bench(policer, args.json);
    }
    let progress = Progress::of_steps("rounds", stages::ROUNDS);
    let report = stages::bench(|| progress.step())?;
    drop(progress);
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["128-byte QinQ frame", "ns", "over empty"]);
    table.add_row(["empty program", &format!("{:.0}", report.empty_ns), "1.0"]);
    for stage in &report.stages {
        let (ns, ratio) = (format!("{:.0}", stage.ns), format!("{:.1}", stage.ratio));
        table.add_row([stage.stage, &ns, &ratio]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}\n")?;

    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["look-up of a random IPv4 address", "ns", "ns, serial", "bytes a route"]);
    for look_up in &report.look_ups {
        let (tables, routes) = (count(look_up.tables.into()), count(look_up.routes.into()));
        let name = format!("tables: {tables}, routes in each: {routes}");
        let [ns, serial] = [look_up.ns, look_up.serial_ns].map(|ns| format!("{ns:.0}"));
        table.add_row([name, ns, serial, format!("{:.1}", look_up.bytes_a_route)]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    writeln!(out, "{table}")?;
    Ok(())
}
