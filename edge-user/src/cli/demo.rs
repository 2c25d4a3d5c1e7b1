use std::io;

use anyhow::Result;
use edge_user::lab::demo;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn demo(_args: &Args) -> Result<()> {
    demo::demo(&mut io::stdout().lock())
}
