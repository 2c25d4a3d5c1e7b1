//! A lookout for frames where none should be. The kernel filters by the sender's address, so that
//! other frames cost next to nothing.

use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv, setsockopt, sockopt},
};

use super::{
    netns::NetNs,
    raw::{every_interface, set_packet_option},
};

/// Bytes that are kept of a frame: enough to tell its owner.
const KEPT_BYTES: u32 = 64;
const BUFFER_BYTES: usize = 4 << 20;
/// Offset of the source address in an Ethernet frame.
const SOURCE: u32 = 6;

/// Keeps the first bytes of frames that reach the stack of a namespace by any interface, also by
/// one that comes later. They are without the outer tag, which the stack has moved elsewhere by
/// then.
#[derive(Debug)]
pub struct Lookout(OwnedFd);

impl Lookout {
    /// A lookout for frames whose source address begins with these bytes.
    pub fn for_senders(ns: &NetNs, source: [u8; 5]) -> Result<Self> {
        let [first @ .., last] = source;
        Self::open(
            ns,
            &[
                load(libc::BPF_W, SOURCE),
                unless_equal(u32::from_be_bytes(first), 3),
                load(libc::BPF_B, SOURCE + 4),
                unless_equal(last.into(), 1),
                keep(KEPT_BYTES),
                keep(0),
            ],
        )
    }

    /// A lookout for frames from any source address but this one.
    pub fn for_all_but(ns: &NetNs, source: [u8; 6]) -> Result<Self> {
        let [first @ .., before_last, last] = source;
        Self::open(
            ns,
            &[
                load(libc::BPF_W, SOURCE),
                unless_equal(u32::from_be_bytes(first), 3),
                load(libc::BPF_H, SOURCE + 4),
                unless_equal(u16::from_be_bytes([before_last, last]).into(), 1),
                keep(0),
                keep(KEPT_BYTES),
            ],
        )
    }

    fn open(ns: &NetNs, filter: &[libc::sock_filter]) -> Result<Self> {
        let socket = every_interface(ns, |socket| {
            setsockopt(socket, sockopt::RcvBufForce, &BUFFER_BYTES)?;
            set_packet_option(socket, libc::PACKET_IGNORE_OUTGOING)?;
            attach(socket, filter)
        })?;
        Ok(Self(socket))
    }

    /// The beginnings of the frames that came since the last call.
    pub fn frames(&self) -> Result<Vec<Vec<u8>>> {
        let mut frames = Vec::new();
        loop {
            let mut frame = vec![0; 2048];
            match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
                Ok(len) => frame.truncate(len),
                Err(Errno::EAGAIN) => return Ok(frames),
                Err(error) => return Err(error).context("the lookout for frames"),
            }
            frames.push(frame);
        }
    }
}

fn attach(socket: &OwnedFd, filter: &[libc::sock_filter]) -> Result<()> {
    let program =
        libc::sock_fprog { len: filter.len().try_into()?, filter: filter.as_ptr().cast_mut() };
    // SAFETY: points to a live program, whose instructions live as long and whose number goes with
    // them; the kernel copies and checks them.
    let attached = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            libc::socklen_t::try_from(size_of_val(&program))?,
        )
    };
    Errno::result(attached).map(drop).context("attaching a filter to a socket")
}

/// An instruction that loads `size` bytes at `offset` of the frame as a number.
fn load(size: u32, offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_ABS | size, offset, 0)
}

/// An instruction that leaves out `leave_out` instructions unless the loaded number is `value`.
fn unless_equal(value: u32, leave_out: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, leave_out)
}

/// An instruction that keeps `bytes` of the frame, and ends the filter.
fn keep(bytes: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, bytes, 0)
}

#[expect(clippy::cast_possible_truncation, reason = "every code of the kernel's has 16 bits")]
fn instruction(code: u32, k: u32, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf, k }
}
