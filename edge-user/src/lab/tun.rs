//! Interfaces whose other side is this process.

use std::{
    ffi::CStr,
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _},
    mem,
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd},
        unix::fs::OpenOptionsExt as _,
    },
};

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;

use super::netns::NetNs;

const DEVICE: &str = "/dev/net/tun";

/// An interface for IP packets, from which the lab reads the packets that a stack sends. Dropping
/// this removes the interface.
#[derive(Debug)]
pub(super) struct Tun {
    file: File,
    name: String,
    ns: NetNs,
}

impl Tun {
    /// A new interface. `%d` in its name becomes a free number.
    pub(super) fn new(ns: &NetNs, name: &str) -> Result<Self> {
        // The interface belongs to the namespace in which the file is opened.
        let (file, name) = ns.run(|| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(DEVICE)
                .with_context(|| format!("cannot open {DEVICE} (is the module tun loaded?)"))?;
            let name = set_interface(&file, name).context("cannot make a TUN interface")?;
            Ok((file, name))
        })?;
        Ok(Self { file, name, ns: ns.clone() })
    }

    /// The interface's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The next packet's length; `None` where none waits.
    pub(super) fn receive(&self, packet: &mut [u8]) -> Result<Option<usize>> {
        match (&self.file).read(packet) {
            Ok(len_bytes) => Ok(Some(len_bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => Ok(None),
            Err(error) => Err(error).context("cannot read from a TUN interface"),
        }
    }

    /// Packets that found no room in the interface.
    pub(super) fn dropped(&self) -> Result<u64> {
        self.ns.tx_dropped(&self.name)
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn set_interface(file: &File, name: &str) -> Result<String> {
    // SAFETY: a request is integers and bytes, for which zero is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    ensure!(name.len() < request.ifr_name.len(), "{name} is too long for an interface's name");
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        // Signed on x86-64, unsigned on arm64.
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI).try_into()?;
    // SAFETY: points to a live request, which the kernel copies and writes the name into.
    let set = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    Errno::result(set)?;
    // SAFETY: the kernel leaves a name with its terminator in the request.
    let name = unsafe { CStr::from_ptr(request.ifr_name.as_ptr()) };
    Ok(name.to_str()?.to_owned())
}
