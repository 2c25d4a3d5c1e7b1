//! A lab on one machine: customer and core ends in network namespaces of their own, an edge
//! between them, real traffic, and counts of frames on the wire that use no code of the edge.
//!
//! ```text
//!  far end "cust0"                    edge                      far end "core0"
//!  eth0 ── push, count ──▶  cust0 ── XDP under test ── core0  ──▶ count, pop ── eth0
//! ```
//!
//! A far end is a host of the Linux stack. It speaks untagged IP; a program on its egress pushes
//! the tags that [`Lab::join`] chose for the destination, and another on its ingress pops them.
//! Both directions are counted frame by frame, tags in: on egress after the push
//! ([`FarEnd::offered`]), on ingress before the stack ([`FarEnd::received`]).
//!
//! The cables have no length; [`delay::DelayLine`] gives a path one.
//!
//! Namespaces have no names and programs no pins, so a lab goes with its process.

mod bounce;
mod counts;
pub mod delay;
pub mod demo;
mod edge;
mod either;
pub mod exchange;
mod far_end;
pub mod flows;
mod lookout;
mod mounts;
mod netns;
pub mod paced;
mod path;
pub mod patience;
pub mod peers;
mod preflight;
pub mod raw;
mod running;
pub mod tcp;
#[cfg(test)]
mod tests;
mod topology;
mod trunk;
mod tun;
pub mod udp;
mod watch;

pub use edge_common::abi::lab::{LabTag, TagStack, WireCount, WireKey};

pub use self::{
    bounce::Bounce,
    counts::WireCounts,
    edge::EdgeProcess,
    either::Either,
    far_end::FarEnd,
    lookout::Lookout,
    mounts::private_mounts,
    netns::NetNs,
    path::{Host, IpFamily, Path},
    preflight::{preflight, root_or_skip},
    running::RunningTraffic,
    topology::Lab,
    trunk::Trunk,
    watch::WireWatch,
};

/// The lab's eBPF object.
pub(crate) static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/lab.o"));
