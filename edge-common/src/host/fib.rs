//! Forwarding tables on the host: made of routes, and in memory.

use alloc::vec::Vec;

use crate::{
    abi::fib::{FibLine, LEVELS, RouteValue, Tree, VALUES},
    fib::{Address, Lines},
};

/// A route to the addresses from `first` to `last`, which are all those of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<A> {
    /// The first address.
    pub first: A,
    /// The last one.
    pub last: A,
    /// The value of the addresses.
    pub value: RouteValue,
}

/// The intervals of `routes` by their starts, of which the first is the first address there is. Neighbours
/// have different values. Of two routes to one prefix the later counts.
pub fn intervals<A: Address + Successor>(routes: &[Route<A>]) -> Vec<(A, RouteValue)> {
    let mut routes = routes.to_vec();
    // A prefix comes before those in it.
    routes.sort_by_key(|route| (route.first, core::cmp::Reverse(route.last)));
    let mut intervals = Pieces(alloc::vec![(A::MIN, RouteValue::NONE)]);
    let mut around: Vec<Route<A>> = Vec::new();
    for route in routes {
        intervals.leave(&mut around, Some(route.first));
        intervals.begin(route.first, route.value);
        around.push(route);
    }
    intervals.leave(&mut around, None);
    intervals.0
}

struct Pieces<A>(Vec<(A, RouteValue)>);

impl<A: Address + Successor> Pieces<A> {
    /// Ends routes that are over before `until`.
    fn leave(&mut self, around: &mut Vec<Route<A>>, until: Option<A>) {
        while let Some(route) = around.last().copied() {
            if until.is_some_and(|until| until <= route.last) {
                return;
            }
            around.pop();
            let value = around.last().map_or(RouteValue::NONE, |outer| outer.value);
            if let Some(next) = route.last.successor() {
                self.begin(next, value);
            }
        }
    }

    fn begin(&mut self, start: A, value: RouteValue) {
        if self.0.last().is_some_and(|(last, _)| *last == start) {
            self.0.pop();
        }
        if self.0.last().is_none_or(|(_, last)| *last != value) {
            self.0.push((start, value));
        }
    }
}

/// The next address.
pub trait Successor: Sized {
    /// `None` after the last one.
    fn successor(self) -> Option<Self>;
    /// A line with these starts, which are at most as many as there is room for.
    fn line(starts: &[Self]) -> FibLine;
}

impl Successor for u32 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn line(starts: &[Self]) -> FibLine {
        let mut words = [Self::MAX; 16];
        words.iter_mut().zip(starts).for_each(|(word, start)| *word = *start);
        FibLine::of_words(words)
    }
}

impl Successor for u64 {
    fn successor(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn line(starts: &[Self]) -> FibLine {
        let mut words = [Self::MAX; 8];
        words.iter_mut().zip(starts).for_each(|(word, start)| *word = *start);
        FibLine::of_long_words(words)
    }
}

/// Trees and lines in memory.
#[derive(Clone, Debug, Default)]
pub struct HostFib {
    /// Lines by index.
    pub lines: Vec<FibLine>,
    /// Trees by index.
    pub trees: Vec<Tree>,
}

impl Lines for HostFib {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.lines.get(index as usize)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.trees.get(index as usize)
    }
}

impl HostFib {
    /// Adds a tree of these intervals, whose starts ascend from the first address on, and returns its
    /// index; `None`: they are more than a tree has room for.
    pub fn add<A: Address + Successor>(&mut self, intervals: &[(A, RouteValue)]) -> Option<u32> {
        let last_interval = u32::try_from(intervals.len().checked_sub(1)?).ok()?;
        let in_line = 1usize << A::STARTS_LOG2;
        let mut starts: Vec<A> = intervals.iter().map(|(start, _)| *start).collect();
        // From the leaves to the top.
        let mut levels: Vec<Vec<FibLine>> = Vec::new();
        while starts.len() > 1 {
            levels.push(starts.chunks(in_line).map(A::line).collect());
            starts = starts.chunks(in_line).map(|chunk| chunk[0]).collect();
        }
        if levels.len() > LEVELS {
            return None;
        }
        let mut level_lines = [0; LEVELS];
        let count = levels.len() as u32;
        for (place, level) in level_lines.iter_mut().zip(levels.into_iter().rev()) {
            *place = self.lines.len() as u32;
            self.lines.extend(level);
        }
        let value_lines = self.lines.len() as u32;
        for values in intervals.chunks(VALUES as usize) {
            let mut words = [0; 16];
            words.iter_mut().zip(values).for_each(|(word, (_, value))| *word = value.to_bits());
            self.lines.push(FibLine::of_words(words));
        }
        self.trees.push(Tree::new(level_lines, count, value_lines, last_interval));
        Some(self.trees.len() as u32 - 1)
    }

    /// Adds a tree for IPv6 routes, by 128-bit addresses, and returns its index. Routes that are longer than 64 bits
    /// go to subtrees.
    pub fn add_v6(&mut self, routes: &[Route<u128>]) -> Option<u32> {
        let upper = |address: u128| (address >> 64) as u64;
        let (long, short): (Vec<_>, Vec<_>) = routes.iter().partition(|route| {
            upper(route.first) == upper(route.last) && {
                let (first, last) = (route.first as u64, route.last as u64);
                (first, last) != (u64::MIN, u64::MAX)
            }
        });
        let halves = |route: &Route<u128>| Route {
            first: upper(route.first),
            last: upper(route.last),
            value: route.value,
        };
        let mut tops: Vec<Route<u64>> = short.into_iter().map(halves).collect();
        let around = intervals(&tops);
        let mut prefixes: Vec<u64> = long.iter().map(|route| upper(route.first)).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        for prefix in prefixes {
            // The value of the prefix without its subtree.
            let place = around.partition_point(|(start, _)| *start <= prefix);
            let otherwise = around.get(place.checked_sub(1)?)?.1;
            let whole = Route { first: u64::MIN, last: u64::MAX, value: otherwise };
            let of_prefix = long.iter().filter(|route| upper(route.first) == prefix);
            let lower = of_prefix.map(|route| Route {
                first: route.first as u64,
                last: route.last as u64,
                value: route.value,
            });
            let lower: Vec<_> = core::iter::once(whole).chain(lower).collect();
            let subtree = self.add(&intervals(&lower))?;
            let value = RouteValue::subtree(subtree)?;
            tops.push(Route { first: prefix, last: prefix, value });
        }
        self.add(&intervals(&tops))
    }
}
