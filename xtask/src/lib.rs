//! What building the eBPF objects takes: shared by `cargo xtask` and edge-user's build script.

pub mod ebpf;
pub mod toolchain;
