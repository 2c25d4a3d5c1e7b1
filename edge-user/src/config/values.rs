//! Single values, from TOML's types to ours. A refusal is the rest of a sentence that starts with
//! the key: "is 5000; give a VLAN ID from 1 to 4094".

use std::{fmt, time::Duration};

use toml_span::{Value, value::ValueInner};

use super::{
    CTags, CoreTag, rates,
    units::{self, Burst},
};
use crate::model::spelled::Spelled;

/// A value, or the reason why it is wrong.
pub(super) type Read<T> = Result<T, String>;

/// An entry of a class's `dscp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DscpEntry {
    /// A code point.
    Listed(u8),
    /// All code points that no class lists.
    Default,
}

pub(super) fn string(value: &Value<'_>) -> Read<String> {
    value.as_str().map(Into::into).ok_or_else(|| wrong(value, "give a string"))
}

pub(super) fn boolean(value: &Value<'_>) -> Read<bool> {
    value.as_bool().ok_or_else(|| wrong(value, "give true or false, without quotes"))
}

pub(super) fn choice<T: Spelled>(value: &Value<'_>) -> Read<T> {
    let found = value.as_str().and_then(|text| T::VALUES.iter().find(|v| v.spelling() == text));
    found.copied().ok_or_else(|| {
        let all: Vec<_> = T::VALUES.iter().map(|v| format!("{:?}", v.spelling())).collect();
        wrong(value, &format!("give {}", all.join(" or ")))
    })
}

pub(super) fn vid(value: &Value<'_>) -> Read<u16> {
    integer_in(value, 1, 4094, "a VLAN ID from 1 to 4094")
}

/// One VID, a range of them, or any.
pub(super) fn c_tags(value: &Value<'_>) -> Read<CTags> {
    const HELP: &str = "a VLAN ID from 1 to 4094, a range such as \"100-199\", or \"any\"";
    match value.as_str() {
        Some("any") => Ok(CTags::ANY),
        Some(text) if text.contains('-') => {
            let (first, last) = bounds(value, text, 1, 4094, HELP)?;
            Ok(CTags { first, last })
        }
        _ => integer_in(value, 1, 4094, HELP).map(CTags::one),
    }
}

/// The VID of a tag towards the core, or 0.
pub(super) fn core_tag(value: &Value<'_>) -> Read<CoreTag> {
    let vid = integer_in(value, 0, 4094, "a VLAN ID from 1 to 4094, or 0 for no such tag")?;
    Ok(if vid == 0 { CoreTag::None } else { CoreTag::Vid(vid) })
}

pub(super) fn pcp(value: &Value<'_>) -> Read<u8> {
    integer_in(value, 0, 7, "a PCP from 0 to 7")
}

pub(super) fn code_point(value: &Value<'_>) -> Read<u8> {
    integer_in(value, 0, 63, "a DSCP from 0 to 63")
}

pub(super) fn dscp_entry(value: &Value<'_>) -> Read<DscpEntry> {
    const HELP: &str = "a DSCP from 0 to 63, or \"default\"";
    match value.as_str() {
        Some("default") => Ok(DscpEntry::Default),
        _ => integer_in(value, 0, 63, HELP).map(DscpEntry::Listed),
    }
}

/// A TPID as `"0x88a8"` or as an integer.
pub(super) fn tpid(value: &Value<'_>) -> Read<u16> {
    let from_text = |text: &str| {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
        // `from_str_radix` would take a sign, too.
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    };
    let number = match value.as_str() {
        Some(text) => from_text(text),
        None => value.as_integer().and_then(|number| u16::try_from(number).ok()),
    };
    number
        .filter(|tpid| [0x8100, 0x88a8, 0x9100, 0x9200].contains(tpid))
        .ok_or_else(|| wrong(value, "give \"0x8100\", \"0x88a8\", \"0x9100\" or \"0x9200\""))
}

pub(super) fn bandwidth(value: &Value<'_>) -> Read<u64> {
    const HELP: &str = "give a rate such as \"50 Mbps\", or an integer in bit/s";
    let rate_bps = match value.as_str() {
        Some(text) => rates::rate_bps(text)?,
        None => whole(value, HELP)?,
    };
    rates::in_range_bps(rate_bps)
}

pub(super) fn burst(value: &Value<'_>) -> Read<Burst> {
    const HELP: &str =
        "give a time such as \"25ms\", a size such as \"256 KiB\", or an integer in bytes";
    match value.as_str() {
        Some(text) => units::burst(text),
        None => whole(value, HELP).map(|bytes| Burst::Size { bytes }),
    }
}

