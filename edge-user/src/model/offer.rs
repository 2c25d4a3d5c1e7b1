//! The offer that a circuit is sold as.

use super::spelled::spelled;

spelled! {
    /// Whether outbound traffic is billed by volume.
    pub enum Billing {
        /// It is.
        Metered = "metered",
        /// It is not.
        Unlimited = "unlimited",
    }
}

spelled! {
    /// The offer a circuit was bought as.
    pub enum Sku {
        /// The regions near the edge.
        Local = "local",
        /// The geopolitical area.
        Standard = "standard",
        /// Everywhere.
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
        /// The IP packet; what is behind the tags, where that isn't IP.
        L3 = "l3",
    }
}
