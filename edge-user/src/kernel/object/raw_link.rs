//! XDP links by bpf(2) itself. The library aya can't tell a link's interface, nor attach a program
//! that another process has loaded.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use crate::kernel::{
    error::{Context as _, Result},
    host::attached_mode::AttachedMode,
};

/// Commands of `bpf` (linux/bpf.h).
const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const LINK_CREATE: libc::c_int = 28;
const LINK_GET_FD_BY_ID: libc::c_int = 30;
/// The attach type `BPF_XDP`.
const XDP: u32 = 37;
/// `XDP_FLAGS_SKB_MODE` and `XDP_FLAGS_DRV_MODE` (`linux/if_link.h`).
const SKB_MODE: u32 = 1 << 1;
const DRV_MODE: u32 = 1 << 2;

/// A pinned link, as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct LinkInfo {
    /// The kernel's id of its program.
    pub(in crate::kernel) program_id: u32,
    /// The index of its interface, in whatever network namespace that is; 0: the interface is gone,
    /// or the link was detached (`bpf_xdp_link_fill_link_info` in net/core/dev.c).
    pub(in crate::kernel) ifindex: u32,
}

/// `struct bpf_link_info` of an XDP link.
#[repr(C)]
#[derive(Default)]
struct BpfLinkInfo {
    kind: u32,
    id: u32,
    program_id: u32,
    padding: u32,
    ifindex: u32,
    rest: [u32; 11],
}

/// The length of [`BpfLinkInfo`].
const INFO_LEN_BYTES: u32 = 64;
const _: () = assert!(size_of::<BpfLinkInfo>() == INFO_LEN_BYTES as usize);

/// A request for a link or a program: the part of `union bpf_attr` that these commands use.
#[repr(C, align(8))]
#[derive(Default)]
struct LinkAttr([u32; 16]);

impl LinkAttr {
    /// A request that begins with these numbers of 32 bits.
    fn new(numbers: &[u32]) -> Self {
        let mut request = Self::default();
        request.0[..numbers.len()].copy_from_slice(numbers);
        request
    }

    /// A request that begins with an address, and then these numbers.
    fn with_address(address: u64, numbers: &[u32]) -> Self {
        Self::new(&[&halves(address), numbers].concat())
    }

    /// Has the kernel execute the command.
    ///
    /// # Safety
    ///
    /// Addresses in the request must be those of live memory as the command reads or writes it.
    unsafe fn call(&mut self, command: libc::c_int) -> io::Result<libc::c_int> {
        // SAFETY: the request is live, and the caller vouches for the addresses in it.
        let result =
            unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *self, size_of::<Self>()) };
        match libc::c_int::try_from(result) {
            Ok(result) if result >= 0 => Ok(result),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Does the same for commands that open a descriptor.
    ///
    /// # Safety
    ///
    /// As in [`Self::call`], and the command must be one of those.
    unsafe fn open(&mut self, command: libc::c_int) -> io::Result<OwnedFd> {
        // SAFETY: the caller's.
        let fd = unsafe { self.call(command) }?;
        // SAFETY: the kernel has just opened this descriptor for us, and nobody else has it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl LinkInfo {
    /// The XDP link that is pinned at `path`; `None`: nothing is pinned there.
    pub(in crate::kernel) fn of_pin(path: &Path) -> Result<Option<Self>> {
        let look = || -> io::Result<Self> {
            let name = CString::new(path.as_os_str().as_bytes())?;
            let mut request = LinkAttr::with_address(name.as_ptr() as u64, &[]);
            // SAFETY: the address is that of a path that ends with a zero.
            let link = unsafe { request.open(OBJ_GET) }?;
            let mut info = BpfLinkInfo::default();
            let [first, second] = halves((&raw mut info) as u64);
            let fd = link.as_raw_fd().unsigned_abs();
            let mut request = LinkAttr::new(&[fd, INFO_LEN_BYTES, first, second]);
            // SAFETY: the address is that of an `BpfLinkInfo`, whose size goes with it.
            unsafe { request.call(OBJ_GET_INFO_BY_FD) }?;
            Ok(Self { program_id: info.program_id, ifindex: info.ifindex })
        };
        match look() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            info => {
                info.map(Some).with_context(|| format!("looking at the link {}", path.display()))
            }
        }
    }
}

/// The two numbers of 32 bits that a number of 64 bits is in memory.
fn halves(number: u64) -> [u32; 2] {
    zerocopy::transmute!(number)
}

/// A program in the kernel.
pub(in crate::kernel) struct Program(OwnedFd);

impl Program {
    /// The program with this id.
    pub(in crate::kernel) fn by_id(id: u32) -> Result<Self> {
        // SAFETY: the request has no address.
        let program = unsafe { LinkAttr::new(&[id]).open(PROG_GET_FD_BY_ID) };
        Ok(Self(program.with_context(|| format!("opening the program {id}"))?))
    }

    /// Attaches it to an interface, and returns the link, which lasts as long as it is open or
    /// pinned.
    pub(in crate::kernel) fn attach(&self, ifindex: u32, mode: AttachedMode) -> Result<BpfLink> {
        let flags = match mode {
            AttachedMode::Native => DRV_MODE,
            AttachedMode::Generic => SKB_MODE,
        };
        let mut request = LinkAttr::new(&[self.0.as_raw_fd().unsigned_abs(), ifindex, XDP, flags]);
        // SAFETY: the request has no address.
        let link = unsafe { request.open(LINK_CREATE) };
        Ok(BpfLink(link.with_context(|| format!("attaching to the interface {ifindex}"))?))
    }
}

/// A link.
pub(in crate::kernel) struct BpfLink(OwnedFd);

impl BpfLink {
    /// The link with this number, if there still is one.
    pub(in crate::kernel) fn by_number(number: u32) -> Option<Self> {
        // SAFETY: the request has no address.
        unsafe { LinkAttr::new(&[number]).open(LINK_GET_FD_BY_ID) }.ok().map(Self)
    }

    /// Pins it.
    pub(in crate::kernel) fn pin(&self, path: &Path) -> Result<()> {
        let name = CString::new(path.as_os_str().as_bytes())?;
        let fd = self.0.as_raw_fd().unsigned_abs();
        let mut request = LinkAttr::with_address(name.as_ptr() as u64, &[fd, 0]);
        // SAFETY: the address is that of a path that ends with a zero.
        let pinned = unsafe { request.call(OBJ_PIN) };
        pinned.map(drop).with_context(|| format!("pinning {}", path.display()))
    }
}
