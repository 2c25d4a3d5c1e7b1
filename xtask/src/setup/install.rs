//! Installing the planned tools.

use std::{
    env,
    fs::File,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use xtask::toolchain::{MIN_SYSTEM_MINOR, Toolchain};

use super::plan::{COMPILER, Missing, SERVICES, Way};
use crate::step;

/// Longest time for rustup's server to answer; after that, the next way is tried.
const RUSTUP_ANSWER: Duration = Duration::from_mins(1);
/// Longest time for rustup to download a toolchain.
const RUSTUP_DOWNLOAD: Duration = Duration::from_mins(5);
/// Exit status of `rustup check` where there is something newer; without a network it is 1.
const RUSTUP_HAS_UPDATES: i32 = 100;

/// Installs each of `missing` in the first way that works.
pub(super) fn install(missing: &[Missing]) -> Result<()> {
    let mut apt = Apt { is_updated: false };
    for Missing { what, ways, is_optional } in missing {
        match install_one(what, ways, &mut apt) {
            Err(error) if *is_optional => {
                println!("WARNING: an optional check will be skipped: {error:#}");
            }
            result => result?,
        }
    }
    Ok(())
}

fn install_one(what: &str, ways: &[Way], apt: &mut Apt) -> Result<()> {
    let mut failures = Vec::new();
    for way in ways {
        let result = step::step(&format!("installing {what}: {way}"), || match way {
            Way::Apt(packages) => apt.install(packages),
            Way::Rustup(words) => rustup(words),
            Way::Cargo { spec, envs } => {
                let mut cargo = step::cargo();
                cargo.args(["install", spec, "--locked"]).envs(envs.iter().copied());
                succeed(&mut cargo)
            }
        });
        let result = result.and_then(|()| {
            let is_usable = what != COMPILER || Toolchain::find().is_some();
            ensure!(is_usable, "it was installed, but can't build for BPF");
            Ok(())
        });
        match result {
            Ok(()) => return Ok(()),
            Err(error) => {
                println!("    {error:#}");
                failures.push(format!("`{way}`: {error:#}"));
            }
        }
    }
    bail!("{what} could not be installed: {}", failures.join("; "))
}

/// Debian's packages.
struct Apt {
    is_updated: bool,
}

impl Apt {
    fn install(&mut self, packages: &[&'static str]) -> Result<()> {
        ensure!(
            step::works("apt-get", &["--version"]),
            "this is not Debian; install the packages that correspond to {} by hand",
            packages.join(" ")
        );
        ensure!(
            step::is_root() || step::works("sudo", &["-n", "true"]),
            "that takes root, or sudo without a password; type, as root: {}",
            Way::Apt(packages.to_vec())
        );
        // A stage that runs beside may install something, too, and `apt-get update` does not wait for another one.
        let turn = File::create(env::temp_dir().join("edge-xtask-apt.lock"))?;
        turn.lock()?;
        if !self.is_updated {
            // A third party's list may be out of reach: the needed packages may be in the others.
            if let Err(error) = succeed(as_root("apt-get").args(["-q", "update"])) {
                println!("    going on with the lists that are there: {error:#}");
            }
            self.is_updated = true;
        }
        if packages.contains(&"rustc-web") {
            let candidate = candidate("rustc-web")?;
            ensure!(
                debian_minor(&candidate).is_some_and(|minor| minor >= MIN_SYSTEM_MINOR),
                "rustc-web is {candidate} here, and 1.{MIN_SYSTEM_MINOR} is needed, which Debian 12 \
                 has in its security suite"
            );
        }
        if packages.contains(&"rustc-web") && !step::works("rustup", &["--version"]) {
            println!("    there is no rustup here: /usr/bin/rustc may become the default compiler");
        }
        let mut install = as_root("apt-get");
        // Another apt of this machine may be at work.
        install.args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
        install.args(["install", "-y", "--no-install-recommends"]).args(packages);
        without_services(&services(packages), || succeed(&mut install))
    }
}

/// The services of packages that would start with them.
fn services(packages: &[&str]) -> Vec<&'static str> {
    let of_packages = SERVICES.iter().filter(|(package, _)| packages.contains(package));
    of_packages.map(|(_, service)| *service).collect()
}

/// Installs packages whose services don't start, neither now nor with the machine. Without systemd,
/// Debian starts none by itself (`invoke-rc.d`).
fn without_services(services: &[&str], install: impl FnOnce() -> Result<()>) -> Result<()> {
    if services.is_empty() || !Path::new("/run/systemd/system").exists() {
        return install();
    }
    let systemctl = |verb: &str| succeed(as_root("systemctl").arg(verb).args(services));
    systemctl("mask")?;
    let installed = install();
    systemctl("unmask")?;
    installed?;
    systemctl("disable")
}

/// Runs rustup, if its server answers: machines without that network must not wait for minutes.
fn rustup(words: &str) -> Result<()> {
    ensure!(step::works("rustup", &["--version"]), "there is no rustup (https://rustup.rs) here");
    let rustup = || {
        let mut rustup = Command::new("rustup");
        // A backtrace would be no help where its server is out of reach.
        rustup.env_remove("RUST_BACKTRACE");
        rustup
    };
    let answer = bounded(rustup().arg("check"), RUSTUP_ANSWER)?;
    ensure!(matches!(answer, Some(0 | RUSTUP_HAS_UPDATES)), "rustup's server is out of reach");
    let has_default = step::works("rustup", &["default"]);
    let code = bounded(rustup().args(words.split_whitespace()), RUSTUP_DOWNLOAD)?;
    ensure!(code == Some(0), "rustup failed");
    if !has_default {
        // rustup makes the first toolchain it installs the default.
        succeed(rustup().args(["default", "none"]))?;
    }
    Ok(())
}

fn as_root(program: &str) -> Command {
    let mut command = if step::is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", program]);
    command
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{status}: {command:?}");
    Ok(())
}

/// Runs for `limit` at most, and returns the exit status.
fn bounded(command: &mut Command, limit: Duration) -> Result<Option<i32>> {
    let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("gave up after {} s: {command:?}", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The version of a package that would be installed.
fn candidate(package: &str) -> Result<String> {
    let policy = Command::new("apt-cache")
        .env("LC_ALL", "C")
        .args(["policy", package])
        .output()
        .context("starting apt-cache")?;
    let policy = String::from_utf8_lossy(&policy.stdout);
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .map(str::to_owned)
        .with_context(|| format!("there is no package {package} here"))
}

/// 96 of `1.96.0+dfsg1-1~deb12u2`.
fn debian_minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions() {
        assert_eq!(debian_minor("1.96.0+dfsg1-1~deb12u2"), Some(96));
        assert_eq!(debian_minor("1.85.0+dfsg3-1~deb12u3"), Some(85));
        assert_eq!(debian_minor("(none)"), None);
    }

    #[test]
    fn routing_daemons_come_without_their_services() {
        assert_eq!(services(&["gcc", "frr", "bird2"]), ["bird.service", "frr.service"]);
        assert_eq!(services(&["gcc"]), Vec::<&str>::new());
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let started = Instant::now();
        let limit = Duration::from_millis(200);
        assert!(bounded(Command::new("sleep").arg("60"), limit).is_err());
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(
            bounded(&mut Command::new("false"), limit.saturating_mul(100)).ok(),
            Some(Some(1))
        );
    }
}
