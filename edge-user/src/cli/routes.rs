use std::io::{self, Write as _};

use anyhow::Result;
use edge_api::{Client, RoutesView};
use edge_user::view;

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit's name.
    circuit: String,
    /// The peering: private, public or microsoft.
    peering: String,
    #[command(flatten)]
    view: ViewArgs,
    #[command(flatten)]
    socket: SocketArg,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

/// The point of view; at most one.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one an option, and clap takes one of them")]
struct ViewArgs {
    /// Shows the routes that peers told, also those that the edge refused.
    #[arg(long)]
    received: bool,
    /// Shows the routes that the customer is told.
    #[arg(long)]
    advertised: bool,
    /// Shows the forwarding table, read back from the tables that frames are forwarded by. This is
    /// the default.
    #[arg(long)]
    forwarding: bool,
    /// Shows the addresses whose way differs between the kernel's routing table and the forwarding
    /// table.
    #[arg(long)]
    diff: bool,
}

impl ViewArgs {
    fn view(&self) -> RoutesView {
        match self {
            Self { received: true, .. } => RoutesView::Received,
            Self { advertised: true, .. } => RoutesView::Advertised,
            Self { diff: true, .. } => RoutesView::Diff,
            Self { .. } => RoutesView::Forwarding,
        }
    }
}

pub(super) fn routes(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let (circuit, peering, wanted) = (&args.circuit, &args.peering, args.view.view());
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", client.routes_json(circuit, peering, wanted)?)?;
        return Ok(());
    }
    Ok(view::routes::print(&client.routes(circuit, peering, wanted)?, &mut out)?)
}
