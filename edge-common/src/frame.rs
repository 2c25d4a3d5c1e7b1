//! Access to the bytes of one frame.

use crate::{
    class::{DsWord, IpVersion},
    fair, mark, packet,
    rules::{self, Transport},
    tags::Tag,
};

/// An Ethernet frame, from the destination address to the last payload byte (no FCS).
///
/// Numbers are in network byte order in the frame and in host byte order here. Implementations
/// check every access against the end of the frame, because the BPF verifier wants to see that
/// check and because frames are as short as their sender pleases.
pub trait Frame {
    /// Length in bytes of the whole frame, buffers after the first included.
    fn len_bytes(&self) -> u32;

    /// Whether headers up to `end` bytes from the frame's start are there.
    fn holds(&self, end: usize) -> bool;

    /// The 16-bit number at `offset`; `None` where the frame ends before or in it.
    fn read_u16(&self, offset: usize) -> Option<u16>;

    /// The 32-bit number at `offset`; `None` where the frame ends before or in it.
    fn read_u32(&self, offset: usize) -> Option<u32>;

    /// Overwrites the 16-bit number at `offset`; `None`, and nothing written, where the frame
    /// ends before or in it.
    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()>;

    /// Overwrites the 32-bit number at `offset`; `None`, and nothing written, where the frame
    /// ends before or in it.
    fn write_u32(&mut self, offset: usize, value: u32) -> Option<()>;

    /// Moves the start of the frame: on by `by_bytes`, or, where that is negative, back into the
    /// room in front of it, whose bytes are anything. `None`, and nothing moved, where there is
    /// no such room or where less than an Ethernet header would be left.
    fn move_start(&mut self, by_bytes: i32) -> Option<()>;

    /// [`rules::transport`] of this frame. In the kernel a function of its own, which the verifier
    /// looks at once and not for each way that leads to a call of it.
    fn transport(&self, packet: &DsWord) -> Transport {
        rules::transport(self, packet)
    }

    /// [`fair::hash`] of this frame; likewise.
    fn flow_hash(&self, last: &Tag) -> u64 {
        fair::hash(self, last)
    }

    /// [`mark::mark_congestion`] of this frame; likewise.
    fn mark_congestion(&mut self, last: &Tag) -> Option<()> {
        mark::mark_congestion(self, last)
    }

    /// [`packet::version_within`] of this frame; likewise.
    fn version_within(&self, ether_type: u16, offset: usize) -> Option<IpVersion> {
        packet::version_within(self, ether_type, offset)
    }
}

/// Addresses and EtherType.
pub const ETHERNET_HEADER_LEN_BYTES: usize = 14;

/// A frame in memory, with room in front of it.
pub struct Buffer<'a> {
    bytes: &'a mut [u8],
    start: usize,
}

impl<'a> Buffer<'a> {
    /// The frame that begins at `start` of `bytes` and ends with them.
    #[must_use]
    pub fn new(bytes: &'a mut [u8], start: usize) -> Self {
        Self { bytes, start }
    }

    /// The frame's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    fn at<const N: usize>(&mut self, offset: usize) -> Option<&mut [u8; N]> {
        self.bytes.get_mut(self.start..)?.get_mut(offset..)?.first_chunk_mut()
    }

    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.as_bytes().get(offset..)?.first_chunk().copied()
    }
}

impl Frame for Buffer<'_> {
    fn len_bytes(&self) -> u32 {
        u32::try_from(self.as_bytes().len()).unwrap_or(u32::MAX)
    }

    fn holds(&self, end: usize) -> bool {
        end <= self.as_bytes().len()
    }

    fn read_u16(&self, offset: usize) -> Option<u16> {
        self.read(offset).map(u16::from_be_bytes)
    }

    fn read_u32(&self, offset: usize) -> Option<u32> {
        self.read(offset).map(u32::from_be_bytes)
    }

    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()> {
        *self.at(offset)? = value.to_be_bytes();
        Some(())
    }

    fn write_u32(&mut self, offset: usize, value: u32) -> Option<()> {
        *self.at(offset)? = value.to_be_bytes();
        Some(())
    }

    fn move_start(&mut self, by_bytes: i32) -> Option<()> {
        let start = self.start.checked_add_signed(isize::try_from(by_bytes).ok()?)?;
        let is_left = start + ETHERNET_HEADER_LEN_BYTES <= self.bytes.len();
        is_left.then(|| self.start = start)
    }
}
