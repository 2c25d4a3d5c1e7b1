use std::io::{self, Write as _};

use anyhow::{Context as _, Result};
use edge_api::Client;
use edge_user::{
    time,
    units::when,
    view::table::plain,
    why::{Facts, Why},
};
use jiff::{SignedDuration, Timestamp};

use super::{SocketArg, UsageError};

/// The longest time that a history can be asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 400);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The circuit.
    #[arg(value_name = "CIRCUIT")]
    circuit: String,
    /// The time up to now that is asked about, such as 1h or 2d; or its beginning, such as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = since)]
    since: Since,
    /// Prints figures and sentences as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArg,
}

/// The beginning of a time that ends now.
#[derive(Clone, Copy, Debug)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

fn since(text: &str) -> Result<Since, String> {
    let longest = LONGEST.unsigned_abs();
    match when::duration(text, longest) {
        Ok(ago) => {
            Ok(Since::Ago(ago.try_into().map_err(|_too_long| "that is too long".to_owned())?))
        }
        Err(help) => when::timestamp(text).map(Since::At).map_err(|_no_moment| help),
    }
}

pub(super) fn why(args: &Args) -> Result<()> {
    let now = time::wall();
    let from = match args.since {
        Since::Ago(ago) => now - ago,
        Since::At(from) => from,
    };
    if from >= now || now.duration_since(from) > LONGEST {
        let message = format!("--since {from:.0} is not in the 400 days up to now");
        return Err(UsageError(message).into());
    }
    let client = Client::new(&args.socket.socket);
    let circuit = &args.circuit;
    let facts = Facts {
        status: client.status_of(circuit)?,
        history: client.circuit_history(circuit, from)?,
        rates: client.rates_of(circuit)?,
        unmatched: client.unmatched()?,
    };
    let why = Why::from_facts(&facts).context("the daemon's answer has no circuit")?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &why)?;
        writeln!(out)?;
        return Ok(());
    }
    writeln!(out, "{}, from {:.0} to {:.0}:", plain(circuit), why.from, why.to)?;
    for sentence in &why.sentences {
        writeln!(out, "* {}", plain(sentence))?;
    }
    Ok(())
}
