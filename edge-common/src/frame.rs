//! Access to the bytes of one frame.

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
}

/// A frame in memory.
impl Frame for &mut [u8] {
    fn len_bytes(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn holds(&self, end: usize) -> bool {
        end <= self.len()
    }

    fn read_u16(&self, offset: usize) -> Option<u16> {
        self.get(offset..)?.first_chunk().copied().map(u16::from_be_bytes)
    }

    fn read_u32(&self, offset: usize) -> Option<u32> {
        self.get(offset..)?.first_chunk().copied().map(u32::from_be_bytes)
    }

    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()> {
        *self.get_mut(offset..)?.first_chunk_mut()? = value.to_be_bytes();
        Some(())
    }
}
