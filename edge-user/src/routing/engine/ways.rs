//! The places that a domain's routes lead to.

use std::collections::BTreeMap;

use edge_common::abi::{fib::RouteValue, routing::MAX_MEMBERS};

/// A place that routes lead to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteWay {
    /// To these next hops, by their indices in ascending order. One that is there twice has twice the traffic.
    NextHops(Vec<u32>),
    /// Nowhere, and nobody is told.
    Blackhole,
}

/// The ways of a domain, by numbers of their own: the values of its routes, before the store has its groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WayNumbers {
    numbers: BTreeMap<RouteWay, u32>,
    ways: Vec<RouteWay>,
}

impl WayNumbers {
    /// The number of a way.
    pub(super) fn number(&mut self, way: RouteWay) -> u32 {
        let next = u32::try_from(self.ways.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(way).or_insert_with_key(|way| {
            self.ways.push(way.clone());
            next
        })
    }

    /// The value that stands for a way; `None`: there are too many.
    pub(super) fn value(&mut self, way: RouteWay) -> Option<RouteValue> {
        RouteValue::next_hop(self.number(way))
    }

    /// The value that stands for a way; `None`: nothing leads there.
    pub(super) fn find(&self, way: &RouteWay) -> Option<RouteValue> {
        RouteValue::next_hop(*self.numbers.get(way)?)
    }

    /// The way that a value stands for; `None`: it stands for itself.
    pub(super) fn way(&self, value: RouteValue) -> Option<&RouteWay> {
        self.ways.get(value.as_next_hop()? as usize)
    }

    /// All of them, by their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &RouteWay> {
        self.ways.iter()
    }
}

/// Next hops with their weights as members of a group: each as many times as its weight says, if a group has room for
/// all, and otherwise each once.
pub(super) fn members(mut hops: Vec<(u32, u32)>) -> Vec<u32> {
    hops.sort_unstable();
    // The same neighbour by two gateways' names.
    hops.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        first.1 = if is_same { first.1.saturating_add(later.1) } else { first.1 };
        is_same
    });
    let unit = hops.iter().fold(0, |unit, (_, weight)| gcd(unit, *weight)).max(1);
    let total: u64 = hops.iter().map(|(_, weight)| u64::from(weight / unit)).sum();
    let is_fit = total <= MAX_MEMBERS as u64;
    let times = |weight: u32| if is_fit { weight / unit } else { 1 };
    hops.into_iter().flat_map(|(hop, weight)| (0..times(weight)).map(move |_| hop)).collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_have_their_weights() {
        assert_eq!(members(vec![(7, 1)]), [7]);
        assert_eq!(members(vec![(9, 5), (7, 5)]), [7, 9]);
        assert_eq!(members(vec![(9, 20), (7, 10)]), [7, 9, 9]);
        assert_eq!(members(vec![(9, 1), (9, 1), (7, 1)]), [7, 9, 9]);
        assert_eq!(members(vec![(7, 1), (9, 8)]), [7, 9], "no room for nine");
        assert_eq!(members((0..9).map(|hop| (hop, 1)).collect()).len(), 9, "the store refuses it");
    }

    #[test]
    fn a_way_has_one_number() {
        let mut ways = WayNumbers::default();
        let one = ways.value(RouteWay::NextHops(vec![4])).unwrap();
        let other = ways.value(RouteWay::Blackhole).unwrap();
        assert_eq!(ways.value(RouteWay::NextHops(vec![4])), Some(one));
        assert_eq!(ways.way(one), Some(&RouteWay::NextHops(vec![4])));
        assert_eq!(ways.way(other), Some(&RouteWay::Blackhole));
        assert_eq!(ways.way(RouteValue::LOCAL), None);
        assert_eq!(ways.iter().count(), 2);
    }
}
