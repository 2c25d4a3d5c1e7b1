use std::io::Write as _;

use anyhow::Result;
use edge_user::{
    config::Difference,
    daemon::control::{self, Request},
};

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn reload(args: &Args) -> Result<()> {
    // A daemon of an earlier version tells none.
    let difference: Option<Difference> = control::ask(&args.socket.socket, &Request::Reload)?;
    if let Some(difference) = difference {
        writeln!(std::io::stdout(), "{difference}")?;
    }
    Ok(())
}
