//! Offloads of an interface, by ethtool's older interface (linux/ethtool.h).

use std::{
    ffi::{CString, c_char},
    io,
    os::fd::AsRawFd as _,
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::routing::devices::error::{Context as _, Result};

/// Checksums of sent frames, which a driver may leave to the next one. `ethtool -K … tx`.
pub(super) const SET_TX_CHECKSUMS: u32 = 0x17;
/// Received frames that are joined to larger ones. `ethtool -K … gro`.
pub(super) const SET_GRO: u32 = 0x2c;

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// Turns an offload of an interface of the calling thread's namespace on or off.
pub(super) fn set_offload(interface: &str, command: u32, is_on: bool) -> Result<()> {
    let setting = || format!("setting an offload of {interface}");
    let name = CString::new(interface)?;
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        .with_context(setting)?;
    let mut value = EthtoolValue { command, data: is_on.into() };
    // SAFETY: all zeroes is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // One place is left for the terminating zero.
    let places = request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1);
    for (place, byte) in places.zip(name.to_bytes()) {
        // Signed on x86-64, unsigned on arm64.
        *place = c_char::from_ne_bytes([*byte]);
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: the request takes an `ifreq` whose pointer is to an `ethtool_value`, as each command
    // here wants it; both live longer than the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if result < 0 { Err(io::Error::last_os_error()).with_context(setting) } else { Ok(()) }
}
