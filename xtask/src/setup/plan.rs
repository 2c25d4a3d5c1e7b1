//! The tools that are missing, and the ways to have them: decided from facts alone.

use std::fmt;

use xtask::toolchain::{BPF_LINKER_VERSION, NIGHTLY, Toolchain};

use super::{Needs, found::Found};
use crate::arch::Arch;

/// cargo-deny's version: its successors may want more than stable Rust 1.95.
const CARGO_DENY_VERSION: &str = "0.20.2";
/// cargo-fuzz's version.
const CARGO_FUZZ_VERSION: &str = "0.13.1";
/// cargo-deb's version.
const CARGO_DEB_VERSION: &str = "3.8.0";

/// The name of what is missing where there is no toolchain.
pub(super) const COMPILER: &str = "a compiler for BPF";

/// The name of what is missing where the other architecture can't be compiled for.
const FOREIGN_STD: &str = "Rust's library for the other architecture";

/// A tool, and Debian's package that has it.
pub(super) struct Package {
    pub(super) tool: &'static str,
    pub(super) names: &'static [&'static str],
    pub(super) needs: Needs,
}

/// Every tool that comes from Debian, wherever there is a choice.
pub(super) const PACKAGES: [Package; 19] = [
    Package { tool: "cc", names: &["gcc", "libc6-dev"], needs: Needs::Build },
    Package { tool: "ip", names: &["iproute2"], needs: Needs::Run },
    Package { tool: "ethtool", names: &["ethtool"], needs: Needs::Run },
    // Speakers of BGP: ours, and other peoples' in the tests.
    Package { tool: "ping", names: &["iputils-ping"], needs: Needs::Test },
    Package { tool: "bird", names: &["bird2"], needs: Needs::Test },
    Package { tool: "vtysh", names: &["frr"], needs: Needs::Test },
    // libFuzzer is C++.
    Package { tool: "c++", names: &["g++"], needs: Needs::Fuzz },
    Package { tool: "dpkg-shlibdeps", names: &["dpkg-dev"], needs: Needs::Dist },
    Package { tool: "mmdebstrap", names: &["mmdebstrap"], needs: Needs::DistTest },
    Package { tool: "systemd-nspawn", names: &["systemd-container"], needs: Needs::DistTest },
    Package { tool: "node", names: &["nodejs"], needs: Needs::Page },
    Package { tool: "npm", names: &["npm"], needs: Needs::Page },
    Package { tool: "chromium", names: &["chromium", "fonts-dejavu-core"], needs: Needs::Page },
    Package { tool: QEMU, names: &[QEMU_PACKAGE], needs: Needs::Kernels },
    Package { tool: "strip", names: &["binutils"], needs: Needs::Kernels },
    Package { tool: "xz", names: &["xz-utils"], needs: Needs::Kernels },
    Package { tool: FOREIGN_QEMU, names: &[FOREIGN_QEMU_PACKAGE], needs: Needs::ForeignKernels },
    Package { tool: FOREIGN_CC, names: FOREIGN_CC_PACKAGES, needs: Needs::ForeignBuild },
    Package { tool: "zstd", names: &["zstd"], needs: Needs::Kernels },
];

/// Services that Debian starts as soon as their package is installed, by package. Tests start these
/// programs in namespaces of their own, and the machine's own routes are not theirs.
pub(super) const SERVICES: [(&str, &str); 2] = [("bird2", "bird.service"), ("frr", "frr.service")];

/// Virtual machines of the machine's own architecture, and of the other one that edge runs on.
const IS_ARM64: bool = cfg!(target_arch = "aarch64");
const X86_64: (&str, &str) = ("qemu-system-x86_64", "qemu-system-x86");
const ARM64: (&str, &str) = ("qemu-system-aarch64", "qemu-system-arm");
const QEMU: &str = if IS_ARM64 { ARM64.0 } else { X86_64.0 };
const QEMU_PACKAGE: &str = if IS_ARM64 { ARM64.1 } else { X86_64.1 };
const FOREIGN_QEMU: &str = if IS_ARM64 { X86_64.0 } else { ARM64.0 };
const FOREIGN_QEMU_PACKAGE: &str = if IS_ARM64 { X86_64.1 } else { ARM64.1 };
const FOREIGN_CC: &str = if IS_ARM64 { "x86_64-linux-gnu-gcc" } else { "aarch64-linux-gnu-gcc" };
const FOREIGN_CC_PACKAGES: &[&str] = if IS_ARM64 {
    &["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"]
} else {
    &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"]
};

/// Something missing, and the ways to have it, best first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) what: &'static str,
    pub(super) ways: Vec<Way>,
    /// Whether only a check needs it.
    pub(super) is_optional: bool,
}

