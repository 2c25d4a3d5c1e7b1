use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::Subcommand;
use edge_user::{
    config::{self, Config, DEFAULT_CONTROL, DEFAULT_STATE_DIR, LedgerConfig},
    daemon::{
        catch_up::catch_up,
        control::{self, Booked, Request},
    },
    ledger::{Info, Ledger},
    time,
    units::count,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: LedgerVerb,
}

#[derive(Debug, Subcommand)]
enum LedgerVerb {
    /// Reads all of the ledger, and tells what is wrong with it.
    Check(LedgerArg),
    /// Copies the ledger to a new file, while it is in use.
    Backup {
        /// The new file.
        file: PathBuf,
        #[command(flatten)]
        ledger: LedgerArg,
    },
    /// Puts a backup in the ledger's place, while no daemon runs.
    ///
    /// What was there stays beside it, as `ledger.db.before-restore`. What the meters have and the
    /// backup has not is booked when the daemon runs again.
    Restore {
        /// The backup.
        file: PathBuf,
        #[command(flatten)]
        ledger: LedgerArg,
    },
    /// Tells what the ledger holds.
    Info(LedgerArg),
}

/// Which ledger.
#[derive(Debug, clap::Args)]
pub(super) struct LedgerArg {
    /// The configuration that says where the ledger is.
    #[arg(short, long, value_name = "FILE", conflicts_with = "state_dir")]
    config: Option<PathBuf>,
    /// The directory that the ledger is in.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The control socket of the daemon whose ledger it is [default: /run/edge/control.sock, or the
    /// configuration's].
    #[arg(short, long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl LedgerArg {
    /// Opens it for looking, with all that was counted up to now.
    pub(super) fn open(&self) -> Result<Ledger> {
        let config = self.config.as_deref().map(config::load).transpose()?;
        let ledger_config = config.as_ref().map(|config| config.ledger).unwrap_or_default();
        let booked = book(&self.socket(config.as_ref()));
        let state_dir = match (&booked, self.known_state_dir(config.as_ref())) {
            (_, Some(state_dir)) => state_dir,
            (Some(booked), None) => booked.clone(),
            (None, None) => self.last_state_dir()?,
        };
        open_caught_up(&state_dir, booked.as_deref(), &ledger_config)
    }

    /// Where it is, of a daemon that doesn't run.
    fn state_dir(&self) -> Result<PathBuf> {
        let config = self.config.as_deref().map(config::load).transpose()?;
        self.known_state_dir(config.as_ref()).map_or_else(|| self.last_state_dir(), Ok)
    }

    fn known_state_dir(&self, config: Option<&Config>) -> Option<PathBuf> {
        self.state_dir.clone().or_else(|| Some(config?.edge.state_dir.clone()))
    }

    fn socket(&self, config: Option<&Config>) -> PathBuf {
        let of_config = || config.map(|config| config.edge.control.clone());
        self.socket.clone().or_else(of_config).unwrap_or_else(|| DEFAULT_CONTROL.into())
    }

    /// That of the daemon that was last at the socket.
    fn last_state_dir(&self) -> Result<PathBuf> {
        match control::remembered_state_dir(&self.socket(None)) {
            Some(state_dir) => Ok(state_dir),
            None if self.socket.is_none() => Ok(DEFAULT_STATE_DIR.into()),
            None => bail!(
                "no edge daemon answers at {}, nor did one lately; `-c FILE` or `--state-dir DIR` \
                 names its ledger",
                self.socket(None).display(),
            ),
        }
    }
}

/// Opens the ledger of a configuration for looking, with all that was counted up to now.
pub(super) fn open_of(config: &Config) -> Result<Ledger> {
    let booked = book(&config.edge.control);
    open_caught_up(&config.edge.state_dir, booked.as_deref(), &config.ledger)
}

/// Opens the ledger; where no daemon has `booked` in it just now, this does, if it can.
fn open_caught_up(
    state_dir: &Path,
    booked: Option<&Path>,
    config: &LedgerConfig,
) -> Result<Ledger> {
    if booked != Some(state_dir)
        && let Err(error) = catch_up(state_dir, config)
    {
        eprintln!("warning: {error:#}");
    }
    Ok(Ledger::open_read_only(state_dir)?)
}

/// Has the daemon at `socket` book what it has counted. Returns where its ledger is; `None`: there
/// is no daemon.
fn book(socket: &Path) -> Option<PathBuf> {
    if !control::is_answered(socket) {
        return None;
    }
    match control::ask::<Booked>(socket, &Request::Book) {
        Ok(Booked { state_dir, error }) => {
            if let Some(error) = error {
                eprintln!("warning: what was counted last is not booked: {error}");
            }
            Some(state_dir)
        }
        Err(error) => {
            eprintln!("warning: the daemon at {}: {error:#}", socket.display());
            None
        }
    }
}

pub(super) fn ledger(args: &Args) -> Result<()> {
    match &args.verb {
        LedgerVerb::Check(ledger) => check(&ledger.open()?),
        LedgerVerb::Backup { file, ledger } => {
            ledger.open()?.backup(file)?;
            writeln!(std::io::stdout(), "copied to {}", file.display())?;
            Ok(())
        }
        LedgerVerb::Restore { file, ledger } => {
            let state_dir = ledger.state_dir()?;
            Ledger::restore(file, &state_dir)?;
            let id = Ledger::open_read_only(&state_dir)?.id();
            writeln!(std::io::stdout(), "restored; the ledger's id is {id} now")?;
            Ok(())
        }
        LedgerVerb::Info(ledger) => info(&ledger.open()?),
    }
}

fn check(ledger: &Ledger) -> Result<()> {
    let problems = ledger.check()?;
    for doubt in ledger.doubts(time::wall())? {
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

fn info(ledger: &Ledger) -> Result<()> {
    let info: Info = ledger.info()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "path        {}", ledger.path().display())?;
    writeln!(out, "id          {}", info.id)?;
    writeln!(out, "layout      {}", info.layout)?;
    writeln!(out, "size        {} bytes", count(info.bytes))?;
    writeln!(out, "checkpoint  {}", info.checkpoint)?;
    writeln!(out, "epochs      {}", count(info.epochs))?;
    writeln!(out, "series      {}", count(info.series))?;
    writeln!(out, "open usage  {} rows", count(info.open_usage))?;
    writeln!(
        out,
        "records     {} kept, the last is number {}",
        count(info.records),
        info.last_seq
    )?;
    writeln!(out, "samples     {}", count(info.samples))?;
    for sink in &info.sinks {
        writeln!(
            out,
            "receiver    {} has batch {} and lacks {} records",
            sink.name,
            sink.acknowledged,
            count(sink.pending),
        )?;
    }
    for gap in ledger.gaps()? {
        writeln!(out, "gap         {gap}")?;
    }
    for doubt in ledger.doubts(time::wall())? {
        writeln!(out, "doubt       {doubt}")?;
    }
    if let Some(notice) = ledger.clock_notice()? {
        writeln!(out, "clock       {notice}")?;
    }
    Ok(())
}
