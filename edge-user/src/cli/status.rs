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

pub(super) fn status(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", client.status_json()?)?;
        return Ok(());
    }
    let status = client.status()?;
    view::status::print(&status, &mut out)?;
    // A daemon of an earlier version has no such list.
    if view::unmatched::has_any(&status)
        && let Ok(unmatched) = client.unmatched()
    {
        view::unmatched::print_lately(&unmatched, &status, &mut out)?;
    }
    Ok(())
}
