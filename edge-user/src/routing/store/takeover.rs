//! A new daemon's look at the arrays: they alone tell it which entries are in use.

use edge_common::{
    abi::{
        fib::{RouteValue, Tree},
        routing::{MAX_MEMBERS, NextHopGroup},
    },
    fib::Lines,
    host::fib::HostFib,
};

use super::{
    arrays::FibArrays,
    error::{BrokenRoot, Flaw},
    holdings::{Holdings, Referent},
    read_back::{Start, intervals_of, is_narrow, lines_of},
    shape::{self, LineRun},
    shared::SharedFib,
};

/// Counts all that the roots refer to, and returns their trees, by root. Roots with damaged trees are cleared, and
/// returned, too.
pub(super) fn adopt<M: FibArrays>(shared: &mut SharedFib<M>) -> (Vec<u32>, Vec<BrokenRoot>) {
    let mut roots = vec![0; shared.arrays.sizes().roots as usize];
    let mut broken = Vec::new();
    for (root, place) in (0..).zip(&mut roots) {
        let word = shared.arrays.root(root).unwrap_or(0);
        if word == 0 {
            continue;
        }
        let adopted = match u32::try_from(word) {
            _ if root == 0 => Err(Flaw::RootOfNone),
            Ok(tree) => adopt_tree(shared, tree, EntryRole::Top).map(|()| tree),
            Err(_) => Err(Flaw::NoTree(word)),
        };
        match adopted {
            Ok(tree) => *place = tree,
            Err(flaw) => {
                shared.arrays.publish(root, 0);
                broken.push(BrokenRoot { root, flaw });
            }
        }
    }
    (roots, broken)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryRole {
    Top,
    Subtree,
}

/// A tree that is in order, and to whose lines nothing happens meanwhile.
struct Found {
    /// Its runs, and their content.
    runs: Vec<(LineRun, LineRun)>,
    fib: HostFib,
    values: Vec<RouteValue>,
}

fn adopt_tree<M: FibArrays>(
    shared: &mut SharedFib<M>,
    index: u32,
    role: EntryRole,
) -> Result<(), Flaw> {
    // A tree that is in order as a subtree is so as a root's, but not the other way round.
    if role == EntryRole::Top && shared.trees.hold(index) {
        return Ok(());
    }
    let tree = shared.arrays.tree(index).filter(|_| index != 0).copied();
    let tree = tree.ok_or(Flaw::NoTree(index.into()))?;
    let no_line = Flaw::NoLine { tree: index, line: tree.level_lines[0] };
    let is_narrow = role == EntryRole::Top && is_narrow(&shared.arrays, &tree).ok_or(no_line)?;
    let found = if is_narrow {
        find::<u32>(&shared.arrays, index, &tree)?
    } else {
        find::<u64>(&shared.arrays, index, &tree)?
    };
    let may_have_subtrees = role == EntryRole::Top && !is_narrow;
    let is_subtree = |value: &&RouteValue| value.as_subtree().is_some();
    if let Some(value) = found.values.iter().find(is_subtree).filter(|_| !may_have_subtrees) {
        return Err(Flaw::Value { tree: index, value: value.to_bits() });
    }
    if shared.trees.hold(index) {
        return Ok(());
    }
    let mut holdings = Holdings { runs: Vec::new(), targets: Vec::new() };
    if let Err(flaw) = hold(shared, index, &found, &mut holdings) {
        shared.release_all(holdings);
        return Err(flaw);
    }
    shared.trees.adopt(index, &tree);
    shared.set_holdings(index, holdings);
    Ok(())
}

/// Counts the tree as a user of all that it refers to. `holdings` has what was counted, after an error, too.
fn hold<M: FibArrays>(
    shared: &mut SharedFib<M>,
    index: u32,
    found: &Found,
    holdings: &mut Holdings,
) -> Result<(), Flaw> {
    for target in Referent::of_values(found.values.iter().copied()) {
        match target {
            Referent::Subtree(subtree) => adopt_tree(shared, subtree, EntryRole::Subtree)?,
            Referent::Group(group) => adopt_group(shared, index, group)?,
            Referent::NextHop(_) => shared.hold(target),
        }
        holdings.targets.push(target);
    }
    for (run, content) in &found.runs {
        let content = &found.fib.lines[content.first as usize..][..content.count as usize];
        shared.lines.adopt(*run, content).ok_or(Flaw::Overlap(index))?;
        holdings.runs.push(*run);
    }
    Ok(())
}

fn adopt_group<M: FibArrays>(shared: &mut SharedFib<M>, tree: u32, index: u32) -> Result<(), Flaw> {
    if shared.groups.hold(index) {
        return Ok(());
    }
    let is_group = |group: &&NextHopGroup| (1..=MAX_MEMBERS).contains(&(group.count as usize));
    let group = shared.arrays.group(index).filter(is_group).filter(|_| index != 0).copied();
    let value = RouteValue::group(index).map_or(0, RouteValue::to_bits);
    let group = group.ok_or(Flaw::Value { tree, value })?;
    shared.groups.adopt(index, &group);
    shared.hold_members(&group);
    Ok(())
}

/// Holds a tree against the one that its own intervals make.
fn find<A: Start>(arrays: &impl FibArrays, index: u32, tree: &Tree) -> Result<Found, Flaw> {
    let runs = shape::runs::<A>(tree).ok_or(Flaw::Levels(index))?;
    let lines = arrays.sizes().lines;
    let is_there =
        |run: &LineRun| run.first != 0 && run.count <= lines && run.first <= lines - run.count;
    if let Some(run) = runs.iter().find(|run| !is_there(run)) {
        return Err(Flaw::NoLine { tree: index, line: run.first });
    }
    let intervals = intervals_of::<A>(arrays, tree).ok_or(Flaw::Levels(index))?;
    let ascend = intervals.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let mut fib = HostFib::default();
    let made = fib.add(&intervals).and_then(|made| shape::runs::<A>(fib.tree(made)?));
    let contents = made.filter(|_| ascend).ok_or(Flaw::Order(index))?;
    let runs: Vec<_> = runs.into_iter().zip(contents).collect();
    let is_equal =
        |(run, content): &(LineRun, LineRun)| lines_of(arrays, *run) == lines_of(&fib, *content);
    if !runs.iter().all(is_equal) {
        return Err(Flaw::Order(index));
    }
    let values = intervals.into_iter().map(|(_, value)| value).collect();
    Ok(Found { runs, fib, values })
}
