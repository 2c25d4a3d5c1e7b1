//! A packet's version of IP.

/// A packet's version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

impl IpVersion {
    /// As a number, 0 for none.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(version: Option<Self>) -> u64 {
        match version {
            None => 0,
            Some(Self::V4) => 4,
            Some(Self::V6) => 6,
        }
    }

    /// From [`Self::to_bits`].
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match bits {
            4 => Some(Self::V4),
            6 => Some(Self::V6),
            _ => None,
        }
    }
}
