use std::io::stdout;

use anyhow::Result;
use edge_api::Client;
use edge_user::view;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn reload(args: &Args) -> Result<()> {
    let reloaded = Client::new(&args.socket.socket).reload()?;
    view::changes::print(&reloaded.changes, &mut stdout().lock())?;
    for warning in reloaded.warnings {
        eprintln!("reloaded, but {warning}");
    }
    Ok(())
}
