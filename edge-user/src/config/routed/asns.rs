//! AS numbers, and those that nobody can have.

use toml_span::Value;

use super::super::values::{Read, integer_in};

/// AS numbers that no router has, with the reason.
const RESERVED: [(i64, &str); 4] = [
    (0, "which is nobody's (RFC 7607)"),
    (23_456, "which stands for numbers that a router does not know (RFC 6793)"),
    (65_535, "which is reserved (RFC 7300)"),
    (4_294_967_295, "which is reserved (RFC 7300)"),
];

/// AS numbers that Azure keeps for its gateways, from the first to the last.
const GATEWAYS: std::ops::RangeInclusive<u32> = 65_515..=65_520;

/// The edge's AS.
pub(in super::super) fn own_asn(value: &Value<'_>) -> Read<u32> {
    asn(value, "your AS number, such as 12076")
}

/// The AS of a customer's router.
pub(super) fn customer_asn(value: &Value<'_>) -> Read<u32> {
    const HELP: &str = "the customer's AS number, such as 65001";
    let asn = asn(value, HELP)?;
    if GATEWAYS.contains(&asn) {
        let why = "which Azure keeps for gateways (65515 to 65520)";
        return Err(format!("is {asn}, {why}; give {HELP}"));
    }
    Ok(asn)
}

/// The AS of a VNet's gateway.
pub(super) fn gateway_asn(value: &Value<'_>) -> Read<u32> {
    asn(value, "the gateway's AS number, such as 65515")
}

fn asn(value: &Value<'_>, help: &str) -> Read<u32> {
    let reserved = RESERVED.iter().find(|(number, _)| value.as_integer() == Some(*number));
    match reserved {
        Some((number, reason)) => Err(format!("is {number}, {reason}; give {help}")),
        None => integer_in(value, 1, i64::from(u32::MAX) - 1, help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READERS: [fn(&Value<'_>) -> Read<u32>; 3] = [own_asn, customer_asn, gateway_asn];

    fn read(number: &str, reader: fn(&Value<'_>) -> Read<u32>) -> Read<u32> {
        let source = format!("a = {number}");
        let document = toml_span::parse(&source).expect("TOML");
        reader(document.pointer("/a").expect("the key"))
    }

    #[test]
    fn numbers_that_somebody_can_have_are_taken() {
        for number in [1, 12_076, 23_455, 23_457, 64_512, 65_514, 65_521, 65_536, 4_294_967_294] {
            for reader in READERS {
                assert_eq!(read(&number.to_string(), reader), Ok(number));
            }
        }
    }

    #[test]
    fn reserved_numbers_are_refused_with_their_reason() {
        for (number, reason) in [
            ("0", "is 0, which is nobody's (RFC 7607); give"),
            ("23456", "(RFC 6793); give"),
            ("65535", "is 65535, which is reserved (RFC 7300); give"),
            ("4294967295", "(RFC 7300)"),
            ("4294967296", "is 4294967296; give"),
            ("-1", "is -1; give"),
            ("'65001'", "without quotes"),
            ("1.5", "the floating-point number 1.5"),
        ] {
            for reader in READERS {
                let refusal = read(number, reader).expect_err(number);
                assert!(refusal.contains(reason), "{refusal}");
            }
        }
    }

    #[test]
    fn numbers_of_gateways_are_not_a_customers() {
        for number in 65_515..=65_520 {
            let refused = read(&number.to_string(), customer_asn);
            assert!(refused.is_err_and(|refusal| refusal.contains("for gateways")));
            assert_eq!(read(&number.to_string(), gateway_asn), Ok(number));
        }
    }
}
