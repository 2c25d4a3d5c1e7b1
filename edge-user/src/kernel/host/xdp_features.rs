//! The abilities of an interface's driver in native XDP, as the kernel reports them.
//!
//! The kernel has the `netdev` family of generic netlink since Linux 6.3 (d3d854fd6a1d). With
//! 66c0e13ad236 every driver reports its abilities. The numbers are those of
//! `include/uapi/linux/netdev.h`.

use std::fmt;

use crate::kernel::{
    error::{Context as _, Result},
    host::genl::{GenlFamily, number},
};

const FAMILY: &str = "netdev";
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;

/// `NETDEV_XDP_ACT_BASIC` and so on, and what `netdev.yaml` calls them.
const BASIC: u64 = 1;
const REDIRECT: u64 = 1 << 1;
const NDO_XMIT: u64 = 1 << 2;
const RX_SG: u64 = 1 << 5;
const NDO_XMIT_SG: u64 = 1 << 6;
const NAMES: [(u64, &str); 5] = [
    (BASIC, "basic"),
    (REDIRECT, "redirect"),
    (NDO_XMIT, "ndo-xmit"),
    (RX_SG, "rx-sg"),
    (NDO_XMIT_SG, "ndo-xmit-sg"),
];

/// The `xdp-features` of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XdpFeatures(u64);

impl XdpFeatures {
    /// Asks for those of the interface with this index. `None`: the kernel can't tell.
    pub fn of(ifindex: u32) -> Result<Option<Self>> {
        let Some(family) = GenlFamily::open(FAMILY)? else { return Ok(None) };
        let question = [number(NETDEV_A_DEV_IFINDEX, ifindex)];
        let answer = family
            .ask(NETDEV_CMD_DEV_GET, &question)
            .with_context(|| format!("asking for the xdp-features of interface {ifindex}"))?;
        let features = answer.find(NETDEV_A_DEV_XDP_FEATURES)?;
        let features = features.context("the kernel tells no xdp-features of the interface")?;
        let features = features.try_into().context("the kernel's xdp-features are no u64")?;
        Ok(Some(Self(u64::from_ne_bytes(features))))
    }

    /// The features that the kernel's bits stand for.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Whether programs run in the driver at all.
    #[must_use]
    pub const fn has_basic(self) -> bool {
        self.0 & BASIC != 0
    }

    /// Whether programs may send frames on to another interface.
    #[must_use]
    pub const fn has_redirect(self) -> bool {
        self.0 & REDIRECT != 0
    }

    /// Whether the interface takes frames that another one sends on, as it is set up now.
    #[must_use]
    pub const fn has_ndo_xmit(self) -> bool {
        self.0 & NDO_XMIT != 0
    }

    /// Whether programs get frames in several buffers.
    #[must_use]
    pub const fn has_rx_sg(self) -> bool {
        self.0 & RX_SG != 0
    }

    /// Whether frames that another interface sends on may be in several buffers.
    #[must_use]
    pub const fn has_ndo_xmit_sg(self) -> bool {
        self.0 & NDO_XMIT_SG != 0
    }
}

impl fmt::Display for XdpFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|(_, name)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}
