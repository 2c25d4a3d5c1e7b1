//! A virtual machine: it boots a kernel on an initramfs, and keeps the text of its console.

use std::{
    env, fmt, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use super::{
    archive::{Archive, InstalledKernel},
    guest_tests::GuestTest,
    matrix::Kernel,
};
use crate::arch::Arch;

/// The longest time until a kernel's first line.
const FIRST_WORDS: Duration = Duration::from_secs(8);
/// The longest time in seconds for a guest to boot and to end.
const BOOT_SECONDS: u32 = 180;

/// The means of running guests of the machine's own architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accelerator {
    /// The processor.
    Kvm,
    /// qemu's emulator.
    Tcg,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "emulation (no KVM here that boots a kernel)",
        })
    }
}

/// KVM, if it boots one of `kernels`: with some `/dev/kvm`, a guest never gets to its first line.
pub(super) fn accelerator(archive: &Archive, kernels: &[Kernel]) -> Result<Accelerator> {
    let own = kernels.iter().find(|kernel| kernel.arch == Arch::host());
    let (Some(kernel), true) = (own, Path::new("/dev/kvm").exists()) else {
        return Ok(Accelerator::Tcg);
    };
    let log = env::temp_dir().join(format!("edge-kvm-{}.log", std::process::id()));
    let image = archive.kernel(kernel)?.image;
    let mut qemu = qemu(kernel.arch, Accelerator::Kvm, &image, &log);
    qemu.args(["-append", &append(kernel.arch)]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut qemu = Killed(qemu.spawn().context("starting qemu")?);
    let started = Instant::now();
    let mut boots = false;
    while started.elapsed() < FIRST_WORDS && !boots {
        thread::sleep(Duration::from_millis(100));
        boots = fs::read(&log).is_ok_and(|log| contains(&log, b"Linux version"));
        if qemu.0.try_wait()?.is_some() {
            break;
        }
    }
    drop(qemu);
    let _gone = fs::remove_file(&log);
    Ok(if boots { Accelerator::Kvm } else { Accelerator::Tcg })
}

/// The machine on which guests run.
pub(super) struct Machine<'a> {
    pub(super) work: &'a Path,
    pub(super) accelerator: Accelerator,
}

impl Machine<'_> {
    /// Boots `kernel` on `initramfs`, waits until the guest turns itself off, and returns the text
    /// of its console. A guest that takes longer than its tests may take is ended.
    pub(super) fn boot(
        &self,
        kernel: &Kernel,
        installed: &InstalledKernel,
        initramfs: &Path,
        tests: &[&GuestTest],
    ) -> Result<String> {
        let log = self.log_path(kernel);
        let _leftover = fs::remove_file(&log);
        let accelerator =
            if kernel.arch == Arch::host() { self.accelerator } else { Accelerator::Tcg };
        let mut qemu = qemu(kernel.arch, accelerator, &installed.image, &log);
        qemu.arg("-initrd").arg(initramfs);
        // The kernel hands variables that it doesn't know to its first process.
        let variable = if accelerator == Accelerator::Tcg { " EDGE_EMULATED=1" } else { "" };
        qemu.args(["-append", &format!("{} rdinit=/init{variable}", append(kernel.arch))]);
        let said = log.with_extension("qemu");
        qemu.stdout(Stdio::null()).stderr(File::create(&said)?);
        let mut qemu = Killed(qemu.spawn().context("starting qemu")?);
        let limit: u32 = tests.iter().map(|test| test.seconds(kernel.arch)).sum();
        let deadline = Instant::now() + Duration::from_secs((BOOT_SECONDS + limit).into());
        let status = loop {
            if let Some(status) = qemu.0.try_wait()? {
                break Some(status);
            }
            if Instant::now() > deadline {
                break None;
            }
            thread::sleep(Duration::from_millis(100));
        };
        if status.is_some_and(|status| !status.success()) {
            bail!("qemu failed: {}", fs::read_to_string(&said)?.trim());
        }
        let log = fs::read(&log).with_context(|| format!("reading {}", log.display()))?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// The file of a guest's console.
    fn log_path(&self, kernel: &Kernel) -> PathBuf {
        self.work.join(format!("{}-{}.log", kernel.name, kernel.arch.debian()))
    }
}

/// A process that ends with this one.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited_for = self.0.wait();
    }
}

/// A guest with two processors and four network cards. A hub joins each two of them, and there is
/// no other network.
fn qemu(arch: Arch, accelerator: Accelerator, image: &Path, log: &Path) -> Command {
    // The guest ends with the thread that started it, also where that is killed.
    let mut qemu = Command::new("setpriv");
    qemu.args(["--pdeathsig", "KILL", "--"]).arg(match arch {
        Arch::X86_64 => "qemu-system-x86_64",
        Arch::Arm64 => "qemu-system-aarch64",
    });
    // With a thread for each processor, some kernels' XDP dispatcher panics under emulation.
    qemu.args(match accelerator {
        Accelerator::Kvm => ["-accel", "kvm"],
        Accelerator::Tcg => ["-accel", "tcg,thread=single"],
    });
    qemu.args(match (arch, accelerator) {
        (Arch::X86_64, Accelerator::Kvm) => ["-M", "q35", "-cpu", "host"],
        (Arch::X86_64, Accelerator::Tcg) => ["-M", "q35", "-cpu", "qemu64"],
        (Arch::Arm64, Accelerator::Kvm) => ["-M", "virt", "-cpu", "host"],
        (Arch::Arm64, Accelerator::Tcg) => ["-M", "virt", "-cpu", "cortex-a57"],
    });
    qemu.args(["-smp", "2", "-m", "3G", "-nodefaults", "-display", "none", "-no-reboot"]);
    for card in 0..4 {
        qemu.arg("-netdev").arg(format!("hubport,id=card{card},hubid={}", card / 2));
        qemu.arg("-device")
            .arg(format!("virtio-net-pci,netdev=card{card},mac=02:00:00:00:01:0{card},romfile="));
    }
    qemu.arg("-serial").arg(format!("file:{}", log.display()));
    qemu.arg("-kernel").arg(image).stdin(Stdio::null());
    qemu
}

/// The kernel's command line.
fn append(arch: Arch) -> String {
    let console = match arch {
        Arch::X86_64 => "ttyS0 earlyprintk=serial,ttyS0,115200",
        Arch::Arm64 => "ttyAMA0",
    };
    format!("console={console} panic=-1 net.ifnames=0 loglevel=4")
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
