//! Packages of Debian's archive: stock kernels, and the tools that guests have.
//!
//! An apt with lists of its own downloads and unpacks them. They are never installed. Downloads
//! stay in the user's cache directory; without it, apt downloads them again.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use super::matrix::{Kernel, NEWEST, Suite};
use crate::arch::Arch;

/// Packages whose programs guests run, with all their dependencies. Every kernel gets those of
/// Debian 12, whose C library is the oldest.
const TOOLS: [&str; 7] =
    ["busybox-static", "dash", "ethtool", "iproute2", "iperf3", "iputils-ping", "libgcc-s1"];
const TOOLS_SUITE: Suite = Suite::Bookworm;
/// The variable that names the archive on a machine that isn't Debian.
const MIRROR: &str = "EDGE_DEBIAN_MIRROR";
/// Debian's keys, of the package `debian-archive-keyring`.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The archive's lists, and what was downloaded.
pub(super) struct Archive {
    config: PathBuf,
    cache: PathBuf,
    work: PathBuf,
}

/// An unpacked kernel.
pub(super) struct InstalledKernel {
    /// The version that it was made from, such as 6.1.176.
    pub(super) version: String,
    /// The image.
    pub(super) image: PathBuf,
    /// The directory with its modules. The archive drops those of some versions before their images.
    pub(super) modules: Option<PathBuf>,
}

