//! Interfaces of this host and their settings, by netlink, ethtool and sysfs.

pub mod adjust;
pub mod attached_mode;
pub mod bpffs;
pub mod capabilities;
pub mod device;
pub mod genl;
pub mod interface;
pub(in crate::kernel) mod kernel_types;
pub mod layers;
pub mod link_settings;
pub mod offloads;
pub mod quiesce;
pub mod rtnetlink;
pub mod xdp_features;
