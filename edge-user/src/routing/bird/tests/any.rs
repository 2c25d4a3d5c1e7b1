//! Random plans, which BIRD reads.

use std::{
    env, fs,
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::{collection::vec, option, prelude::*};

use super::sample::edge;
use crate::routing::bird::{
    error::BirdError,
    generate::{KEYS_FILE, SpeakerConfig},
    model::{
        DomainSide, SpeakerPlan,
        community::BgpCommunity,
        domain::{Announcement, BgpDomain, BgpStatic, StaticHop},
        key::SessionKey,
        policy::{ExportPolicy, ImportPolicy, PrivateAsns, ReachedNetworks},
        session::{BeyondLimit, BgpSession, Ends, SessionBfd, SessionLimits, SessionTimers},
    },
    program::BirdProgram,
};

/// A second BIRD to test with, beside the one that is installed.
const OTHER: &str = "EDGE_OTHER_BIRD";

/// Every BIRD there is.
fn programs() -> Vec<BirdProgram> {
    let other = env::var_os(OTHER).map(PathBuf::from);
    let found = [None, other.as_deref()].into_iter().enumerate();
    let wanted = found.filter(|(number, path)| *number == 0 || path.is_some());
    let programs: Result<Vec<_>, BirdError> =
        wanted.map(|(_, path)| BirdProgram::find(path)).collect();
    programs.unwrap_or_else(|error| {
        assert!(env::var_os("EDGE_REQUIRE_ROOT").is_none_or(|value| value != "1"), "{error:#}");
        // Not `eprintln!`: the test harness hides its output for a test that passes.
        writeln!(std::io::stderr(), "SKIPPED: needs BIRD: {error:#}").expect("stderr takes a line");
        Vec::new()
    })
}

#[test]
fn bird_reads_any_plan() {
    let programs = programs();
    if programs.is_empty() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let config =
        ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(plan in any_plan())| {
        for program in &programs {
            prop_assert_eq!(plan.look(program.version), Ok(()));
            if let Err(error) = check(place.path(), &plan, program) {
                let text = SpeakerConfig::new(&plan, program.version, Path::new("/log")).text;
                prop_assert!(false, "{error:#}\n{text}");
            }
        }
    });
}

