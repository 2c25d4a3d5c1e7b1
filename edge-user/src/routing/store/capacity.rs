//! The sizes that forwarding tables need.

use edge_common::{abi::fib::VALUES, fib::Address};

use super::{arrays::FibSizes, shape::level_counts};

/// The most routes that one side of a domain may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableLimits {
    /// Of IPv4.
    pub v4: u32,
    /// Of IPv6.
    pub v6: u32,
}

impl TableLimits {
    /// Lines of the larger one of the side's two tables, at its limit.
    pub fn most_lines(self) -> u32 {
        u32::try_from(lines_v4(self.v4).max(lines_v6(self.v6))).unwrap_or(u32::MAX)
    }
}

/// Sizes that are enough for sides of domains with these limits, whatever their routes are: a quarter more lines than
/// they need, as levels leave gaps where lines have to lie one after the other, and those of the largest change, as a
/// tree is made while that before it is still in use; and twice the trees, as a step of tidying makes any of them
/// again. There are two roots and `groups` groups for each side.
///
/// 4,000 routes of IPv4 need 1,037 lines at most, 16.6 bytes a route. An IPv6 route of more than 64 bits can need
/// three, as its /64 has a tree of its own.
pub fn sizes_for(sides: impl IntoIterator<Item = TableLimits>, groups: u32) -> FibSizes {
    let (mut lines, mut trees, mut count) = (0u64, 0u64, 0u32);
    let mut most_lines = 0u32;
    for side in sides {
        let (v4, v6) = (lines_v4(side.v4), lines_v6(side.v6));
        lines += v4 + v6;
        most_lines = most_lines.max(side.most_lines());
        trees += 2 + u64::from(side.v6);
        count += 1;
    }
    let size = |number: u64| u32::try_from(number + 1).unwrap_or(u32::MAX);
    FibSizes {
        lines: size(lines + lines.div_ceil(4) + u64::from(most_lines)),
        trees: size(2 * trees),
        roots: size(2 * u64::from(count)),
        groups: size(u64::from(count) * u64::from(groups)),
    }
}

/// Lines of a tree of `routes` prefixes, none of which is next to another.
fn lines_v4(routes: u32) -> u64 {
    lines::<u32>(2 * u64::from(routes) + 1)
}

/// Lines of a tree of `routes` prefixes of more than 64 bits, each in a /64 of its own, and of their subtrees.
fn lines_v6(routes: u32) -> u64 {
    let routes = u64::from(routes);
    routes * lines::<u64>(3) + lines::<u64>(2 * routes + 1)
}

fn lines<A: Address>(intervals: u64) -> u64 {
    // More intervals have no tree.
    let intervals = u32::try_from(intervals).unwrap_or(u32::MAX);
    let levels = level_counts::<A>(intervals).into_iter().map(u64::from).sum::<u64>();
    levels + u64::from(intervals.div_ceil(VALUES))
}
