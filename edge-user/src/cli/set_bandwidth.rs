use std::io::Write as _;

use anyhow::Result;
use edge_api::{Bandwidth, BandwidthRequest, Client};
use edge_user::{
    config,
    units::when::{self, LONGEST_HOLD},
    view,
};
use jiff::Timestamp;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit's name.
    circuit: String,
    /// The bandwidth, as in the configuration: "200 Mbps", or a whole number of bit/s.
    #[arg(value_name = "RATE", value_parser = bandwidth_bps)]
    bandwidth_bps: u64,
    /// Write it to the daemon's configuration file, too; otherwise it holds until the next reload
    /// or start.
    #[arg(long, conflicts_with_all = ["until", "holds_for"])]
    save: bool,
    /// The configuration's bandwidth comes back at this time. The daemon sees to it, over reloads and restarts, too.
    #[arg(long, value_name = "TIME", value_parser = when::timestamp, conflicts_with = "holds_for")]
    until: Option<Timestamp>,
    /// The configuration's bandwidth comes back after this time, such as 2h.
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    holds_for: Option<String>,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn set_bandwidth(args: &Args) -> Result<()> {
    let bandwidth = Bandwidth::BitsPerSecond(args.bandwidth_bps);
    let (until, holds_for) = (args.until, args.holds_for.clone());
    let request = BandwidthRequest { bandwidth, save: args.save, until, holds_for };
    let change = Client::new(&args.socket.socket).set_bandwidth(&args.circuit, &request)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", view::change::bandwidth(&change))?;
    if let Some(path) = &change.saved_to {
        writeln!(out, "saved to {}", path.display())?;
    }
    Ok(())
}

/// The text of a time that the daemon takes.
fn time(text: &str) -> Result<String, String> {
    when::duration(text, LONGEST_HOLD).map(|_| text.to_owned())
}

fn bandwidth_bps(text: &str) -> Result<u64, String> {
    config::bandwidth_bps(text).map_err(|message| format!("it {message}"))
}
