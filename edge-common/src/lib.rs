//! The packet path of `edge`, in the order in which a frame meets it:
//!
//! ```text
//! tags → attachment → address → route → class → mark → account → admit → hop → rewrite → forward → meter
//! ```
//!
//! Address, route and hop are the steps of a routed frame.
//!
//! [`path::process`] does these steps and is the whole data plane. The kernel object adds only
//! packet access, maps, clock and atomics ([`mod@env`]). The host tests and `edge replay --engine
//! host` add the same in memory ([`host`]). So a frame gets the same verdict, bytes and counters in
//! both.
//!
//! | room | contents |
//! |---|---|
//! | [`path`] | the steps, a file each |
//! | [`policer`] | the work of a bucket; it uses no frame |
//! | [`mod@env`] | traits of the path's surroundings |
//! | [`fib`] | look-ups in forwarding tables |
//! | [`abi`] | records in maps |
//! | [`packet`] | headers and their bytes; it uses no table |
//! | [`reason`] | reasons why a frame leaves the path, and their verdicts |
//!
//! The crate is `no_std`, has no `unsafe` and no reachable panic: the BPF verifier refuses
//! programs that contain one.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![expect(
    clippy::inline_always,
    reason = "the path is one program for the verifier: a call that LLVM leaves would lose what it \
              knows of packet bounds"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "the path cuts numbers down to header fields, and has no panic to check them with"
)]

#[cfg(not(target_arch = "bpf"))]
extern crate alloc;

pub mod abi;
pub mod env;
pub mod fib;
#[cfg(not(target_arch = "bpf"))]
pub mod host;
pub mod packet;
pub mod path;
pub mod policer;
pub mod reason;

pub use env::{Clock, Env, Word};
pub use packet::frame::Frame;
pub use reason::{Action, Reason};
