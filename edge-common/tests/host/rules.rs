//! The class by protocol and ports.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4, ipv4_checksum, ipv6},
    tables::{QINQ, Run, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{
        attachment::Attachment,
        qos::{MAX_RULES, QosRow, Rule},
    },
    packet::transport::MAX_EXTENSION_HEADERS,
};
use proptest::prelude::*;

const TCP: u8 = 6;
const UDP: u8 = 17;
const ALL: (u16, u16) = (0, u16::MAX);

fn rule(protocol: u8, class: u8, src: (u16, u16), dst: (u16, u16)) -> Rule {
    let ((src_first, src_last), (dst_first, dst_last)) = (src, dst);
    Rule { protocol, class, src_first, src_last, dst_first, dst_last }
}

/// A row with these rules that resets every DSCP, marks 46 for class 3 by rule, and has DSCP n in
/// class n modulo 8.
fn row(rules: &[Rule]) -> QosRow {
    let mut row = qos_row(|_| 0);
    row.rules[..rules.len()].copy_from_slice(rules);
    row.rule_count = rules.len() as u8;
    row.rule_dscps[3] = 46;
    row
}

/// Class and leaving DSCP of a packet.
fn classified(row: &QosRow, ether_type: u16, packet: &[u8]) -> (u8, u8) {
    let mut tables = sample(row);
    tables.attachments[QINQ as usize].flags = Attachment::HAS_RULES;
    assert_eq!(tables.run(&mut frame(&QINQ_TAGS, ether_type, packet)), Reason::Ok);
    (tables.outcome.get().class, tables.outcome.get().dscp_out)
}

fn udp_v4(tos: u8, src_port: u16, dst_port: u16) -> Vec<u8> {
    let mut packet = ipv4(tos, 12);
    packet[20..22].copy_from_slice(&src_port.to_be_bytes());
    packet[22..24].copy_from_slice(&dst_port.to_be_bytes());
    packet
}

/// An IPv6 packet with extension headers (number and bytes), and UDP behind them.
fn udp_v6(headers: &[(u8, Vec<u8>)], dst_port: u16) -> Vec<u8> {
    let mut payload: Vec<u8> = Vec::new();
    for (at, (_, bytes)) in headers.iter().enumerate() {
        let mut bytes = bytes.clone();
        bytes[0] = headers.get(at + 1).map_or(UDP, |(next, _)| *next);
        payload.extend(bytes);
    }
    payload.extend([0, 5]);
    payload.extend(dst_port.to_be_bytes());
    payload.extend([0; 8]);
    let mut packet = ipv6(0, payload.len() as u16);
    packet[6] = headers.first().map_or(UDP, |(first, _)| *first);
    packet[40..].copy_from_slice(&payload);
    packet
}

const NO_MATCH: (u8, u8) = (0, 0);
const MATCH: (u8, u8) = (3, 46);

#[test]
fn rules_look_at_protocol_and_ports() {
    let row = row(&[rule(UDP, 3, ALL, (50_000, 50_019)), rule(TCP, 4, (22, 22), ALL)]);
    for (dst_port, expected) in
        [(49_999, NO_MATCH), (50_000, MATCH), (50_019, MATCH), (50_020, NO_MATCH)]
    {
        assert_eq!(classified(&row, 0x0800, &udp_v4(0, 1, dst_port)), expected, "{dst_port}");
        assert_eq!(classified(&row, 0x86dd, &udp_v6(&[], dst_port)), expected, "{dst_port}");
    }
    let mut tcp = udp_v4(0, 22, 50_000);
    tcp[9] = TCP;
    assert_eq!(classified(&row, 0x0800, &tcp).0, 4);
    tcp[21] = 23;
    assert_eq!(classified(&row, 0x0800, &tcp).0, 0);
}

#[test]
fn the_first_rule_wins_and_wins_over_the_dscp() {
    let row = row(&[rule(UDP, 3, ALL, (5, 5)), rule(UDP, 4, ALL, (0, 9))]);
    // DSCP 5 by itself is class 5.
    assert_eq!(classified(&row, 0x0800, &udp_v4(5 << 2, 1, 5)), MATCH);
    assert_eq!(classified(&row, 0x0800, &udp_v4(5 << 2, 1, 6)).0, 4);
    assert_eq!(classified(&row, 0x0800, &udp_v4(5 << 2, 1, 10)), (5, 0));
    // In class 3 by its DSCP too: as that says.
    assert_eq!(classified(&row, 0x0800, &udp_v4(3 << 2, 1, 5)), (3, 0));
}

