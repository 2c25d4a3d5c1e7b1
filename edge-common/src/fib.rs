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
//! A line is searched without branches, in two steps: first for the quarter that the address is in, by the first starts
//! of the quarters, and then in that one. The first start of a line is never above an address that leads to it. Starts
//! that a line has no use for are the greatest address there is; the interval of that address is always the last one.

use edge_bound::{below, touch, unseen};

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

    /// The place of the last one of the line's starts that is not above the address, which is not below the first one.
    fn place(self, line: &FibLine) -> u32;
}

impl Address for u32 {
    const MIN: Self = 0;
    const MAX: Self = Self::MAX;
    const STARTS_LOG2: u32 = 4;

    #[inline(always)]
    fn place(self, line: &FibLine) -> u32 {
        // The carry of a subtraction: LLVM makes a comparison a branch, and a subtraction of which it knows too much a
        // comparison.
        let next = unseen(u64::from(self) + 1);
        let is_reached = |start: u32| u64::from(start).wrapping_sub(next) >> 63;
        let quarters = line.word_quarters();
        let [_, second, third, fourth] = quarters;
        let quarter = is_reached(second[0]) + is_reached(third[0]) + is_reached(fourth[0]);
        let [_, second, third, fourth] = quarters[below::<4>(quarter as usize)];
        let in_quarter = is_reached(second) + is_reached(third) + is_reached(fourth);
        (4 * quarter + in_quarter) as u32
    }
}

impl Address for u64 {
    const MIN: Self = 0;
    const MAX: Self = Self::MAX;
    const STARTS_LOG2: u32 = 3;

    #[inline(always)]
    fn place(self, line: &FibLine) -> u32 {
        // The borrow of a subtraction (Hacker's Delight, 2-13): LLVM makes a comparison a branch.
        let is_reached = |start: u64| {
            let difference = self.wrapping_sub(start);
            1 - ((!self & start | (!self | start) & difference) >> 63)
        };
        let quarters = line.long_word_quarters();
        let [_, second, third, fourth] = quarters;
        let quarter = is_reached(second[0]) + is_reached(third[0]) + is_reached(fourth[0]);
        let [_, second] = quarters[below::<4>(quarter as usize)];
        (2 * quarter + is_reached(second)) as u32
    }
}

/// The value of the interval that `address` is in; `None`: a line is missing.
#[inline(always)]
pub fn find<A: Address>(lines: &impl Lines, tree: &Tree, address: A) -> Option<RouteValue> {
    if address == A::MAX {
        let interval = tree.last_interval;
        return value(lines, tree, interval / VALUES, interval);
    }
    // Of the interval, and of its leaf.
    let (mut number, mut leaf) = (0u32, 0u32);
    for level in 0..LEVELS {
        if level as u32 >= tree.levels {
            break;
        }
        let line = lines.line(tree.level_lines[level].wrapping_add(number))?;
        leaf = number;
        number = (number << A::STARTS_LOG2) + address.place(line);
    }
    // The leaf tells the line of values, so that the processor has it by the time that it knows the interval.
    value(lines, tree, leaf >> (VALUES.ilog2() - A::STARTS_LOG2), number)
}

/// The value of an interval, whose line among those of the values is known.
#[inline(always)]
fn value(lines: &impl Lines, tree: &Tree, line: u32, interval: u32) -> Option<RouteValue> {
    let line = lines.line(tree.value_lines.wrapping_add(line))?;
    // A processor does this while it still waits for the leaf.
    touch(&line.words()[0]);
    Some(RouteValue::from_bits(line.words()[(interval % VALUES) as usize]))
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
