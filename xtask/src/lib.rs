//! What building the eBPF object takes: shared by `cargo xtask` and edge-user's build script.

pub mod ebpf;
pub mod toolchain;
