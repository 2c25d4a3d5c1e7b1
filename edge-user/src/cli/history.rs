use std::io::Write as _;

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

pub(super) fn history(args: &Args) -> Result<()> {
    let history = Client::new(&args.socket.socket).history()?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &history)?;
        writeln!(out)?;
    } else {
        view::history::print(&history, &mut out)?;
    }
    Ok(())
}
