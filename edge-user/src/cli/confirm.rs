use std::io::Write as _;

use anyhow::Result;
use edge_api::Client;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn confirm(args: &Args) -> Result<()> {
    Client::new(&args.socket.socket).confirm()?;
    writeln!(std::io::stdout(), "confirmed: the change stays")?;
    Ok(())
}
