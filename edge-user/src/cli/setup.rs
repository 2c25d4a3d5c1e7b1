mod choice;
mod first_file;
mod text;

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use edge_user::{config, daemon::machine::MachineLook};
use serde_json::json;
use tempfile::NamedTempFile;

use self::{choice::Choice, first_file::FirstFile, text::MachineText};
use super::UsageError;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write. One that is there already stays as it is. `-` is the standard output.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/edge/edge.toml")]
    output: PathBuf,
    /// Only look at the machine, and write nothing.
    #[arg(long, conflicts_with_all = ["output", "customer", "core"])]
    look: bool,
    /// An interface to customers. By default, the first one that can be a port.
    #[arg(long, value_name = "INTERFACE")]
    customer: Vec<String>,
    /// The interface to the core. By default, the next one.
    #[arg(long, value_name = "INTERFACE")]
    core: Option<String>,
    /// Print the machine as a JSON document.
    #[arg(long)]
    json: bool,
}

pub(super) fn setup(args: &Args) -> Result<()> {
    let to_stdout = args.output == Path::new("-");
    if to_stdout && args.json {
        let why = "--json and `-o -` both print to the standard output; leave one out";
        return Err(UsageError(why.into()).into());
    }
    let machine = MachineLook::new()?;
    if args.look {
        return print(args, &machine, None);
    }
    let choice = Choice::new(&machine.interfaces, &args.customer, args.core.as_deref())?;
    let Some(choice) = choice else {
        print(args, &machine, None)?;
        bail!(
            "no interface here can be a port (see above), so no file was written; free one, or name it by \
             --customer INTERFACE"
        );
    };
    let first = FirstFile(&choice).to_string();
    config::parse(&first, &args.output).context("edge has made a wrong file, which is a defect")?;
    if to_stdout {
        eprint!("{}", MachineText(&machine));
        return Ok(io::stdout().write_all(first.as_bytes())?);
    }
    // The look comes even where the file is there already.
    let written = write(&args.output, &first);
    print(args, &machine, written.is_ok().then_some(&args.output))?;
    written?;
    if !args.json {
        let file = args.output.display();
        writeln!(
            io::stdout(),
            "\nwrote {file}: give it your circuits, then `edge check -c {file}`"
        )?;
    }
    Ok(())
}

fn print(args: &Args, machine: &MachineLook, file: Option<&PathBuf>) -> Result<()> {
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "machine": machine, "file": file }))?;
    } else {
        write!(out, "{}", MachineText(machine))?;
    }
    Ok(())
}

/// Writes a file that is not there yet. It belongs to its directory's owner, who may be the daemon's user.
fn write(path: &Path, text: &str) -> Result<()> {
    let directory = match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    let write = || -> io::Result<()> {
        let mut file = NamedTempFile::with_prefix_in(".edge-", directory)?;
        file.write_all(text.as_bytes())?;
        let owner = fs::metadata(directory)?;
        if nix::unistd::geteuid().is_root() {
            fchown(file.as_file(), Some(owner.uid()), Some(owner.gid()))?;
        }
        file.as_file().set_permissions(Permissions::from_mode(0o640))?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        Ok(())
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!(
            "{} is there already and stays as it is; `-o FILE` writes another one, `-o -` prints it",
            path.display()
        ),
        written => written.with_context(|| format!("writing {}", path.display())),
    }
}