pub(super) fn duration(value: &Value<'_>) -> Read<Duration> {
    let text = value.as_str().ok_or_else(|| wrong(value, units::DURATION_HELP))?;
    units::duration(text)
}

/// A part of the whole, as a number above 0 and up to 1, in thousandths.
pub(super) fn share_permille(value: &Value<'_>) -> Read<u32> {
    let integer = value.as_integer().map(|number| if number == 1 { 1.0 } else { f64::INFINITY });
    let share = value.as_float().or(integer).filter(|share| *share > 0.0 && *share <= 1.0);
    let share = share.ok_or_else(|| wrong(value, "give a number above 0 and up to 1.0"))?;
    // The nearest thousandth, but at least one: a class with a share of 0 could not send.
    let permille = (1..=1000u32).min_by(|a, b| {
        let distance = |n: u32| (f64::from(n) / 1000.0 - share).abs();
        distance(*a).total_cmp(&distance(*b))
    });
    permille.ok_or_else(|| wrong(value, "give a number above 0 and up to 1.0"))
}

/// A refusal such as "is X; give Y".
pub(super) fn wrong(value: &Value<'_>, help: &str) -> String {
    format!("is {}; {help}", Shown(value))
}

/// The bounds of a range such as `"100-199"`, both within `min` to `max`.
pub(super) fn bounds(
    value: &Value<'_>,
    text: &str,
    min: u16,
    max: u16,
    what: &str,
) -> Read<(u16, u16)> {
    let bound = |text: &str| {
        let text = text.trim();
        // `parse` would take a sign, too.
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|bound| is_decimal && (min..=max).contains(bound))
    };
    let found = text.split_once('-').and_then(|(a, b)| Some((bound(a)?, bound(b)?)));
    let (first, last) = found.ok_or_else(|| wrong(value, &format!("give {what}")))?;
    if first > last {
        return Err(wrong(value, &format!("give the lower end first, \"{last}-{first}\"")));
    }
    Ok((first, last))
}

pub(super) fn integer_in<T: TryFrom<i64>>(
    value: &Value<'_>,
    min: i64,
    max: i64,
    what: &str,
) -> Read<T> {
    let number = value.as_integer().filter(|number| (min..=max).contains(number));
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        let is_quoted = value.as_str().is_some_and(|text| text.parse::<i64>().is_ok());
        let quotes = if is_quoted { ", without quotes" } else { "" };
        wrong(value, &format!("give {what}{quotes}"))
    })
}

fn whole(value: &Value<'_>, help: &str) -> Read<u64> {
    let number = value.as_integer().ok_or_else(|| wrong(value, help))?;
    u64::try_from(number).map_err(|_negative| wrong(value, help))
}

