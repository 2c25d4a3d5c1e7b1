use std::io::Write as _;

use anyhow::{Result, ensure};
use edge_user::{
    config,
    daemon::{
        close::{Unbooked, close},
        control,
    },
    dataplane::Pins,
};

use super::ConfigArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Lose what was counted and can't be booked, where the ledger can't be written.
    #[arg(long)]
    discard: bool,
}

pub(super) fn detach(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    // Its pins may be hidden from here (`ip netns exec`), its socket is not.
    ensure!(
        !control::is_answered(&config.edge.control),
        "an edge daemon answers at {}; stop it first",
        config.edge.control.display(),
    );
    let pins = Pins::new(&config.edge.pin_dir);
    let unbooked = if args.discard { Unbooked::Discard } else { Unbooked::Keep };
    let removed = pins.are_there()? && {
        let _lock = pins.lock()?;
        close(&config, &pins, unbooked)?
    };
    let told = if removed { "detached" } else { "nothing was attached" };
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}
