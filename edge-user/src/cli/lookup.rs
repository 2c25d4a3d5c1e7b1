use std::{
    io::{self, Write as _},
    net::IpAddr,
};

use anyhow::Result;
use edge_api::Client;
use edge_user::view;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit's name.
    circuit: String,
    /// The peering: private, public or microsoft.
    peering: String,
    /// The destination: of a frame from the customer or, where it is an address on the customer's
    /// side, of one from the core.
    address: IpAddr,
    /// The source, of the same family; without it, the source check is left out.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    #[command(flatten)]
    socket: SocketArg,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn lookup(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let Args { circuit, peering, address, from, .. } = args;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", client.lookup_json(circuit, peering, *address, *from)?)?;
        return Ok(());
    }
    Ok(view::lookup::print(&client.lookup(circuit, peering, *address, *from)?, &mut out)?)
}
