//! Plans for an edge's BIRD.

use std::{fmt::Debug, net::IpAddr, str::FromStr, time::Duration};

use edge_user::routing::bird::model::{
    DomainSide, SpeakerPlan,
    community::BgpCommunity,
    domain::{Announcement, BgpDomain},
    key::SessionKey,
    policy::{ExportPolicy, ImportPolicy},
    session::{BeyondLimit, BgpSession, Ends, SessionBfd, SessionLimits, SessionTimers},
};

pub use edge_user::lab::peers::PeerConfig;

/// The addresses that every customer has: the edge's, and the peer's.
pub const V4: (&str, &str) = ("192.168.15.18", "192.168.15.17");
/// The same of IPv6.
pub const V6: (&str, &str) = ("fd00:15::2", "fd00:15::1");
/// The edge's addresses on a device, with their lengths.
pub const OWN: [&str; 2] = ["192.168.15.18/30", "fd00:15::2/126"];
/// A peer's.
pub const PEER: [&str; 2] = ["192.168.15.17/30", "fd00:15::1/126"];
/// [`V4`] as the peer has them.
pub const PEER_V4: (&str, &str) = (V4.1, V4.0);
/// [`V6`] as the peer has them.
pub const PEER_V6: (&str, &str) = (V6.1, V6.0);

/// A text as what it stands for.
///
/// # Panics
///
/// Where it stands for nothing.
pub fn read<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a test's constant")
}

/// An edge with these domains. A session with a fault is tried again after a second.
#[must_use]
pub fn edge(domains: Vec<BgpDomain>) -> SpeakerPlan {
    SpeakerPlan {
        router_id: read("192.0.2.1"),
        asn: 12076,
        kernel_tables: 1000..=1999,
        recovery_wait_s: 60,
        domains,
    }
}

/// A domain with these sessions.
#[must_use]
pub fn domain(kernel_table: u32, sessions: Vec<BgpSession>) -> BgpDomain {
    BgpDomain {
        name: format!("circuit{kernel_table}/private"),
        kernel_table,
        joins_cloud: false,
        announcements: Vec::new(),
        service_groups: None,
        services: None,
        statics: Vec::new(),
        sessions,
    }
}

/// A customer's session on `r<index>` with AS 65000 + index.
///
/// # Panics
///
/// Where the two ends are of two families.
#[must_use]
pub fn session(index: u32, ends: &[(&str, &str)]) -> BgpSession {
    let mut session = BgpSession {
        index,
        device: format!("r{index}"),
        name: format!("circuit{index}/private/primary"),
        side: DomainSide::Customer,
        peer_asn: 65_000 + index,
        v4: None,
        v6: None,
        key: None,
        limits: SessionLimits { v4: 4_000, v6: 100, beyond: BeyondLimit::Restart },
        bfd: None,
        graceful_restart_s: Some(120),
        is_passive: false,
        has_ttl_security: false,
        is_enabled: true,
        timers: SessionTimers {
            connect_retry_s: 1,
            error_wait_s: (1, 2),
            ..SessionTimers::default()
        },
        import: ImportPolicy::private(),
        export: ExportPolicy::default(),
    };
    for (own, peer) in ends {
        match (read(own), read(peer)) {
            (IpAddr::V4(own), IpAddr::V4(peer)) => session.v4 = Some(Ends { own, peer }),
            (IpAddr::V6(own), IpAddr::V6(peer)) => session.v6 = Some(Ends { own, peer }),
            ends => panic!("{ends:?} have two families"),
        }
    }
    session
}

/// A session with a key.
///
/// # Panics
///
/// Where the text can't be a key.
#[must_use]
pub fn with_key(mut session: BgpSession, key: &str) -> BgpSession {
    session.key = Some(SessionKey::new(key).expect("a key"));
    session
}

/// A session with a virtual network's gateway of AS 65515.
///
/// # Panics
///
/// Where the two ends are of two families.
#[must_use]
pub fn gateway(index: u32, ends: &[(&str, &str)]) -> BgpSession {
    BgpSession {
        name: format!("vnet{index}"),
        side: DomainSide::Cloud,
        peer_asn: 65_515,
        import: ImportPolicy::gateway(vec![BgpCommunity(12076, 51002)]),
        ..session(index, ends)
    }
}

/// BFD of so many milliseconds, three packets.
#[must_use]
pub fn bfd(ms: u64) -> Option<SessionBfd> {
    Some(SessionBfd { interval: Duration::from_millis(ms), multiplier: 3, is_graceful: false })
}

/// A prefix of the cloud that customers are told.
///
/// # Panics
///
/// Where the text is no prefix.
#[must_use]
pub fn announcement(prefix: &str) -> Announcement {
    Announcement { prefix: read(prefix), communities: vec![BgpCommunity(12076, 51004)] }
}
