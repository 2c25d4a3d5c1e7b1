//! Many commands of `ip` at once.

use std::{io::Write as _, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use edge_user::lab::NetNs;

/// Has `ip` carry out lines in a namespace. It stops at the first that fails.
pub fn batch(ns: &NetNs, lines: &str) -> Result<()> {
    let mut command = ns.command("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting ip")?;
    child.stdin.take().context("its input")?.write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said} of {lines}");
    Ok(())
}
