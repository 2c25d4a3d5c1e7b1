//! Faults of plans, one by one.

use std::time::Duration;

use super::sample::{domain, edge, everything, read, session};
use crate::routing::bird::{
    model::{
        DomainSide, SpeakerPlan,
        domain::{Announcement, BgpStatic},
        session::{BgpSession, Ends, SessionBfd},
    },
    version::BirdVersion,
};

const NEW: BirdVersion = BirdVersion::new(2, 18, 0);

/// A plan of one session, changed.
fn with(change: impl FnOnce(&mut BgpSession)) -> SpeakerPlan {
    let mut session = session(1);
    change(&mut session);
    let mut domain = domain("a/private", 1000);
    domain.sessions = vec![session];
    SpeakerPlan { domains: vec![domain], ..edge() }
}

fn faults(plan: &SpeakerPlan, version: BirdVersion) -> Vec<String> {
    match plan.look(version) {
        Ok(()) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn good_plans_have_no_fault() {
    for plan in [edge(), everything(), with(|_| {})] {
        for version in [BirdVersion::OLDEST, NEW] {
            assert_eq!(faults(&plan, version), Vec::<String>::new());
        }
    }
}

#[test]
fn each_fault_of_a_session_is_told() {
    let long = |ms| {
        Some(SessionBfd { interval: Duration::from_millis(ms), multiplier: 1, is_graceful: false })
    };
    let v4 = |own: &str, peer: &str| Some(Ends { own: read(own), peer: read(peer) });
    let v6 = |own: &str, peer: &str| Some(Ends { own: read(own), peer: read(peer) });
    let cases: [(&str, SpeakerPlan); 22] = [
        ("AS 0 is reserved", with(|it| it.peer_asn = 0)),
        ("AS 23456 is reserved", with(|it| it.peer_asn = 23456)),
        ("AS 65535 is reserved", with(|it| it.peer_asn = 65535)),
        ("AS 4294967295 is reserved", with(|it| it.peer_asn = u32::MAX)),
        ("the edge's own AS 12076", with(|it| it.peer_asn = 12076)),
        ("`r 1` is no name of a device", with(|it| it.device = "r 1".to_owned())),
        ("`r*` is no name of a device", with(|it| it.device = "r*".to_owned())),
        ("`` is no name of a device", with(|it| it.device = String::new())),
        ("is no name of a device", with(|it| it.device = "r".repeat(16))),
        ("can't be a name", with(|it| it.name = "a\"b".to_owned())),
        ("can't be a name", with(|it| it.name = "x".repeat(129))),
        ("has no address", with(|it| it.v4 = None)),
        ("224.0.0.1 is no address of a router", with(|it| it.v4 = v4("224.0.0.1", "10.0.0.1"))),
        ("127.0.0.1 is no address of a router", with(|it| it.v4 = v4("10.0.0.1", "127.0.0.1"))),
        ("fe80::1 is no address of a router", with(|it| it.v6 = v6("fe80::1", "fd00::1"))),
        ("both ends have the address 10.0.0.1", with(|it| it.v4 = v4("10.0.0.1", "10.0.0.1"))),
        ("the BFD interval in microseconds is 1000", with(|it| it.bfd = long(1))),
        ("the BFD multiplier is 1", with(|it| it.bfd = long(300))),
        ("the hold time in seconds is 2", with(|it| it.timers.hold_s = 2)),
        (
            "the graceful restart time in seconds is 4096",
            with(|it| it.graceful_restart_s = Some(4096)),
        ),
        ("the limit of IPv4 routes is 0", with(|it| it.limits.v4 = 0)),
        ("prepending is 17", with(|it| it.export.prepends = 17)),
    ];
    for (expected, plan) in cases {
        let found = faults(&plan, NEW);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn each_fault_between_parts_is_told() {
    let mut tables = everything();
    tables.domains[0].kernel_table = tables.domains[1].kernel_table;
    let mut outside = everything();
    outside.domains[0].kernel_table = 2000;
    let mut kernels = edge();
    kernels.kernel_tables = 1..=1000;
    let mut router = edge();
    router.router_id = read("0.0.0.0");
    let mut devices = everything();
    devices.domains[0].sessions[0].device = "r12".to_owned();
    let mut indices = everything();
    indices.domains[0].sessions[0].index = 12;
    let mut twice = everything();
    twice.domains[1]
        .announcements
        .push(Announcement { prefix: read("10.2.0.0/16"), communities: Vec::new() });
    let mut bits = everything();
    bits.domains[1].announcements[0].prefix = read("10.2.0.1/16");
    let mut within = everything();
    within.domains[0].sessions[0].import.within = Some(vec![read("198.51.100.1/24")]);
    let mut hopless = everything();
    hopless.domains[1].statics[0].hops.clear();
    let mut other_family = everything();
    other_family.domains[1].statics[0].hops[0].gateway = read("fd00::1");
    let mut wait = edge();
    wait.recovery_wait_s = 0;
    for (expected, plan) in [
        ("circuit12/microsoft and circuit12/private have the same kernel table 1000", tables),
        ("kernel table 2000 is not one of the edge's (1000 to 1999)", outside),
        ("the kernel has 0 and 253 to 255 for itself", kernels),
        ("router id 0.0.0.0", router),
        ("have the same device or index", devices),
        ("have the same device or index", indices),
        ("10.2.0.0/16 is told twice", twice),
        ("10.2.0.1/16 has bits behind its length; write 10.2.0.0/16", bits),
        ("198.51.100.1/24 has bits behind its length", within),
        ("the static route 10.9.0.0/16 has no next hop of its family", hopless),
        ("the static route 10.9.0.0/16 has no next hop of its family", other_family),
        ("the recovery wait in seconds is 0", wait),
    ] {
        let found = faults(&plan, NEW);
        assert!(found.iter().any(|fault| fault.contains(expected)), "{expected}: {found:?}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let plan = with(|it| {
        it.peer_asn = 0;
        it.limits.v4 = 0;
        it.timers.hold_s = 1;
    });
    let error = plan.look(NEW).unwrap_err();
    assert!(error.0.len() >= 3, "{error}");
    assert_eq!(error.to_string().matches("; ").count() + 1, {
        let parts: usize =
            error.0.iter().map(|fault| fault.to_string().matches("; ").count()).sum();
        parts + error.0.len()
    });
}

#[test]
fn equal_peers_are_fine_and_a_peer_that_is_an_own_address_is_not() {
    let mut plan = everything();
    let mut other = domain("b/private", 1004);
    other.sessions = vec![session(14)];
    plan.domains.push(other);
    assert_eq!(faults(&plan, BirdVersion::OLDEST), Vec::<String>::new());
    let mut crossed = session(15);
    crossed.name = "c/private/primary".to_owned();
    crossed.v4 = Some(Ends { own: read("192.168.15.17"), peer: read("192.168.15.18") });
    let mut domain = domain("c/private", 1003);
    domain.sessions = vec![crossed];
    plan.domains.push(domain);
    let found = faults(&plan, BirdVersion::OLDEST);
    // Each of the sessions has the other's own address as its peer.
    assert_eq!(found.len(), 3, "{found:?}");
    let expected = "192.168.15.18 is the peer's address of c/private/primary and the edge's own of";
    assert!(found.iter().any(|fault| fault.starts_with(expected)), "{found:?}");
}

#[test]
fn an_old_version_cannot_wait_for_peers() {
    let passive = with(|it| it.is_passive = true);
    assert_eq!(faults(&passive, NEW), Vec::<String>::new());
    let found = faults(&passive, BirdVersion::OLDEST);
    assert!(found[0].contains("install BIRD 2.18 or newer, or remove `passive`"), "{found:?}");
    let far = |index| with(|it| (it.index, it.device) = (index, "rx".to_owned()));
    assert_eq!(faults(&far(31_743), BirdVersion::OLDEST), Vec::<String>::new());
    assert!(
        faults(&far(31_744), BirdVersion::OLDEST)[0]
            .contains("BIRD 2.0.12 can speak on 0 to 31743")
    );
    assert_eq!(faults(&far(31_744), NEW), Vec::<String>::new());
}

#[test]
fn listeners_are_those_of_enabled_sessions() {
    let plan = everything();
    let listeners = plan.listeners(BirdVersion::OLDEST);
    let told: Vec<_> =
        listeners.iter().map(|it| (it.device.as_str(), it.ends.own.to_string(), it.port)).collect();
    assert_eq!(
        told,
        [
            ("r40", "10.1.255.5".to_owned(), 1064),
            ("r12", "192.168.15.18".to_owned(), 1036),
            ("r12", "fd00:15::2".to_owned(), 1036),
            ("r50", "10.255.0.1".to_owned(), 1074),
        ]
    );
    assert!(plan.listeners(NEW).iter().all(|it| it.port == 179));
}

#[test]
fn a_domain_has_the_families_of_its_parts() {
    use crate::routing::bird::model::AddressFamily::{V4, V6};
    let mut domain = domain("a", 1000);
    assert!(!domain.has(V4) && !domain.has(V6));
    domain.statics.push(BgpStatic {
        prefix: read("fd00::/48"),
        side: DomainSide::Cloud,
        hops: Vec::new(),
        communities: Vec::new(),
    });
    assert!(!domain.has(V4) && domain.has(V6));
    domain.sessions.push(session(1));
    assert!(domain.has(V4) && domain.has(V6));
}
