use std::io::Write as _;

use anyhow::Result;
use edge_user::{config, dataplane::Pins};

use super::ConfigArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn detach(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    let pins = Pins::new(&config.edge.pin_dir);
    let removed = pins.remove_unused()?;
    let told = if removed { "detached" } else { "nothing was attached" };
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}
