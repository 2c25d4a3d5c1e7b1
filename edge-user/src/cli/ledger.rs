pub(super) mod end_terms;

use std::{io::Write as _, path::PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;
use edge_user::{billing::ledger::Ledger, daemon::look::Warnings, time, view};

use super::{
    look::{LedgerArg, warn},
    progress::Progress,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: LedgerVerb,
}

#[derive(Debug, Subcommand)]
enum LedgerVerb {
    /// Reads the whole ledger, and tells each fault that it finds.
    Check(LedgerArg),
    /// Copies the ledger to a new file, while it is in use.
    ///
    /// The copy has the counts, too, that the meters have and the ledger has not, where they can be
    /// read.
    Backup {
        /// The new file.
        file: PathBuf,
        #[command(flatten)]
        ledger: LedgerArg,
    },
    /// Puts a backup in the ledger's place, while no daemon runs.
    ///
    /// The ledger that was there stays beside it, as `ledger.db.before-restore`. When the daemon
    /// runs again, it books the counts that the meters have and the backup has not.
    Restore {
        /// The backup.
        file: PathBuf,
        #[command(flatten)]
        ledger: LedgerArg,
    },
    /// Tells what the ledger holds.
    Info(LedgerArg),
    /// Ends the terms of circuits, and with them their fees, while no daemon runs.
    ///
    /// `edge detach` leaves terms as they are. While a daemon runs, a circuit's terms end when the
    /// circuit is removed from the configuration. A circuit that is still in the configuration is
    /// sold anew when the daemon runs again.
    EndTerms(end_terms::Args),
}

pub(super) fn ledger(args: &Args) -> Result<()> {
    match &args.verb {
        LedgerVerb::Check(ledger) => check(&ledger.look_as_it_is()?),
        LedgerVerb::Backup { file, ledger } => {
            let view = ledger.look()?;
            // The missing counts are still in the meters: the ledger has yet to book them.
            warn(&Warnings::of_unseen(&view, None));
            let progress = Progress::of("copying the ledger");
            view.ledger.backup(file)?;
            drop(progress);
            writeln!(std::io::stdout(), "copied to {}", file.display())?;
            Ok(())
        }
        LedgerVerb::Restore { file, ledger } => {
            let state_dir = ledger.state_dir()?;
            let progress = Progress::of("checking and copying the backup");
            Ledger::restore(file, &state_dir)?;
            drop(progress);
            let id = Ledger::look(&state_dir)?.ledger.id();
            writeln!(std::io::stdout(), "restored; the ledger's id is {id} now")?;
            Ok(())
        }
        LedgerVerb::Info(ledger) => {
            let contents = ledger.look_as_it_is()?.contents(time::wall())?;
            Ok(view::ledger::contents(&contents, &mut std::io::stdout().lock())?)
        }
        LedgerVerb::EndTerms(args) => end_terms::end_terms(args),
    }
}

fn check(ledger: &Ledger) -> Result<()> {
    let progress = Progress::of("checking the ledger");
    let (problems, doubts) = (ledger.check()?, ledger.doubts(time::wall())?);
    drop(progress);
    for doubt in doubts {
        eprintln!("warning: {doubt}");
    }
    let mut out = std::io::stdout().lock();
    if problems.is_empty() {
        writeln!(out, "ok")?;
        return Ok(());
    }
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    let path = ledger.path().display();
    bail!(
        "{path}: the books don't balance; stop the daemon and put a backup in its place with `edge \
         ledger restore FILE`, and report this with the file that it leaves"
    );
}
