//! Answers of BIRD 2.0.12 as they came, and random ones in its format.

use std::net::IpAddr;

use proptest::prelude::*;

use super::sample::read;
use crate::routing::bird::{
    error::BirdError,
    model::{AddressFamily, DomainSide, community::BgpCommunity},
    names::SessionName,
    reply::{BirdReply, ReplyReader},
    state::{
        bfd::{BfdState, bfd_sessions},
        bgp::{BgpState, sessions},
        last_error::SessionError,
        routes::{BirdHop, routes},
        speaker::speaker,
    },
    version::BirdVersion,
};

/// The last answer in a text.
fn reply(text: &str) -> BirdReply {
    let mut reader = ReplyReader::default();
    let replies: Vec<_> =
        text.lines().filter_map(|line| reader.take(line).expect("a line of BIRD")).collect();
    replies.into_iter().next_back().expect("a whole answer")
}

#[test]
fn sessions_are_read() -> Result<(), BirdError> {
    let sessions = sessions(&reply(include_str!("answers/protocols.txt")))?;
    let [up, limited, down, waiting] = &sessions[..] else {
        panic!("{sessions:#?}");
    };
    let name = |index, family| SessionName { index, side: DomainSide::Customer, family };
    assert_eq!(up.name, name(1, AddressFamily::V4));
    assert_eq!(up.state, BgpState::Established);
    assert_eq!(up.since_ms, 1_795_990_477_795);
    assert_eq!((up.peer_asn, up.peer), (Some(65001), Some(read::<IpAddr>("192.168.15.17"))));
    assert_eq!((up.imported, up.filtered, up.exported, up.received()), (4, 1, 1, 5));
    assert_eq!((up.limit, up.is_over_limit), (Some(20), false));
    assert_eq!((&up.last_error, up.is_peer_restarting), (&None, true));

    assert_eq!(limited.name, name(2, AddressFamily::V4));
    assert_eq!(limited.state, BgpState::Idle);
    assert_eq!(limited.error_wait_us, Some(1_234_000));
    assert_eq!(limited.last_error, Some(SessionError::RouteLimit));
    assert!(limited.is_over_limit);

    assert_eq!((down.name, down.state), (name(3, AddressFamily::V6), BgpState::Down));
    assert_eq!(waiting.state, BgpState::Active);
    let refused = SessionError::Socket("Connection refused".to_owned());
    assert_eq!(waiting.last_error, Some(refused));
    assert_eq!(waiting.name.side, DomainSide::Cloud);
    Ok(())
}

#[test]
fn bfd_sessions_are_read() -> Result<(), BirdError> {
    let sessions = bfd_sessions(&reply(include_str!("answers/bfd.txt")))?;
    assert_eq!(sessions.len(), 3);
    assert_eq!((sessions[0].state, sessions[0].device.as_str()), (BfdState::Up, "r1"));
    assert_eq!((sessions[0].interval_us, sessions[0].timeout_us), (300_000, 900_000));
    assert_eq!(sessions[0].since_ms, 1_795_990_477_580);
    assert_eq!((sessions[1].state, sessions[1].interval_us), (BfdState::Down, 1_000_000));
    assert_eq!(sessions[2].peer, read::<IpAddr>("fd00:15::1"));
    assert_eq!(bfd_sessions(&reply("1020-bfd1: is not up\n0000 "))?, []);
    Ok(())
}

#[test]
fn routes_are_read() -> Result<(), BirdError> {
    let routes = routes(&reply(include_str!("answers/routes.txt")))?;
    let [default, best, other, announced, long] = &routes[..] else {
        panic!("{routes:#?}");
    };
    assert_eq!(default.prefix, read("0.0.0.0/0"));
    assert_eq!((default.is_best, default.protocol.as_str()), (true, "c1v4"));
    let hop =
        |device: &str| BirdHop { gateway: Some(read("192.168.15.17")), device: device.to_owned() };
    assert_eq!(default.hops, [hop("r1")]);
    assert_eq!(
        (default.as_path.as_deref(), default.local_preference),
        (Some("65001 65001"), Some(100))
    );
    assert_eq!((default.med, &default.communities[..]), (Some(7), &[][..]));
    assert_eq!(default.since_ms, 1_795_990_477_838);
    // The second route of a prefix comes without it.
    assert_eq!((best.prefix, other.prefix), (read("10.1.3.0/24"), read("10.1.3.0/24")));
    assert_eq!((best.is_best, other.is_best), (true, false));
    assert_eq!(other.hops, [hop("r2")]);
    assert_eq!((announced.hops.len(), announced.protocol.as_str()), (0, "sg1000v4"));
    assert_eq!(announced.communities, [BgpCommunity(12076, 51002), BgpCommunity(12076, 5010)]);
    assert!(long.communities.is_empty() && long.as_path.is_none());
    Ok(())
}

