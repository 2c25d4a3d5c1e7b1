//! Look-ups in a forwarding table, by longest match.
//!
//! Prefixes become intervals: the ends of all prefixes cut the addresses into pieces, and each piece
//! has one value, that of the longest prefix around it. A look-up finds the piece that an address is in.
//!
//! ```text
//! 10.0.0.0/8 → a, 10.1.0.0/16 → b:
//!
//! starts    0.0.0.0   10.0.0.0   10.1.0.0   10.2.0.0   11.0.0.0
//! values    none      a          b          a          none
//! ```
//!
//! The starts are the leaves of a tree that is one cache line wide: 16 starts of IPv4 in a line, 8 of
//! IPv6. A line above has the first start of each of 16 (8) lines below. So n routes, which make 2n + 1
//! intervals at most, take ⌈log₁₆(2n + 1)⌉ lines and one more for the value, whatever the prefixes are:
//! nobody can choose routes that make a look-up slow or a table large.
//!
//! A line is searched without branches: the number of its starts that are not above the address. Starts
//! that a line has no use for are the greatest address there is.

use crate::abi::fib::{FibLine, LEVELS, RouteValue, Tree, VALUES};

/// The lines and trees of a machine.
pub trait Lines {
    /// A line.
    fn line(&self, index: u32) -> Option<&FibLine>;
    /// A tree.
    fn tree(&self, index: u32) -> Option<&Tree>;
}

/// An address, or a half of one, as trees have it.
pub trait Address: Copy + Ord {
    /// The first and the last one.
    const MIN: Self;
    /// See [`Self::MIN`].
    const MAX: Self;
    /// Logarithm to base 2 of the number of starts in a line.
    const STARTS_LOG2: u32;

    /// Number of the line's starts that are not above the address.
    fn rank(self, line: &FibLine) -> u32;
}

impl Address for u32 {
    const MIN: Self = 0;
    const MAX: Self = Self::MAX;
    const STARTS_LOG2: u32 = 4;

    #[inline(always)]
    fn rank(self, line: &FibLine) -> u32 {
        let mut rank = 0;
        for start in line.words() {
            // The carry of a subtraction: LLVM makes a comparison a branch.
            rank += (u64::from(*start).wrapping_sub(u64::from(self) + 1) >> 63) as u32;
        }
        rank
    }
}

impl Address for u64 {
    const MIN: Self = 0;
    const MAX: Self = Self::MAX;
    const STARTS_LOG2: u32 = 3;

    #[inline(always)]
    fn rank(self, line: &FibLine) -> u32 {
        let mut rank = 0;
        for start in line.long_words() {
            // The borrow of a subtraction (Hacker's Delight, 2-13): LLVM makes a comparison a branch, and eight branches on each
            // of four levels are more than verifiers look at.
            let difference = self.wrapping_sub(*start);
            let borrow = (!self & start | (!self | start) & difference) >> 63;
            rank += 1 - borrow as u32;
        }
        rank
    }
}

/// The value of the interval that `address` is in; `None`: a line is missing.
#[inline(always)]
pub fn find<A: Address>(lines: &impl Lines, tree: &Tree, address: A) -> Option<RouteValue> {
    let mut number = 0u32;
    for level in 0..LEVELS {
        if level as u32 >= tree.levels {
            break;
        }
        let line = lines.line(tree.level_lines[level].wrapping_add(number))?;
        let below = tree.levels - 1 - level as u32;
        // The first start of a level is not above any address, and the last ones may be no starts.
        number = (number << A::STARTS_LOG2).wrapping_add(address.rank(line).wrapping_sub(1));
        number = number.min(tree.last_interval >> ((below * A::STARTS_LOG2) & 31));
    }
    let line = lines.line(tree.value_lines.wrapping_add(number / VALUES))?;
    Some(RouteValue::from_bits(line.words()[(number % VALUES) as usize]))
}

/// The value for an IPv6 address, given in two halves: prefixes of up to 64 bits are in `tree`, and longer ones in
/// subtrees of it.
#[inline(always)]
pub fn find_v6(lines: &impl Lines, tree: &Tree, [upper, lower]: [u64; 2]) -> Option<RouteValue> {
    let value = find(lines, tree, upper)?;
    match value.as_subtree() {
        None => Some(value),
        Some(index) => find(lines, lines.tree(index)?, lower),
    }
}
