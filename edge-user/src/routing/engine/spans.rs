//! Prefixes as spans of addresses, and back.

use std::net::{Ipv4Addr, Ipv6Addr};

use edge_common::{abi::fib::RouteValue, host::fib::Route};
use ipnet::{Ipv4Net, Ipv6Net};

/// A route to a prefix.
pub(super) fn span_v4(prefix: Ipv4Net, value: RouteValue) -> Route<u32> {
    Route { first: prefix.network().to_bits(), last: prefix.broadcast().to_bits(), value }
}

/// A route to a prefix.
pub(super) fn span_v6(prefix: Ipv6Net, value: RouteValue) -> Route<u128> {
    Route { first: prefix.network().to_bits(), last: prefix.broadcast().to_bits(), value }
}

/// The prefix of a route.
pub(super) fn prefix_v4(route: &Route<u32>) -> Ipv4Net {
    let len = (route.first ^ route.last).leading_zeros();
    let len = u8::try_from(len).unwrap_or(Ipv4Net::default().max_prefix_len());
    Ipv4Net::new(Ipv4Addr::from_bits(route.first), len).unwrap_or_default()
}

/// The prefix of a route.
pub(super) fn prefix_v6(route: &Route<u128>) -> Ipv6Net {
    let len = (route.first ^ route.last).leading_zeros();
    let len = u8::try_from(len).unwrap_or(Ipv6Net::default().max_prefix_len());
    Ipv6Net::new(Ipv6Addr::from_bits(route.first), len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_prefix_comes_back_from_its_span(short: u32, bits: u128, v4_len in 0u8..=32, v6_len in 0u8..=128) {
            let v4 = Ipv4Net::new(Ipv4Addr::from_bits(short), v4_len).unwrap().trunc();
            prop_assert_eq!(prefix_v4(&span_v4(v4, RouteValue::NONE)), v4);
            let v6 = Ipv6Net::new(Ipv6Addr::from_bits(bits), v6_len).unwrap().trunc();
            prop_assert_eq!(prefix_v6(&span_v6(v6, RouteValue::NONE)), v6);
        }
    }
}
