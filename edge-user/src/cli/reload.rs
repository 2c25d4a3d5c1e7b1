use anyhow::Result;
use edge_user::daemon::control::{self, Request};

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn reload(args: &Args) -> Result<()> {
    control::ask(&args.socket.socket, &Request::Reload)
}
