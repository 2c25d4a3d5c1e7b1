//! Buckets inside a circuit, flows beside each other, and congestion marks.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4, ipv4_checksum, ipv6},
    tables::{QINQ, Run, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{
        attachment::Attachment,
        policer::{Bucket, Lease, Policer},
        rate::Rate,
    },
    host::HostTables,
};

const CIRCUIT: u32 = 1;
const PEERING: u32 = 2;
const CLASS: u32 = 3;

/// A circuit of 10 Mbit/s with a peering of 5 Mbit/s, whose class 1 has 2 Mbit/s; bursts of 50 ms.
fn limited() -> HostTables {
    let mut tables = sample(&qos_row(|arriving| arriving));
    let rate = |mbps: u64| Rate::new(mbps * 1_000_000, mbps * 6_250).unwrap();
    tables.buckets.rates = vec![rate(10), rate(5), rate(2)];
    tables.buckets.policers = (0..4).map(|_| (Policer::default(), Lease::default())).collect();
    tables.limits[QINQ as usize].peering = Bucket { policer: PEERING, rate: 1 };
    tables.limits[QINQ as usize].classes[1] = Bucket { policer: CLASS, rate: 2 };
    let attachment = &mut tables.attachments[QINQ as usize];
    attachment.policer = CIRCUIT;
    attachment.flags = Attachment::HAS_LIMITS;
    tables
}

/// Bytes admitted in a second of an offer of `mbps` of each of these DSCPs, in frames of 1,000
/// bytes.
fn delivered(tables: &mut HostTables, dscps: &[u8], mbps: u64) -> Vec<u64> {
    let mut bytes = vec![0; dscps.len()];
    let gap_ns = 8_000_000 / mbps;
    for step in 0..1_000_000_000 / gap_ns {
        for (dscp, bytes) in dscps.iter().zip(&mut bytes) {
            let mut sent = frame(&QINQ_TAGS, 0x0800, &ipv4(dscp << 2, 958));
            let reason = tables.run_at(&mut sent, 1_000_000_000 + step * gap_ns);
            *bytes += if reason == Reason::Ok { 1000 } else { 0 };
        }
    }
    bytes
}

/// In bytes: a second of it, and the burst.
fn bound(mbps: u64) -> u64 {
    mbps * 125_000 + mbps * 6_250
}

fn is_about(bytes: u64, expected: u64) -> bool {
    bytes <= expected + 2000 && bytes >= expected - expected / 50
}

#[test]
fn each_bucket_holds_what_is_in_it() {
    let alone = delivered(&mut limited(), &[1], 20);
    assert!(is_about(alone[0], bound(2)), "class: {alone:?}");
    let alone = delivered(&mut limited(), &[2], 20);
    assert!(is_about(alone[0], bound(5)), "peering: {alone:?}");
    let both = delivered(&mut limited(), &[1, 2], 20);
    assert!(is_about(both[0] + both[1], bound(5)), "both in the peering: {both:?}");
    assert!(both[0] <= bound(2) + 2000, "class beside another: {both:?}");

    let mut tables = limited();
    tables.buckets.rates[1] = Rate::new(100_000_000, 625_000).unwrap();
    let circuit = delivered(&mut tables, &[2], 40);
    assert!(is_about(circuit[0], bound(10)), "circuit: {circuit:?}");
}

/// Bytes that the peering refuses are not taken from the class, nor from the circuit.
#[test]
fn a_refusal_takes_nothing() {
    let mut tables = limited();
    // A peering whose burst is used up.
    let far_ahead = (1 << 12) * 1_040_000_000;
    tables.buckets.policers[PEERING as usize].0.tat_ticks.set(far_ahead + (1 << 12) * 12_000_000);
    let mut sent = frame(&QINQ_TAGS, 0x0800, &ipv4(1 << 2, 958));
    for _ in 0..100 {
        assert_eq!(tables.run_at(&mut sent.clone(), 1_000_000_000), Reason::OverRate);
    }
    assert_eq!(tables.buckets.policers[CIRCUIT as usize].1, Lease::default());
    let class = tables.buckets.policers[CLASS as usize].1;
    assert_eq!((class.leases, class.credit_bytes.iter().sum::<u32>()), (1, 1000));
    // And is there for the next frame.
    tables.buckets.policers[PEERING as usize].0.tat_ticks.set(0);
    assert_eq!(tables.run_at(&mut sent, 1_000_000_000), Reason::Ok);
    assert_eq!(tables.buckets.policers[CLASS as usize].1.leases, 1);
}

