use std::io::stdout;

use anyhow::Result;
use edge_api::Client;
use edge_user::view;

use super::{SocketArg, apply::tell};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The revision to go back to, as `edge history` numbers it; without one, the one before the newest.
    revision: Option<u64>,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn rollback(args: &Args) -> Result<()> {
    let applied = Client::new(&args.socket.socket).roll_back(args.revision)?;
    view::changes::print(&applied.changes, &mut stdout().lock())?;
    tell(&applied)
}