#[test]
fn ports_are_behind_options_and_not_in_later_fragments() {
    let by_port = row(&[rule(UDP, 3, ALL, (5, 5))]);
    let by_protocol = row(&[rule(UDP, 3, ALL, ALL)]);

    let mut options = udp_v4(0, 1, 7);
    options[0] = 0x46;
    options.splice(20..20, [1; 4]);
    options.splice(26..28, 5u16.to_be_bytes());
    options[2..4].copy_from_slice(&36u16.to_be_bytes());
    assert_eq!(classified(&by_port, 0x0800, &options), MATCH);

    let mut first = udp_v4(0, 1, 5);
    first[6] = 0x20;
    assert_eq!(classified(&by_port, 0x0800, &first), MATCH);
    let mut later = udp_v4(0, 1, 5);
    later[7] = 1;
    assert_eq!(classified(&by_port, 0x0800, &later), NO_MATCH);
    assert_eq!(classified(&by_protocol, 0x0800, &later), MATCH);

    // Bytes behind the packet's end are no ports.
    let mut short = udp_v4(0, 1, 5);
    short[2..4].copy_from_slice(&23u16.to_be_bytes());
    assert_eq!(classified(&by_port, 0x0800, &short), NO_MATCH);
    assert_eq!(classified(&by_protocol, 0x0800, &short), MATCH);
}

#[test]
fn extension_headers_are_walked() {
    let by_port = row(&[rule(UDP, 3, ALL, (5, 5))]);
    let by_protocol = row(&[rule(UDP, 3, ALL, ALL)]);
    let options =
        |number: u8, len: u8| (number, [vec![0, len], vec![0; 6 + usize::from(len) * 8]].concat());
    let fragment =
        |offset: u16| (44, [vec![0, 0], (offset << 3).to_be_bytes().to_vec(), vec![0; 4]].concat());
    let authentication = (51, [vec![0, 4], vec![0; 22]].concat());

    for headers in [
        vec![options(0, 0)],
        vec![options(0, 1), options(60, 0), options(43, 2), fragment(0), authentication.clone()],
        vec![options(60, 0); MAX_EXTENSION_HEADERS],
    ] {
        assert_eq!(classified(&by_port, 0x86dd, &udp_v6(&headers, 5)), MATCH, "{headers:x?}");
        assert_eq!(classified(&by_port, 0x86dd, &udp_v6(&headers, 6)), NO_MATCH, "{headers:x?}");
    }
    let too_many = vec![options(60, 0); MAX_EXTENSION_HEADERS + 1];
    assert_eq!(classified(&by_protocol, 0x86dd, &udp_v6(&too_many, 5)), NO_MATCH);
    let later = udp_v6(&[fragment(3)], 5);
    assert_eq!(classified(&by_port, 0x86dd, &later), NO_MATCH);
    assert_eq!(classified(&by_protocol, 0x86dd, &later), MATCH);
    // A header that claims to be longer than the packet.
    let mut liar = udp_v6(&[options(0, 0)], 5);
    liar[41] = 200;
    assert_eq!(classified(&by_protocol, 0x86dd, &liar), NO_MATCH);
}

proptest! {
    #[test]
    fn rules_are_a_list_of_which_the_first_that_fits_counts(
        rules in prop::collection::vec(
            (any::<bool>(), 0u8..8, 0u16..20, 0u16..20, 0u16..20, 0u16..20),
            0..=MAX_RULES,
        ),
        is_tcp: bool,
        src in 0u16..20,
        dst in 0u16..20,
    ) {
        let protocol = |is_tcp| if is_tcp { TCP } else { UDP };
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|(is_tcp, class, a, b, c, d)| {
                rule(protocol(is_tcp), class, (a.min(b), a.max(b)), (c.min(d), c.max(d)))
            })
            .collect();
        let mut packet = udp_v4(0, src, dst);
        packet[9] = protocol(is_tcp);
        let checksum = ipv4_checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        let fits = |rule: &&Rule| {
            rule.protocol == protocol(is_tcp)
                && (rule.src_first..=rule.src_last).contains(&src)
                && (rule.dst_first..=rule.dst_last).contains(&dst)
        };
        let expected = rules.iter().find(fits).map_or(0, |rule| rule.class);
        prop_assert_eq!(classified(&row(&rules), 0x0800, &packet).0, expected);
    }
}
