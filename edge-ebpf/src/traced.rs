//! The same programs with a trace in them: a port runs them while somebody traces its frames. They are an object of their own,
//! so that those of the other object are without an instruction for it.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    reason = "as in edge-common; and an entry point takes its context by value"
)]

mod buckets;
mod buffers;
mod clock;
mod egress;
mod env;
mod frame;
mod maps;
mod notes;
mod port;
mod programs;
mod router;
mod routing;
mod subprograms;
mod trace;
mod word;

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The path has no reachable panic; the verifier refuses the object if it gets one.
    loop {}
}

/// Helpers that are open to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
