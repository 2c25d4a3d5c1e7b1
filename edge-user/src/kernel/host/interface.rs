//! An interface of this network namespace and its settings, by netdevice(7) ioctls. Sysfs would
//! show the interfaces of the namespace that it was mounted in, which is another one after
//! `nsenter`.

use std::{
    ffi::{CString, c_char, c_int},
    fs, io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::kernel::error::{Context as _, Result};

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
        Ok(self.flags()? & libc::IFF_UP != 0)
    }

    /// Whether it is set to receive frames to any address.
    pub fn is_promiscuous(&self) -> Result<bool> {
        Ok(self.flags()? & libc::IFF_PROMISC != 0)
    }

    /// Sets it to receive frames to any address, or to its own alone.
    pub fn set_promiscuous(&self, value: bool) -> Result<()> {
        let flags = self.flags()?;
        let flags = if value { flags | libc::IFF_PROMISC } else { flags & !libc::IFF_PROMISC };
        let mut request = self.request();
        // The flags have 16 bits in this request.
        request.ifr_ifru.ifru_flags = u16::try_from(flags)?.cast_signed();
        self.ioctl(libc::SIOCSIFFLAGS, &mut request).context("setting the interface's flags")
    }

    /// The name of its driver; `None` where the driver gives none.
    pub fn driver(&self) -> Result<Option<String>> {
        // `struct ethtool_drvinfo` of linux/ethtool.h: the command, then the driver's name.
        const ETHTOOL_GDRVINFO: u32 = 3;
        const NAME: std::ops::Range<usize> = 4..36;
        #[repr(C, align(4))]
        struct DriverInfo([u8; 196]);

        let mut info = DriverInfo([0; 196]);
        info.0[..NAME.start].copy_from_slice(&ETHTOOL_GDRVINFO.to_ne_bytes());
        let mut request = self.request();
        request.ifr_ifru.ifru_data = (&raw mut info).cast();
        match self.ioctl(libc::SIOCETHTOOL, &mut request) {
            Ok(()) => {
                let name = info.0[NAME].split(|byte| *byte == 0).next().unwrap_or_default();
                Ok(Some(String::from_utf8_lossy(name).into_owned()))
            }
            Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(None),
            Err(error) => Err(error).context("asking for the interface's driver"),
        }
    }

    /// The interfaces that a bond consists of; empty for any other interface. A program on a bond
    /// runs in their drivers.
    pub fn slaves(&self) -> Result<Vec<Self>> {
        // `self.name` may be an alternative name, and the file has the main one.
        let own = nix::net::if_::if_indextoname(self.index).context("asking for its name")?;
        let path = format!("/proc/thread-self/net/bonding/{}", own.to_string_lossy());
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.with_context(|| format!("reading {path}"))?,
        };
        let names = text.lines().filter_map(|line| line.strip_prefix("Slave Interface: "));
        names.map(|name| Self::find(name.trim())).collect()
    }

    fn flags(&self) -> Result<c_int> {
        let mut request = self.request();
        self.ioctl(libc::SIOCGIFFLAGS, &mut request).context("reading the interface's flags")?;
        // SAFETY: SIOCGIFFLAGS has filled in this member of the union.
        let flags = unsafe { request.ifr_ifru.ifru_flags };
        // The highest of the 16 bits is a flag, not a sign.
        Ok(c_int::from(flags.cast_unsigned()))
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
            // Signed on x86-64, unsigned on arm64.
            *place = c_char::from_ne_bytes([*byte]);
        }
        request
    }

    fn ioctl(&self, number: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
        // SAFETY: every number used here takes an `ifreq`; its pointer member is one to a whole
        // `struct ethtool_drvinfo` where the number wants that.
        let result =
            unsafe { libc::ioctl(self.socket.as_raw_fd(), number, std::ptr::from_mut(request)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}
