use std::io::{self, Write as _};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use edge_user::bench;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn bench(args: &Args) -> Result<()> {
    let report = bench::bench()?;
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
    writeln!(out, "{table}")?;
    Ok(())
}
