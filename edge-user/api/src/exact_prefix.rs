//! Intervals of addresses as prefixes.

use std::net::IpAddr;

/// The prefix that has every address from `first` to `last` and no other, such as `10.1.0.0/16`; `None`: there is no
/// such prefix.
#[must_use]
pub fn exact_prefix(first: IpAddr, last: IpAddr) -> Option<String> {
    let (start, end, family_bits) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            (first.to_bits().into(), last.to_bits().into(), 32)
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let host_bits = end.checked_sub(start)?.trailing_ones();
    let host_mask = 1u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1);
    let is_exact = end - start == host_mask && start & host_mask == 0;
    is_exact.then(|| format!("{first}/{}", family_bits - host_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_found_and_nothing_else_is() {
        for (first, last, prefix) in [
            ("10.1.0.0", "10.1.255.255", Some("10.1.0.0/16")),
            ("10.1.0.7", "10.1.0.7", Some("10.1.0.7/32")),
            ("0.0.0.0", "255.255.255.255", Some("0.0.0.0/0")),
            ("0.0.0.0", "0.0.0.1", Some("0.0.0.0/31")),
            // As many addresses as a prefix has, at the wrong place.
            ("10.1.0.1", "10.1.0.2", None),
            ("10.1.0.0", "10.1.0.2", None),
            ("10.1.0.2", "10.1.0.1", None),
            ("fd00::", "fd00:0:0:ffff:ffff:ffff:ffff:ffff", Some("fd00::/48")),
            ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("::/0")),
            ("fd00::1", "fd00::1", Some("fd00::1/128")),
            ("10.0.0.0", "fd00::1", None),
        ] {
            let [from, to] = [first, last].map(|text| text.parse().unwrap());
            assert_eq!(exact_prefix(from, to).as_deref(), prefix, "{first} {last}");
        }
    }
}
