use std::{
    io::{Write as _, stdout},
    ops::ControlFlow,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use edge_api::{Client, ClientError, EdgeEvent};
use edge_user::view;

use super::SocketArg;

/// Pause before the daemon is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Goes on with new events as they happen, also when the daemon is started anew.
    #[arg(short, long)]
    follow: bool,
    /// Begins behind the event with this id; `all`: with the oldest that is kept; `now`: with new ones.
    #[arg(long, value_name = "ID", default_value = "all")]
    since: String,
    /// Prints a JSON document a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn events(args: &Args) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let mut since = args.since.clone();
    let mut is_first = true;
    let mut is_silent = false;
    loop {
        let answer = client.events(&mut since, args.follow, |json| {
            is_silent = false;
            print(json, args.json).map_or_else(ControlFlow::Break, ControlFlow::Continue)
        });
        match answer {
            Ok(Some(error)) => return Err(error),
            Ok(None) if !args.follow => return Ok(()),
            Ok(None) => {}
            Err(error) if !args.follow || error.is_callers() => return Err(error.into()),
            // A daemon that has begun to answer may come back.
            Err(error) if is_first && !matches!(error, ClientError::Io { .. }) => {
                return Err(error.into());
            }
            Err(error) => {
                if !is_silent {
                    eprintln!("{error}; waiting for a daemon that answers");
                }
                is_silent = true;
            }
        }
        is_first = false;
        thread::sleep(ASK_AGAIN_AFTER);
    }
}

fn print(json: &str, as_json: bool) -> Result<()> {
    let event: EdgeEvent = serde_json::from_str(json)
        .context("the daemon sends an event that this version of edge does not know")?;
    let line = if as_json { json.to_owned() } else { view::events::line(&event) };
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
