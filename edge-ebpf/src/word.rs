//! Atomic access to words that CPUs share. `core::sync::atomic` has no read-modify-write for BPF,
//! so this module writes the instructions (BPF ISA, `BPF_ATOMIC`; Linux 5.12).

use core::{arch::asm, cell::UnsafeCell};

use edge_common::Word;

/// A 64-bit word in a map.
#[repr(transparent)]
pub(crate) struct SharedWord(UnsafeCell<u64>);

impl Word for SharedWord {
    #[inline(always)]
    fn load(&self) -> u64 {
        // SAFETY: the cell is a live, aligned map value; an aligned 64-bit load is one
        // instruction, and volatile keeps it so.
        unsafe { self.0.get().read_volatile() }
    }

    #[inline(always)]
    fn compare_exchange(&self, old: u64, new: u64) -> u64 {
        let was;
        // SAFETY: the cell is a live, aligned map value, and the instruction touches only it
        // and r0.
        unsafe {
            asm!(
                "r0 = cmpxchg_64({word} + 0, r0, {new})",
                word = in(reg) self.0.get(),
                new = in(reg) new,
                inlateout("r0") old => was,
            );
        }
        was
    }

    #[inline(always)]
    fn store(&self, value: u64) {
        // SAFETY: as in `load`.
        unsafe { self.0.get().write_volatile(value) }
    }

    #[inline(always)]
    fn fetch_add(&self, value: u64) -> u64 {
        let was;
        // SAFETY: the cell is a live, aligned map value, and the instruction touches only it.
        unsafe {
            asm!(
                "{value} = atomic_fetch_add((u64 *)({word} + 0), {value})",
                word = in(reg) self.0.get(),
                value = inlateout(reg) value => was,
            );
        }
        was
    }
}
