use std::io::Write as _;

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
    writeln!(std::io::stdout(), "{}", view::change::difference(&reloaded.difference))?;
    for warning in reloaded.warnings {
        eprintln!("reloaded, but {warning}");
    }
    Ok(())
}
