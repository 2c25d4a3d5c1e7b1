//! Access to a received frame. Only this module and [`crate::buffers`] touch packet memory.

use core::arch::asm;

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use edge_common::{
    Frame,
    packet::{checksum, encapsulation, ip_version::IpVersion, vlan::Tag},
};

use crate::buffers::{NO_BYTES, load, store};

/// Headers are at offsets that the compiler knows.
pub(crate) const AT_START: u8 = 0;
/// Headers can be at other offsets. The verifier relates two pointers into a packet only if one is made from the other by a
/// constant, so the sum of start and offset is hidden from the compiler.
pub(crate) const ANYWHERE: u8 = 1;
/// The same; of several buffers, helpers alone read and write, which takes the verifier half the ways through code that is
/// seldom run.
pub(crate) const BY_HELPER: u8 = 2;

/// The frame of an XDP context, which may be in several buffers where `FRAGS` says so.
///
/// Headers are read from the first buffer, where nearly every driver has them. Some drivers (mlx5
/// with striding receive queues) leave the first of several buffers empty: helpers then read the
/// headers, which takes longer.
///
/// `ACCESS` is one of [`AT_START`], [`ANYWHERE`] and [`BY_HELPER`].
pub(crate) struct XdpFrame<'a, const FRAGS: bool, const ACCESS: u8 = AT_START> {
    data: usize,
    data_end: usize,
    len_bytes: u32,
    /// The offset in the received frame at which this one begins.
    pub(crate) start: usize,
    pub(crate) ctx: &'a XdpContext,
}

impl<'a, const FRAGS: bool, const ACCESS: u8> XdpFrame<'a, FRAGS, ACCESS> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'a XdpContext) -> Self {
        let (data, data_end) = (ctx.data(), ctx.data_end());
        let len_bytes = if FRAGS {
            // This call costs a tenth of the path. The program for one buffer does without.
            // SAFETY: the helper wants the program's own context, and `as_ptr` is that.
            let len_bytes = unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) };
            // The helper's signature has a u64 because of its calling convention.
            len_bytes as u32
        } else {
            (data_end - data) as u32
        };
        Self { data, data_end, len_bytes, start: 0, ctx }
    }

    /// The part of the frame from `start` on, which is below 32.
    ///
    /// The verifier knows only the bounds of `start`. It then relates two packet pointers only if
    /// one is made from the other. So all reads of this frame use one pointer, whose origin is
    /// hidden from the compiler.
    #[inline(always)]
    pub(crate) fn behind(ctx: &'a XdpContext, start: u32) -> Self {
        let frame = Self::new(ctx);
        let start = (start & 31) as usize;
        let data = hidden(frame.data + start);
        Self { data, len_bytes: frame.len_bytes.wrapping_sub(start as u32), start, ..frame }
    }

    /// The EtherType behind a tag, and its offset in the received frame.
    #[inline(always)]
    pub(crate) fn behind_tag(&self, last: &Tag) -> (u32, u32) {
        (last.next_ether_type.into(), (self.start + last.next_offset) as u32)
    }

    /// The address of `len_bytes` bytes at `offset` that end at or before `data_end`.
    #[inline(always)]
    fn at(&self, offset: usize, len_bytes: usize) -> Option<usize> {
        let start = self.data + offset;
        let start = if ACCESS == AT_START { start } else { hidden(start) };
        (start + len_bytes <= self.data_end).then_some(start)
    }
}

