//! Commands, run in sight.

use std::{env, ffi::OsString, process::Command, time::Instant};

use anyhow::{Context as _, Result, ensure};

/// Runs `command` with its output shown, and fails where it does.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    println!("==> {what}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{what} failed ({status}): {command:?}");
    println!("    {what}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}
