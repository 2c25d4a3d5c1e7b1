use std::io::Write as _;

use anyhow::Result;
use edge_user::config;

use super::ConfigArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
}

pub(super) fn check(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    for warning in config.warnings() {
        eprintln!("warning: {warning}");
    }
    writeln!(std::io::stdout(), "{}", config.summary())?;
    Ok(())
}
