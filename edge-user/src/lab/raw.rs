//! Frames byte for byte, without the protocols of the stack on either end.

use std::{
    io, mem,
    os::fd::{AsRawFd as _, OwnedFd},
    ptr,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::RAW_MARK;
use nix::{
    errno::Errno,
    net::if_::if_nametoindex,
    sys::{
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, send, setsockopt, socket, sockopt},
        time::{TimeVal, TimeValLike as _},
    },
};

use super::netns::NetNs;

/// Longer than any frame of the lab.
const MOST_BYTES: usize = 16 << 10;
const BUFFER_BYTES: usize = 32 << 20;
/// Offset of an Ethernet frame's first tag.
const TAG_OFFSET: usize = 12;

/// Sends frames as they are.
#[derive(Debug)]
pub struct RawSender(OwnedFd);

impl RawSender {
    /// Sends out of this interface.
    pub fn open(ns: &NetNs, interface: &str) -> Result<Self> {
        let socket = packet_socket(ns, interface, 0, |socket| {
            Ok(setsockopt(socket, sockopt::Mark, &RAW_MARK)?)
        })?;
        Ok(Self(socket))
    }

    /// Sends one frame: from the destination MAC address on, tags in, without FCS.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        let sent = send(self.0.as_raw_fd(), frame, MsgFlags::empty())
            .with_context(|| format!("cannot send a frame of {} bytes", frame.len()))?;
        ensure!(sent == frame.len(), "{sent} of a frame's {} bytes were sent", frame.len());
        Ok(())
    }
}

/// Keeps the frames that an interface receives, from the collector's making on.
///
/// It gets frames from the stack. So a tagged frame of fewer than 20 bytes never comes: the stack
/// drops it when it moves the outer tag out of the frame, before any socket has it.
#[derive(Debug)]
pub struct RawCollector(OwnedFd);

impl RawCollector {
    /// Collects from this interface.
    pub fn open(ns: &NetNs, interface: &str) -> Result<Self> {
        let every_protocol = u16::try_from(libc::ETH_P_ALL)?.to_be();
        let socket = packet_socket(ns, interface, every_protocol, |socket| {
            setsockopt(socket, sockopt::RcvBufForce, &BUFFER_BYTES)?;
            set_packet_option(socket, libc::PACKET_AUXDATA)?;
            set_packet_option(socket, libc::PACKET_IGNORE_OUTGOING)
        })?;
        Ok(Self(socket))
    }

    /// Waits for so many frames, but no longer than `limit`, and returns the frames that came.
    pub fn collect(&self, frames: usize, limit: Duration) -> Result<Vec<Vec<u8>>> {
        let deadline = Instant::now() + limit;
        let mut collected = Vec::new();
        while collected.len() < frames {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            // Zero would mean no time limit.
            let wait = TimeVal::milliseconds(i64::try_from(left.as_millis())?.max(1));
            setsockopt(&self.0, sockopt::ReceiveTimeout, &wait)?;
            collected.extend(self.receive()?);
        }
        Ok(collected)
    }

    /// The next frame, whole again; `None` when the time is up.
    fn receive(&self) -> Result<Option<Vec<u8>>> {
        let mut frame = vec![0; MOST_BYTES];
        let mut control = Control([0; CONTROL_BYTES]);
        let mut part = libc::iovec { iov_base: frame.as_mut_ptr().cast(), iov_len: frame.len() };
        // SAFETY: a message header is integers and pointers, for which zero is a value.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL_BYTES as _;
        // SAFETY: the header points to buffers of the lengths it tells, which outlive the call.
        let received = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, 0) };
        match Errno::result(received) {
            Ok(len) => frame.truncate(usize::try_from(len)?),
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
            Err(error) => return Err(error).context("cannot receive frames"),
        }
        if let Some(tag) = outer_tag(&message) {
            frame.splice(TAG_OFFSET..TAG_OFFSET, tag);
        }
        Ok(Some(frame))
    }
}

const CONTROL_BYTES: usize = 128;

/// Room for control messages, aligned as their headers are.
#[repr(align(8))]
struct Control([u8; CONTROL_BYTES]);

/// The tag that the stack has moved from the frame to its metadata.
fn outer_tag(message: &libc::msghdr) -> Option<[u8; 4]> {
    const VALID: u32 = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
    // SAFETY: `recvmsg` has filled in the header, and its control buffer lives.
    let header = unsafe { libc::CMSG_FIRSTHDR(message) };
    // SAFETY: null, or a header within the control buffer.
    let kind = unsafe { header.as_ref() }.map(|header| (header.cmsg_level, header.cmsg_type));
    if kind != Some((libc::SOL_PACKET, libc::PACKET_AUXDATA)) {
        return None;
    }
    // SAFETY: `header` is not null here.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: the kernel puts a `tpacket_auxdata` under that type; the read needs no alignment.
    let aux: libc::tpacket_auxdata = unsafe { ptr::read_unaligned(data.cast()) };
    let [tpid_high, tpid_low] = aux.tp_vlan_tpid.to_be_bytes();
    let [tci_high, tci_low] = aux.tp_vlan_tci.to_be_bytes();
    (aux.tp_status & VALID == VALID).then_some([tpid_high, tpid_low, tci_high, tci_low])
}

/// An `AF_PACKET` socket on one interface; protocol 0 receives nothing.
pub(super) fn packet_socket(
    ns: &NetNs,
    interface: &str,
    protocol: u16,
    prepare: impl FnOnce(&OwnedFd) -> Result<()> + Send,
) -> Result<OwnedFd> {
    ns.run(|| open_on(if_nametoindex(interface)?, protocol, prepare))
        .with_context(|| format!("cannot open a packet socket on {interface}"))
}

/// An `AF_PACKET` socket on every interface, also on those that come later.
pub(super) fn every_interface(
    ns: &NetNs,
    prepare: impl FnOnce(&OwnedFd) -> Result<()> + Send,
) -> Result<OwnedFd> {
    let every_protocol = u16::try_from(libc::ETH_P_ALL)?.to_be();
    ns.run(|| open_on(0, every_protocol, prepare)).context("cannot open a packet socket")
}

fn open_on(
    ifindex: u32,
    protocol: u16,
    prepare: impl FnOnce(&OwnedFd) -> Result<()>,
) -> Result<OwnedFd> {
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
    prepare(&socket)?;
    bind(&socket, ifindex, protocol)?;
    Ok(socket)
}

fn bind(socket: &OwnedFd, interface: u32, protocol: u16) -> Result<()> {
    // SAFETY: a link-layer address is integers, for which zero is a value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET.try_into()?;
    address.sll_protocol = protocol;
    address.sll_ifindex = interface.try_into()?;
    let len = libc::socklen_t::try_from(size_of_val(&address))?;
    // SAFETY: points to a live address of that length.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) };
    Errno::result(bound)?;
    Ok(())
}

pub(super) fn set_packet_option(socket: &OwnedFd, option: libc::c_int) -> Result<()> {
    let on: libc::c_int = 1;
    let len = libc::socklen_t::try_from(size_of_val(&on))?;
    // SAFETY: points to a live integer of that length.
    let set = unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_PACKET, option, (&raw const on).cast(), len)
    };
    Errno::result(set).map(drop).map_err(|error| io::Error::from(error).into())
}
