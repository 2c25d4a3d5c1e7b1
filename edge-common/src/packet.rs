//! Headers and their bytes. No module here uses a table.

pub mod checksum;
pub mod encapsulation;
pub mod ether_type;
pub mod flow_hash;
pub mod frame;
pub(crate) mod icmp;
pub mod ip;
pub mod ip_version;
pub mod ipv4_header;
pub mod transport;
pub mod vlan;
