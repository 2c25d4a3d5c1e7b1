//! `edge circuit`: the steps in a circuit's life, each a change of the configuration that the daemon makes.

mod keys;

use std::io::{Write as _, stdout};

use anyhow::{Result, ensure};
use edge_api::{CircuitStep, Client};
use edge_user::view;

use self::keys::{LinkKeys, NewKeys, PeeringKeys};
use super::{
    SocketArg,
    apply::{ask, tell, time},
    progress::Progress,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    step: LifeStep,
}

#[derive(Debug, clap::Subcommand)]
enum LifeStep {
    /// Makes a circuit, which its provider has not connected yet, with a service key.
    New {
        #[command(flatten)]
        name: NameArg,
        #[command(flatten)]
        keys: NewKeys,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Gives a circuit its tags and ports, as its provider connects it. They are chosen where you name none.
    Provision {
        #[command(flatten)]
        name: NameArg,
        /// The customer-side port of the primary link.
        #[arg(long, value_name = "PORT")]
        primary: Option<String>,
        /// The customer-side port of the secondary link.
        #[arg(long, value_name = "PORT")]
        secondary: Option<String>,
        /// The S-tag, 1 to 4094.
        #[arg(long, value_name = "VID", value_parser = clap::value_parser!(u16).range(1..=4094))]
        s_tag: Option<u16>,
        /// The provider has begun, and is not done: the circuit has its tags, and no peerings.
        #[arg(long)]
        begin: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Sets a peering up, changes some of its keys, or removes it.
    Peering {
        #[command(flatten)]
        name: NameArg,
        /// Its kind: private, public or microsoft.
        #[arg(value_parser = ["private", "public", "microsoft"])]
        kind: String,
        #[command(flatten)]
        keys: PeeringKeys,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Links a circuit to a virtual network, changes the link, or removes it.
    Link {
        #[command(flatten)]
        name: NameArg,
        /// The network's name.
        vnet: String,
        #[command(flatten)]
        keys: LinkKeys,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Shows what a circuit's provider and customer know of it.
    Show {
        #[command(flatten)]
        name: NameArg,
        /// Prints the document of the API.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        socket: SocketArg,
    },
    /// Removes a circuit.
    Delete {
        #[command(flatten)]
        name: NameArg,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

#[derive(Debug, clap::Args)]
struct NameArg {
    /// The circuit's name.
    circuit: String,
}

/// The way in which a change is made.
#[derive(Debug, clap::Args)]
struct ChangeArgs {
    /// Makes the change without a question, also where traffic ends.
    #[arg(short, long)]
    yes: bool,
    /// Shows the change, and makes none.
    #[arg(long, conflicts_with_all = ["yes", "confirm", "message"])]
    dry_run: bool,
    /// The daemon takes the change back after this time, such as 10m, unless `edge confirm` keeps it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    confirm: Option<String>,
    /// A message for the history.
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    socket: SocketArg,
}

pub(super) fn circuit(args: &Args) -> Result<()> {
    match &args.step {
        LifeStep::New { name, keys, change } => {
            take(&name.circuit, &CircuitStep::New { keys: keys.keys() }, change)
        }
        LifeStep::Provision { name, primary, secondary, s_tag, begin, change } => {
            let step = CircuitStep::Provision {
                primary: primary.clone(),
                secondary: secondary.clone(),
                s_tag: *s_tag,
                begin: *begin,
            };
            take(&name.circuit, &step, change)
        }
        LifeStep::Peering { name, kind, keys, change } => {
            let step = CircuitStep::Peering { kind: kind.clone(), keys: keys.keys() };
            take(&name.circuit, &step, change)
        }
        LifeStep::Link { name, vnet, keys, change } => {
            let step = CircuitStep::Link { vnet: vnet.clone(), keys: keys.keys() };
            take(&name.circuit, &step, change)
        }
        LifeStep::Show { name, json, socket } => {
            let record = Client::new(&socket.socket).circuit_record(&name.circuit)?;
            let mut out = stdout().lock();
            if *json {
                serde_json::to_writer(&mut out, &record)?;
                writeln!(out)?;
            } else {
                view::circuit::print(&record, &mut out)?;
            }
            Ok(())
        }
        LifeStep::Delete { name, change } => take(&name.circuit, &CircuitStep::Delete, change),
    }
}

/// Shows what a step changes, asks where traffic ends, and takes it.
fn take(circuit: &str, step: &CircuitStep, args: &ChangeArgs) -> Result<()> {
    let client = Client::new(&args.socket.socket);
    let changes = {
        let _progress = Progress::of("measuring the traffic");
        client.step_changes(circuit, step)?
    };
    view::changes::print(&changes, &mut stdout().lock())?;
    ensure!(changes.refused.is_none(), "nothing was changed");
    if args.dry_run {
        return Ok(());
    }
    if !args.yes {
        ask(&changes)?;
    }
    let (message, confirm) = (args.message.as_deref(), args.confirm.as_deref());
    let progress = Progress::of("applying");
    let stepped = client.step(circuit, step, &changes.from, message, confirm)?;
    drop(progress);
    tell(&stepped.applied)?;
    if let Some(record) = &stepped.circuit {
        view::circuit::print(record, &mut stdout().lock())?;
    }
    Ok(())
}
