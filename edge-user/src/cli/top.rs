use std::{
    io::{IsTerminal as _, stdin, stdout},
    time::Duration,
};

use anyhow::Result;
use edge_api::Client;
use edge_user::{
    top,
    units::when::{self, LONGEST_HOLD},
};

use super::SocketArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The time that rates are of, such as 1s.
    #[arg(short, long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    interval: Duration,
    /// Prints the rates of one interval, and ends; without a terminal this is so in any case.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn top(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    if args.once || !stdin().is_terminal() || !stdout().is_terminal() {
        let figures = top::once(&client, args.interval)?;
        return Ok(top::table::print(&figures, &mut stdout().lock())?);
    }
    Ok(top::live(client, args.interval)?)
}

fn interval(text: &str) -> Result<Duration, String> {
    when::duration(text, LONGEST_HOLD)
}
