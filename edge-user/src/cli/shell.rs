use std::io;

use anyhow::Result;
use clap::Command;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, command: &mut Command) -> Result<()> {
    clap_complete::generate(args.shell, command, "edge", &mut io::stdout());
    Ok(())
}

pub(super) fn man(command: Command) -> Result<()> {
    clap_mangen::Man::new(command).render(&mut io::stdout())?;
    Ok(())
}
