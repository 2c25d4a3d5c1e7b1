//! The means to build the eBPF objects: shared by `cargo xtask` and edge-user's build script.

pub mod ebpf;
pub mod toolchain;
