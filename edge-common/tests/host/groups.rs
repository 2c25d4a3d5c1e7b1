//! Groups of next hops, and links that come and go.

use std::collections::BTreeSet;

use crate::{
    packets::Packet,
    routed_runs::Send,
    routed_tables::{A_VNET, A1, A1_OUT, A2, A2_OUT, BOTH_LINKS, group, next_hop_at, tags, world},
};
use edge_common::{
    Reason,
    abi::routing::{LINK_UP, MAX_MEMBERS, NextHop, NextHopGroup},
    env::RouteCalls,
    host::HostTables,
};
use proptest::prelude::*;

/// Flows to customer A's sites.
const FLOWS: u16 = if cfg!(miri) { 40 } else { 600 };

fn flow(number: u16, len: usize) -> Packet {
    let destination = format!("172.16.{}.{}", number / 7 % 200, number % 250);
    Packet::udp("10.1.0.9", &destination, (number, 4000 + number / 3), len)
}

fn flow_v6(number: u16) -> Packet {
    Packet::udp("2001:db8:a1::9", "2001:db8:c0::1", (number, 4000 + number / 3), 9)
}

/// The owners that all flows come to, by flow.
fn owners(tables: &mut HostTables) -> Vec<u32> {
    let flows = (0..FLOWS).map(|number| flow(number, 9)).chain((0..FLOWS).map(flow_v6));
    let owner = |packet: Packet| {
        let sent = tables.send(A_VNET, &packet);
        assert_eq!(sent.reason, Reason::Ok);
        sent.outcome.attachment
    };
    flows.map(owner).collect()
}

#[test]
fn flows_are_spread_over_both_links() {
    let owners = owners(&mut world());
    for out in [A1_OUT, A2_OUT] {
        for flows in owners.chunks(usize::from(FLOWS)) {
            let share = flows.iter().filter(|owner| **owner == out).count();
            assert!(share > usize::from(FLOWS) / 3, "{share} flows of {FLOWS} take {out}");
        }
    }
}

#[test]
fn packets_of_a_flow_take_one_link_whatever_their_length_and_class() {
    let mut tables = world();
    for number in 0..50 {
        let owners: BTreeSet<u32> = [(0, 0), (9, 46), (1400, 10)]
            .map(|(len, dscp)| {
                tables.send(A_VNET, &flow(number, len).dscp(dscp)).outcome.attachment
            })
            .into();
        assert_eq!(owners.len(), 1);
        // Fragments have no ports, the first one neither.
        let fragments: BTreeSet<u32> = [0x2000, 0x2001, 0x00b9]
            .map(|fragment| {
                tables.send(A_VNET, &flow(number, 64).fragment(fragment)).outcome.attachment
            })
            .into();
        assert_eq!(fragments.len(), 1);
    }
}

#[test]
fn flows_of_a_dead_link_move_and_return_and_others_stay() {
    let mut tables = world();
    let before = owners(&mut tables);
    tables.router.links[A1 as usize] = 1;
    assert!(owners(&mut tables).iter().all(|owner| *owner == A2_OUT));
    tables.router.links[A1 as usize] = LINK_UP;
    assert_eq!(owners(&mut tables), before);
    // A neighbour that nobody has found yet takes no flow.
    tables.router.next_hops[A2 as usize].neighbour = 0;
    assert!(owners(&mut tables).iter().all(|owner| *owner == A1_OUT));
}

#[test]
fn a_group_without_a_member_that_lives_tells_why() {
    let mut tables = world();
    let mut reason = |links: [u64; 2], neighbours: [u64; 2]| {
        for (at, member) in [A1, A2].into_iter().enumerate() {
            tables.router.links[member as usize] = links[at];
            tables.router.next_hops[member as usize].neighbour = neighbours[at];
        }
        let sent = tables.send(A_VNET, &flow(1, 9));
        assert!(sent.reason == Reason::Ok || sent.is_unchanged());
        sent.reason
    };
    assert_eq!(reason([0, 0], [7, 7]), Reason::Ok);
    assert_eq!(reason([1, 1], [7, 7]), Reason::LinkDown);
    assert_eq!(reason([0, 0], [0, 0]), Reason::NoNeighbour);
    assert_eq!(reason([0, 1], [0, 7]), Reason::NoNeighbour);
    assert_eq!(reason([1, 0], [7, 0]), Reason::NoNeighbour);
    assert_eq!(reason([1, 0], [0, 7]), Reason::Ok);
}

#[test]
fn a_group_of_nobody_and_a_member_that_is_not_there_are_defects() {
    for broken in [NextHopGroup::default(), group(&[55])] {
        let mut tables = world();
        tables.router.groups[BOTH_LINKS as usize] = broken;
        assert_eq!(tables.send(A_VNET, &flow(1, 9)).reason, Reason::DanglingTable);
    }
    let mut tables = world();
    tables.router.groups.clear();
    assert_eq!(tables.send(A_VNET, &flow(1, 9)).reason, Reason::DanglingTable);
}

#[test]
fn a_frame_leaves_with_the_tags_of_its_member() {
    let mut tables = world();
    for number in 0..50 {
        let sent = tables.send(A_VNET, &flow(number, 9));
        let member = if sent.outcome.attachment == A1_OUT { A1 } else { A2 };
        let tci = u16::from_be_bytes([sent.left[18], sent.left[19]]);
        assert_eq!(tci, tags(member)[1].1);
    }
}

/// Tables with next hops 1 to `count` in group 1, of which those in `down` have a link that is down.
fn members(count: usize, down: u8) -> HostTables {
    let mut tables = world();
    let members: Vec<u32> = (1..=count as u32).collect();
    tables.router.groups[1] = group(&members);
    tables.router.next_hops = vec![NextHop::default()];
    tables.router.next_hops.extend(members.iter().map(|member| next_hop_at(*member, A1, 0)));
    let word = |link: usize| if link != 0 && down >> (link - 1) & 1 != 0 { 1 } else { LINK_UP };
    tables.router.links = (0..=MAX_MEMBERS).map(word).collect();
    tables
}

proptest! {
    /// A flow takes a member that lives, and leaves it only when that one dies.
    #[test]
    fn flows_stay_where_they_are_while_links_of_others_die(
        count in 1..=MAX_MEMBERS, down: u8, later: u8, hashes in prop::collection::vec(any::<u64>(), 64),
    ) {
        let all = (1u32 << count) - 1;
        for hash in hashes {
            let before = members(count, down).member(1, hash).checked();
            let after = members(count, down | later).member(1, hash).checked();
            let is_alive = |member: u32, down: u8| u32::from(down) >> (member - 1) & 1 == 0;
            match before {
                Ok(member) => prop_assert!(is_alive(member, down) && member as usize <= count),
                Err(reason) => {
                    prop_assert_eq!(reason, Reason::LinkDown);
                    prop_assert_eq!(u32::from(down) & all, all);
                }
            }
            if let Ok(member) = before && is_alive(member, later) {
                prop_assert_eq!(after, Ok(member));
            }
        }
    }

    #[test]
    fn members_get_equal_parts(count in 1..=MAX_MEMBERS) {
        const FLOWS_IN_ALL: u64 = 8_000;
        let tables = members(count, 0);
        let mut flows = vec![0usize; count];
        for number in 0..FLOWS_IN_ALL {
            let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            flows[tables.member(1, hash).checked().unwrap() as usize - 1] += 1;
        }
        let fair = FLOWS_IN_ALL as usize / count;
        prop_assert!(flows.iter().all(|flows| flows.abs_diff(fair) <= fair / 10), "{:?}", flows);
    }
}
