//! Bounds of array indices that the BPF verifier sees.
//!
//! A compiler that can prove a bound drops the mask or the comparison that states it, and the
//! verifier, which knows less of where a number comes from, then refuses the access. Each version of
//! either drops other masks, or finds other bounds again by itself. So an index into a map's value is masked by [`below`], whose mask no compiler can prove
//! to be superfluous.
//!
//! The crate is one of its own since the packet path has no `unsafe`, and the barrier is assembly.
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![expect(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    reason = "a call would hide the mask from the verifier; and an index comes back as it was, or masked"
)]

/// Returns the low bits of `index`: a number below `N`, which is a power of two.
///
/// ```
/// assert_eq!(edge_bound::below::<8>(7), 7);
/// assert_eq!(edge_bound::below::<8>(8), 0);
/// ```
#[inline(always)]
#[must_use]
pub fn below<const N: usize>(index: usize) -> usize {
    const { assert!(N.is_power_of_two()) };
    unknown(index as u64) as usize & (N - 1)
}

/// Returns `value`, of which the compiler then knows nothing: it makes no branch of arithmetic with it.
///
/// ```
/// assert_eq!(edge_bound::unseen(7), 7);
/// ```
#[inline(always)]
#[must_use]
pub fn unseen(value: u64) -> u64 {
    unknown(value)
}

/// Reads `word`, so that its cache line is on the way when the word that is wanted of it is known.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub fn touch(word: &u32) {
    // SAFETY: it reads a word that may be read, into a register that the compiler knows of.
    unsafe {
        core::arch::asm!(
            "{read} = *(u32 *)({word} + 0)",
            word = in(reg) word,
            read = lateout(reg) _,
            options(readonly, nostack, preserves_flags),
        );
    }
}

/// Does nothing: a host's look-ups are for tests and replays.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub fn touch(_word: &u32) {}

/// Returns `value`, and keeps from the compiler that it does.
#[cfg(target_arch = "bpf")]
#[inline(always)]
fn unknown(value: u64) -> u64 {
    let copy;
    // Not without an instruction: that would have the line information of the one behind it, which
    // the kernel refuses. A copy from register to register costs a processor nothing.
    // SAFETY: it touches two registers that the compiler knows of.
    unsafe {
        core::arch::asm!(
            "{copy} = {value}",
            value = in(reg) value,
            copy = lateout(reg) copy,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    copy
}

/// Returns `value`: no verifier looks at a host's code.
#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
fn unknown(value: u64) -> u64 {
    value
}
