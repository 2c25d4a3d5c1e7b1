//! The ports' programs with a trace in them: a port runs them while somebody traces its frames. They are an object of their own,
//! so that the programs of the other object are without an instruction for it.
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
mod object;
mod port;
mod programs;
mod router;
mod routing;
mod subprograms;
mod trace;
mod word;
