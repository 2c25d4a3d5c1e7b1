//! Plans for tests.

use std::time::Duration;

use crate::routing::bird::model::{
    DomainSide, SpeakerPlan,
    community::BgpCommunity,
    domain::{Announcement, BgpDomain, BgpStatic, ServiceAccess, ServicePrefixes, StaticHop},
    key::SessionKey,
    policy::{ExportPolicy, ImportPolicy, ReachedNetworks},
    session::{BeyondLimit, BgpSession, Ends, SessionBfd, SessionLimits, SessionTimers},
};

/// A text as what it stands for.
pub(in crate::routing) fn read<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("a test's constant")
}

/// An edge without a domain.
pub(in crate::routing) fn edge() -> SpeakerPlan {
    SpeakerPlan {
        router_id: read("192.0.2.1"),
        asn: 12076,
        kernel_tables: 1000..=1999,
        recovery_wait_s: SpeakerPlan::RECOVERY_WAIT_S,
        domains: Vec::new(),
    }
}

/// An empty domain.
pub(in crate::routing) fn domain(name: &str, kernel_table: u32) -> BgpDomain {
    BgpDomain {
        name: name.to_owned(),
        kernel_table,
        joins_cloud: false,
        announcements: Vec::new(),
        service_groups: None,
        services: None,
        statics: Vec::new(),
        sessions: Vec::new(),
    }
}

/// A customer's session with the addresses that all of them have.
pub(in crate::routing) fn session(index: u32) -> BgpSession {
    BgpSession {
        index,
        device: format!("r{index}"),
        name: format!("circuit{index}/private/primary"),
        side: DomainSide::Customer,
        peer_asn: 65001,
        v4: Some(Ends { own: read("192.168.15.18"), peer: read("192.168.15.17") }),
        v6: None,
        key: None,
        limits: SessionLimits { v4: 4000, v6: 100, beyond: BeyondLimit::Restart },
        bfd: None,
        graceful_restart_s: Some(120),
        is_passive: false,
        has_ttl_security: false,
        is_enabled: true,
        timers: SessionTimers::default(),
        import: ImportPolicy::private(),
        export: ExportPolicy::default(),
    }
}

/// The service network, with two groups of prefixes and a gateway.
fn service_network() -> BgpDomain {
    let group = |name: &str, value, prefixes: &[&str]| ServicePrefixes {
        name: name.to_owned(),
        communities: vec![BgpCommunity(12076, 51002), BgpCommunity(12076, value)],
        prefixes: prefixes.iter().map(|prefix| read(prefix)).collect(),
        hops: ["10.255.0.2", "fd00:255::2"]
            .map(|gateway| StaticHop { gateway: read(gateway), device: "r50".to_owned() })
            .to_vec(),
    };
    let mut gateway = session(50);
    gateway.name = "[service_network]".to_owned();
    gateway.side = DomainSide::Cloud;
    gateway.peer_asn = 65_516;
    gateway.v4 = Some(Ends { own: read("10.255.0.1"), peer: read("10.255.0.2") });
    gateway.import = ImportPolicy::nothing();
    let mut network = domain("[service_network]", 1002);
    network.service_groups = Some(vec![
        group("web", 5020, &["20.34.0.0/16", "2a01:111::/32"]),
        group("mail", 5010, &["20.33.128.0/17", "20.33.0.0/17"]),
    ]);
    network.sessions = vec![gateway];
    network
}

/// One of each: both sides, both families, static routes, announcements, services, a key, BFD.
pub(super) fn everything() -> SpeakerPlan {
    let mut customer = session(12);
    customer.v6 = Some(Ends { own: read("fd00:15::2"), peer: read("fd00:15::1") });
    customer.export.within = Some(ReachedNetworks {
        prefixes: vec![read("fd00:77::/48"), read("10.2.0.0/16")],
        gateways: vec![40],
    });
    customer.key = Some(SessionKey::new("s3cret; \\ '#").expect("a key"));
    customer.bfd =
        Some(SessionBfd { interval: Duration::from_millis(300), multiplier: 3, is_graceful: true });
    let mut gateway = session(40);
    gateway.name = "circuit12/hub".to_owned();
    gateway.side = DomainSide::Cloud;
    gateway.peer_asn = 65515;
    gateway.v4 = Some(Ends { own: read("10.1.255.5"), peer: read("10.1.255.6") });
    gateway.import = ImportPolicy::gateway(vec![BgpCommunity(12076, 51002)]);
    let mut private = domain("circuit12/private", 1000);
    private.announcements = vec![Announcement {
        prefix: read("10.2.0.0/16"),
        communities: vec![BgpCommunity(12076, 51004)],
    }];
    private.statics = vec![
        BgpStatic {
            prefix: read("10.9.0.0/16"),
            side: DomainSide::Customer,
            hops: vec![StaticHop { gateway: read("192.168.15.17"), device: "r12".to_owned() }],
            communities: Vec::new(),
        },
        BgpStatic {
            prefix: read("fd00:77::/48"),
            side: DomainSide::Cloud,
            hops: vec![
                StaticHop { gateway: read("fd00:1::6"), device: "r41".to_owned() },
                StaticHop { gateway: read("fd00:2::6"), device: "r42".to_owned() },
            ],
            communities: vec![BgpCommunity(12076, 51002)],
        },
    ];
    private.sessions = vec![gateway, customer];
    let mut microsoft = domain("circuit12/microsoft", 1001);
    let mut session = session(13);
    session.name = "circuit12/microsoft/primary".to_owned();
    session.v4 = Some(Ends { own: read("203.0.113.2"), peer: read("203.0.113.1") });
    session.limits = SessionLimits { v4: 200, v6: 200, beyond: BeyondLimit::Disable };
    session.import = ImportPolicy::registered(vec![read("198.51.100.0/24"), read("2001:db8::/32")]);
    session.export = ExportPolicy {
        only: Some(vec![BgpCommunity(12076, 5010)]),
        within: None,
        prepends: 2,
        is_draining: true,
    };
    session.graceful_restart_s = None;
    session.has_ttl_security = true;
    session.is_enabled = false;
    microsoft.sessions = vec![session];
    microsoft.services = Some(ServiceAccess {
        kernel_table: 1002,
        groups: vec!["mail".to_owned(), "no".to_owned()],
    });
    SpeakerPlan { domains: vec![microsoft, private, service_network()], ..edge() }
}
