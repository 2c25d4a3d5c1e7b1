use std::io::Write as _;

use anyhow::Result;
use edge_api::{Bandwidth, BandwidthRequest, Client};
use edge_user::{config, view};

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
    #[arg(long)]
    save: bool,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn set_bandwidth(args: &Args) -> Result<()> {
    let bandwidth = Bandwidth::BitsPerSecond(args.bandwidth_bps);
    let request = BandwidthRequest { bandwidth, save: args.save };
    let change = Client::new(&args.socket.socket).set_bandwidth(&args.circuit, &request)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", view::change::bandwidth(&change))?;
    if let Some(path) = &change.saved_to {
        writeln!(out, "saved to {}", path.display())?;
    }
    Ok(())
}

fn bandwidth_bps(text: &str) -> Result<u64, String> {
    config::bandwidth_bps(text).map_err(|message| format!("it {message}"))
}
