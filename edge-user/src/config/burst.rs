//! The committed burst of a circuit.

use edge_common::abi::rate::MAX_BURST_NS;

use super::{QosProfile, units::Burst};

/// A class whose share is below this could never send a full tagged frame.
const MIN_SHARE_BYTES: u64 = 1_600;

const DEFAULT_BURST_NS: u64 = 25_000_000;
const DEFAULT_MIN_BYTES: u64 = 128_000;
const DEFAULT_MAX_BYTES: u64 = 64_000_000;

/// The burst of a circuit, peering or class that names none: 25 ms of its rate, at least 128 KB and
/// at most 64 MB.
#[must_use]
pub fn default_burst_bytes(bandwidth_bps: u64) -> u64 {
    bytes_in(DEFAULT_BURST_NS, bandwidth_bps).clamp(DEFAULT_MIN_BYTES, DEFAULT_MAX_BYTES)
}

/// `burst`, or the default, in bytes. The error says what is wrong with it.
pub(super) fn burst_bytes(burst: Option<Burst>, bandwidth_bps: u64) -> Result<u64, String> {
    let longest = largest_burst_bytes(bandwidth_bps);
    let (is_too_long, bytes) = match burst {
        None => (false, default_burst_bytes(bandwidth_bps)),
        Some(Burst::Time { ns }) => (ns > MAX_BURST_NS, bytes_in(ns, bandwidth_bps)),
        Some(Burst::Size { bytes }) => (bytes > longest, bytes),
    };
    if is_too_long {
        return Err(format!(
            "`burst` is longer than {} s at the circuit's bandwidth; give at most {longest} bytes",
            MAX_BURST_NS / 1_000_000_000,
        ));
    }
    Ok(bytes)
}

/// Checks that a full frame fits into the share of the burst that the class with the least share
/// has.
pub(super) fn check_share(burst_bytes: u64, permille: u32, profile: &str) -> Result<(), String> {
    let share_bytes = share_bytes(burst_bytes, permille);
    if share_bytes >= MIN_SHARE_BYTES {
        return Ok(());
    }
    let needed = (MIN_SHARE_BYTES * 1000).div_ceil(u64::from(permille));
    Err(format!(
        "the burst of {burst_bytes} bytes leaves a class of profile {profile:?} {share_bytes} \
         bytes, in which no full frame fits; give a `burst` of at least {needed} bytes, or the \
         class a larger share"
    ))
}

/// The share of a burst in bytes, rounded as the data plane rounds it.
pub(super) fn share_bytes(burst_bytes: u64, permille: u32) -> u64 {
    burst_bytes * u64::from(permille) / 1000
}

/// The smallest share of a burst that a class of `profile` has.
pub(super) fn least_share_permille(profile: &QosProfile) -> u32 {
    profile.classes.iter().map(|class| class.burst_share_permille).min().unwrap_or(1000)
}

/// Bytes that take `ns` at `bandwidth_bps`, rounded down.
pub(super) fn bytes_in(ns: u64, bandwidth_bps: u64) -> u64 {
    let bytes = u128::from(bandwidth_bps) * u128::from(ns) / 8_000_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The largest burst that a configuration may give a circuit of this bandwidth, in bytes: 16 s of it.
#[must_use]
pub fn largest_burst_bytes(bandwidth_bps: u64) -> u64 {
    bytes_in(MAX_BURST_NS, bandwidth_bps)
}

#[cfg(test)]
mod tests {
    use edge_common::abi::rate::Rate;

    use super::*;

    #[test]
    fn defaults() {
        for (bandwidth_bps, bytes) in [
            (64_000, 128_000),
            (102_399, 128_000),
            (50_000_000, 156_250),
            (1_000_000, 128_000),
            (40_960_000, 128_000),
            (1_000_000_000, 3_125_000),
            (20_480_000_000, 64_000_000),
            (800_000_000_000, 64_000_000),
        ] {
            assert_eq!(default_burst_bytes(bandwidth_bps), bytes, "{bandwidth_bps}");
        }
    }

    #[test]
    fn times_and_sizes() {
        let time = |ns| Some(Burst::Time { ns });
        let size = |bytes| Some(Burst::Size { bytes });
        assert_eq!(burst_bytes(time(25_000_000), 1_000_000_000), Ok(3_125_000));
        assert_eq!(burst_bytes(time(1), 1_000_000_000), Ok(0));
        assert_eq!(burst_bytes(time(16_000_000_000), 64_000), Ok(128_000));
        assert!(burst_bytes(time(16_000_000_001), 64_000).is_err());
        assert!(burst_bytes(time(u64::MAX), 800_000_000_000).is_err());
        assert_eq!(burst_bytes(size(128_000), 64_000), Ok(128_000));
        assert!(burst_bytes(size(128_001), 64_000).is_err());
        assert!(burst_bytes(size(u64::MAX), 800_000_000_000).is_err());
    }

    #[test]
    fn the_longest_is_what_the_policer_takes() {
        for bandwidth_bps in [64_000, 64_001, 99_999_999, 333_333_333_333, 800_000_000_000] {
            for bytes in [largest_burst_bytes(bandwidth_bps), default_burst_bytes(bandwidth_bps)] {
                assert!(Rate::new(bandwidth_bps, bytes).is_ok(), "{bandwidth_bps}");
            }
        }
    }
}
