use anyhow::{Result, bail};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn demo(_args: &Args) -> Result<()> {
    bail!("not yet")
}
