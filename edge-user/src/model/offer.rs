//! The offer that a circuit is sold as.

use super::spelled::spelled;

spelled! {
    /// Whether outbound traffic is billed by volume.
    pub enum Billing {
        /// Outbound traffic is billed by volume.
        Metered = "metered",
        /// The fee includes outbound traffic.
        Unlimited = "unlimited",
    }
}

spelled! {
    /// The offer a circuit was bought as.
    pub enum Sku {
        /// The circuit reaches the regions near the edge.
        Local = "local",
        /// The circuit reaches the regions of its geopolitical area.
        Standard = "standard",
        /// The circuit reaches all regions.
        Premium = "premium",
    }
}

spelled! {
    /// The way in which a provider connects a customer to the edge.
    pub enum ConnectivityModel {
        /// By a cross-connection in the building of a cloud exchange.
        Exchange = "exchange",
        /// By a point-to-point Ethernet line.
        Ethernet = "ethernet",
        /// As a site of an any-to-any network (IPVPN).
        IpVpn = "ipvpn",
    }
}

spelled! {
    /// The progress of a provider with a circuit.
    pub enum Provisioning {
        /// The circuit was bought, and its provider has not begun.
        NotProvisioned = "not-provisioned",
        /// It has its tags and ports, and frames don't pass yet.
        Provisioning = "provisioning",
        /// The provider has connected the customer.
        Provisioned = "provisioned",
    }
}

impl Provisioning {
    /// The state as the service's documents spell it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotProvisioned => "NotProvisioned",
            Self::Provisioning => "Provisioning",
            Self::Provisioned => "Provisioned",
        }
    }
}

/// VNet links of a premium circuit by its bandwidth in bit/s, from that one on.
const PREMIUM_VNET_LINKS: [(u64, usize); 8] = [
    (10_000_000_000, 100),
    (5_000_000_000, 75),
    (2_000_000_000, 60),
    (1_000_000_000, 50),
    (500_000_000, 40),
    (200_000_000, 25),
    (100_000_000, 25),
    (0, 20),
];

impl Sku {
    /// Virtual networks that a circuit of this bandwidth may be linked to. A bandwidth between two of the table has the number of the
    /// lower one.
    #[must_use]
    pub fn vnet_links(self, bandwidth_bps: u64) -> usize {
        let of_premium = || {
            let found = PREMIUM_VNET_LINKS.iter().find(|(from_bps, _)| *from_bps <= bandwidth_bps);
            found.map_or(0, |(_, links)| *links)
        };
        match self {
            Self::Local | Self::Standard => 10,
            Self::Premium => of_premium(),
        }
    }
}

spelled! {
    /// The bytes of a frame that are policed and metered.
    pub enum Accounting {
        /// The frame with FCS, preamble and gap: 24 bytes more than `L2`.
        L1 = "l1",
        /// The frame as received: tags in, FCS out.
        L2 = "l2",
        /// The frame at the UNI: FCS in, S-tag out.
        Mef = "mef",
        /// The IP packet or, in other frames, everything behind the tags.
        L3 = "l3",
    }
}
