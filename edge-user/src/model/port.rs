//! A port, and the way of its frames.

use serde::Serialize;

use super::spelled::spelled;

/// `[[port]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// The port's name.
    pub name: String,
    /// The network interface's name.
    pub interface: String,
    /// The side that it leads to.
    pub side: Side,
    /// The destination of frames that it receives.
    pub forward: Forward,
    /// The link it belongs to.
    pub link: Link,
    /// Accepted outer TPIDs: 1 to 4 different ones.
    pub tpids: Vec<u16>,
    /// The mode in which the program is attached.
    pub xdp_mode: XdpMode,
}

/// The destination of the frames that a port receives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Forward {
    /// To the kernel's stack.
    Stack,
    /// Out of the port with this name.
    Port(String),
}

impl Forward {
    /// The configuration's spelling: `stack` or the port's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stack => "stack",
            Self::Port(name) => name,
        }
    }
}

spelled! {
    /// The side that a port leads to.
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
    /// The mode in which a program is attached to an interface.
    pub enum XdpMode {
        /// In the driver, or not at all.
        Native = "native",
        /// In the kernel's generic hook.
        Generic = "generic",
        /// In the driver where it can, else in the kernel's generic hook.
        Auto = "auto",
    }
}
