//! Another user of the machine, who changes programs and links where edge can't prevent it.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{
        XdpMode,
        links::{FdLink, PinnedLink},
        xdp::{XdpLink, XdpLinkId},
    },
};
use edge_user::{
    kernel::{
        LinkPlace, Pins, PortLink, PortProgram,
        host::device::Devices,
        object::{program::program, variant::EMPTY_PROGRAM},
    },
    lab::Lab,
    plan::Police,
};
use nix::libc;

use crate::fixture::{self, Fixture};

/// Where the pins are.
pub const PIN_DIR: &str = "/sys/fs/bpf/edge";

/// The link on an interface of the edge: its pin, and the kernel's id of its program.
pub fn link_on(lab: &Lab, interface: &str) -> Result<(PathBuf, u32)> {
    let links = lab.edge().run(|| {
        let devices = Devices::open()?;
        let ifindex = nix::net::if_::if_nametoindex(interface)?;
        let links = PortLink::all(&Pins::new(Path::new(PIN_DIR)), &devices)?;
        Ok(links.into_iter().find(|link| link.place == LinkPlace::Here(ifindex)))
    })?;
    let link = links.with_context(|| format!("no program is on {interface}"))?;
    Ok((link.pins.link(link.name), link.program_id))
}

/// Opens a pinned link, which lasts as long as that is open.
pub fn open_link(pin: &Path) -> Result<OwnedFd> {
    const OBJ_GET: libc::c_int = 7;
    let path = CString::new(pin.as_os_str().as_bytes())?;
    let [first, second] = halves(path.as_ptr() as u64);
    let fd = bpf(OBJ_GET, [first, second, 0, 0])?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Takes a link off its interface, whatever holds it (`bpf_link_detach`).
pub fn detach_link(pin: &Path) -> Result<()> {
    const LINK_DETACH: libc::c_int = 34;
    let link = open_link(pin)?;
    bpf(LINK_DETACH, [link.as_raw_fd().unsigned_abs(), 0, 0, 0]).map(drop)
}

/// A number of 64 bits as the two numbers of 32 bits that it is in memory.
fn halves(number: u64) -> [u32; 2] {
    let bytes = number.to_ne_bytes();
    [0, 4].map(|at| u32::from_ne_bytes(std::array::from_fn(|byte| bytes[at + byte])))
}

/// A command of `bpf` that takes numbers, or a path that is live.
fn bpf(command: libc::c_int, mut attributes: [u32; 4]) -> Result<libc::c_int> {
    // SAFETY: `attributes` is as long as is said, and its only address is that of a live path.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size_of_val(&attributes))
    };
    anyhow::ensure!(result >= 0, "bpf command {command}: {}", io::Error::last_os_error());
    Ok(libc::c_int::try_from(result)?)
}

/// A program that drops everything.
pub struct Foreign(Ebpf);

impl Foreign {
    /// Loads it.
    pub fn load() -> Result<Self> {
        let fixture = Fixture::of(fixture::CONFIG, Police::Off);
        Ok(Self(PortProgram::load_for_bench(&fixture.plan.ports[0], &fixture.capacity)?))
    }

    /// Attaches it to an interface of the edge.
    pub fn attach(&mut self, lab: &Lab, interface: &str) -> Result<XdpLinkId> {
        let empty = program(&mut self.0, EMPTY_PROGRAM)?;
        lab.edge().run(|| {
            let ifindex = nix::net::if_::if_nametoindex(interface)?;
            Ok(empty.attach_to_if_index(ifindex, XdpMode::Driver)?)
        })
    }

    /// Takes it off again.
    pub fn detach(&mut self, link: XdpLinkId) -> Result<()> {
        Ok(program(&mut self.0, EMPTY_PROGRAM)?.detach(link)?)
    }

    /// Has a pinned link run it in place of its own program.
    pub fn replace(&mut self, pin: &Path) -> Result<()> {
        let link = XdpLink::try_from(FdLink::from(PinnedLink::from_pin(pin)?))?;
        program(&mut self.0, EMPTY_PROGRAM)?.attach_to_link(link)?;
        Ok(())
    }
}
