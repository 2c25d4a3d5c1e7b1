//! Access to the bytes of one frame.

use super::ip_version::IpVersion;

/// Addresses and EtherType.
pub const ETHERNET_HEADER_LEN_BYTES: usize = 14;

/// An Ethernet frame, from the destination address to the last payload byte (no FCS).
///
/// Numbers are in network byte order in the frame and in host byte order here. Implementations
/// check every access against the end of the frame: a sender may make frames of any length, and the
/// BPF verifier requires the check.
pub trait Frame {
    /// Length in bytes of the whole frame, buffers after the first included.
    fn len_bytes(&self) -> u32;

    /// Whether headers up to `end` bytes from the frame's start are there.
    fn holds(&self, end: usize) -> bool;

    /// The 16-bit number at `offset`; `None` where the frame ends before or in it.
    fn read_u16(&self, offset: usize) -> Option<u16>;

    /// The 32-bit number at `offset`; `None` where the frame ends before or in it.
    fn read_u32(&self, offset: usize) -> Option<u32>;

    /// Overwrites the 16-bit number at `offset`; `None`: the frame ends before or in it, and
    /// nothing is written.
    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()>;

    /// Overwrites the 32-bit number at `offset`; `None`: the frame ends before or in it, and
    /// nothing is written.
    fn write_u32(&mut self, offset: usize, value: u32) -> Option<()>;

    /// Moves the start of the frame on by `by_bytes` or, where that is negative, back into the
    /// headroom, whose bytes can be anything. `None`: there is no headroom, or less than an
    /// Ethernet header would be left, and nothing is moved.
    fn move_start(&mut self, by_bytes: i32) -> Option<()>;

    /// Cuts the frame off after `len_bytes`, which is not more than it has. `None`: it can't be cut.
    fn cut(&mut self, len_bytes: u32) -> Option<()>;

    /// The sum of the frame's bytes from `offset` on: [`super::checksum::sum`], which is a function of its own in the kernel
    /// object.
    fn sum(&self, offset: usize, len_bytes: usize) -> Option<u16>;

    /// The version of the IP packet in a `PPPoE` session or behind an 802.2 SNAP header, whose
    /// eight bytes are at `offset` behind `ether_type`: [`super::encapsulation::ip_version`]. In
    /// the kernel object this is a function of its own, so that the verifier checks it once, not at
    /// each call.
    fn encapsulated_ip_version(&self, ether_type: u16, offset: usize) -> Option<IpVersion>;
}
