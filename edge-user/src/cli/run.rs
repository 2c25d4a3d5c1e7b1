use anyhow::Result;
use edge_user::{daemon::AtExit, server};

use super::ConfigArg;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// Detach and unpin at exit; otherwise the data plane goes on without the daemon.
    #[arg(long)]
    ephemeral: bool,
    /// Enter a sandbox (Landlock), where no unit of systemd gives one: the daemon then writes only below the directories of its
    /// configuration, and a reload that takes more is refused.
    #[arg(long)]
    sandbox: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let path = &args.config.config;
    let at_exit = if args.ephemeral { AtExit::Detach } else { AtExit::Keep };
    Ok(server::run(path, at_exit, args.sandbox)?)
}
