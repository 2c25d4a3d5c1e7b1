//! BGP communities.

/// A community (RFC 1997).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BgpCommunity(pub u16, pub u16);

impl BgpCommunity {
    /// `GRACEFUL_SHUTDOWN` (RFC 8326, 3.1).
    pub const GRACEFUL_SHUTDOWN: Self = Self(65535, 0);
}
