use std::io::Write as _;

use anyhow::{Context as _, Result, bail, ensure};
use edge_user::{
    billing::ledger,
    config::{self, Config},
    daemon::{
        close::{Closed, Unbooked, close},
        look::unseen,
    },
    kernel::{Pins, object::pins},
};

use super::{ConfigArg, ledger::end_terms};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Detach even where the ledger can't be written: counts that are not booked yet are lost.
    #[arg(long)]
    discard: bool,
    /// End the terms of its circuits, too, and with them their fees.
    #[arg(long)]
    end_terms: bool,
}

pub(super) fn detach(args: &Args) -> Result<()> {
    let config = config::load_without_keys(&args.config.config)?;
    // `ip netns exec` may hide a daemon's pins from here, but not its socket.
    ensure!(
        !edge_api::is_answered(&config.edge.control),
        "an edge daemon answers at {}; stop it first",
        config.edge.control.display(),
    );
    let pins = Pins::new(&config.edge.pin_dir);
    let unbooked = if args.discard { Unbooked::Discard } else { Unbooked::Keep };
    let _keeper = args.end_terms.then(|| ledger::lock(&config.edge.state_dir)).transpose()?;
    let closed = if pins.are_there()? {
        let _lock = pins::lock(pins.root())?;
        close(&config, &pins, unbooked)?
    } else {
        check_unseen(&config, unbooked)?;
        Closed::default()
    };
    let told = if closed.was_any { "detached" } else { "nothing was attached" };
    writeln!(std::io::stdout(), "{told}")?;
    if args.end_terms {
        return end_terms::end(&config.edge.state_dir, &[], None);
    }
    closed.tell_of_fees();
    Ok(())
}

/// Refuses where the ledger knows of a data plane that this process can't see.
fn check_unseen(config: &Config, unbooked: Unbooked) -> Result<()> {
    let (state_dir, pin_dir) = (&config.edge.state_dir, &config.edge.pin_dir);
    let unseen = unseen(state_dir, pin_dir).with_context(|| {
        let pin_dir = pin_dir.display();
        format!("there are no pins in {pin_dir}, and the ledger can't tell whether there should be")
    });
    let pin_dir = pin_dir.display();
    match unseen {
        Ok(None) => Ok(()),
        Ok(Some(unseen)) if unbooked == Unbooked::Keep => bail!(
            "nothing was detached: the ledger in {} has a data plane in {pin_dir}, last read at \
             {:.0}, and {}. If that data plane is gone, `edge run` notes it as a gap, and \
             `edge detach --discard` goes on without it",
            state_dir.display(),
            unseen.since,
            unseen.why,
        ),
        Ok(Some(unseen)) => {
            tracing::warn!("{unseen}");
            Ok(())
        }
        Err(error) if unbooked == Unbooked::Discard => {
            tracing::warn!("{error:#}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
