//! An interface of this network namespace, asked by ioctl: sysfs shows those of the namespace
//! that it was mounted in, which after `nsenter` is another.

use std::{
    ffi::{CString, c_int},
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

/// An interface.
pub struct Interface {
    name: CString,
    index: u32,
    socket: OwnedFd,
}

impl Interface {
    /// The interface `name`.
    pub fn find(name: &str) -> Result<Self> {
        let c_name = CString::new(name)?;
        let index = nix::net::if_::if_nametoindex(c_name.as_c_str()).with_context(|| {
            format!(
                "there is no interface {name} in this network namespace; `ip link` lists those \
                 that there are"
            )
        })?;
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
            .context("opening a socket to ask about interfaces")?;
        Ok(Self { name: c_name, index, socket })
    }

    /// Its name.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        self.name.to_string_lossy()
    }

    /// The kernel's index of it.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Whether it is administratively up.
    pub fn is_up(&self) -> Result<bool> {
        let mut request = self.request();
        self.ioctl(libc::SIOCGIFFLAGS, &mut request).context("reading the interface's flags")?;
        // SAFETY: SIOCGIFFLAGS has filled in this member of the union.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        Ok(c_int::from(flags) & libc::IFF_UP != 0)
    }

    /// Its MTU.
    pub fn mtu_bytes(&self) -> Result<u32> {
        let mut request = self.request();
        self.ioctl(libc::SIOCGIFMTU, &mut request).context("reading the interface's MTU")?;
        // SAFETY: SIOCGIFMTU has filled in this member of the union.
        let mtu = unsafe { request.ifr_ifru.ifru_mtu };
        u32::try_from(mtu).context("the interface's MTU is negative")
    }

    fn request(&self) -> libc::ifreq {
        // SAFETY: all zeroes is a valid `ifreq`.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // The kernel knows the name, so it and its terminating zero fit.
        for (place, byte) in request.ifr_name.iter_mut().zip(self.name.to_bytes()) {
            *place = byte.cast_signed();
        }
        request
    }

    fn ioctl(&self, number: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: every number used here takes an `ifreq`, and none its pointer member.
        let result =
            unsafe { libc::ioctl(self.socket.as_raw_fd(), number, std::ptr::from_mut(request)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