/// A way to have something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Packages of Debian, as root.
    Apt(Vec<&'static str>),
    /// `rustup` with these words, if its server answers.
    Rustup(String),
    /// `cargo install`, with variables of the environment.
    Cargo { spec: String, envs: Vec<(&'static str, &'static str)> },
}

/// The tools of `needs` that are missing on a machine with the tools in `found`.
pub(super) fn missing(found: &Found, needs: Needs) -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut add = |what, ways: Vec<Way>, is_optional| {
        missing.push(Missing { what, ways, is_optional });
    };

    let packages: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| needs.has(package.needs) && !found.tools.contains(&package.tool))
        .flat_map(|package| package.names)
        .copied()
        .collect();
    if !packages.is_empty() {
        add("tools", vec![Way::Apt(packages)], false);
    }

    let is_dev = needs.has(Needs::Dev);
    // The pinned nightly has both, wherever edge runs.
    let components = if is_dev { " --component clippy --component miri" } else { "" };
    match &found.toolchain {
        None => {
            let mut ways = Vec::new();
            if found.rustup {
                ways.push(Way::Rustup(format!(
                    "toolchain install {NIGHTLY} --profile minimal --no-self-update \
                     --component rust-src{components}"
                )));
            }
            if found.apt || ways.is_empty() {
                let mut packages = vec!["rustc-web", "rust-web-src"];
                packages.extend(is_dev.then_some("rust-web-clippy"));
                ways.push(Way::Apt(packages));
            }
            add(COMPILER, ways, false);
        }
        Some(Toolchain::System) if is_dev && !found.bpf_clippy => {
            add("clippy for BPF", vec![Way::Apt(vec!["rust-web-clippy"])], true);
        }
        // The pinned nightly is ours; another toolchain is the user's, and left as it is.
        Some(Toolchain::Rustup(name)) if is_dev && name.starts_with(NIGHTLY) => {
            for (what, component, is_there) in
                [("clippy for BPF", "clippy", found.bpf_clippy), ("Miri", "miri", found.miri)]
            {
                if !is_there {
                    let words = format!("component add {component} --toolchain {NIGHTLY}");
                    add(what, vec![Way::Rustup(words)], true);
                }
            }
        }
        Some(_) => {}
    }
    if !found.bpf_linker {
        let spec = format!("bpf-linker@{BPF_LINKER_VERSION}");
        // LLVM does the work, so that bpf-linker's own code need not be as fast as its profile has it.
        let envs =
            vec![("CARGO_PROFILE_RELEASE_DEBUG", "0"), ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")];
        add("bpf-linker", vec![Way::Cargo { spec, envs }], false);
    }

    if is_dev {
        let components: Vec<&str> = [(found.clippy, "clippy"), (found.rustfmt, "rustfmt")]
            .into_iter()
            .filter_map(|(is_there, component)| (!is_there).then_some(component))
            .collect();
        if !components.is_empty() {
            let words = format!("component add {}", components.join(" "));
            add("linters", vec![Way::Rustup(words)], false);
        }
    }
    if needs.has(Needs::Deny) && !found.cargo_deny {
        let spec = format!("cargo-deny@{CARGO_DENY_VERSION}");
        // cargo-deny's own profile takes three times as long to build, for a check of two seconds.
        let envs = vec![
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        ];
        add("cargo-deny", vec![Way::Cargo { spec, envs }], false);
    }
    if needs.has(Needs::ForeignBuild) && !found.foreign_target {
        let words = format!("target add {}", Arch::foreign().rust());
        add(FOREIGN_STD, vec![Way::Rustup(words)], false);
    }
    if needs.has(Needs::Fuzz) && !found.cargo_fuzz {
        let spec = format!("cargo-fuzz@{CARGO_FUZZ_VERSION}");
        add("cargo-fuzz", vec![Way::Cargo { spec, envs: Vec::new() }], false);
    }
    if needs.has(Needs::Dist) && !found.cargo_deb {
        let spec = format!("cargo-deb@{CARGO_DEB_VERSION}");
        // Without optimisation, it would compress for minutes.
        let envs = vec![("CARGO_PROFILE_RELEASE_LTO", "off")];
        add("cargo-deb", vec![Way::Cargo { spec, envs }], false);
    }
    missing
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apt(packages) => {
                let packages = packages.join(" ");
                write!(f, "apt-get update && apt-get install -y --no-install-recommends {packages}")
            }
            Self::Rustup(words) => write!(f, "rustup {words}"),
            Self::Cargo { spec, .. } => write!(f, "cargo install {spec} --locked"),
        }
    }
}

#[cfg(test)]
mod tests;
