//! `edge ledger end-terms`: an operator who has detached an edge for good ends its circuits' fees.

use std::{io::Write as _, path::Path};

use anyhow::{Result, ensure};
use edge_user::{
    billing::ledger::{self, Ledger, TermsSpan},
    config, time,
    units::when,
};
use jiff::Timestamp;

use super::super::{UsageError, look::LedgerArg};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Ends the terms of this circuit; the option may be given several times.
    #[arg(long, value_name = "NAME", required_unless_present = "all", conflicts_with = "all")]
    circuit: Vec<String>,
    /// Ends the terms of every circuit.
    #[arg(long)]
    all: bool,
    /// The moment at which the terms end: 2026-02 is the end of January. Without it they end now,
    /// at the date that the ledger believes.
    #[arg(long, value_name = "TIME", value_parser = when::timestamp)]
    at: Option<Timestamp>,
    #[command(flatten)]
    ledger: LedgerArg,
}

pub(super) fn end_terms(args: &Args) -> Result<()> {
    let control = args.ledger.control()?;
    ensure!(
        !edge_api::is_answered(&control),
        "an edge daemon answers at {} and keeps the terms of its circuits, so nothing was ended: \
         remove the circuits from its configuration and `edge reload`, or stop it first",
        control.display(),
    );
    let state_dir = args.ledger.state_dir()?;
    // Before anything is locked or written.
    check(args, &Ledger::look(&state_dir)?.ledger.open_terms()?)?;
    let _keeper = ledger::lock(&state_dir)?;
    end(&state_dir, &args.circuit, args.at)
}

/// Ends them, now if no moment is given, and says so.
pub(crate) fn end(state_dir: &Path, circuits: &[String], at: Option<Timestamp>) -> Result<()> {
    let ended = Ledger::open(state_dir)?.end_terms(circuits, at, &time::now()?)?;
    let mut out = std::io::stdout().lock();
    for TermsSpan { terms, from, to } in &ended {
        let at = match to {
            Some(to) => format!("at {to:.0}"),
            None => "now, which is dated when the clock is right".to_owned(),
        };
        writeln!(out, "{}: sold since {from:.0}, ended {at}", terms.circuit)?;
    }
    if ended.is_empty() {
        writeln!(out, "no circuit is sold any more")?;
    }
    Ok(())
}

fn check(args: &Args, open: &[TermsSpan]) -> Result<(), UsageError> {
    for name in &args.circuit {
        let names = || open.iter().map(|span| span.terms.circuit.as_str());
        if !names().any(|known| known == name) {
            let help = match config::nearest(name, names()) {
                None => "`edge ledger info` shows which are sold".to_owned(),
                Some(near) => format!("did you mean {near:?}?"),
            };
            return Err(UsageError(format!("no circuit {name:?} is sold any more; {help}")));
        }
    }
    let is_meant = |span: &&TermsSpan| args.all || args.circuit.contains(&span.terms.circuit);
    let Some(at) = args.at else { return Ok(()) };
    match open.iter().filter(is_meant).find(|span| span.from >= at) {
        Some(TermsSpan { terms, from, .. }) => Err(UsageError(format!(
            "the terms of circuit {:?} began at {from} and can't end at {at}; nothing was ended: \
             give a later time",
            terms.circuit,
        ))),
        None => Ok(()),
    }
}
