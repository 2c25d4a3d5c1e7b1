//! Access to a received frame: the only place that touches packet memory.

use core::marker::PhantomData;

use aya_ebpf::{EbpfContext as _, helpers::generated::bpf_xdp_get_buff_len, programs::XdpContext};
use edge_common::Frame;

/// The frame of an XDP context.
///
/// Headers are read from the first buffer; only the length counts the others.
pub(crate) struct XdpFrame<'a> {
    data: usize,
    data_end: usize,
    len_bytes: u32,
    context: PhantomData<&'a XdpContext>,
}

impl<'a> XdpFrame<'a> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'a XdpContext) -> Self {
        // SAFETY: the helper wants the program's own context, and `as_ptr` is that.
        let len_bytes = unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) };
        Self {
            data: ctx.data(),
            data_end: ctx.data_end(),
            // A u64 in the helper's signature for the sake of its calling convention.
            len_bytes: len_bytes as u32,
            context: PhantomData,
        }
    }

    /// A pointer to `N` bytes at `offset` that end at or before `data_end`.
    #[inline(always)]
    fn at<const N: usize>(&self, offset: usize) -> Option<*mut [u8; N]> {
        let start = self.data + offset;
        (start + N <= self.data_end).then_some(start as *mut [u8; N])
    }
}

impl Frame for XdpFrame<'_> {
    #[inline(always)]
    fn len_bytes(&self) -> u32 {
        self.len_bytes
    }

    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let bytes = self.at::<N>(offset)?;
        // SAFETY: `at` compared the bytes' end with `data_end`, and this program alone has the
        // frame while it runs; a byte array has no alignment.
        Some(unsafe { bytes.read() })
    }

    #[inline(always)]
    fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> Option<()> {
        let place = self.at::<N>(offset)?;
        // SAFETY: as in `read`, and packet memory is writable in XDP.
        unsafe { place.write(bytes) };
        Some(())
    }
}