#[test]
fn bird_reads_the_sample_and_an_empty_edge() {
    let place = tempfile::tempdir().expect("a directory");
    for program in programs() {
        for plan in [edge(), super::sample::everything()] {
            check(place.path(), &plan, &program).unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
}

#[test]
fn a_fault_in_the_text_is_found_by_bird_and_told_without_keys() {
    let place = tempfile::tempdir().expect("a directory");
    for program in programs() {
        let mut config =
            SpeakerConfig::new(&super::sample::everything(), program.version, Path::new("/log"));
        config.keys = config.keys.replace("define", "defin");
        let error = read(place.path(), &config, &program).unwrap_err();
        assert!(matches!(error, BirdError::Refused(_)), "{error:?}");
        let text = format!("{error:#} {error:?}");
        assert!(text.contains("syntax error") && text.contains("keys.conf"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

fn check(place: &Path, plan: &SpeakerPlan, program: &BirdProgram) -> Result<(), BirdError> {
    read(place, &SpeakerConfig::new(plan, program.version, &place.join("log")), program)
}

fn read(place: &Path, config: &SpeakerConfig, program: &BirdProgram) -> Result<(), BirdError> {
    let path = place.join("bird.conf");
    fs::write(&path, &config.text)?;
    fs::write(place.join(KEYS_FILE), &config.keys)?;
    program.check(&path)
}

fn v4_net() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0_u8..=32).prop_map(|(bits, length)| {
        Ipv4Net::new(Ipv4Addr::from_bits(bits), length).expect("a length of IPv4").trunc()
    })
}

fn v6_net() -> impl Strategy<Value = Ipv6Net> {
    (any::<u128>(), 0_u8..=128).prop_map(|(bits, length)| {
        Ipv6Net::new(Ipv6Addr::from_bits(bits), length).expect("a length of IPv6").trunc()
    })
}

fn any_net() -> impl Strategy<Value = IpNet> {
    prop_oneof![v4_net().prop_map(IpNet::V4), v6_net().prop_map(IpNet::V6)]
}

fn communities() -> impl Strategy<Value = Vec<BgpCommunity>> {
    vec((any::<u16>(), any::<u16>()).prop_map(|(high, low)| BgpCommunity(high, low)), 0..3)
}

fn key() -> impl Strategy<Value = SessionKey> {
    "[ !#-~]{1,80}".prop_map(|text| SessionKey::new(text).expect("characters that keys have"))
}

fn import() -> impl Strategy<Value = ImportPolicy> {
    let asns =
        prop_oneof![Just(PrivateAsns::Keep), Just(PrivateAsns::Remove), Just(PrivateAsns::Refuse)];
    let within = option::of(vec(any_net(), 0..4));
    (any::<bool>(), any::<bool>(), asns, within, option::of(any::<u32>()), communities()).prop_map(
        |(takes_default, takes_private, private_asns, within, local_preference, communities)| {
            ImportPolicy {
                takes_default,
                takes_private,
                private_asns,
                within,
                local_preference,
                communities,
            }
        },
    )
}

fn export() -> impl Strategy<Value = ExportPolicy> {
    let within = (vec(any_net(), 0..3), vec(1_u32..9, 0..3))
        .prop_map(|(prefixes, gateways)| ReachedNetworks { prefixes, gateways });
    (option::of(communities()), option::of(within), 0_u8..=16, any::<bool>()).prop_map(
        |(only, within, prepends, is_draining)| ExportPolicy {
            only,
            within,
            prepends,
            is_draining,
        },
    )
}

fn bfd() -> impl Strategy<Value = SessionBfd> {
    (10_u64..60_000, 2_u8..=255, any::<bool>()).prop_map(|(ms, multiplier, is_graceful)| {
        SessionBfd { interval: Duration::from_millis(ms), multiplier, is_graceful }
    })
}

/// A session, whose index is given to it later.
fn any_session() -> impl Strategy<Value = BgpSession> {
    let who = (any::<bool>(), 1_u32..12_000, "[ -!#-~é]{1,60}", 0_u8..3);
    let how = (option::of(key()), option::of(bfd()), option::of(1_u16..4_096));
    let limits = (1_u32..1 << 31, 1_u32..1 << 31, any::<bool>());
    let flags = (any::<bool>(), any::<bool>());
    let times = (3_u16.., 1_u16..=3_600, 1_u16..=1_000);
    (who, how, limits, flags, times, import(), export()).prop_map(
        |(
            (is_customer, peer_asn, name, families),
            (key, bfd, graceful_restart_s),
            (v4, v6, restarts),
            (has_ttl_security, is_enabled),
            (hold_s, connect_retry_s, wait_s),
            import,
            export,
        )| BgpSession {
            index: 0,
            device: String::new(),
            name,
            side: if is_customer { DomainSide::Customer } else { DomainSide::Cloud },
            peer_asn,
            v4: (families != 1).then(|| Ends {
                own: Ipv4Addr::new(192, 168, 15, 18),
                peer: Ipv4Addr::new(192, 168, 15, 17),
            }),
            v6: (families != 0).then(|| Ends {
                own: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
                peer: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
            }),
            key,
            limits: SessionLimits {
                v4,
                v6,
                beyond: if restarts { BeyondLimit::Restart } else { BeyondLimit::Disable },
            },
            bfd,
            graceful_restart_s,
            is_passive: false,
            has_ttl_security,
            is_enabled,
            timers: SessionTimers {
                hold_s,
                keepalive_s: hold_s / 3,
                connect_retry_s,
                error_wait_s: (wait_s, wait_s * 2),
            },
            import,
            export,
        },
    )
}

fn any_domain() -> impl Strategy<Value = BgpDomain> {
    let announcements = vec((any_net(), communities()), 0..4);
    let statics = vec((any_net(), any::<bool>(), 1_usize..4, communities()), 0..4);
    (any::<bool>(), announcements, statics, vec(any_session(), 0..4)).prop_map(
        |(joins_cloud, announcements, statics, sessions)| {
            let mut seen = std::collections::BTreeSet::new();
            let announcements: Vec<_> = announcements
                .into_iter()
                .filter(|(prefix, _)| seen.insert(*prefix))
                .map(|(prefix, communities)| Announcement { prefix, communities })
                .collect();
            let statics = statics.into_iter().filter(|(prefix, ..)| seen.insert(*prefix));
            let statics = statics.map(|(prefix, is_customer, hops, communities)| BgpStatic {
                prefix,
                side: if is_customer { DomainSide::Customer } else { DomainSide::Cloud },
                hops: (0..hops)
                    .map(|hop| StaticHop {
                        gateway: match prefix {
                            IpNet::V4(_) => Ipv4Addr::new(192, 168, 15, 17).into(),
                            IpNet::V6(_) => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into(),
                        },
                        device: format!("x{hop}"),
                    })
                    .collect(),
                communities,
            });
            BgpDomain {
                name: "a domain".to_owned(),
                kernel_table: 0,
                joins_cloud,
                announcements,
                service_groups: None,
                services: None,
                statics: statics.collect(),
                sessions,
            }
        },
    )
}

fn any_plan() -> impl Strategy<Value = SpeakerPlan> {
    (vec(any_domain(), 0..4), 1_u16..=3_600).prop_map(|(mut domains, recovery_wait_s)| {
        let mut indices = 1..;
        for (domain, table) in domains.iter_mut().zip(1000..) {
            domain.kernel_table = table;
            for (session, index) in domain.sessions.iter_mut().zip(&mut indices) {
                session.index = index;
                session.device = format!("r{index}");
            }
        }
        SpeakerPlan { recovery_wait_s, domains, ..edge() }
    })
}
