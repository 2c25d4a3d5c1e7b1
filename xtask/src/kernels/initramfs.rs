//! A guest's file system: an uncompressed cpio archive that the kernel unpacks into memory.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cpio::newc::{self, ModeFileType};

use super::{
    archive::InstalledKernel,
    binaries::Binaries,
    guest_tests::{Extent, GuestTest},
    modules,
};

const INIT: &str = include_str!("init.sh");
/// Parts of the tools' packages that guests don't need.
const SKIPPED: [&str; 6] = ["usr/share", "usr/include", "usr/lib/apt", "var", "etc", "usr/lib/gcc"];
/// Files of this repository that tests read while they run.
const DATA: [&str; 1] = ["tests/fuzz/corpus"];

/// Writes the files that every guest of an architecture has: tools, tests and the data that tests
/// read, under the paths that they have on this machine.
pub(super) fn common(path: &Path, root: &Path, tools: &Path, binaries: &Binaries) -> Result<()> {
    let mut archive = Archive::create(path)?;
    for directory in ["dev", "proc", "sys", "root", "bin", "etc"] {
        archive.directory(Path::new(directory))?;
    }
    archive.tree(tools, Path::new(""), &|path| {
        SKIPPED.iter().any(|skipped| path.starts_with(skipped))
            || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("perl"))
    })?;
    // busybox's shell runs its own `ip` in place of the real one.
    archive.link(Path::new("bin/sh"), Path::new("/bin/dash"))?;
    // This stands in for cargo, which has nothing left to build.
    archive.link(Path::new("bin/true"), Path::new("/bin/busybox"))?;
    for library in binaries.libraries()? {
        let name = library.file_name().context("a library's name")?;
        let directory = binaries.library_directory();
        archive.file_as(&library, &directory.join(name))?;
    }
    for binary in binaries.all() {
        let stripped = path.with_extension("stripped");
        let strip = Command::new(binaries.strip()).arg("-o").arg(&stripped).arg(binary).status();
        ensure!(strip.context("starting strip")?.success(), "stripping {}", binary.display());
        archive.file_as(&stripped, binary)?;
        fs::remove_file(&stripped)?;
    }
    for data in DATA {
        archive.tree(&root.join(data), &root.join(data), &|_| false)?;
    }
    // Tests run cargo in the directories of their packages.
    archive.directory(&root.join("tests"))?;
    archive.finish()
}

/// Writes a guest's own files, and behind them the files that all guests have.
pub(super) fn own(
    path: &Path,
    common: &Path,
    kernel: &InstalledKernel,
    tests: &[&GuestTest],
    extent: Extent,
) -> Result<()> {
    let mut archive = Archive::create(path)?;
    archive.bytes(Path::new("init"), INIT.as_bytes(), 0o755)?;
    let lines: String = tests.iter().map(|test| test.line(extent)).collect();
    archive.bytes(Path::new("guest-tests"), lines.as_bytes(), 0o644)?;
    let modules = match &kernel.modules {
        Some(directory) => modules::in_order(directory)?,
        None => Vec::new(),
    };
    let order: Vec<&str> = modules.iter().flat_map(|module| [&module.name, "\n"]).collect();
    archive.bytes(Path::new("modules/order"), order.concat().as_bytes(), 0o644)?;
    for module in &modules {
        let path = PathBuf::from(format!("modules/{}.ko", module.name));
        archive.bytes(&path, &module.bytes, 0o644)?;
    }
    archive.finish()?;
    let mut to = fs::OpenOptions::new().append(true).open(path)?;
    io::copy(&mut File::open(common)?, &mut to)
        .with_context(|| format!("copying {} to {}", common.display(), path.display()))?;
    Ok(())
}

/// An archive that is being written.
struct Archive {
    to: BufWriter<File>,
    inode: u32,
    /// Directories that it has.
    directories: Vec<PathBuf>,
}

impl Archive {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { to: BufWriter::new(file), inode: 0, directories: Vec::new() })
    }

    /// Adds the files in `from` under the name `to`, but for those that `is_skipped` picks by their
    /// path in `from`.
    fn tree(&mut self, from: &Path, to: &Path, is_skipped: &dyn Fn(&Path) -> bool) -> Result<()> {
        self.subtree(from, Path::new(""), to, is_skipped)
    }

    fn subtree(
        &mut self,
        from: &Path,
        inner: &Path,
        to: &Path,
        is_skipped: &dyn Fn(&Path) -> bool,
    ) -> Result<()> {
        let directory = from.join(inner);
        let entries =
            fs::read_dir(&directory).with_context(|| format!("reading {}", directory.display()))?;
        let mut names: Vec<_> =
            entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
        names.sort();
        for name in names {
            let inner = inner.join(&name);
            if is_skipped(&inner) {
                continue;
            }
            let path = from.join(&inner);
            let metadata = path.symlink_metadata()?;
            if metadata.is_dir() {
                self.directory(&to.join(&inner))?;
                self.subtree(from, &inner, to, is_skipped)?;
            } else if metadata.is_symlink() {
                self.link(&to.join(&inner), &fs::read_link(&path)?)?;
            } else {
                self.file_as(&path, &to.join(&inner))?;
            }
        }
        Ok(())
    }

    fn file_as(&mut self, from: &Path, to: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("reading {}", from.display()))?;
        let mode = from.metadata()?.mode();
        self.bytes(to, &bytes, mode & fs::Permissions::from_mode(0o777).mode())
    }

    fn bytes(&mut self, path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
        self.directory(path.parent().unwrap_or(Path::new("")))?;
        self.entry(path, ModeFileType::Regular, mode, bytes)
    }

    fn link(&mut self, path: &Path, to: &Path) -> Result<()> {
        self.directory(path.parent().unwrap_or(Path::new("")))?;
        self.entry(path, ModeFileType::Symlink, 0o777, to.as_os_str().as_encoded_bytes())
    }

    /// Adds a directory and those that it is in.
    fn directory(&mut self, path: &Path) -> Result<()> {
        let path = path.strip_prefix("/").unwrap_or(path);
        let ancestors: Vec<&Path> =
            path.ancestors().filter(|path| *path != Path::new("")).collect();
        for path in ancestors.into_iter().rev() {
            if !self.directories.iter().any(|known| known == path) {
                self.directories.push(path.to_owned());
                self.entry(path, ModeFileType::Directory, 0o755, &[])?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, kind: ModeFileType, mode: u32, bytes: &[u8]) -> Result<()> {
        let name = path.strip_prefix("/").unwrap_or(path);
        let name = name.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
        self.inode += 1;
        let entry =
            newc::Builder::new(name).ino(self.inode).nlink(1).mode(mode).set_mode_file_type(kind);
        let mut writer = entry.write(&mut self.to, u32::try_from(bytes.len())?);
        writer.write_all(bytes)?;
        writer.finish()?;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        newc::trailer(self.to)?.flush()?;
        Ok(())
    }
}