impl Archive {
    /// Gets the lists for `kernels`.
    pub(super) fn open(work: &Path, kernels: &[Kernel]) -> Result<Self> {
        let apt = work.join("apt");
        for directory in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(directory))?;
        }
        fs::write(apt.join("state/status"), "")?;
        let mirror = mirror()?;
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing, so packages can't be checked; install debian-archive-keyring"
        );
        let suites: BTreeSet<Suite> =
            kernels.iter().map(|kernel| kernel.suite).chain([TOOLS_SUITE]).collect();
        let sources: Vec<String> = suites
            .iter()
            .map(|suite| format!("deb [signed-by={KEYRING}] {mirror} {} main\n", suite.name()))
            .collect();
        fs::write(apt.join("sources.list"), sources.concat())?;
        let arches: BTreeSet<&str> = kernels.iter().map(|kernel| kernel.arch.debian()).collect();
        let arches: Vec<String> = arches.iter().map(|arch| format!("\"{arch}\";")).collect();
        let config = apt.join("apt.conf");
        let directory = apt.display();
        let host = Arch::host().debian();
        fs::write(
            &config,
            format!(
                "Dir::State \"{directory}/state\";\n\
                 Dir::State::status \"{directory}/state/status\";\n\
                 Dir::Cache \"{directory}/cache\";\n\
                 Dir::Etc::sourcelist \"{directory}/sources.list\";\n\
                 Dir::Etc::sourceparts \"/dev/null\";\n\
                 Dir::Etc::preferencesparts \"/dev/null\";\n\
                 APT::Architecture \"{host}\";\n\
                 APT::Architectures {{{}}};\n\
                 APT::Install-Recommends \"false\";\n\
                 APT::Sandbox::User \"root\";\n\
                 Acquire::Languages \"none\";\n\
                 Acquire::Retries \"3\";\n\
                 Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n",
                arches.concat(),
            ),
        )?;
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cache")))
            .map_or_else(|| work.join("packages"), |cache| cache.join("edge-kernels"));
        fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
        let archive = Self { config, cache, work: work.to_owned() };
        archive.apt("apt-get", &["-q", "update"])?;
        Ok(archive)
    }

    /// Unpacks a kernel.
    pub(super) fn kernel(&self, kernel: &Kernel) -> Result<InstalledKernel> {
        let package = self.image_package(kernel)?;
        // From 6.19 on, the image is apart from the rest, and from 7.1 on the modules are, too. Before,
        // their package is a name that the whole one provides, in angle brackets.
        let depends = self.apt("apt-cache", &["depends", &package])?;
        let parts = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let mut packages: Vec<String> = parts
            .filter(|name| name.starts_with("linux-binary-") || name.starts_with("linux-modules-"))
            .map(str::to_owned)
            .collect();
        if !packages.iter().any(|name| name.starts_with("linux-modules-")) {
            packages.push(package.clone());
        }
        let root = self.work.join(format!("kernel-{}-{}", kernel.name, kernel.arch.debian()));
        self.unpack(&packages, &root)?;
        let mut modules = None;
        for directory in [root.join("lib/modules"), root.join("usr/lib/modules")] {
            if directory.is_dir() {
                modules = Some(directory.join(only_entry(&directory)?));
            }
        }
        let mut places = fs::read_dir(root.join("boot")).into_iter().flatten().flatten();
        let image = places
            .find(|entry| entry.file_name().to_string_lossy().starts_with("vmlinuz-"))
            .map(|entry| entry.path())
            .or_else(|| modules.as_ref().map(|modules| modules.join("vmlinuz")))
            .filter(|image| image.is_file())
            .with_context(|| format!("{package} has no image"))?;
        let shown = self.apt("apt-cache", &["show", "--no-all-versions", &package])?;
        let version = shown.lines().find_map(|line| line.strip_prefix("Version: "));
        let version = version.and_then(|version| version.split(['-', '~', '+']).next());
        let version = version.unwrap_or(kernel.name).to_owned();
        Ok(InstalledKernel { version, image, modules })
    }

    /// Unpacks the tools for an architecture, and returns the directory.
    pub(super) fn tools(&self, arch: Arch) -> Result<PathBuf> {
        let wanted: Vec<String> =
            TOOLS.iter().map(|tool| format!("{tool}:{}", arch.debian())).collect();
        let mut words = vec!["install", "--print-uris", "-qq", "-y", "-t", TOOLS_SUITE.name()];
        words.extend(wanted.iter().map(String::as_str));
        let uris = self.apt("apt-get", &words)?;
        // 'http://…/dash_0.5.12-2_amd64.deb' dash_0.5.12-2_amd64.deb 97476 SHA256:…
        let files = uris.lines().filter_map(|line| line.split_whitespace().nth(1));
        let packages: Vec<String> = files
            .filter_map(|file| {
                let mut parts = file.strip_suffix(".deb")?.split('_');
                let (name, version) = (parts.next()?, parts.next()?);
                Some(format!("{name}:{}={}", parts.next()?, version.replace("%3a", ":")))
            })
            .collect();
        ensure!(!packages.is_empty(), "apt names no packages for {}", wanted.join(" "));
        let root = self.work.join(format!("tools-{}", arch.debian()));
        self.unpack(&packages, &root)?;
        Ok(root)
    }

    /// The package with the greatest version that is `kernel`.
    fn image_package(&self, kernel: &Kernel) -> Result<String> {
        let names = self.apt("apt-cache", &["pkgnames", "linux-image-"])?;
        let suffix = format!("-cloud-{}", kernel.arch.debian());
        let mut found: Vec<(Vec<u32>, &str)> = names
            .lines()
            .filter_map(|name| {
                let version = name.strip_prefix("linux-image-")?.strip_suffix(&suffix)?;
                let is_wanted = kernel.name == NEWEST
                    || version.strip_prefix(kernel.name)?.starts_with(['.', '+', '-']);
                let numbers = version.split(|c: char| !c.is_ascii_digit());
                is_wanted.then(|| (numbers.filter_map(|n| n.parse().ok()).collect(), name))
            })
            .collect();
        found.sort();
        // The lists name some packages that the archive has no more.
        for (_, name) in found.into_iter().rev() {
            let name = format!("{name}:{}", kernel.arch.debian());
            let policy = self.apt("apt-cache", &["policy", &name])?;
            if policy.contains(&format!("/{} ", kernel.suite.name()))
                || policy.contains(&format!(" {}/main", kernel.suite.name()))
            {
                return Ok(name);
            }
        }
        bail!("the archive has no package of this kernel any more")
    }

    /// Downloads packages and unpacks them into an empty directory, unless they are there.
    fn unpack(&self, packages: &[String], root: &Path) -> Result<()> {
        let stamp = root.join("unpacked");
        let wanted = packages.join("\n");
        if fs::read_to_string(&stamp).is_ok_and(|unpacked| unpacked == wanted) {
            return Ok(());
        }
        if root.exists() {
            fs::remove_dir_all(root).with_context(|| format!("removing {}", root.display()))?;
        }
        fs::create_dir_all(root)?;
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        // Where the directory has a file already, apt would not print its name.
        let words = [&["download", "--print-uris", "-qq"][..], &names].concat();
        let uris = self.apt_in(&self.work, "apt-get", &words)?;
        let files: Vec<PathBuf> = uris
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .map(|file| self.cache.join(file))
            .collect();
        ensure!(files.len() == packages.len(), "apt knows no file of some of {packages:?}");
        if !files.iter().all(|file| file.exists()) {
            // apt writes into the command's directory, and gives a file its name when it is whole.
            self.apt("apt-get", &[&["download", "-q"][..], &names].concat())?;
        }
        for file in &files {
            let unpacked = Command::new("dpkg-deb").arg("-x").arg(file).arg(root).status();
            let is_unpacked = unpacked.context("starting dpkg-deb")?.success();
            ensure!(is_unpacked, "unpacking {} failed; remove it and try again", file.display());
        }
        fs::write(&stamp, wanted)?;
        Ok(())
    }

    fn apt(&self, program: &str, words: &[&str]) -> Result<String> {
        self.apt_in(&self.cache, program, words)
    }

    fn apt_in(&self, directory: &Path, program: &str, words: &[&str]) -> Result<String> {
        let output = Command::new(program)
            .args(words)
            .env("APT_CONFIG", &self.config)
            .env("LC_ALL", "C")
            .current_dir(directory)
            .output()
            .with_context(|| format!("starting {program}"))?;
        ensure!(
            output.status.success(),
            "{program} {} failed: {}",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The address from which this machine gets Debian's packages.
fn mirror() -> Result<String> {
    if let Ok(mirror) = env::var(MIRROR) {
        return Ok(mirror);
    }
    let targets = Command::new("apt-get")
        .args(["indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)", "Created-By: Packages"])
        .output()
        .context("starting apt-get")?;
    let targets = String::from_utf8_lossy(&targets.stdout);
    targets
        .lines()
        .find_map(|line| line.strip_prefix("Debian|Debian|"))
        .map(str::to_owned)
        .with_context(|| {
            format!("apt has no source of Debian here; set {MIRROR} to the address of a mirror")
        })
}

fn only_entry(directory: &Path) -> Result<String> {
    let mut names = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
    let name: std::ffi::OsString =
        names.next().unwrap_or_else(|| bail!("{} is empty", directory.display()))?;
    name.into_string().map_err(|name| anyhow::anyhow!("{} is not UTF-8", name.display()))
}
