use std::io::{self, Write as _};

use anyhow::Result;
use edge_api::Client;
use edge_user::view;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn sessions(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", client.sessions_json()?)?;
        return Ok(());
    }
    Ok(view::sessions::print(&client.sessions()?, &mut out)?)
}
