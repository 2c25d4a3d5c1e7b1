use std::io::Write as _;

use anyhow::Result;
use edge_user::{
    config::{self, Config, oversold},
    kernel::host::{device::Devices, link_settings::SettingsReader},
};

use super::ConfigArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn check(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    for warning in config.warnings().into_iter().chain(speed_warnings(&config)) {
        eprintln!("warning: {warning}");
    }
    writeln!(std::io::stdout(), "{}", config.summary())?;
    Ok(())
}

/// Warnings of ports on which more is sold than their interfaces carry. Interfaces that are not here are those
/// of another machine, or are yet to come.
fn speed_warnings(config: &Config) -> Vec<String> {
    let (Ok(devices), Ok(Some(reader))) = (Devices::open(), SettingsReader::open()) else {
        return Vec::new();
    };
    let ports = config.ports.iter().zip(config.port_use());
    let warnings = ports.filter_map(|(port, port_use)| {
        let device = devices.by_name(&port.interface).ok()??;
        let speed_bps = reader.settings(&device).speed_bps?;
        let told = oversold(&port.interface, port_use.sold_bps, speed_bps)?;
        Some(format!("port {:?}: {told}", port.name))
    });
    warnings.collect()
}
