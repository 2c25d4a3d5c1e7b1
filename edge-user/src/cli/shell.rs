use std::io::{self, Write as _};

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "edge", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

pub(super) fn man(command: Command) -> Result<()> {
    clap_mangen::Man::new(command).render(&mut io::stdout())?;
    Ok(())
}
