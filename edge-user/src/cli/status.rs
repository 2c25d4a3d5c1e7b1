use std::io::{self, Write as _};

use anyhow::Result;
use edge_user::daemon::{
    control::{self, Request},
    status::Status,
};

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArg,
    /// One JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn status(args: &Args) -> Result<()> {
    let status: Status = control::ask(&args.socket.socket, &Request::Status)?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &status)?;
        writeln!(out)?;
        return Ok(());
    }
    status.print(&mut out)
}
