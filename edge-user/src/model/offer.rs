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
