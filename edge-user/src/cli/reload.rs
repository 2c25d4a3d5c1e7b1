use std::io::Write as _;

use anyhow::Result;
use edge_api::Reloaded;
use edge_user::{
    daemon::control::{self, Request},
    view,
};

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn reload(args: &Args) -> Result<()> {
    let reloaded: Reloaded = control::ask(&args.socket.socket, &Request::Reload)?;
    writeln!(std::io::stdout(), "{}", view::change::difference(&reloaded.difference))?;
    for warning in reloaded.warnings {
        eprintln!("reloaded, but {warning}");
    }
    Ok(())
}