#[test]
fn the_speaker_is_read() -> Result<(), BirdError> {
    let state = speaker(&reply(include_str!("answers/status.txt")))?;
    assert_eq!(state.version, BirdVersion::new(2, 0, 12));
    assert_eq!((state.started_ms, state.configured_ms), (1_795_990_504_631, 1_795_990_505_000));
    assert_eq!(state.now_ms, 1_795_990_506_000);
    assert_eq!((state.is_configuring, state.recovery_us), (false, Some(27_973_000)));
    let busy = include_str!("answers/status.txt")
        .replace("Daemon is up and running", "Reconfiguration in progress");
    assert!(speaker(&reply(&busy))?.is_configuring);
    assert!(matches!(
        speaker(&reply("1000-BIRD 2.0.12\n0013 Daemon is up and running")),
        Err(BirdError::Garbled(_))
    ));
    Ok(())
}

#[test]
fn other_answers_are_garbled() {
    let garbled = |result: Result<usize, BirdError>| matches!(result, Err(BirdError::Garbled(_)));
    assert!(garbled(sessions(&reply("1002-c1v4 BGP ---\n0000 ")).map(|it| it.len())));
    assert!(garbled(sessions(&reply("1002-c1v4 BGP --- up 12:00:00 x\n0000 ")).map(|it| it.len())));
    assert!(garbled(sessions(&reply("1002-c1v4 BGP --- up 1.000 x\n0000 ")).map(|it| it.len())));
    assert!(garbled(
        bfd_sessions(&reply("1020-10.0.0.1 r1 Up 1.000 0.3\n0000 ")).map(|it| it.len())
    ));
    assert!(garbled(routes(&reply("1007-\tvia 10.0.0.1 on r1\n0000 ")).map(|it| it.len())));
    assert!(garbled(routes(&reply("1007-10.0.0.0/8 unicast\n0000 ")).map(|it| it.len())));
}

proptest! {
    #[test]
    fn any_session_is_read_as_printed(
        index in 0_u32..100_000,
        since_ms in 0_i64..1 << 42,
        counts in prop::array::uniform3(0_u32..1_000_000),
        limit in 1_u32..1 << 31,
        hit: bool,
        asn: u32,
    ) {
        let [imported, filtered, exported] = counts;
        let since = format!("{}.{:03}", since_ms / 1_000, since_ms % 1_000);
        let hit_text = if hit { " [HIT]" } else { "" };
        // The formats of `proto_cmd_show` and `channel_show_info` in nest/proto.c.
        let text = format!(
            "2002-Name\n1002-{:<10} {:<10} {:<10} {:<6} {since:<12}  {:<14}\n\
             1006-  BGP state:          Established\n     Neighbor AS:      {asn}\n   Channel ipv4\n\
             \x20    {:<16}{limit}{hit_text}\n\
             \x20    Routes:         {imported} imported, {filtered} filtered, {exported} exported, 0 preferred\n \n0000 ",
            format!("c{index}v4"), "BGP", "---", "up", "Established", "Receive limit:",
        );
        let read = sessions(&reply(&text)).expect("an answer of BIRD");
        let [session] = &read[..] else { panic!("{read:?}") };
        prop_assert_eq!(session.name.index, index);
        prop_assert_eq!(session.since_ms, since_ms);
        prop_assert_eq!([session.imported, session.filtered, session.exported], counts);
        prop_assert_eq!((session.limit, session.is_over_limit), (Some(limit), hit));
        prop_assert_eq!(session.peer_asn, Some(asn));
    }

    #[test]
    fn no_answer_is_too_strange(lines in prop::collection::vec((1000_u16..1025, "[\t ]?[a-z0-9./:\\[\\]*() ]{0,40}"), 0..12)) {
        let reply = BirdReply {
            lines: lines.into_iter().collect(),
            code: 0,
            text: String::new(),
        };
        let _ = (sessions(&reply), bfd_sessions(&reply), routes(&reply), speaker(&reply));
    }
}
