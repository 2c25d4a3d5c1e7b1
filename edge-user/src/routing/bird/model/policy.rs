//! The routes that a session takes, and the attributes of those it tells.

use ipnet::IpNet;

use super::community::BgpCommunity;

/// Routes that are taken from a peer. Martians (RFC 6890), paths with the edge's own AS and paths
/// whose first AS is not the peer's are always refused, and the peer's communities always removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPolicy {
    /// Whether a default route is taken.
    pub takes_default: bool,
    /// Whether prefixes for private use are taken (RFC 1918, RFC 6598, RFC 4193).
    pub takes_private: bool,
    /// Private AS numbers in a path.
    pub private_asns: PrivateAsns,
    /// Only routes of these prefixes, and more specific ones; `None`: any.
    pub within: Option<Vec<IpNet>>,
    /// The local preference of the peer's routes (RFC 4271, 5.1.5); BIRD's default is 100.
    pub local_preference: Option<u32>,
    /// Communities that the edge gives the peer's routes.
    pub communities: Vec<BgpCommunity>,
}

impl ImportPolicy {
    /// Of a private peering: any network of the customer's own, a default route too.
    #[must_use]
    pub fn private() -> Self {
        Self {
            takes_default: true,
            takes_private: true,
            private_asns: PrivateAsns::Keep,
            within: None,
            local_preference: None,
            communities: Vec::new(),
        }
    }

    /// Of a public or Microsoft peering: prefixes that are registered to the customer.
    #[must_use]
    pub fn registered(prefixes: Vec<IpNet>) -> Self {
        Self {
            takes_default: false,
            takes_private: false,
            private_asns: PrivateAsns::Remove,
            within: Some(prefixes),
            ..Self::private()
        }
    }

    /// Of the service network's gateway: nothing, as the configuration has all prefixes of services.
    #[must_use]
    pub fn nothing() -> Self {
        Self { within: Some(Vec::new()), ..Self::private() }
    }

    /// Of a virtual network's gateway, with the communities of the network's region.
    #[must_use]
    pub fn gateway(communities: Vec<BgpCommunity>) -> Self {
        Self { takes_default: false, communities, ..Self::private() }
    }
}

/// The treatment of private AS numbers (RFC 6996) in a peer's paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivateAsns {
    /// They stay, and count for the path's length.
    Keep,
    /// They are taken out of the path, the peer's own too, so that prepending them has no effect.
    Remove,
    /// A route with one that is not the peer's own is refused.
    Refuse,
}

/// The cloud's networks that a circuit reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReachedNetworks {
    /// Prefixes of static routes and announcements.
    pub prefixes: Vec<IpNet>,
    /// Indices of the sessions of gateways in the same domain, all of whose routes are meant.
    pub gateways: Vec<u32>,
}

/// The attributes of routes that a peer is told. Private AS numbers of the cloud's networks are
/// always removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPolicy {
    /// Only routes with one of these communities; `None`: all of the other side.
    pub only: Option<Vec<BgpCommunity>>,
    /// Only routes to these networks; `None`: all of the other side.
    pub within: Option<ReachedNetworks>,
    /// The number of times that the edge's AS is put before the path, besides the one that BGP has.
    pub prepends: u8,
    /// Whether routes carry `GRACEFUL_SHUTDOWN` (RFC 8326), and the peer's own are the last choice:
    /// traffic leaves the session before it ends.
    pub is_draining: bool,
}

impl ExportPolicy {
    /// The number of times that the edge's AS is put before the paths of routes over a link that drains, for peers that
    /// don't know of `GRACEFUL_SHUTDOWN`.
    pub const DRAINING_PREPENDS: u8 = 3;
}
