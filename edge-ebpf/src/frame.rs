//! Access to a received frame: the only place that touches packet memory.

use core::{arch::asm, marker::PhantomData};

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
    /// A frame in one buffer: all that a program without `xdp.frags` gets.
    #[inline(always)]
    pub(crate) fn of_one_buffer(ctx: &'a XdpContext) -> Self {
        let len_bytes = (ctx.data_end() - ctx.data()) as u32;
        Self { data: ctx.data(), data_end: ctx.data_end(), len_bytes, context: PhantomData }
    }

    /// A frame that may be in several buffers. To ask for its length costs a tenth of the path.
    #[inline(always)]
    pub(crate) fn of_buffers(ctx: &'a XdpContext) -> Self {
        // SAFETY: the helper wants the program's own context, and `as_ptr` is that.
        let len_bytes = unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) };
        // A u64 in the helper's signature for the sake of its calling convention.
        Self { len_bytes: len_bytes as u32, ..Self::of_one_buffer(ctx) }
    }

    /// The address of `len_bytes` bytes at `offset` that end at or before `data_end`.
    #[inline(always)]
    fn at(&self, offset: usize, len_bytes: usize) -> Option<usize> {
        let start = self.data + offset;
        (start + len_bytes <= self.data_end).then_some(start)
    }
}

/// Loads and stores are instructions of their own. For memory that it can't know to be aligned
/// the compiler would go byte by byte, although every machine that the kernel lets access packets
/// this way (`HAVE_EFFICIENT_UNALIGNED_ACCESS`) does it at once.
impl Frame for XdpFrame<'_> {
    #[inline(always)]
    fn len_bytes(&self) -> u32 {
        self.len_bytes
    }

    #[inline(always)]
    fn holds(&self, end: usize) -> bool {
        self.data + end <= self.data_end
    }

    #[inline(always)]
    fn read_u16(&self, offset: usize) -> Option<u16> {
        let place = self.at(offset, size_of::<u16>())?;
        let value: u64;
        // SAFETY: `at` compared the end of the bytes with `data_end`; the load touches only them.
        unsafe {
            asm!("{value} = *(u16 *)({place} + 0)", place = in(reg) place, value = out(reg) value);
        }
        Some(u16::from_be(value as u16))
    }

    #[inline(always)]
    fn read_u32(&self, offset: usize) -> Option<u32> {
        let place = self.at(offset, size_of::<u32>())?;
        let value: u64;
        // SAFETY: as in `read_u16`.
        unsafe {
            asm!("{value} = *(u32 *)({place} + 0)", place = in(reg) place, value = out(reg) value);
        }
        Some(u32::from_be(value as u32))
    }

    #[inline(always)]
    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()> {
        let place = self.at(offset, size_of::<u16>())?;
        let value = u64::from(value.to_be());
        // SAFETY: as in `read_u16`; packet memory is writable in XDP, and this program alone has
        // the frame while it runs.
        unsafe {
            asm!("*(u16 *)({place} + 0) = {value}", place = in(reg) place, value = in(reg) value);
        }
        Some(())
    }
}
