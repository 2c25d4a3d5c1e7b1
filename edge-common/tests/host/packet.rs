//! IP packets in `PPPoE` sessions and behind 802.2 SNAP are treated like those right behind the
//! tags.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4, ipv6},
    tables::{QINQ, Run, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{attachment::Attachment, outcome::Outcome, rate::Rate},
};

/// EtherType, and what is between that and the packet.
type Shim = (u16, Vec<u8>);

fn pppoe(protocol: u16) -> Shim {
    let header = [0x11, 0, 0x12, 0x34, 0, 60];
    (0x8864, [&header[..], &protocol.to_be_bytes()].concat())
}

fn snap(ether_type: u16) -> Shim {
    (80, [&[0xaa, 0xaa, 3, 0, 0, 0], &ether_type.to_be_bytes()[..]].concat())
}

fn behind(shim: &Shim, packet: &[u8]) -> Vec<u8> {
    frame(&QINQ_TAGS, shim.0, &[&shim.1, packet].concat())
}

/// Each shim that may be in front of an IPv4 packet, and of an IPv6 packet.
fn shims() -> [[Shim; 2]; 3] {
    let plain = |ether_type| (ether_type, Vec::new());
    [[plain(0x0800), plain(0x86dd)], [pppoe(0x0021), pppoe(0x0057)], [snap(0x0800), snap(0x86dd)]]
}

#[test]
fn they_are_marked_and_classified() {
    for [v4, v6] in shims() {
        for (sent, expected) in [
            (behind(&v4, &ipv4(46 << 2 | 1, 26)), behind(&v4, &ipv4(10 << 2 | 1, 26))),
            (behind(&v6, &ipv6(46 << 2 | 2, 26)), behind(&v6, &ipv6(10 << 2 | 2, 26))),
        ] {
            let mut tables = sample(&qos_row(|_| 10));
            let mut left = sent.clone();
            assert_eq!(tables.run(&mut left), Reason::Ok, "{sent:02x?}");
            assert_eq!(left, expected);
            let outcome = tables.outcome.get();
            assert_eq!((outcome.class, outcome.dscp_in, outcome.dscp_out), (46 % 8, 46, 10));
        }
    }
}

#[test]
fn they_count_for_their_own_length() {
    for [v4, v6] in shims() {
        for (mut sent, len_bytes) in
            [(behind(&v4, &ipv4(0, 26)), 46), (behind(&v6, &ipv6(0, 26)), 66)]
        {
            sent.extend([0; 9]);
            let mut tables = sample(&qos_row(|arriving| arriving));
            tables.attachments[QINQ as usize].flags = Attachment::ACCOUNT_PACKET;
            assert_eq!(tables.run(&mut sent), Reason::Ok);
            assert_eq!(tables.outcome.get().len_bytes, len_bytes);
        }
    }
}

#[test]
fn they_are_told_of_congestion() {
    for [v4, v6] in shims() {
        for (sent, told) in [
            (behind(&v4, &ipv4(1, 26)), behind(&v4, &ipv4(3, 26))),
            (behind(&v6, &ipv6(1, 26)), behind(&v6, &ipv6(3, 26))),
        ] {
            let mut tables = sample(&qos_row(|arriving| arriving));
            tables.buckets.rates = vec![Rate::new(8_000_000, 2_000).unwrap()];
            let attachment = &mut tables.attachments[QINQ as usize];
            attachment.policer = 1;
            attachment.flags = Attachment::MARKS_ECN;
            // Two milliseconds of burst, nearly all of them used.
            tables.buckets.policers[1].0.tat_ticks.set((1 << 12) * (1_000_000_000 + 1_600_000));
            let mut left = sent.clone();
            assert_eq!(tables.run_at(&mut left, 1_000_000_000), Reason::Ok);
            assert_eq!(left, told, "of {sent:02x?}");
        }
    }
}

