//! What a port is, and which way its frames go.

use super::spelled::spelled;

spelled! {
    /// Whom a port faces.
    pub enum Side {
        /// The customer: frames received are inbound.
        Customer = "customer",
        /// The cloud: frames received are outbound, and billed.
        Core = "core",
    }
}

impl Side {
    /// Direction of the frames that a port on this side receives.
    #[must_use]
    pub const fn direction(self) -> Direction {
        match self {
            Self::Customer => Direction::Inbound,
            Self::Core => Direction::Outbound,
        }
    }
}

spelled! {
    /// Direction of a frame, as the cloud sees it.
    pub enum Direction {
        /// Customer to cloud.
        Inbound = "inbound",
        /// Cloud to customer.
        Outbound = "outbound",
    }
}

spelled! {
    /// One of a circuit's two links.
    pub enum Link {
        /// The first.
        Primary = "primary",
        /// The second.
        Secondary = "secondary",
    }
}

spelled! {
    /// How a program is attached to an interface.
    pub enum XdpMode {
        /// In the driver, or not at all.
        Native = "native",
        /// In the kernel's generic hook.
        Generic = "generic",
        /// In the driver where it can.
        Auto = "auto",
    }
}
