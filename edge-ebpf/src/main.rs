//! The XDP program of a port: packet access, maps, clock and atomics around [`edge_common`],
//! which holds the path itself.
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
#[path = "untraced.rs"]
mod trace;
mod word;
