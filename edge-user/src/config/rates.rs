//! Rates as people write them: in bit/s, with decimal prefixes. A unit that could be read in two
//! ways is refused.

use edge_common::abi::rate::Rate;

use super::units::{Parsed, scaled, split, unknown_unit};
use crate::units::bit_rate;

const RATE_HELP: &str = "write a rate such as \"50 Mbps\" or \"2.5 Gbps\", or an integer in bit/s \
                         without quotes";

/// A bandwidth as a person types it, in bit/s: `"50 Mbps"` or a whole number of bit/s, within
/// what can be policed.
pub fn bandwidth_bps(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let is_integer = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rate_bps = if is_integer { scaled(text, 1, RATE_HELP)? } else { rate_bps(text)? };
    in_range_bps(rate_bps)
}

/// A rate with a unit, in bit/s.
pub(super) fn rate_bps(text: &str) -> Parsed<u64> {
    if text.trim().eq_ignore_ascii_case("unlimited") {
        return Err(format!(
            "is {text:?}, which is a `billing`, and no rate; give the bandwidth that was purchased"
        ));
    }
    let (number, unit) = split(text, RATE_HELP)?;
    let Some(unit) = RateUnit::read(unit) else { return Err(unknown_unit(unit, RATE_HELP)) };
    if unit.meaning != Meaning::Bits || unit.is_binary {
        return Err(unit.refusal(number));
    }
    scaled(number, unit.prefix, "give a whole number of bit/s")
}

/// `rate_bps` where it can be policed.
pub(super) fn in_range_bps(rate_bps: u64) -> Parsed<u64> {
    if (Rate::MIN_BPS..=Rate::MAX_BPS).contains(&rate_bps) {
        return Ok(rate_bps);
    }
    Err(format!("is {rate_bps} bit/s, which can't be policed; give 64 kbps to 800 Gbps"))
}

/// A unit behind a rate's number.
struct RateUnit<'t> {
    text: &'t str,
    /// The factor of the prefix.
    prefix: u64,
    /// Whether the prefix is a power of 1,024, such as `Mi`.
    is_binary: bool,
    meaning: Meaning,
}

/// The thing that a unit counts, by its letters behind the prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Bits a second: `bps`, `b/s` with a small b, and `bit` in any case, with and without `/s`.
    Bits,
    /// Bytes a second, to most readers: a capital B.
    Bytes,
    /// Nothing a second: `G`, `Gb`, `GB`.
    Amount,
}

impl<'t> RateUnit<'t> {
    /// The unit `text`; `None`: it is not a unit that anybody uses for rates.
    fn read(text: &'t str) -> Option<Self> {
        let exponent = match text.chars().next()?.to_ascii_lowercase() {
            'k' => 1,
            'm' => 2,
            'g' => 3,
            't' => 4,
            _ => 0,
        };
        let rest = if exponent == 0 { text } else { text.get(1..)? };
        // `ib`, not `i` alone: a prefix needs a unit behind it.
        let is_binary = exponent > 0 && rest.to_ascii_lowercase().starts_with("ib");
        let rest = if is_binary { rest.get(1..)? } else { rest };
        let has_capital_b = rest.starts_with('B');
        let meaning = match rest.to_ascii_lowercase().as_str() {
            "bps" | "b/s" if has_capital_b => Meaning::Bytes,
            "bps" | "b/s" | "bit" | "bits" | "bit/s" | "bits/s" => Meaning::Bits,
            "byte/s" | "bytes/s" => Meaning::Bytes,
            "" if exponent > 0 => Meaning::Amount,
            "b" => Meaning::Amount,
            _ => return None,
        };
        let base: u64 = if is_binary { 1_024 } else { 1_000 };
        Some(Self { text, prefix: base.pow(exponent), is_binary, meaning })
    }

    /// The rest of a sentence that starts with the key, and proposes a notation.
    fn refusal(&self, number: &str) -> String {
        let Self { text, prefix, meaning, .. } = *self;
        // A wrong number can't be converted: the message then has the general help.
        let written = |times: u64| {
            let bps = scaled(number, prefix.checked_mul(times)?, "").ok()?;
            Some(format!("\"{}\"", bit_rate(bps)))
        };
        let (bits, bytes) = (written(1), written(8));
        match (meaning, bits, bytes) {
            (Meaning::Bytes, Some(bits), Some(bytes)) => format!(
                "has the unit {text:?}, whose capital B reads as bytes; write {bits} if bits are \
                 meant, or {bytes} if bytes are"
            ),
            (Meaning::Amount, Some(bits), _) => {
                format!("has the unit {text:?}, which is no rate; write {bits}")
            }
            (Meaning::Bits, Some(bits), _) => {
                let prefix = text.get(..2).unwrap_or_default();
                format!("has the binary prefix {prefix:?}, and rates are decimal; write {bits}")
            }
            _ => format!("has the unit {text:?}; {RATE_HELP}"),
        }
    }
}
