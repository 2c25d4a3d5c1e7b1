//! `edge support`: an archive that has everything but secrets.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use anyhow::{Result, ensure};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, detach, edge},
    ends::{contoso, lab},
};
use edge_user::{config::sample::Sample, lab::root_or_skip};

const ARCHIVE: &str = "/run/edge/support.tar.gz";
const TOKEN_FILE: &str = "/run/edge/token";
const TOKEN: &str = "kQ7-a-token-of-the-receiver";
const SERVICE_KEY: &str = "9f3c1a52-0d6e-4a55-b6c7-5f8f2f0c9e11";

#[test]
fn an_archive_has_everything_but_secrets() -> Result<()> {
    if !root_or_skip("an_archive_has_everything_but_secrets") {
        return Ok(());
    }
    let lab = lab(1600)?;
    fs::create_dir_all("/run/edge")?;
    fs::write(TOKEN_FILE, format!("{TOKEN}\n"))?;
    let export = format!(
        "[[export]]\nname = \"billing\"\nurl = \"http://127.0.0.1:9/{TOKEN}\"\ntoken_file = \"{TOKEN_FILE}\"\n"
    );
    let sample = Sample::lab().circuit(contoso().key("service_key", SERVICE_KEY)).tables(&export);
    let daemon = Daemon::start(&lab, &sample)?;
    let written = edge(&lab, &["support", ARCHIVE, "-c", CONFIG_PATH])?;
    ensure!(written.status.success(), "{written:?}");
    assert_eq!(fs::metadata(ARCHIVE)?.permissions().mode() & 0o777, 0o600);
    let unpacked = Command::new("tar").args(["-xzOf", ARCHIVE]).output()?;
    ensure!(unpacked.status.success(), "{unpacked:?}");
    let text = String::from_utf8_lossy(&unpacked.stdout);
    for secret in [TOKEN, SERVICE_KEY] {
        ensure!(!text.contains(secret), "{secret} is in the archive");
    }
    let listed = Command::new("tar").args(["-tzf", ARCHIVE]).output()?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    for name in
        ["edge.toml", "status.json", "revisions.json", "commands/driver-customer0.txt", "about.txt"]
    {
        ensure!(names.contains(&format!("edge-support/{name}\n")), "{name} is not in {names}");
    }
    ensure!(
        text.contains("service_key = \"(left out)\"") && text.contains("\"circuits\":["),
        "{text}"
    );

    let again = edge(&lab, &["support", ARCHIVE, "-c", CONFIG_PATH])?;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    daemon.stop()?;
    // Without a daemon it has the rest, and says so.
    fs::remove_file(ARCHIVE)?;
    let rest = edge(&lab, &["support", ARCHIVE, "-c", CONFIG_PATH])?;
    assert_eq!(rest.status.code(), Some(1), "{rest:?}");
    ensure!(
        String::from_utf8_lossy(&rest.stderr).contains("what the daemon tells is not in"),
        "{rest:?}"
    );
    ensure!(fs::metadata(ARCHIVE)?.len() > 0, "an empty archive");
    detach(&lab)?;
    Ok(())
}
