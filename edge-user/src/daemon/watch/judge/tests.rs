use proptest::prelude::*;

use super::*;

const OVER: Duration = Duration::from_secs(2);
const WHOLE: Burstiness = Burstiness { burst_bytes: 128_000, least_share_permille: 1_000 };

fn bucket(peering: Option<&str>, class: Option<&str>, rate_bps: u64) -> PolicerStatus {
    PolicerStatus {
        peering: peering.map(str::to_owned),
        class: class.map(str::to_owned),
        direction: "inbound".to_owned(),
        link: "primary".to_owned(),
        rate_bps,
        burst_bytes: 128_000,
        used_bytes: 0,
        peak_1ms_bps: 2_000_000_000,
        peak_100ms_bps: 12_345_678,
        leases: 0,
        retries: 0,
        debts: 0,
    }
}

/// Bits a second that passed and were lost, in frames of 125 bytes.
fn offered<'a>(
    peering: &'a str,
    class: &'a str,
    passed_bps: u64,
    lost_bps: u64,
) -> OfferedClass<'a> {
    let bytes = |bps: u64| bps * OVER.as_secs() / 8;
    let lost_bytes = bytes(lost_bps);
    let load =
        ClassLoad { passed_bytes: bytes(passed_bps), lost_bytes, lost_frames: lost_bytes / 125 };
    OfferedClass { peering, class, load }
}

fn sentence(verdict: &Verdict<'_>) -> String {
    verdict.sentence("inbound", "primary", WHOLE)
}

#[test]
fn a_sustained_load_above_the_rate_is_told_with_both_and_the_loss() {
    let circuit = bucket(None, None, 10_000_000);
    let classes = [offered("private", "low", 10_000_000, 3_000_000)];
    let verdict = judge(&[&circuit], &classes, OVER, None).unwrap();
    assert_eq!(verdict.kind, ConditionKind::OverRate);
    assert_eq!(
        sentence(&verdict),
        "inbound on the primary link, 13 Mbps are offered to the circuit, 10 Mbps are purchased, and 3,000 frames/s are \
         lost; have the customer send less, or sell more (`edge set-bandwidth`)"
    );
    let quiet = [offered("private", "low", 10_000_000, 0)];
    assert!(judge(&[&circuit], &quiet, OVER, None).is_none());
}

#[test]
fn a_low_load_that_loses_frames_comes_in_bursts() {
    let circuit = bucket(None, None, 10_000_000);
    let classes = [offered("private", "low", 2_000_000, 100_000)];
    let verdict = judge(&[&circuit], &classes, OVER, None).unwrap();
    assert_eq!(verdict.kind, ConditionKind::Bursts);
    assert_eq!(
        sentence(&verdict),
        "inbound on the primary link, 100 frames/s of the circuit are lost, though on average 2.1 Mbps of 10 Mbps are \
         offered: bursts are larger than the burst size of 128,000 bytes (passed: 2 Gbps in 1 ms, 12.35 Mbps in 100 ms); \
         have the customer pace, or set `burst = \"153 KB\"`, which would have passed all of the last 2.0 s"
    );
    // A class that may use half of the burst needs twice as much more.
    let half = Burstiness { least_share_permille: 500, ..WHOLE };
    assert_eq!(verdict.enough_bytes(half), Some(178_000));
    // Nothing is promised that no configuration may have.
    let lost = [offered("private", "low", 2_000_000, 2_000_000)];
    let slow = bucket(None, None, 64_000);
    assert_eq!(judge(&[&slow], &lost, OVER, None).unwrap().enough_bytes(WHOLE), None);
}

#[test]
fn the_verdict_of_before_stays_in_doubt() {
    let circuit = bucket(None, None, 10_000_000);
    for (total_bps, before, expected) in [
        (9_500_000, None, ConditionKind::OverRate),
        (9_400_000, None, ConditionKind::Bursts),
        (9_400_000, Some(ConditionKind::Bursts), ConditionKind::Bursts),
        (9_400_000, Some(ConditionKind::OverRate), ConditionKind::OverRate),
        (7_900_000, Some(ConditionKind::OverRate), ConditionKind::Bursts),
    ] {
        let classes = [offered("private", "low", total_bps - 100_000, 100_000)];
        let verdict = judge(&[&circuit], &classes, OVER, before).unwrap();
        assert_eq!(verdict.kind, expected, "{total_bps} {before:?}");
    }
}

#[test]
fn the_bucket_is_the_one_that_is_used_most() {
    let circuit = bucket(None, None, 100_000_000);
    let peering = bucket(Some("private"), None, 50_000_000);
    let class = bucket(Some("private"), Some("voice"), 1_000_000);
    let all = [&circuit, &peering, &class];
    let voice = offered("private", "voice", 1_000_000, 500_000);
    let verdict = judge(&all, &[voice, offered("private", "low", 10_000_000, 0)], OVER, None);
    let told = sentence(&verdict.unwrap());
    assert!(told.contains("1.5 Mbps are offered to class voice of private, 1 Mbps are"), "{told}");
    assert!(told.ends_with("or give it a higher `bandwidth`"), "{told}");
    // Another class loses frames: the one with a bucket of its own has no part in it.
    let low = offered("private", "low", 49_000_000, 5_000_000);
    let told = sentence(&judge(&all, &[low], OVER, None).unwrap());
    assert!(told.contains("54 Mbps are offered to peering private, 50 Mbps"), "{told}");
    let public = offered("public", "low", 100_000_000, 5_000_000);
    let told = sentence(&judge(&all, &[low, public], OVER, None).unwrap());
    assert!(told.contains("159 Mbps are offered to the circuit"), "{told}");
    // Nobody knows which of several buckets was too small for a burst.
    let few = offered("private", "low", 1_000_000, 1_000);
    let told = sentence(&judge(&all, &[few], OVER, None).unwrap());
    assert!(told.ends_with("have the customer pace"), "{told}");
}

/// The bytes that a bucket refuses of frames, each with its length and the time since the one before.
fn refused(frames: &[(u64, u64)], bytes_per_ms: u64, burst_bytes: u64, from: u64) -> u64 {
    let (mut used, mut refused) = (from, 0);
    for (len, ms) in frames {
        used = used.saturating_sub(bytes_per_ms * ms);
        if used + len <= burst_bytes { used += len } else { refused += len }
    }
    refused
}

proptest! {
    /// The burst size that is proposed would have passed them all.
    #[test]
    fn a_larger_burst_would_have_passed_all(
        frames in proptest::collection::vec((64_u64..1_600, 0_u64..30), 1..300),
        bytes_per_ms in 1_u64..200,
        burst_bytes in 1_600_u64..20_000,
        from in 0_u64..20_000,
    ) {
        let from = from.min(burst_bytes);
        let lost_bytes = refused(&frames, bytes_per_ms, burst_bytes, from);
        let circuit = PolicerStatus { burst_bytes, ..bucket(None, None, bytes_per_ms * 8_000) };
        let load = ClassLoad { passed_bytes: 0, lost_bytes, lost_frames: lost_bytes.min(1) };
        let class = OfferedClass { peering: "private", class: "low", load };
        if let Some(verdict) = judge(&[&circuit], &[class], OVER, None) {
            let own = Burstiness { burst_bytes, least_share_permille: 1_000 };
            let enough = verdict.enough_bytes(own);
            prop_assert!(enough.is_some() || bytes_per_ms < 100);
            if let Some(enough) = enough {
                prop_assert_eq!(refused(&frames, bytes_per_ms, enough, from), 0);
            }
        }
    }
}
