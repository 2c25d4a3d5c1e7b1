//! The edge's ends of the wires, and what happens to them: interfaces that go and come back, change
//! their names, or lose their program.

use std::{
    ffi::CString,
    fs, io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_user::{
    kernel::{LinkPlace, Pins, PortLink, host::device::Devices},
    lab::{Lab, NetNs},
};

use super::wires::WIRES;
use crate::patience::PATIENCE;

const PIN_DIR: &str = "/sys/fs/bpf/edge";
/// An interface of no port, with the index that a port's interface had.
const STRANGER: &str = "stranger";

/// The edge's end of a wire.
#[derive(Debug)]
pub struct End {
    /// Name of its interface.
    pub device: String,
    /// Why no frames come by it.
    pub trouble: Option<Trouble>,
    /// The number of the fault that caused it.
    pub since: u32,
}

/// Why no frames come by an interface.
#[derive(Debug)]
pub enum Trouble {
    /// It was set down.
    Down,
    /// It is in another network namespace.
    Elsewhere(NetNs),
    /// It was deleted.
    Deleted {
        /// The index that it had.
        ifindex: u32,
        /// Whether another one has that now.
        is_given_away: bool,
    },
}

/// All of them, by wire.
#[derive(Debug)]
pub struct Cables(pub [End; 4]);

impl Default for Cables {
    fn default() -> Self {
        Self(WIRES.map(|wire| End { device: wire.name.to_owned(), trouble: None, since: 0 }))
    }
}

impl Cables {
    /// Whether frames can come by this wire.
    #[must_use]
    pub fn is_sound(&self, wire: usize) -> bool {
        self.0[wire].trouble.is_none()
    }

    /// Wires that frames can come by.
    #[must_use]
    pub fn sound(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|wire| self.is_sound(*wire)).collect()
    }

    /// The others.
    #[must_use]
    pub fn troubled(&self) -> Vec<usize> {
        (0..self.0.len()).filter(|wire| !self.is_sound(*wire)).collect()
    }

    /// Whether another interface has the index of one that was deleted.
    #[must_use]
    pub fn has_stranger(&self) -> bool {
        self.0
            .iter()
            .any(|end| matches!(end.trouble, Some(Trouble::Deleted { is_given_away: true, .. })))
    }

    /// Sets an interface down.
    pub fn set_down(&mut self, lab: &Lab, wire: usize) -> Result<()> {
        ip(lab.edge(), &["link", "set", &self.0[wire].device, "down"])?;
        self.0[wire].trouble = Some(Trouble::Down);
        Ok(())
    }

    /// Moves it to another namespace, where it is up or down.
    pub fn move_away(&mut self, lab: &Lab, wire: usize, is_up: bool) -> Result<()> {
        let (other, device) = (NetNs::new()?, &self.0[wire].device);
        let path = other.path();
        ip(lab.edge(), &["link", "set", device, "netns", &path.to_string_lossy()])?;
        ip(&other, &["link", "set", device, "addrgenmode", "none"])?;
        if is_up {
            ip(&other, &["link", "set", device, "up"])?;
        }
        self.0[wire].trouble = Some(Trouble::Elsewhere(other));
        Ok(())
    }

    /// Deletes it, and perhaps gives its index to another one.
    pub fn delete(&mut self, lab: &Lab, wire: usize, is_given_away: bool) -> Result<()> {
        let device = &self.0[wire].device;
        let ifindex = ifindex(lab, device)?;
        ip(lab.edge(), &["link", "del", device])?;
        if is_given_away {
            let link = format!("link add name {STRANGER} index {ifindex} type veth peer name peer");
            ip(lab.edge(), &link.split(' ').collect::<Vec<_>>())?;
            for device in [STRANGER, "peer"] {
                ip(lab.edge(), &["link", "set", device, "addrgenmode", "none", "up"])?;
            }
        }
        self.0[wire].trouble = Some(Trouble::Deleted { ifindex, is_given_away });
        Ok(())
    }

    /// Brings it back. An interface that was away or deleted comes under the name `interface`, as
    /// no other name tells its port; one that was deleted comes with the index that it had, or with
    /// another one. Returns whether the far end has another interface, too.
    pub fn bring_back(
        &mut self,
        lab: &mut Lab,
        wire: usize,
        interface: &str,
        has_same_index: bool,
    ) -> Result<bool> {
        let device = self.0[wire].device.clone();
        match self.0[wire].trouble.take() {
            None => Ok(false),
            Some(Trouble::Down) => {
                ip(lab.edge(), &["link", "set", &device, "up"])?;
                Ok(false)
            }
            Some(Trouble::Elsewhere(other)) => {
                let path = lab.edge().path();
                if device != interface {
                    ip(&other, &["link", "set", &device, "down"])?;
                    ip(&other, &["link", "set", &device, "name", interface])?;
                    interface.clone_into(&mut self.0[wire].device);
                }
                ip(&other, &["link", "set", interface, "netns", &path.to_string_lossy()])?;
                ip(lab.edge(), &["link", "set", interface, "addrgenmode", "none"])?;
                ip(lab.edge(), &["link", "set", interface, "up"])?;
                Ok(false)
            }
            Some(Trouble::Deleted { ifindex, is_given_away }) => {
                if is_given_away {
                    ip(lab.edge(), &["link", "del", STRANGER])?;
                }
                let index = has_same_index.then_some(ifindex);
                lab.lay_again(WIRES[wire].name, interface, index)?;
                interface.clone_into(&mut self.0[wire].device);
                Ok(true)
            }
        }
    }

    /// Waits until frames of the far end come by a wire. The kernel lets its interface send only
    /// some time after the wire is back, and drops frames until then.
    pub fn await_link(&self, lab: &Lab, wire: usize) -> Result<()> {
        let far_end = lab.far_end(WIRES[wire].name)?;
        let deadline = Instant::now() + PATIENCE;
        while !far_end.ns().output("ip", &["-o", "link", "show", "up"])?.contains("state UP") {
            ensure!(Instant::now() < deadline, "{}: the wire does not come up", WIRES[wire].name);
            thread::sleep(Duration::from_millis(2));
        }
        // The kernel sets that state shortly before it lets the interface send, under one hold of the
        // lock that this command waits for.
        ip(far_end.ns(), &["link", "set", far_end.interface(), "up"])
    }

    /// Gives an interface another name. Returns whether the kernel can do that while it is up.
    pub fn rename(&mut self, lab: &Lab, wire: usize, name: &str) -> Result<bool> {
        let renamed = ip(lab.edge(), &["link", "set", &self.0[wire].device, "name", name]);
        match renamed {
            Ok(()) => name.clone_into(&mut self.0[wire].device),
            // Before Linux 6.2.
            Err(error) if error.to_string().contains("busy") => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Has two interfaces swap their names.
    pub fn swap_names(&mut self, lab: &Lab, one: usize, other: usize) -> Result<bool> {
        let names = [one, other].map(|wire| self.0[wire].device.clone());
        if !self.rename(lab, one, "swapping")? {
            return Ok(false);
        }
        Ok(self.rename(lab, other, &names[0])? && self.rename(lab, one, &names[1])?)
    }

    /// Takes our program off an interface: removes the pin of its link, or detaches that.
    pub fn take_off(&self, lab: &Lab, wire: usize, is_detached: bool) -> Result<()> {
        let ifindex = ifindex(lab, &self.0[wire].device)?;
        lab.edge().run(|| {
            let devices = Devices::open()?;
            let links = PortLink::all(&Pins::new(Path::new(PIN_DIR)), &devices)?;
            let own = links.iter().find(|link| link.place == LinkPlace::Here(ifindex));
            let own = own.context("no program is on the interface")?;
            let path = own.pins.link(own.name);
            if is_detached {
                return detach(&path);
            }
            fs::remove_file(&path)?;
            // The kernel takes the program off in its own time, unless a daemon is faster.
            let deadline = Instant::now() + PATIENCE;
            while devices
                .by_index(ifindex)?
                .is_some_and(|device| device.mode_of(own.program_id).is_some())
                && !path.exists()
            {
                ensure!(Instant::now() < deadline, "the program stays without its link");
                thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        })
    }
}

/// The index of an interface of the edge's namespace.
pub(super) fn ifindex(lab: &Lab, device: &str) -> Result<u32> {
    lab.edge().run(|| Ok(nix::net::if_::if_nametoindex(device)?))
}

fn ip(ns: &NetNs, arguments: &[&str]) -> Result<()> {
    ns.output("ip", arguments).map(drop)
}

/// Detaches a pinned link, which stays as one to nowhere.
fn detach(path: &Path) -> Result<()> {
    // Commands of linux/bpf.h.
    const OBJ_GET: libc::c_int = 7;
    const LINK_DETACH: libc::c_int = 34;
    let name = CString::new(path.as_os_str().as_bytes())?;
    let mut request = [0u64; 8];
    request[0] = name.as_ptr() as u64;
    // SAFETY: the address in the request is that of a path that ends with a zero.
    let link = unsafe { bpf(OBJ_GET, &mut request) };
    let link = link.with_context(|| format!("opening {}", path.display()))?;
    // SAFETY: the kernel has just opened this descriptor for us, and nobody else has it.
    let link = unsafe { OwnedFd::from_raw_fd(link) };
    let mut request = [0u32; 16];
    request[0] = link.as_raw_fd().unsigned_abs();
    // SAFETY: the request has no address.
    let detached = unsafe { bpf(LINK_DETACH, &mut request) };
    detached.map(drop).with_context(|| format!("detaching {}", path.display()))
}

/// # Safety
///
/// Addresses in the request must be those of live memory as the command reads it.
unsafe fn bpf<T>(command: libc::c_int, request: &mut T) -> io::Result<libc::c_int> {
    let request: *mut T = request;
    // SAFETY: the request is live, and the caller vouches for the addresses in it.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, request, size_of::<T>()) };
    match libc::c_int::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
