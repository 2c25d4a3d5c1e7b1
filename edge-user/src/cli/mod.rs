//! The command line: each file has one verb.

mod apply;
mod availability;
mod bench;
mod bill;
mod check;
mod circuit;
mod confirm;
mod demo;
mod detach;
mod diff;
mod drain;
mod events;
mod failure;
mod history;
mod ledger;
mod log;
mod look;
mod lookup;
mod progress;
mod reach;
mod reload;
mod replay;
mod rollback;
mod routes;
mod run;
mod sessions;
mod set_bandwidth;
mod setup;
mod shell;
mod snippets;
mod status;
mod support;
mod top;
mod trace;
mod unmatched;
mod usage;
mod verify;
mod why;

use std::{path::PathBuf, process::ExitCode};

use clap::{
    CommandFactory as _, Parser, Subcommand,
    builder::{PathBufValueParser, TypedValueParser},
};
use edge_user::config::{DEFAULT_CONTROL, MAX_SOCKET_LEN_BYTES};

/// The packet path of a cloud-exchange edge: classifies, marks, polices, meters and forwards
/// customer circuits in XDP.
#[derive(Debug, Parser)]
#[command(name = "edge", version, about, infer_subcommands = false)]
struct Cli {
    /// Prints more, such as the whole log of a verifier that refuses a program.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Looks at this machine, and writes a first configuration for it.
    Setup(setup::Args),
    /// Validates a configuration.
    Check(check::Args),
    /// Runs the daemon, in the foreground.
    Run(run::Args),
    /// Removes the data plane: links and pins.
    Detach(detach::Args),
    /// Has the running daemon read its configuration again; with an error, nothing changes.
    Reload(reload::Args),
    /// Shows what a configuration would change, and the traffic that it concerns.
    Diff(diff::Args),
    /// Brings the edge to a configuration, all or nothing, and saves it as the daemon's.
    Apply(apply::Args),
    /// Keeps the change that `edge apply --confirm` has made.
    Confirm(confirm::Args),
    /// Shows the configurations that the edge has had: when, by whom, and what changed.
    History(history::Args),
    /// Brings the edge back to a configuration that it has had.
    Rollback(rollback::Args),
    /// Gives a circuit another bandwidth, without a lost frame.
    SetBandwidth(set_bandwidth::Args),
    /// Shows ports, circuits, peerings and their counters.
    Status(status::Args),
    /// Shows circuits and ports by their rates, live.
    Top(top::Args),
    /// Tells in sentences how a circuit fares: offered, delivered, dropped, the cause, and what would help.
    Why(why::Args),
    /// Shows frames as they come, with their verdict and its reason, or writes them to a pcapng file.
    Trace(trace::Args),
    /// Shows the tags of frames that no circuit claims, and the nearest circuits.
    Unmatched(unmatched::Args),
    /// Shows changes, links, conditions and more as they happen, and those of before.
    Events(events::Args),
    /// Shows BGP sessions: state, routes and limits, BFD, and MAC addresses of both ends.
    Sessions(sessions::Args),
    /// Takes a step in a circuit's life: new, provision, peering, link, show, delete.
    Circuit(circuit::Args),
    /// Takes a routed circuit's link out of use for planned work: asks for its traffic to leave, waits, and shuts its sessions down.
    Drain(drain::Args),
    /// Takes a link into use again.
    Undrain(drain::UndrainArgs),
    /// Shows the routes of a peering: received, advertised, forwarded by, or what differs.
    Routes(routes::Args),
    /// Shows where a routed peering's frame to an address goes, as the packet path decides.
    Lookup(lookup::Args),
    /// Shows the regions that a circuit reaches, those that it does not and why, and its virtual networks.
    Reach(reach::Args),
    /// Shows the minutes of a month in which routed peerings were up, degraded, down, unknown, or out of use on purpose.
    Availability(availability::Args),
    /// Works out what circuits cost in a month, from the ledger and the configuration's prices.
    Bill(bill::Args),
    /// Shows usage from the ledger.
    Usage(usage::Args),
    /// Checks, backs up, restores and shows the ledger.
    Ledger(ledger::Args),
    /// Runs a capture through the data plane, without any interface.
    Replay(replay::Args),
    /// Tests a circuit through its own path at 25 to 110 % of its rate, without any interface (ITU-T Y.1564).
    Verify(verify::Args),
    /// Measures what the path costs on this machine.
    Bench(bench::Args),
    /// Builds a lab of namespaces, sends real traffic, shows the result and cleans up.
    Demo(demo::Args),
    /// Writes an archive that tells everything about this edge but its secrets, for those who help.
    Support(support::Args),
    /// Prints completions for a shell.
    Completions(shell::CompletionsArgs),
    /// Prints the manual page.
    Man(shell::ManArgs),
}

