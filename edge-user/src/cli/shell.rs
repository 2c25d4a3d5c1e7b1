use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
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

#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write the pages of `edge` and of each verb to this directory, instead.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

pub(super) fn man(args: &ManArgs, command: Command) -> Result<()> {
    match &args.directory {
        Some(directory) => clap_mangen::generate_to(command, directory)
            .with_context(|| format!("writing the pages to {}", directory.display())),
        None => Ok(clap_mangen::Man::new(command).render(&mut io::stdout())?),
    }
}
