use std::io::{self, Write as _};

use anyhow::Result;
use edge_api::Client;
use edge_user::view;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Prints the document of the API.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn unmatched(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", client.unmatched_json()?)?;
        return Ok(());
    }
    Ok(view::unmatched::print(&client.unmatched()?, &mut out)?)
}