#[test]
fn ecn_capable_senders_are_told_before_they_are_refused() {
    let mut tables = sample(&qos_row(|arriving| arriving));
    // A burst of 100 frames, of which the last quarter tells.
    tables.buckets.rates = vec![Rate::new(8_000_000, 100_000).unwrap()];
    let attachment = &mut tables.attachments[QINQ as usize];
    attachment.policer = CIRCUIT;
    attachment.flags = Attachment::MARKS_ECN;
    let mut told = [0; 4];
    for number in 0..104 {
        let ecn = number % 4;
        let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(46 << 2 | ecn, 958));
        let mut left = sent.clone();
        if tables.run_at(&mut left, 1_000_000_000) != Reason::Ok {
            assert_eq!(left, sent);
            assert!(number >= 100, "frame {number}");
            continue;
        }
        let mut marked = sent.clone();
        marked[23] |= 3;
        let checksum = ipv4_checksum(&marked[22..42]);
        marked[32..34].copy_from_slice(&checksum.to_be_bytes());
        let is_told = left == marked && left != sent;
        assert!(is_told || left == sent, "frame {number}");
        told[usize::from(ecn)] += u32::from(is_told);
        assert!(!is_told || number > 74, "frame {number} was told too early");
    }
    // The first of the 25 frames at the end, or the next, and of the last steps each once.
    assert_eq!(told[0], 0);
    assert_eq!(told[3], 0, "what says so already");
    assert!((1..8).contains(&(told[1] + told[2])), "{told:?}");

    // While the used part shrinks, no sender is told again; when it grows again, one is.
    let mut told_at = |now_ns: u64| {
        let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(46 << 2 | 1, 958));
        let mut left = sent.clone();
        assert_eq!(tables.run_at(&mut left, now_ns), Reason::Ok);
        left != sent
    };
    assert!(!told_at(1_010_000_000));
    assert!(!told_at(1_020_000_000));
    assert!(!told_at(1_050_000_000));
    assert!((0..30).any(|_| told_at(1_050_000_000)));
}

#[test]
fn ecn_is_told_in_ipv6_too() {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.buckets.rates = vec![Rate::new(8_000_000, 2_000).unwrap()];
    let attachment = &mut tables.attachments[QINQ as usize];
    attachment.policer = CIRCUIT;
    attachment.flags = Attachment::MARKS_ECN;
    let sent = frame(&QINQ_TAGS, 0x86dd, &ipv6(46 << 2 | 1, 845));
    let mut left = sent.clone();
    assert_eq!(tables.run_at(&mut left, 1_000_000_000), Reason::Ok);
    assert_eq!(left, sent);
    // 907 of 2,000 bytes are not yet three quarters; twice that is.
    assert_eq!(tables.run_at(&mut left, 1_000_000_000), Reason::Ok);
    assert_eq!(left, sent);
    tables.buckets.policers[CIRCUIT as usize]
        .0
        .tat_ticks
        .set((1 << 12) * (1_000_000_000 + 1_550_000));
    let small = frame(&QINQ_TAGS, 0x86dd, &ipv6(46 << 2 | 1, 8));
    let mut left = small.clone();
    assert_eq!(tables.run_at(&mut left, 1_000_000_000), Reason::Ok);
    assert_eq!(left, frame(&QINQ_TAGS, 0x86dd, &ipv6(46 << 2 | 3, 8)));
}

/// A circuit of 100 Mbit/s and 25 ms, whose flows are told apart.
fn fair() -> HostTables {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.buckets.rates = vec![Rate::new(100_000_000, 312_500).unwrap()];
    let attachment = &mut tables.attachments[QINQ as usize];
    attachment.policer = CIRCUIT;
    attachment.flow_queues = 1;
    tables
}

/// Bytes delivered in two seconds to UDP flows that send at these rates.
fn flows(tables: &mut HostTables, offered_mbps: &[u64]) -> Vec<u64> {
    let mut next_ns: Vec<u64> = vec![1_000_000_000; offered_mbps.len()];
    let mut bytes = vec![0; offered_mbps.len()];
    loop {
        let flow = (0..next_ns.len()).min_by_key(|flow| next_ns[*flow]).unwrap();
        let now_ns = next_ns[flow];
        if now_ns > 3_000_000_000 {
            return bytes;
        }
        next_ns[flow] += 8_000_000 / offered_mbps[flow];
        let mut packet = ipv4(0, 958);
        packet[20..24].copy_from_slice(&[0x12, 0x34, 0x50, u8::try_from(flow).unwrap()]);
        let mut sent = frame(&QINQ_TAGS, 0x0800, &packet);
        if tables.run_at(&mut sent, now_ns) == Reason::Ok && now_ns > 1_500_000_000 {
            bytes[flow] += 1000;
        }
    }
}

#[test]
fn no_flow_starves_another() {
    // Bytes that the last 1.5 s can hold.
    let purchased = 18_750_000.0;
    let share = |bytes: u64| bytes as f64 / purchased;

    let alone: Vec<f64> = flows(&mut fair(), &[400]).into_iter().map(share).collect();
    assert!((0.97..1.01).contains(&alone[0]), "{alone:?}");

    // One that sends five times the rate, and four within their share.
    let mixed: Vec<f64> =
        flows(&mut fair(), &[500, 15, 15, 15, 15]).into_iter().map(share).collect();
    assert!(mixed[1..].iter().all(|share| *share > 0.149), "{mixed:?}");
    assert!((0.98..1.01).contains(&mixed.iter().sum::<f64>()), "{mixed:?}");

    // All above it, by different amounts: equal parts.
    let greedy: Vec<f64> =
        flows(&mut fair(), &[500, 100, 50, 40, 30]).into_iter().map(share).collect();
    assert!(greedy.iter().all(|share| (0.18..0.22).contains(share)), "{greedy:?}");
    assert!((0.97..1.01).contains(&greedy.iter().sum::<f64>()), "{greedy:?}");

    // Without, the one has nearly all.
    let mut plain = fair();
    plain.attachments[QINQ as usize].flow_queues = 0;
    let plain: Vec<f64> =
        flows(&mut plain, &[500, 15, 15, 15, 15]).into_iter().map(share).collect();
    assert!(plain[1..].iter().all(|share| *share < 0.1), "{plain:?}");
}
