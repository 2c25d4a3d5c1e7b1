mod commands;
mod secrets;

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use edge_api::{Client, ClientError};
use edge_user::{config, time};
use flate2::{Compression, write::GzEncoder};

use self::secrets::Secrets;
use super::{SocketArg, progress::Progress};

/// The configuration of a daemon that is started by the package's unit.
const DEFAULT_CONFIG: &str = "/etc/edge/edge.toml";
/// Documents of the daemon, by the names that they have in the archive.
const DOCUMENTS: [(&str, &str); 5] = [
    ("status.json", "/v1/status"),
    ("rates.json", "/v1/rates?limit=1000"),
    ("unmatched.json", "/v1/unmatched"),
    ("sessions.json", "/v1/sessions"),
    ("revisions.json", "/v1/config/history"),
];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The archive to write, such as edge-support.tar.gz. One that is there already stays as it is.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The daemon's configuration.
    #[arg(short, long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    #[command(flatten)]
    socket: SocketArg,
}

/// An archive in the making: texts without secrets, and a sentence for each that could not be had.
struct Archive<'a> {
    tar: tar::Builder<GzEncoder<fs::File>>,
    secrets: &'a Secrets,
    mtime_s: u64,
    missing: Vec<String>,
}

impl Archive<'_> {
    fn add(&mut self, name: &str, text: &str) -> Result<()> {
        let text = self.secrets.left_out_of(text);
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.mtime_s);
        let path = Path::new("edge-support").join(name);
        Ok(self.tar.append_data(&mut header, path, text.as_bytes())?)
    }

    fn lack(&mut self, name: &str, why: &dyn std::fmt::Display) {
        self.missing.push(format!("{name} is not in the archive: {why}"));
    }
}

pub(super) fn support(args: &Args) -> Result<()> {
    let path = &args.file;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.with_context(|| {
        format!("{} can't be written, and stays as it is; give another FILE", path.display())
    })?;
    let written = write(args, file);
    if written.is_err() {
        let _gone = fs::remove_file(path);
    }
    let missing = written?;
    for missing in &missing {
        eprintln!("warning: {missing}");
    }
    println!(
        "wrote {}; it has no key, token or service key, but names, addresses and counts: read it before you send it",
        path.display()
    );
    if !missing.is_empty() {
        bail!("the archive is not complete: see the warnings");
    }
    Ok(())
}

/// Writes the archive, and returns what it lacks, in sentences.
fn write(args: &Args, file: fs::File) -> Result<Vec<String>> {
    let text = fs::read_to_string(&args.config);
    let config = config::load_without_keys(&args.config);
    let secrets = config.as_ref().map_or_else(|_wrong| Secrets::default(), Secrets::of);
    let mtime_s = u64::try_from(time::wall().as_second()).unwrap_or(0);
    let tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let mut archive = Archive { tar, secrets: &secrets, mtime_s, missing: Vec::new() };

    match (text, &config) {
        (Ok(text), Ok(_)) => archive.add("edge.toml", &text)?,
        (Err(error), _) => {
            archive.lack("edge.toml", &format!("{}: {error}", args.config.display()));
        }
        // Nobody can tell its secrets.
        (Ok(_), Err(errors)) => archive.lack("edge.toml", errors),
    }
    let progress = Progress::of("asking the daemon");
    let client = Client::new(&args.socket.socket);
    for (name, document) in DOCUMENTS {
        match client.document_text(document) {
            Ok(text) => archive.add(name, &text)?,
            Err(error @ ClientError::Refused { .. }) => archive.lack(name, &error),
            Err(error) => {
                archive.lack("what the daemon tells", &error);
                break;
            }
        }
    }
    let interfaces = config.iter().flat_map(|config| &config.ports);
    let interfaces: Vec<&str> = interfaces.map(|port| &*port.interface).collect();
    progress.now("looking at the machine");
    for (name, said) in commands::run(&interfaces) {
        archive.add(&format!("commands/{name}.txt"), &said)?;
    }
    let missing = archive.missing.join("\n");
    let about = format!("edge {}\n{}\n{missing}\n", env!("CARGO_PKG_VERSION"), time::wall());
    archive.add("about.txt", &about)?;
    archive.tar.into_inner()?.finish()?.flush()?;
    Ok(archive.missing)
}
