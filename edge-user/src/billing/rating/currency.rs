//! The smallest units of currencies.

/// Decimals of an amount in a currency, by its code (ISO 4217, minor units): two, where it is not known.
#[must_use]
pub(super) fn minor_digits(code: &str) -> u32 {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_none_to_four_decimals() {
        for (code, digits) in
            [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ZZZ", 2)]
        {
            assert_eq!(minor_digits(code), digits, "{code}");
        }
    }
}
