//! `edge circuit`: the steps in a circuit's life, each a change of the configuration that the daemon makes.

mod keys;

use std::io::{Write as _, stdout};

use anyhow::Result;
use edge_api::{CircuitStep, Client};
use edge_user::view;

use self::keys::{LinkKeys, NewKeys, PeeringKeys};
use super::{
    SocketArg,
    apply::{ChangeArgs, show, tell},
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
        change: StepArgs,
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
        /// The S-tag of the secondary link, 1 to 4094, where the provider has another one there.
        #[arg(long, value_name = "VID", value_parser = clap::value_parser!(u16).range(1..=4094))]
        secondary_s_tag: Option<u16>,
        /// The provider has begun, and is not done: the circuit has its tags, and no peerings.
        #[arg(long)]
        begin: bool,
        #[command(flatten)]
        change: StepArgs,
    },
    /// Takes a circuit's tags and ports back, as its provider has disconnected it: the way back from `provision`.
    Deprovision {
        #[command(flatten)]
        name: NameArg,
        #[command(flatten)]
        change: StepArgs,
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
        change: StepArgs,
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
        change: StepArgs,
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
        change: StepArgs,
    },
}

#[derive(Debug, clap::Args)]
struct NameArg {
    /// The circuit's name.
    circuit: String,
}

/// The way in which a step is taken.
#[derive(Debug, clap::Args)]
struct StepArgs {
    /// Shows the change, and makes none.
    #[arg(long, conflicts_with_all = ["yes", "confirm", "message"])]
    dry_run: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) fn circuit(args: &Args) -> Result<()> {
    match &args.step {
        LifeStep::New { name, keys, change } => {
            take(&name.circuit, &CircuitStep::New { keys: keys.keys() }, change)
        }
        LifeStep::Provision { name, primary, secondary, s_tag, secondary_s_tag, begin, change } => {
            let step = CircuitStep::Provision {
                primary: primary.clone(),
                secondary: secondary.clone(),
                s_tag: *s_tag,
                secondary_s_tag: *secondary_s_tag,
                begin: *begin,
            };
            take(&name.circuit, &step, change)
        }
        LifeStep::Deprovision { name, change } => {
            take(&name.circuit, &CircuitStep::Deprovision, change)
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
fn take(circuit: &str, step: &CircuitStep, args: &StepArgs) -> Result<()> {
    let client = args.change.client();
    let changes = {
        let _progress = Progress::of("measuring the traffic");
        client.step_changes(circuit, step)?
    };
    show(&changes)?;
    if args.dry_run {
        return Ok(());
    }
    let stepped = args.change.make(&changes, |message, confirm| {
        client.step(circuit, step, &changes.from, message, confirm)
    })?;
    tell(&stepped.applied)?;
    if let Some(record) = &stepped.circuit {
        view::circuit::print(record, &mut stdout().lock())?;
    }
    Ok(())
}