struct Shown<'a, 'de>(&'a Value<'de>);

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_ref() {
            ValueInner::String(text) => write!(f, "{text:?}"),
            ValueInner::Integer(number) => write!(f, "{number}"),
            ValueInner::Float(number) => write!(f, "the floating-point number {number:?}"),
            ValueInner::Boolean(value) => write!(f, "{value}"),
            ValueInner::Array(_) => f.write_str("an array"),
            ValueInner::Table(_) => f.write_str("a table"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(tags: CTags) -> String {
        format!("{}-{}", tags.first, tags.last)
    }

    #[test]
    fn readers_accept_and_refuse() {
        type Case = (&'static str, fn(&Value<'_>) -> Result<String, String>, Option<&'static str>);
        let cases: &[Case] = &[
            ("1", |v| vid(v).map(|n| n.to_string()), Some("1")),
            ("4094", |v| vid(v).map(|n| n.to_string()), Some("4094")),
            ("0", |v| vid(v).map(|n| n.to_string()), None),
            ("4095", |v| vid(v).map(|n| n.to_string()), None),
            ("5000", |v| vid(v).map(|n| n.to_string()), None),
            ("-1", |v| vid(v).map(|n| n.to_string()), None),
            ("10.0", |v| vid(v).map(|n| n.to_string()), None),
            ("'10'", |v| vid(v).map(|n| n.to_string()), None),
            ("10", |v| c_tags(v).map(range), Some("10-10")),
            ("'any'", |v| c_tags(v).map(range), Some("1-4094")),
            ("'100-199'", |v| c_tags(v).map(range), Some("100-199")),
            ("' 1 - 4094 '", |v| c_tags(v).map(range), Some("1-4094")),
            ("'10-10'", |v| c_tags(v).map(range), Some("10-10")),
            ("'199-100'", |v| c_tags(v).map(range), None),
            ("'0-10'", |v| c_tags(v).map(range), None),
            ("'10-4095'", |v| c_tags(v).map(range), None),
            ("'10-'", |v| c_tags(v).map(range), None),
            ("'-10'", |v| c_tags(v).map(range), None),
            ("'+1-10'", |v| c_tags(v).map(range), None),
            ("'1-2-3'", |v| c_tags(v).map(range), None),
            ("'all'", |v| c_tags(v).map(range), None),
            ("'10'", |v| c_tags(v).map(range), None),
            ("-1", |v| c_tags(v).map(range), None),
            ("0", |v| core_tag(v).map(|t| format!("{t:?}")), Some("None")),
            ("4094", |v| core_tag(v).map(|t| format!("{t:?}")), Some("Vid(4094)")),
            ("4095", |v| core_tag(v).map(|t| format!("{t:?}")), None),
            ("'any'", |v| core_tag(v).map(|t| format!("{t:?}")), None),
            ("7", |v| pcp(v).map(|n| n.to_string()), Some("7")),
            ("8", |v| pcp(v).map(|n| n.to_string()), None),
            ("63", |v| code_point(v).map(|n| n.to_string()), Some("63")),
            ("64", |v| code_point(v).map(|n| n.to_string()), None),
            ("-1", |v| code_point(v).map(|n| n.to_string()), None),
            ("'default'", |v| dscp_entry(v).map(|e| format!("{e:?}")), Some("Default")),
            ("46", |v| dscp_entry(v).map(|e| format!("{e:?}")), Some("Listed(46)")),
            ("'EF'", |v| dscp_entry(v).map(|e| format!("{e:?}")), None),
            ("'0x8100'", |v| tpid(v).map(|n| n.to_string()), Some("33024")),
            ("'0x88A8'", |v| tpid(v).map(|n| n.to_string()), Some("34984")),
            ("0x9100", |v| tpid(v).map(|n| n.to_string()), Some("37120")),
            ("33024", |v| tpid(v).map(|n| n.to_string()), Some("33024")),
            ("'8100'", |v| tpid(v).map(|n| n.to_string()), None),
            ("'0x+8100'", |v| tpid(v).map(|n| n.to_string()), None),
            ("'0x0800'", |v| tpid(v).map(|n| n.to_string()), None),
            ("0x18100", |v| tpid(v).map(|n| n.to_string()), None),
            ("1.0", |v| share_permille(v).map(|n| n.to_string()), Some("1000")),
            ("1", |v| share_permille(v).map(|n| n.to_string()), Some("1000")),
            ("0.6", |v| share_permille(v).map(|n| n.to_string()), Some("600")),
            ("0.0001", |v| share_permille(v).map(|n| n.to_string()), Some("1")),
            ("0.3333", |v| share_permille(v).map(|n| n.to_string()), Some("333")),
            ("0.0", |v| share_permille(v).map(|n| n.to_string()), None),
            ("0", |v| share_permille(v).map(|n| n.to_string()), None),
            ("1.001", |v| share_permille(v).map(|n| n.to_string()), None),
            ("-0.5", |v| share_permille(v).map(|n| n.to_string()), None),
            ("nan", |v| share_permille(v).map(|n| n.to_string()), None),
            ("inf", |v| share_permille(v).map(|n| n.to_string()), None),
            ("'0.5'", |v| share_permille(v).map(|n| n.to_string()), None),
            ("1000000", |v| bandwidth(v).map(|n| n.to_string()), Some("1000000")),
            ("1e6", |v| bandwidth(v).map(|n| n.to_string()), None),
            ("-1000000", |v| bandwidth(v).map(|n| n.to_string()), None),
            ("63999", |v| bandwidth(v).map(|n| n.to_string()), None),
            ("800000000001", |v| bandwidth(v).map(|n| n.to_string()), None),
            ("true", |v| bandwidth(v).map(|n| n.to_string()), None),
            ("128000", |v| burst(v).map(|b| format!("{b:?}")), Some("Size { bytes: 128000 }")),
            ("-1", |v| burst(v).map(|b| format!("{b:?}")), None),
            ("2.5", |v| burst(v).map(|b| format!("{b:?}")), None),
            ("'true'", |v| boolean(v).map(|b| b.to_string()), None),
            ("true", |v| boolean(v).map(|b| b.to_string()), Some("true")),
        ];
        for (text, read, expected) in cases {
            let source = format!("key = {text}");
            let document = toml_span::parse(&source).expect("TOML");
            let value = document.pointer("/key").expect("key");
            assert_eq!(read(value).ok().as_deref(), *expected, "{text}");
        }
    }
}
