//! The mode that a program runs in on an interface.

use crate::model::XdpMode;

/// The mode a program runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachedMode {
    /// In the driver.
    Native,
    /// In the stack, after the driver made an skb.
    Generic,
}

impl AttachedMode {
    /// The mode's name in the configuration and the output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }

    /// Whether a configuration that wants `wanted` is content with it.
    #[must_use]
    pub fn suits(self, wanted: XdpMode) -> bool {
        match wanted {
            XdpMode::Native => self == Self::Native,
            XdpMode::Generic => self == Self::Generic,
            XdpMode::Auto => true,
        }
    }
}
