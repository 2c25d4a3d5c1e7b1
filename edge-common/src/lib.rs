//! The packet path of `edge`, in the order in which a frame meets it:
//!
//! ```text
//! port → tags → attachment → class → mark → admission → retag → forward → meter
//! ```
//!
//! One module a step. [`path::process`] strings them together and is the whole data plane: the
//! kernel object supplies packet access, maps, clock and atomics ([`Frame`], [`Tables`],
//! [`Clock`], [`Word`]) and nothing else, and the host tests and `edge replay --engine host`
//! supply the same four in memory. So a frame gets the same verdict, bytes and counters in both.
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

pub mod abi;
pub mod accounting;
pub mod admission;
pub mod attachment;
pub mod books;
pub mod checksum;
pub mod class;
pub mod fair;
pub mod frame;
pub mod in_flight;
pub mod limits;
pub mod mark;
pub mod meter;
pub mod packet;
pub mod path;
pub mod peak;
pub mod police;
pub mod port;
pub mod qos;
pub mod rate;
pub mod reason;
pub mod retag;
pub mod rules;
pub mod tables;
pub mod tags;
pub mod ticks;

pub use frame::Frame;
pub use reason::{Action, Reason};
pub use tables::{Clock, Tables, Word};
