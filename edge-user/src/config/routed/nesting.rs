//! Prefixes that are in each other: two prefixes either have no address in common, or one is in the other.

use ipnet::IpNet;

/// Calls `visit` with the items of each prefix and of each one around it; of equal prefixes, the first stands for all.
/// So there are no more calls than an address has bits for each item, however often a prefix is there.
pub(in super::super) fn nested<T>(mut items: Vec<(IpNet, T)>, mut visit: impl FnMut(&T, &T)) {
    // A prefix comes before those in it; equal ones keep their order.
    items.sort_by_key(|(prefix, _)| (prefix.network(), prefix.prefix_len()));
    let mut around: Vec<&(IpNet, T)> = Vec::new();
    for item in &items {
        while around.last().is_some_and(|(outer, _)| !outer.contains(&item.0)) {
            around.pop();
        }
        for (_, outer) in &around {
            visit(outer, &item.1);
        }
        if around.last().is_none_or(|(outer, _)| *outer != item.0) {
            around.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn prefix() -> impl Strategy<Value = IpNet> {
        let v4 = (0..64u32, 24..=32u8).prop_map(|(low, len)| {
            IpNet::new(std::net::Ipv4Addr::from_bits(low << 2).into(), len).expect("a length")
        });
        let v6 = (0..16u128, 122..=128u8).prop_map(|(low, len)| {
            IpNet::new(std::net::Ipv6Addr::from_bits(low).into(), len).expect("a length")
        });
        prop_oneof![v4, v6].prop_map(|prefix| prefix.trunc())
    }

    proptest! {
        #[test]
        fn every_prefix_is_visited_with_those_around_it(prefixes in prop::collection::vec(prefix(), 0..12)) {
            let items = prefixes.iter().copied().zip(0usize..).collect();
            let mut visited = Vec::new();
            nested(items, |outer, inner| visited.push((*outer, *inner)));
            let visited_once: BTreeSet<_> = visited.iter().copied().collect();
            prop_assert_eq!(visited.len(), visited_once.len());
            let places = 0..prefixes.len();
            let pairs = places.clone().flat_map(|a| places.clone().map(move |b| (a, b)));
            let expected = pairs.filter(|(a, b)| {
                let (outer, inner) = (prefixes[*a], prefixes[*b]);
                let is_first = prefixes[..*a].iter().all(|earlier| *earlier != outer);
                a != b && is_first && outer.contains(&inner)
            });
            prop_assert_eq!(visited_once, expected.collect());
        }
    }

    #[test]
    fn one_prefix_a_hundred_thousand_times_is_no_burden() {
        let prefix: IpNet = "10.0.0.0/8".parse().expect("a prefix");
        let mut visits = 0;
        nested(vec![(prefix, ()); 100_000], |(), ()| visits += 1);
        assert_eq!(visits, 99_999);
    }
}
