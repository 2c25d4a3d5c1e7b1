//! A frame in memory.

use super::HostFrame;
use crate::packet::{
    checksum, encapsulation,
    frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
    ip_version::IpVersion,
};

/// A frame in memory, with room in front of it.
pub struct Buffer<'a> {
    bytes: &'a mut [u8],
    start: usize,
    end: usize,
}

impl<'a> Buffer<'a> {
    /// The frame that begins at `start` of `bytes` and ends with them.
    #[must_use]
    pub fn new(bytes: &'a mut [u8], start: usize) -> Self {
        let end = bytes.len();
        Self { bytes, start, end }
    }

    /// The frame's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    fn at<const N: usize>(&mut self, offset: usize) -> Option<&mut [u8; N]> {
        self.bytes.get_mut(self.start..self.end)?.get_mut(offset..)?.first_chunk_mut()
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
        let is_left = start + ETHERNET_HEADER_LEN_BYTES <= self.end;
        is_left.then(|| self.start = start)
    }

    fn cut(&mut self, len_bytes: u32) -> Option<()> {
        let end = self.start.checked_add(len_bytes as usize)?;
        (end <= self.end).then(|| self.end = end)
    }

    fn sum(&self, offset: usize, len_bytes: usize) -> Option<u16> {
        checksum::sum(len_bytes, |at| self.read_u32(offset + at))
    }

    fn encapsulated_ip_version(&self, ether_type: u16, offset: usize) -> Option<IpVersion> {
        encapsulation::ip_version(self, ether_type, offset)
    }
}

impl HostFrame for Buffer<'_> {}
