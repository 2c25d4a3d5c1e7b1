//! Access to the bytes of one frame.

/// An Ethernet frame, from the destination address to the last payload byte (no FCS).
///
/// Implementations check every access against the end of the frame, because the BPF verifier
/// wants to see that check and because frames are as short as their sender pleases.
pub trait Frame {
    /// Length in bytes of the whole frame, buffers after the first included.
    fn len_bytes(&self) -> u32;

    /// The `N` bytes at `offset`, or `None` where the frame ends before them.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// Overwrites the `N` bytes at `offset`; `None`, and nothing written, where the frame ends
    /// before them.
    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()>;

    /// The 16-bit number in network byte order at `offset`.
    #[inline(always)]
    fn read_u16(&self, offset: usize) -> Option<u16> {
        self.read(offset).map(u16::from_be_bytes)
    }
}

/// A frame in memory.
impl Frame for &mut [u8] {
    fn len_bytes(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk::<N>().copied()
    }

    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()> {
        *self.get_mut(offset..)?.first_chunk_mut::<N>()? = bytes;
        Some(())
    }
}
