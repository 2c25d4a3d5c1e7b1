//! The tests' binaries, and the `edge` that they run.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{
    arch::Arch,
    executables::{build_programs, build_tests},
};

/// Binaries of an architecture.
pub(super) struct Binaries {
    arch: Arch,
    /// The tests, by the names of their folders in `tests/tests`.
    tests: Vec<(String, PathBuf)>,
    /// `edge`, and the one with another layout.
    edges: Vec<PathBuf>,
}

impl Binaries {
    /// Builds them.
    pub(super) fn build(root: &Path, arch: Arch) -> Result<Self> {
        let built = build_tests(root, arch)?.into_iter();
        let integration =
            built.filter(|test| test.is_integration && test.package.ends_with("tests"));
        let tests = integration.map(|test| (test.name, test.path)).collect();
        Ok(Self { arch, tests, edges: build_programs(root, arch)? })
    }

    /// The binary of `tests/tests/NAME`.
    pub(super) fn test(&self, name: &str) -> Option<&Path> {
        self.tests.iter().find(|(known, _)| known == name).map(|(_, path)| path.as_path())
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.tests.iter().map(|(_, path)| path).chain(&self.edges)
    }

    /// The program that takes debugging information out of them.
    pub(super) fn strip(&self) -> &'static str {
        match self.arch {
            arch if arch == Arch::host() => "strip",
            Arch::X86_64 => "x86_64-linux-gnu-strip",
            Arch::Arm64 => "aarch64-linux-gnu-strip",
        }
    }

    /// The C library that they were linked with, and what else they load: at least as new as that
    /// of the tools, which run with it, too.
    pub(super) fn libraries(&self) -> Result<Vec<PathBuf>> {
        const NAMES: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libpthread.so.0"];
        let loader = match self.arch {
            Arch::X86_64 => "ld-linux-x86-64.so.2",
            Arch::Arm64 => "ld-linux-aarch64.so.1",
        };
        let triplet = self.library_directory();
        let native = Path::new("/").join(&triplet);
        let directories = if self.arch == Arch::host() {
            [native.clone(), Path::new("/usr").join(&triplet)]
        } else {
            let name = triplet.file_name().context("a triplet")?;
            [Path::new("/usr").join(name).join("lib"), native]
        };
        NAMES
            .into_iter()
            .chain([loader])
            .map(|name| {
                let mut places = directories.iter().map(|directory| directory.join(name));
                places
                    .find(|path| path.exists())
                    .with_context(|| format!("there is no {name} here"))
            })
            .collect()
    }

    /// Where a guest has them.
    pub(super) fn library_directory(&self) -> PathBuf {
        match self.arch {
            Arch::X86_64 => "lib/x86_64-linux-gnu".into(),
            Arch::Arm64 => "lib/aarch64-linux-gnu".into(),
        }
    }
}
