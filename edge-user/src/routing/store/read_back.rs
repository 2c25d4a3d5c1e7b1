//! Trees as they are in the arrays.

use edge_common::{
    abi::fib::{FibLine, RouteValue, Tree},
    fib::{Address, Lines},
    host::fib::Successor,
};

use super::{holdings::values, shape};

/// An address that lines have starts of.
pub trait Start: Address + Successor {
    /// The starts in a line.
    fn of_line(line: &FibLine) -> &[Self];
}

impl Start for u32 {
    fn of_line(line: &FibLine) -> &[Self] {
        line.words()
    }
}

impl Start for u64 {
    fn of_line(line: &FibLine) -> &[Self] {
        line.long_words()
    }
}

/// The intervals of a tree by their starts, as `edge_common::host::fib::intervals` has them; `None`: the tree is
/// damaged, or has no starts of this kind.
pub fn intervals_of<A: Start>(arrays: &impl Lines, tree: &Tree) -> Option<Vec<(A, RouteValue)>> {
    let mut runs = shape::runs::<A>(tree)?;
    let count = tree.last_interval as usize + 1;
    let value_lines = lines_of(arrays, runs.pop()?)?;
    let starts = match runs.pop() {
        Some(leaves) => {
            let leaves = lines_of(arrays, leaves)?;
            leaves.iter().flat_map(A::of_line).take(count).copied().collect()
        }
        None => vec![A::MIN],
    };
    Some(starts.into_iter().zip(values(&value_lines, count)).collect())
}

/// Whether a tree has starts of 32 bits. The first one is 0, and the second one is not: so a second word of 0 is a
/// half of a first start of 64 bits. A tree without starts could be either. `None`: it has no first line.
pub(super) fn is_narrow(arrays: &impl Lines, tree: &Tree) -> Option<bool> {
    match tree.levels {
        0 => Some(false),
        _ => arrays.line(tree.level_lines[0]).map(|top| top.words()[1] != 0),
    }
}

/// The lines of a run; `None`: some don't exist.
pub(super) fn lines_of(arrays: &impl Lines, run: shape::LineRun) -> Option<Vec<FibLine>> {
    let last = run.first.checked_add(run.count)?.checked_sub(1)?;
    arrays.line(last)?;
    (run.first..=last).map(|line| arrays.line(line).copied()).collect()
}
