//! The message for a program or a map that the kernel refuses.

use std::{fmt, io};

use aya::{EbpfError, maps::MapError, programs::ProgramError};
use nix::sys::utsname::uname;

use crate::{
    kernel::{error::KernelError, object::variant::MAX_SINGLE_BUFFER_MTU_BYTES},
    report::Told,
};

/// The least Linux whose verifier and helpers the programs for frames in one buffer need:
/// atomics that return a value are from 5.12, `bpf_xdp_…` helpers are in the others alone.
pub const LEAST: Version = Version { major: 5, minor: 15 };
/// The least Linux with XDP for frames in several buffers (`xdp.frags`).
pub const LEAST_FRAGS: Version = Version { major: 5, minor: 18 };

/// The first two numbers of a kernel's release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// The version of a release, which is written as `uname -r` prints it.
    #[must_use]
    pub fn of_release(release: &str) -> Option<Self> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return None;
        };
        Some(Self { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why the kernel refuses the object or one of its programs.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct LoadError {
    why: String,
    /// The verifier's log, where it wrote one: for `edge --verbose`.
    pub log: Option<String>,
}

impl LoadError {
    /// Explains that `program`, which needs `least`, was not loaded.
    #[must_use]
    pub fn of_program(program: &str, least: Version, error: ProgramError) -> KernelError {
        let ProgramError::LoadError { io_error, verifier_log } = &error else {
            return KernelError::from(error).after(format!("loading the program {program}"));
        };
        let log = verifier_log.to_string();
        let (kind, why): (fn(Told) -> KernelError, _) = match reason(&log) {
            _ if let Some(why) = too_old(&release(), least) => (KernelError::Unsuitable, why),
            _ if let Some(why) = exhausted(io_error, LoadedKind::Program) => {
                (KernelError::OutOfRoom, format!("the program {program} was not loaded: {why}"))
            }
            Some(reason) => (
                KernelError::Refused,
                format!(
                    "the kernel's verifier refuses the program {program}: {reason}; nothing was \
                     attached; this is a defect: please report it, with the log that `edge \
                     --verbose` shows"
                ),
            ),
            None => (
                KernelError::by_number(io_error.raw_os_error()),
                format!(
                    "the kernel refuses the program {program}: {io_error}; edge needs CAP_BPF and \
                     CAP_NET_ADMIN, or root, to load it"
                ),
            ),
        };
        kind(Told::bare(Self { why, log: (!log.is_empty()).then_some(log) }))
    }

    /// Explains that the object's maps were not created.
    #[must_use]
    pub fn of_object(error: EbpfError) -> KernelError {
        let exhausted = if let EbpfError::MapError(MapError::CreateError { io_error, .. }) = &error
        {
            exhausted(io_error, LoadedKind::Table)
        } else {
            None
        };
        if let Some(why) = too_old(&release(), LEAST) {
            return KernelError::Unsuitable(Told::bare(error).after(why));
        }
        if let Some(why) = exhausted {
            return KernelError::OutOfRoom(Told::bare(error).after(why));
        }
        KernelError::from(error).after(
            "creating the tables; this needs a kernel with BTF (/sys/kernel/btf/vmlinux), and \
             CAP_BPF and CAP_NET_ADMIN, or root",
        )
    }
}

/// Whether this kernel is older than `version`.
pub(in crate::kernel) fn is_older_than(version: Version) -> bool {
    Version::of_release(&release()).is_some_and(|own| own < version)
}

/// `uname -r`.
#[must_use]
pub fn release() -> String {
    uname().map(|name| name.release().to_string_lossy().into_owned()).unwrap_or_default()
}

/// A sentence for a kernel that is older than `least`. This is asked only after a refusal, as some
/// distributions' kernels have BPF from later releases, and load the programs.
fn too_old(release: &str, least: Version) -> Option<String> {
    let is_older = Version::of_release(release).is_some_and(|version| version < least);
    is_older.then(|| {
        if least == LEAST_FRAGS && Version::of_release(release) >= Some(LEAST) {
            format!(
                "Linux {release} has no XDP for frames in several buffers, which ports with an MTU \
                 above {MAX_SINGLE_BUFFER_MTU_BYTES} need: use Linux {least} or later, or set the \
                 interfaces' MTU to {MAX_SINGLE_BUFFER_MTU_BYTES} at most"
            )
        } else {
            format!("Linux {release} is too old: edge needs Linux {LEAST} or later")
        }
    })
}

/// Something that is loaded into the kernel.
#[derive(Clone, Copy)]
enum LoadedKind {
    Table,
    Program,
}

/// A sentence for what the kernel or the process has run out of.
fn exhausted(error: &io::Error, loaded: LoadedKind) -> Option<&'static str> {
    match (error.raw_os_error()?, loaded) {
        (libc::ENOMEM | libc::E2BIG, LoadedKind::Table) => Some(
            "the kernel has no memory for tables of this size, which is twice what the \
             configuration needs; nothing was changed; give the host, or the service \
             (`MemoryMax`), more memory, or configure fewer circuits, S-tags and ports",
        ),
        (libc::ENOMEM, LoadedKind::Program) => Some(
            "the kernel has no memory; nothing was changed; give the host, or the service \
             (`MemoryMax`), more memory",
        ),
        (libc::EMFILE | libc::ENFILE, _) => Some(
            "too many files are open; nothing was changed; allow more (`LimitNOFILE` of the \
             service)",
        ),
        // E2BIG of a program is about its length, not about memory.
        _ => None,
    }
}

/// The verifier's reason: the line of its log before the statistics.
fn reason(log: &str) -> Option<&str> {
    const STATISTICS: [&str; 3] = ["verification time ", "stack depth ", "processed "];
    let is_statistic = |line: &str| STATISTICS.iter().any(|start| line.starts_with(start));
    let mut lines = log.lines().map(str::trim).rev();
    lines.find(|line| !line.is_empty() && !is_statistic(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases() {
        let of = |release| Version::of_release(release).map(|version| version.to_string());
        assert_eq!(of("6.1.0-50-cloud-amd64").as_deref(), Some("6.1"));
        assert_eq!(of("5.10.0-32-cloud-amd64").as_deref(), Some("5.10"));
        assert_eq!(of("7.3.4+deb13-cloud-arm64").as_deref(), Some("7.3"));
        assert_eq!(of("6.19-rc7").as_deref(), Some("6.19"));
        assert_eq!(of("unknown"), None);
        assert!(Version::of_release("5.9") < Version::of_release("5.15"));
    }

    #[test]
    fn a_kernel_that_is_too_old_is_told_the_least() {
        let old = too_old("5.10.0-32-cloud-amd64", LEAST).expect("5.10 is older");
        assert_eq!(old, "Linux 5.10.0-32-cloud-amd64 is too old: edge needs Linux 5.15 or later");
        assert_eq!(too_old("5.10.0", LEAST_FRAGS), too_old("5.10.0", LEAST));
        let frags = too_old("5.15.0-91-generic", LEAST_FRAGS).expect("5.15 is older than 5.18");
        assert!(frags.contains("Linux 5.18 or later"), "{frags}");
        assert!(frags.contains("MTU to 3000 at most"), "{frags}");
        for (release, least) in [("5.15.0", LEAST), ("5.18.0", LEAST_FRAGS), ("x", LEAST)] {
            assert_eq!(too_old(release, least), None, "{release}");
        }
    }

    #[test]
    fn what_has_run_out_is_told_with_what_to_do() {
        let of = |errno, loaded| exhausted(&io::Error::from_raw_os_error(errno), loaded);
        for errno in [libc::ENOMEM, libc::E2BIG] {
            let why = of(errno, LoadedKind::Table).unwrap();
            assert!(why.contains("fewer circuits") && !why.contains("detach"), "{why}");
        }
        for loaded in [LoadedKind::Table, LoadedKind::Program] {
            assert!(of(libc::EMFILE, loaded).is_some_and(|why| why.contains("LimitNOFILE")));
        }
        // The verifier's.
        assert_eq!(of(libc::E2BIG, LoadedKind::Program), None);
        assert_eq!(of(libc::EACCES, LoadedKind::Program), None);
    }

    #[test]
    fn the_reason_is_the_last_line_before_the_statistics() {
        let log = "107: (0f) r0 += r9\n; intrinsics @ mod.rs:2107\n108: (61) r3 = *(u32 *)(r0 +0)\n\
                   R0 unbounded memory access, make sure to bounds check any such access\n\
                   verification time 5100010 usec\nstack depth 216+0+0\n\
                   processed 109485 insns (limit 1000000) max_states_per_insn 31\n\n";
        assert_eq!(
            reason(log),
            Some("R0 unbounded memory access, make sure to bounds check any such access")
        );
        assert_eq!(reason(""), None);
        assert_eq!(reason("processed 0 insns (limit 1000000)\n"), None);
    }
}