/// Loads and stores are written as instructions. The compiler would access memory of unknown
/// alignment byte by byte, although a machine with `HAVE_EFFICIENT_UNALIGNED_ACCESS` does it at
/// once, and the kernel allows this access to packets only there.
impl<const FRAGS: bool, const ACCESS: u8> Frame for XdpFrame<'_, FRAGS, ACCESS> {
    #[inline(always)]
    fn len_bytes(&self) -> u32 {
        self.len_bytes
    }

    #[inline(always)]
    fn holds(&self, end: usize) -> bool {
        if FRAGS { end as u32 <= self.len_bytes } else { self.data + end <= self.data_end }
    }

    #[inline(always)]
    fn read_u16(&self, offset: usize) -> Option<u16> {
        if FRAGS && ACCESS == BY_HELPER {
            return load(self.ctx, self.start + offset).map(u16::from_be_bytes);
        }
        let Some(place) = self.at(offset, size_of::<u16>()) else {
            return if FRAGS {
                load(self.ctx, self.start + offset).map(u16::from_be_bytes)
            } else {
                None
            };
        };
        let value: u64;
        // SAFETY: `at` compared the end of the bytes with `data_end`; the load touches only them.
        unsafe {
            asm!("{value} = *(u16 *)({place} + 0)", place = in(reg) place, value = out(reg) value);
        }
        Some(u16::from_be(value as u16))
    }

    #[inline(always)]
    fn read_u32(&self, offset: usize) -> Option<u32> {
        if FRAGS && ACCESS == BY_HELPER {
            return load(self.ctx, self.start + offset).map(u32::from_be_bytes);
        }
        let Some(place) = self.at(offset, size_of::<u32>()) else {
            return if FRAGS {
                load(self.ctx, self.start + offset).map(u32::from_be_bytes)
            } else {
                None
            };
        };
        let value: u64;
        // SAFETY: as in `read_u16`.
        unsafe {
            asm!("{value} = *(u32 *)({place} + 0)", place = in(reg) place, value = out(reg) value);
        }
        Some(u32::from_be(value as u32))
    }

    #[inline(always)]
    fn write_u16(&mut self, offset: usize, value: u16) -> Option<()> {
        if FRAGS && ACCESS == BY_HELPER {
            return store(self.ctx, self.start + offset, value.to_be_bytes());
        }
        let Some(place) = self.at(offset, size_of::<u16>()) else {
            return if FRAGS {
                store(self.ctx, self.start + offset, value.to_be_bytes())
            } else {
                None
            };
        };
        let value = u64::from(value.to_be());
        // SAFETY: as in `read_u16`; packet memory is writable in XDP, and this program alone has
        // the frame while it runs.
        unsafe {
            asm!("*(u16 *)({place} + 0) = {value}", place = in(reg) place, value = in(reg) value);
        }
        Some(())
    }

    #[inline(always)]
    fn write_u32(&mut self, offset: usize, value: u32) -> Option<()> {
        if FRAGS && ACCESS == BY_HELPER {
            return store(self.ctx, self.start + offset, value.to_be_bytes());
        }
        let Some(place) = self.at(offset, size_of::<u32>()) else {
            return if FRAGS {
                store(self.ctx, self.start + offset, value.to_be_bytes())
            } else {
                None
            };
        };
        let value = u64::from(value.to_be());
        // SAFETY: as in `read_u16`; packet memory is writable in XDP, and this program alone has
        // the frame while it runs.
        unsafe {
            asm!("*(u32 *)({place} + 0) = {value}", place = in(reg) place, value = in(reg) value);
        }
        Some(())
    }

    #[inline(always)]
    fn move_start(&mut self, by_bytes: i32) -> Option<()> {
        // SAFETY: the helper wants the program's own context, and `as_ptr` is that. Pointers into
        // the packet are no longer valid then; the only ones there are, are renewed below.
        if unsafe { bpf_xdp_adjust_head(self.ctx.as_ptr().cast(), by_bytes) } != 0 {
            return None;
        }
        self.data = self.ctx.data();
        self.data_end = self.ctx.data_end();
        self.len_bytes = self.len_bytes.wrapping_add_signed(-by_bytes);
        Some(())
    }

    #[inline(always)]
    fn cut(&mut self, len_bytes: u32) -> Option<()> {
        let by_bytes = len_bytes.wrapping_sub(self.len_bytes).cast_signed();
        // SAFETY: as in `move_start`; the helper refuses to make the frame longer than its buffer.
        if unsafe { bpf_xdp_adjust_tail(self.ctx.as_ptr().cast(), by_bytes) } != 0 {
            return None;
        }
        self.data = self.ctx.data();
        self.data_end = self.ctx.data_end();
        self.len_bytes = len_bytes;
        Some(())
    }

    #[inline(always)]
    fn sum(&self, offset: usize, len_bytes: usize) -> Option<u16> {
        let sum = if FRAGS { sum_frags } else { sum };
        let sum = sum(self.ctx.as_ptr().cast(), (self.start + offset) as u32, len_bytes as u32);
        (sum != NO_BYTES).then_some(sum as u16)
    }

    #[inline(always)]
    fn encapsulated_ip_version(&self, ether_type: u16, offset: usize) -> Option<IpVersion> {
        let within = if FRAGS { version_within_frags } else { version_within };
        IpVersion::from_bits(within(
            self.ctx.as_ptr().cast(),
            ether_type.into(),
            (self.start + offset) as u32,
        ))
    }
}

/// The address, of which the compiler does not know how it was made.
#[inline(always)]
fn hidden(address: usize) -> usize {
    let hidden;
    // SAFETY: a copy of a register, which touches nothing else.
    unsafe {
        asm!(
            "{hidden} = {address}",
            address = in(reg) address,
            hidden = lateout(reg) hidden,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    hidden
}

/// Calls [`encapsulation::ip_version`] for the eight bytes at `offset`, and returns the result's
/// bits.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn version_within(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    version_within_of::<false>(ctx, ether_type, offset)
}

/// Does the same as [`version_within`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn version_within_frags(
    ctx: *mut xdp_md,
    ether_type: u32,
    offset: u32,
) -> u64 {
    version_within_of::<true>(ctx, ether_type, offset)
}

#[inline(always)]
fn version_within_of<const FRAGS: bool>(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let frame = XdpFrame::<FRAGS>::behind(&ctx, offset);
    IpVersion::to_bits(encapsulation::ip_version(&frame, ether_type as u16, 0))
}

/// Calls [`checksum::sum`]; [`NO_BYTES`]: the frame ends too early.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn sum(ctx: *mut xdp_md, offset: u32, len_bytes: u32) -> u64 {
    sum_of::<false>(ctx, offset, len_bytes)
}

/// Does the same as [`sum`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn sum_frags(ctx: *mut xdp_md, offset: u32, len_bytes: u32) -> u64 {
    sum_of::<true>(ctx, offset, len_bytes)
}

#[inline(always)]
fn sum_of<const FRAGS: bool>(ctx: *mut xdp_md, offset: u32, len_bytes: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    // Bounds that the verifier wants: behind two tags and two headers, and no more than is summed up.
    let (offset, len_bytes) = ((offset & 127) as usize, (len_bytes & 2047) as usize);
    let frame = XdpFrame::<FRAGS, BY_HELPER>::new(&ctx);
    checksum::sum(len_bytes, |at| frame.read_u32(offset + at)).map_or(NO_BYTES, u64::from)
}