#[test]
fn their_flows_are_told_apart() {
    let queue = |shim: &Shim, packet: &[u8]| {
        let mut tables = sample(&qos_row(|arriving| arriving));
        let attachment = &mut tables.attachments[QINQ as usize];
        (attachment.policer, attachment.flow_queues) = (1, 1);
        assert_eq!(tables.run(&mut behind(shim, packet)), Reason::Ok);
        let queues = &tables.buckets.flow_queues[1].queues_ticks;
        queues.iter().position(|queue| queue.get() > 0).unwrap()
    };
    let packets = |version: usize| {
        let of_port = |port: u8| {
            let (mut packet, at) = if version == 0 { (ipv4(0, 26), 20) } else { (ipv6(0, 26), 40) };
            packet[at..at + 4].copy_from_slice(&[0x12, 0x34, 0x50, port]);
            packet
        };
        [of_port(1), of_port(2)]
    };
    for version in 0..2 {
        let [a, b] = packets(version);
        let plain = &shims()[0][version];
        assert_ne!(queue(plain, &a), queue(plain, &b), "these are in two queues");
        for shims in shims() {
            let shim = &shims[version];
            assert_eq!([queue(shim, &a), queue(shim, &b)], [queue(plain, &a), queue(plain, &b)]);
        }
    }
}

#[test]
fn what_only_resembles_them_is_not_ip() {
    let packet = ipv4(46 << 2, 26);
    let with = |mut shim: Shim, at: usize, byte: u8| {
        shim.1[at] = byte;
        shim
    };
    for shim in [
        pppoe(0xc021),
        pppoe(0x0800),
        with(pppoe(0x0021), 0, 0x21),
        with(pppoe(0x0021), 1, 9),
        (0x8863, pppoe(0x0021).1),
        snap(0x0806),
        snap(0x0021),
        with(snap(0x0800), 0, 0xab),
        with(snap(0x0800), 2, 0xe3),
        with(snap(0x0800), 3, 8),
        with(snap(0x0800), 5, 0xf8),
        (0x0600, snap(0x0800).1),
        (0x8847, vec![0, 1, 0x01, 64]),
    ] {
        let mut tables = sample(&qos_row(|_| 0));
        let sent = behind(&shim, &packet);
        let mut left = sent.clone();
        assert_eq!(tables.run(&mut left), Reason::Ok, "{shim:02x?}");
        assert_eq!(left, sent);
        let outcome = tables.outcome.get();
        assert_eq!((outcome.class, outcome.dscp_in), (5, Outcome::NONE), "{shim:02x?}");
    }
    // Nor is what ends in between.
    for shim in [pppoe(0x0021), snap(0x0800)] {
        for end in 0..8 {
            let mut sent = behind(&(shim.0, shim.1[..end].to_vec()), &[]);
            let mut tables = sample(&qos_row(|_| 0));
            assert_eq!(tables.run(&mut sent), Reason::Ok, "{end} bytes of {shim:02x?}");
            assert_eq!(tables.outcome.get().dscp_in, Outcome::NONE);
        }
    }
}

#[test]
fn what_a_router_would_refuse_is_refused() {
    for (shim, packet) in [
        (pppoe(0x0021), ipv6(0, 26)),
        (pppoe(0x0057), ipv4(0, 26)),
        (snap(0x0800), ipv6(0, 26)),
        (snap(0x86dd), ipv4(0, 26)),
        (pppoe(0x0021), ipv4(0, 26)[..45].to_vec()),
        (snap(0x86dd), ipv6(0, 26)[..65].to_vec()),
        (snap(0x0800), ipv4(0, 26)[..19].to_vec()),
        (pppoe(0x0057), Vec::new()),
    ] {
        let mut tables = sample(&qos_row(|_| 0));
        let mut sent = behind(&shim, &packet);
        assert_eq!(tables.run(&mut sent), Reason::Malformed, "{sent:02x?}");
    }
}
