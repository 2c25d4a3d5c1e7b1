//! Access to frames in several buffers by the kernel's helpers, which find the bytes in any of them.

use aya_ebpf::{
    EbpfContext as _,
    bindings::xdp_md,
    helpers::generated::{bpf_xdp_load_bytes, bpf_xdp_store_bytes},
    programs::XdpContext,
};

/// The number of `N` bytes at `offset`, from any of the frame's buffers.
#[inline(always)]
pub(crate) fn load<const N: usize>(ctx: &XdpContext, offset: usize) -> Option<[u8; N]> {
    let loaded = load_bytes(ctx.as_ptr().cast(), offset as u32, N as u32);
    (loaded != NO_BYTES).then(|| {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&loaded.to_ne_bytes()[..N]);
        bytes
    })
}

/// Overwrites the `N` bytes at `offset`, in any of the frame's buffers.
#[inline(always)]
pub(crate) fn store<const N: usize>(ctx: &XdpContext, offset: usize, bytes: [u8; N]) -> Option<()> {
    let mut value = [0; 4];
    value[..N].copy_from_slice(&bytes);
    let value = u32::from_ne_bytes(value);
    let stored = store_bytes(ctx.as_ptr().cast(), offset as u32, value, N as u32);
    (stored != NO_BYTES).then_some(())
}

/// Stands for bytes that the frame does not have.
pub(crate) const NO_BYTES: u64 = u64::MAX;

/// The `len_bytes`, two or four, at `offset` of the frame, or [`NO_BYTES`].
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn load_bytes(ctx: *mut xdp_md, offset: u32, len_bytes: u32) -> u64 {
    let mut bytes = 0u32;
    let to = (&raw mut bytes).cast();
    let len_bytes = if len_bytes == 2 { 2 } else { 4 };
    // SAFETY: the program's own context, and room for four bytes; the helper compares the end of
    // what is asked for with the frame's.
    let error = unsafe { bpf_xdp_load_bytes(ctx, offset, to, len_bytes) };
    if error == 0 { bytes.into() } else { NO_BYTES }
}

/// Overwrites the `len_bytes`, two or four, at `offset` of the frame; [`NO_BYTES`]: the frame does
/// not have them.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn store_bytes(
    ctx: *mut xdp_md,
    offset: u32,
    bytes: u32,
    len_bytes: u32,
) -> u64 {
    let from = (&raw const bytes).cast_mut().cast();
    let len_bytes = if len_bytes == 2 { 2 } else { 4 };
    // SAFETY: as in `load`; the helper reads from the bytes only.
    let error = unsafe { bpf_xdp_store_bytes(ctx, offset, from, len_bytes) };
    if error == 0 { 0 } else { NO_BYTES }
}
