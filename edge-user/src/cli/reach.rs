use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::Result;
use edge_api::Client;
use edge_user::{config, view};

use super::{SocketArg, UsageError};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit's name.
    circuit: String,
    /// A configuration to ask instead of the running daemon.
    #[arg(short, long, value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
    #[command(flatten)]
    socket: SocketArg,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn reach(args: &Args) -> Result<()> {
    let Args { circuit, config, socket, json } = args;
    let mut out = io::stdout().lock();
    let reach = if let Some(path) = config {
        let reach = config::load_without_keys(path)?.reach(circuit);
        reach.ok_or_else(|| {
            let path = path.display();
            UsageError(format!("{path} has no circuit {circuit:?}; check its name"))
        })?
    } else {
        let client = Client::new(&socket.socket);
        if *json {
            writeln!(out, "{}", client.reach_json(circuit)?)?;
            return Ok(());
        }
        client.reach(circuit)?
    };
    if *json {
        serde_json::to_writer(&mut out, &reach)?;
        writeln!(out)?;
    } else {
        view::reach::print(&reach, &mut out)?;
    }
    Ok(())
}
