//! The making of a tree: it is there whole, or not at all.

use std::collections::HashSet;

use edge_common::{
    abi::fib::{FibLine, RouteValue, Tree},
    fib::Address,
    host::fib::HostFib,
};

use super::{
    arrays::FibArrays,
    error::FullArray,
    holdings::{Holdings, Referent, values},
    shape::{self, LineRun},
    shared::SharedFib,
};

/// A tree that is in the arrays, and that no root refers to yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    /// Its index. The caller is a user of it.
    pub(super) tree: u32,
    /// Lines that were written for it.
    pub(super) new_lines: u32,
    /// Lines that it shares with others.
    pub(super) shared_lines: u32,
}

/// The reason why there is no tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unmade {
    /// It would have more levels than a tree has.
    Levels,
    /// An array has no room for it, and would have to have so many free entries, or a few less.
    Room(FullArray, u32),
}

/// Puts the last tree of `fib` and its subtrees, which are all the others, into the arrays. Lines, trees and
/// subtrees that are there already are shared, but for what has some of the lines `but`.
pub(super) fn make<A: Address, M: FibArrays>(
    shared: &mut SharedFib<M>,
    fib: &HostFib,
    but: Option<LineRun>,
) -> Result<Made, Unmade> {
    let mut draft = Draft { shared, but, trees: Vec::new(), new_lines: 0, shared_lines: 0 };
    let added = fib.trees.iter().try_for_each(|tree| draft.add::<A>(fib, tree));
    let Draft { mut trees, new_lines, shared_lines, .. } = draft;
    let top = if added.is_ok() { trees.pop() } else { None };
    // Subtrees have the top as their user. Without a top, they were never to be seen.
    for tree in trees {
        shared.release_tree(tree);
    }
    match (added, top) {
        (Ok(()), Some(tree)) => Ok(Made { tree, new_lines, shared_lines }),
        (Err(DraftStop::Full(array)), _) => {
            Err(Unmade::Room(array, wanted::<A, M>(shared, fib, array)))
        }
        (Ok(()) | Err(DraftStop::Levels), _) => Err(Unmade::Levels),
    }
}

struct Draft<'a, M> {
    shared: &'a mut SharedFib<M>,
    but: Option<LineRun>,
    /// Trees by their indices in the source. The draft is a user of each.
    trees: Vec<u32>,
    new_lines: u32,
    shared_lines: u32,
}

enum DraftStop {
    Levels,
    Full(FullArray),
}

impl<M: FibArrays> Draft<'_, M> {
    fn add<A: Address>(&mut self, fib: &HostFib, tree: &Tree) -> Result<(), DraftStop> {
        let places = shape::runs::<A>(tree).ok_or(DraftStop::Levels)?;
        let mut runs = Vec::with_capacity(places.len());
        let mut targets = Vec::new();
        let mut held = Ok(());
        for place in &places {
            let content = lines_of(fib, *place);
            let first = if runs.len() + 1 < places.len() {
                self.hold_run(content)
            } else {
                let content = self.moved_values(content);
                targets = Referent::of_values(values(&content, tree.last_interval as usize + 1));
                self.hold_run(&content)
            };
            let Some(first) = first else {
                held = Err(DraftStop::Full(FullArray::Lines));
                break;
            };
            runs.push(LineRun { first, count: place.count });
        }
        let index = held.and_then(|()| self.hold_tree(tree, &runs, targets));
        if index.is_err() {
            self.shared.lines.release_all(&runs);
        }
        self.trees.push(index?);
        Ok(())
    }

    /// Lines of values in which subtrees have their indices in the arrays.
    fn moved_values(&self, lines: &[FibLine]) -> Vec<FibLine> {
        let moved = |word: u32| {
            let subtree = RouteValue::from_bits(word).as_subtree();
            let index = subtree.and_then(|subtree| self.trees.get(subtree as usize));
            index.and_then(|index| RouteValue::subtree(*index)).map_or(word, RouteValue::to_bits)
        };
        lines.iter().map(|line| FibLine::of_words(line.words().map(moved))).collect()
    }

    /// The first line of a run with this content, of which the caller is a user now; `None`: there is no room.
    fn hold_run(&mut self, content: &[FibLine]) -> Option<u32> {
        let count = content.len() as u32;
        let SharedFib { arrays, lines, .. } = &mut *self.shared;
        let hash = lines.hash(content);
        if let Some(first) = lines.hold_equal(arrays, content, hash, self.but) {
            self.shared_lines += count;
            return Some(first);
        }
        let first = lines.place(count, hash)?;
        (first..).zip(content).for_each(|(index, line)| arrays.write_line(index, line));
        self.new_lines += count;
        Some(first)
    }

    /// A tree of these runs, of which the caller is a user now. It takes over the use of what it refers to.
    fn hold_tree(
        &mut self,
        tree: &Tree,
        runs: &[LineRun],
        targets: Vec<Referent>,
    ) -> Result<u32, DraftStop> {
        let firsts: Vec<u32> = runs.iter().map(|run| run.first).collect();
        let record = shape::moved(tree, &firsts);
        let shared = &mut *self.shared;
        if let Some(index) = shared.trees.hold_equal(&record) {
            // That tree is a user of the same runs.
            shared.lines.release_all(runs);
            return Ok(index);
        }
        let index = shared.trees.place(&record).ok_or(DraftStop::Full(FullArray::Trees))?;
        shared.arrays.write_tree(index, &record);
        for target in &targets {
            shared.hold(*target);
        }
        shared.set_holdings(index, Holdings { runs: runs.to_vec(), targets });
        Ok(index)
    }
}

/// Number of entries of an array that a tree and its subtrees need, beside those that they share. Lines with the
/// indices of subtrees count as new.
fn wanted<A: Address, M: FibArrays>(shared: &SharedFib<M>, fib: &HostFib, array: FullArray) -> u32 {
    let SharedFib { arrays, lines, .. } = shared;
    let (mut runs, mut trees) = (HashSet::new(), HashSet::new());
    let mut wanted_lines = 0;
    for tree in &fib.trees {
        let places = shape::runs::<A>(tree).unwrap_or_default();
        let contents = places.iter().map(|place| lines_of(fib, *place));
        let hashes: Vec<u64> = contents.clone().map(|content| lines.hash(content)).collect();
        for (content, hash) in contents.zip(&hashes) {
            if !lines.has_equal(arrays, content, *hash) && runs.insert(*hash) {
                wanted_lines += content.len() as u32;
            }
        }
        trees.insert(hashes);
    }
    match array {
        FullArray::Lines => wanted_lines,
        FullArray::Trees | FullArray::Groups => trees.len() as u32,
    }
}

fn lines_of(fib: &HostFib, run: LineRun) -> &[FibLine] {
    &fib.lines[run.first as usize..][..run.count as usize]
}
