//! `cargo xtask setup`: what is missing, installed, or told where it may not be.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, bail, ensure};
use xtask::toolchain::{BPF_LINKER_VERSION, Toolchain, find_bpf_linker};

use crate::step;

/// cargo-deny's version: the newest that stable Rust 1.95 builds.
const CARGO_DENY_VERSION: &str = "0.20.2";
/// Seconds that rustup gets to reach its server before Debian's compiler is taken.
const RUSTUP_PATIENCE_S: &str = "60";

/// What a verb needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// A compiler and linker for BPF.
    Build,
    /// The tools that the lab uses, too.
    Run,
    /// Linters, too.
    Test,
}

/// Something missing, and the commands that bring it, of which the first that works will do.
struct Missing {
    what: &'static str,
    commands: Vec<Vec<String>>,
}

/// Installs what `needs` lacks.
pub(crate) fn setup(needs: Needs, dry_run: bool) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    if dry_run {
        for Missing { what, commands } in &missing {
            println!("{what}:");
            for (number, command) in commands.iter().enumerate() {
                println!("  {}{}", if number == 0 { "" } else { "or " }, command.join(" "));
            }
        }
        return Ok(());
    }
    for missing in missing {
        install(&missing)?;
    }
    if let Some(toolchain) = Toolchain::find() {
        println!("    eBPF toolchain: {toolchain}");
    }
    Ok(())
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

pub(crate) fn has_sudo() -> bool {
    let sudo = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
    sudo.is_ok_and(|status| status.success())
}

fn missing(needs: Needs) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut packages = Vec::new();
    let mut need_package = |tool: &str, package: &'static str| {
        if !is_on_path(tool) {
            packages.push(package);
        }
    };
    need_package("cc", "gcc");
    need_package("cc", "libc6-dev");
    if needs >= Needs::Run {
        need_package("ip", "iproute2");
        need_package("ethtool", "ethtool");
    }
    if !packages.is_empty() {
        missing.push(Missing { what: "tools", commands: vec![apt_install(&packages)] });
    }

    let toolchain = Toolchain::find();
    if toolchain.is_none() {
        let nightly = format!(
            "timeout {RUSTUP_PATIENCE_S} rustup toolchain install nightly --profile minimal \
             --component rust-src --component clippy --no-self-update"
        );
        missing.push(Missing {
            what: "a compiler for BPF",
            commands: vec![shell(&nightly), apt_install(&["rustc-web", "rust-web-src"])],
        });
    }
    if find_bpf_linker().is_none() {
        missing.push(Missing {
            what: "bpf-linker",
            commands: vec![cargo_install("bpf-linker", BPF_LINKER_VERSION)],
        });
    }
    if needs >= Needs::Test {
        if !is_on_path("cargo-deny") {
            missing.push(Missing {
                what: "cargo-deny",
                commands: vec![cargo_install("cargo-deny", CARGO_DENY_VERSION)],
            });
        }
        let components: Vec<&str> = [("cargo-clippy", "clippy"), ("rustfmt", "rustfmt")]
            .into_iter()
            .filter_map(|(tool, component)| (!is_on_path(tool)).then_some(component))
            .collect();
        if !components.is_empty() {
            let add = format!("rustup component add {}", components.join(" "));
            missing.push(Missing { what: "linters", commands: vec![shell(&add)] });
        }
        let has_bpf_clippy = toolchain.is_some_and(|found| found.clippy_driver().is_some());
        if !has_bpf_clippy && is_on_path("apt-get") {
            missing.push(Missing {
                what: "clippy for BPF",
                commands: vec![apt_install(&["rust-web-clippy"])],
            });
        }
    }
    missing
}

fn install(missing: &Missing) -> Result<()> {
    for command in &missing.commands {
        if command[0] == "sudo" && !has_sudo() {
            bail!("{} must be installed by root: {}", missing.what, command[1..].join(" "));
        }
        println!("==> installing {}: {}", missing.what, command.join(" "));
        let status = Command::new(&command[0]).args(&command[1..]).status();
        if status.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        println!("    that failed");
    }
    let commands: Vec<String> = missing.commands.iter().map(|command| command.join(" ")).collect();
    ensure!(
        !commands.is_empty(),
        "{} is missing",
        missing.what,
    );
    bail!("{} could not be installed; tried: {}", missing.what, commands.join("; "))
}

/// As root, or by sudo.
fn apt_install(packages: &[&str]) -> Vec<String> {
    let packages = packages.join(" ");
    let install = format!(
        "apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y \
         --no-install-recommends {packages}"
    );
    let mut command = if is_root() { Vec::new() } else { vec!["sudo".to_owned()] };
    command.extend(["sh".to_owned(), "-c".to_owned(), install]);
    command
}

fn cargo_install(name: &str, version: &str) -> Vec<String> {
    let cargo = step::cargo().get_program().to_string_lossy().into_owned();
    // In a directory of its own: the workspace's configuration is not meant for it.
    let spec = format!("{name}@{version}");
    [cargo.as_str(), "install", &spec, "--locked"].map(str::to_owned).to_vec()
}

fn shell(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

fn is_on_path(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let home = env::home_dir().map(|home| home.join(".cargo/bin"));
    // Where administration tools are, also for those whose PATH lacks it.
    let sbin = [Path::new("/usr/sbin").to_owned(), Path::new("/sbin").to_owned()];
    env::split_paths(&path)
        .chain(home)
        .chain(sbin)
        .any(|directory| directory.join(tool).is_file())
}
