use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use edge_api::{Client, ClientError, ConfigChanges};
use edge_user::{config, view};

use super::{ConfigArg, SocketArg, progress::Progress};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Prints the document of the API.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn diff(args: &Args) -> Result<()> {
    let text = checked(&args.config.config)?;
    let changes = compared(&Client::new(&args.socket.socket), &text)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &changes)?;
        writeln!(out)?;
    } else {
        view::changes::print(&changes, &mut out)?;
    }
    Ok(())
}

/// The changes that a configuration would make. The daemon measures the traffic meanwhile.
pub(super) fn compared(client: &Client, text: &str) -> Result<ConfigChanges, ClientError> {
    let _progress = Progress::of("measuring the traffic");
    client.changes(text)
}

/// The text of a file that is a correct configuration. Its mistakes are shown at their places, which a daemon can't do.
pub(super) fn checked(path: &Path) -> Result<String> {
    config::load_without_keys(path)?;
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
