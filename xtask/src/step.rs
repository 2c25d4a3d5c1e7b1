//! Steps, and commands whose output is shown.

use std::{
    env,
    ffi::OsString,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

/// Does `work` under a heading, and prints its duration.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {what}");
    let started = Instant::now();
    let result = work();
    let verdict = if result.is_ok() { "done" } else { "FAILED" };
    println!("    {what}: {verdict} after {:.1} s", started.elapsed().as_secs_f64());
    result
}

/// Runs `command` as a step, with its output shown.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    step(what, || {
        let status = command.status().with_context(|| format!("starting {command:?}"))?;
        ensure!(status.success(), "{what} failed ({status}): {command:?}");
        Ok(())
    })
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Whether a command works, its output unseen.
pub(crate) fn works(program: &str, args: &[&str]) -> bool {
    let status =
        Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}
