//! Tests beside features of stock kernels, for which a guest has the modules. Guests run each file
//! here (`cargo xtask kernels`); other machines skip them.

mod bond;
mod netem;
mod police;
mod virtio;
mod vlan;
