use std::io;

use anyhow::Result;
use edge_user::lab::demo;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Shows routed circuits: BGP with BIRD and FRR as customers, and a link that is cut.
    #[arg(long)]
    routed: bool,
}

pub(super) fn demo(args: &Args) -> Result<()> {
    let mut out = io::stdout().lock();
    if args.routed { demo::demo_routed(&mut out) } else { demo::demo(&mut out) }
}
