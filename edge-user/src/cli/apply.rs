use std::io::{IsTerminal as _, Write as _, stdin, stdout};

use anyhow::{Result, ensure};
use edge_api::{Applied, Client, ClientError, ConfigChanges};
use edge_user::{
    units::when::{self, LONGEST_WAIT},
    view,
};

use super::{
    ConfigArg, SocketArg, UsageError,
    diff::{checked, compared},
    progress::Progress,
};

/// The most names in the question; the list above it has all.
const NAMES_ASKED: usize = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    #[command(flatten)]
    change: ChangeArgs,
}

/// The way in which a change is made.
#[derive(Debug, clap::Args)]
pub(super) struct ChangeArgs {
    /// Applies it without a question, also where traffic ends.
    #[arg(short, long)]
    yes: bool,
    /// The daemon takes the change back after this time, such as 10m, unless `edge confirm` keeps it.
    #[arg(long, value_name = "TIME", value_parser = time)]
    confirm: Option<String>,
    /// A message for the history.
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    socket: SocketArg,
}

impl ChangeArgs {
    /// The daemon that makes the change.
    pub(super) fn client(&self) -> Client {
        Client::new(&self.socket.socket)
    }

    /// Asks where traffic ends, and has `apply` make the change, with a message and the time to confirm it.
    pub(super) fn make<T>(
        &self,
        changes: &ConfigChanges,
        apply: impl FnOnce(Option<&str>, Option<&str>) -> Result<T, ClientError>,
    ) -> Result<T> {
        if !self.yes {
            ask(changes)?;
        }
        let _progress = Progress::of("applying");
        Ok(apply(self.message.as_deref(), self.confirm.as_deref())?)
    }
}

pub(super) fn apply(args: &Args) -> Result<()> {
    let text = checked(&args.config.config)?;
    let client = args.change.client();
    let changes = compared(&client, &text)?;
    show(&changes)?;
    // The digest: nothing that was not shown is changed.
    let applied = args
        .change
        .make(&changes, |message, confirm| client.apply(&text, &changes.from, message, confirm))?;
    tell(&applied)
}

/// Shows changes; an error where the daemon would refuse them.
pub(super) fn show(changes: &ConfigChanges) -> Result<()> {
    view::changes::print(changes, &mut stdout().lock())?;
    ensure!(changes.refused.is_none(), "nothing was changed");
    Ok(())
}

/// The text of a time that the daemon takes.
fn time(text: &str) -> Result<String, String> {
    when::duration(text, LONGEST_WAIT).map(|_| text.to_owned())
}

/// Tells where a configuration is saved, and what it lacks.
pub(super) fn tell(applied: &Applied) -> Result<()> {
    match &applied.saved_to {
        Some(path) => writeln!(stdout(), "applied, and saved to {}", path.display())?,
        None => {
            writeln!(stdout(), "applied; the daemon's file was edited since, and stays as it is")?;
        }
    }
    if let Some(until) = applied.confirm_by {
        writeln!(stdout(), "taken back at {until:.0}, unless `edge confirm` keeps it")?;
    }
    for warning in &applied.warnings {
        eprintln!("applied, but {warning}");
    }
    Ok(())
}

/// Asks for a yes where traffic ends.
fn ask(changes: &ConfigChanges) -> Result<()> {
    let ending = changes.changes.iter().filter(|change| change.ends_traffic());
    let names: Vec<&str> = ending.map(|change| change.name.as_str()).take(NAMES_ASKED).collect();
    if names.is_empty() {
        return Ok(());
    }
    let refuse = |why: &str| {
        Err(UsageError(format!(
            "traffic would end, and {why}, so nothing was changed; --yes applies it"
        ))
        .into())
    };
    if !stdin().is_terminal() {
        return refuse("nobody is there to ask");
    }
    write!(stdout(), "Traffic ends ({}). Apply? [y/N] ", names.join(", "))?;
    stdout().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => refuse("the answer was no yes"),
    }
}
