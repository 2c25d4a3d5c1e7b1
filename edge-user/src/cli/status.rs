use std::io::{self, Write as _};

use anyhow::Result;
use edge_api::Status;
use edge_user::{
    daemon::control::{self, Request},
    view,
};
use serde_json::value::RawValue;

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
    let socket = &args.socket.socket;
    let mut out = io::stdout().lock();
    if args.json {
        let status: Box<RawValue> = control::ask(socket, &Request::Status)?;
        writeln!(out, "{status}")?;
        return Ok(());
    }
    let status: Status = control::ask(socket, &Request::Status)?;
    view::status::print(&status, &mut out)
}