/// The configuration that a verb reads.
#[derive(Debug, clap::Args)]
struct ConfigArg {
    /// The configuration.
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

/// The daemon that a verb asks.
#[derive(Debug, clap::Args)]
struct SocketArg {
    /// The daemon's control socket.
    #[arg(short, long, value_name = "PATH", default_value = DEFAULT_CONTROL, value_parser = socket_path())]
    socket: PathBuf,
}

/// A path that a Unix socket can have (`sun_path`, unix(7)).
fn socket_path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.as_os_str().len() {
        ..=MAX_SOCKET_LEN_BYTES => Ok(path),
        len_bytes => Err(format!(
            "it has {len_bytes} bytes, and a socket's path has at most {MAX_SOCKET_LEN_BYTES}: \
             give a shorter path, such as one relative to the working directory"
        )),
    })
}

/// A command line that asks for something that is not there: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    let Cli { verbose, verb } = Cli::parse();
    let log = log::start(matches!(verb, Verb::Run(_)));
    let result = match verb {
        Verb::Setup(args) => setup::setup(&args),
        Verb::Check(args) => check::check(&args),
        Verb::Run(args) => run::run(&args),
        Verb::Detach(args) => detach::detach(&args),
        Verb::Reload(args) => reload::reload(&args),
        Verb::Diff(args) => diff::diff(&args),
        Verb::Apply(args) => apply::apply(&args),
        Verb::Confirm(args) => confirm::confirm(&args),
        Verb::History(args) => history::history(&args),
        Verb::Rollback(args) => rollback::rollback(&args),
        Verb::SetBandwidth(args) => set_bandwidth::set_bandwidth(&args),
        Verb::Status(args) => status::status(&args),
        Verb::Top(args) => top::top(&args),
        Verb::Why(args) => why::why(&args),
        Verb::Trace(args) => trace::trace(&args),
        Verb::Unmatched(args) => unmatched::unmatched(&args),
        Verb::Events(args) => events::events(&args),
        Verb::Sessions(args) => sessions::sessions(&args),
        Verb::Circuit(args) => circuit::circuit(&args),
        Verb::Drain(args) => drain::drain(&args),
        Verb::Undrain(args) => drain::undrain(&args),
        Verb::Routes(args) => routes::routes(&args),
        Verb::Lookup(args) => lookup::lookup(&args),
        Verb::Reach(args) => reach::reach(&args),
        Verb::Availability(args) => availability::availability(&args),
        Verb::Bill(args) => bill::bill(&args),
        Verb::Usage(args) => usage::usage(&args),
        Verb::Ledger(args) => ledger::ledger(&args),
        Verb::Replay(args) => replay::replay(&args),
        Verb::Verify(args) => verify::verify(&args),
        Verb::Bench(args) => bench::bench(&args),
        Verb::Demo(args) => demo::demo(&args),
        Verb::Support(args) => support::support(&args),
        Verb::Completions(args) => shell::completions(&args, Cli::command()),
        Verb::Man(args) => shell::man(&args, Cli::command()),
    };
    let error = match result {
        Ok(()) => None,
        Err(error) if failure::is_closed_pipe(&error) => None,
        Err(error) => Some(error),
    };
    let Some(error) = error else {
        log.end();
        return ExitCode::SUCCESS;
    };
    log.end_with(&failure::told(&error, verbose));
    ExitCode::from(failure::exit_code(&error))
}
