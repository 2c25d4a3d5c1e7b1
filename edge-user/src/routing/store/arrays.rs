//! The arrays that forwarding tables are in.

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routing::NextHopGroup,
    },
    fib::Lines,
    host::fib::HostFib,
};

/// The maps `FIB_LINES`, `TREES`, `ROOTS` and `NEXT_HOP_GROUPS`, of which the caller is the only writer. Indices of
/// writes are below the sizes.
pub trait FibArrays: Lines {
    /// Their sizes.
    fn sizes(&self) -> FibSizes;
    /// The word of a root.
    fn root(&self, index: u32) -> Option<u64>;
    /// A group.
    fn group(&self, index: u32) -> Option<&NextHopGroup>;

    /// Writes a line that no reader can be in.
    fn write_line(&mut self, index: u32, line: &FibLine);
    /// Writes a tree that no reader can be in.
    fn write_tree(&mut self, index: u32, tree: &Tree);
    /// Writes a group that no reader can be in.
    fn write_group(&mut self, index: u32, group: &NextHopGroup);
    /// Turns a root to a tree by one store. A reader that sees it sees all earlier writes behind it: in the memory
    /// model of C11 a release store, to which the reader's dependent loads are enough of a counterpart.
    fn publish(&mut self, root: u32, tree: u64);
}

/// Numbers of entries of the arrays. The entries with index 0 stay unused: 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FibSizes {
    /// Lines.
    pub lines: u32,
    /// Trees.
    pub trees: u32,
    /// Roots.
    pub roots: u32,
    /// Groups of next hops.
    pub groups: u32,
}

/// The arrays in this process's memory.
#[derive(Clone, Debug, Default)]
pub struct HostArrays {
    /// Lines and trees.
    pub fib: HostFib,
    /// Words of the roots.
    pub roots: Vec<u64>,
    /// Groups of next hops.
    pub groups: Vec<NextHopGroup>,
}

impl HostArrays {
    /// Arrays of these sizes that are zero.
    #[must_use]
    pub fn new(sizes: FibSizes) -> Self {
        Self {
            fib: HostFib {
                lines: vec![FibLine::default(); sizes.lines as usize],
                trees: vec![Tree::default(); sizes.trees as usize],
            },
            roots: vec![0; sizes.roots as usize],
            groups: vec![NextHopGroup::default(); sizes.groups as usize],
        }
    }
}

impl Lines for HostArrays {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.fib.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.fib.tree(index)
    }
}

impl FibArrays for HostArrays {
    fn sizes(&self) -> FibSizes {
        let entries = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        FibSizes {
            lines: entries(self.fib.lines.len()),
            trees: entries(self.fib.trees.len()),
            roots: entries(self.roots.len()),
            groups: entries(self.groups.len()),
        }
    }

    fn root(&self, index: u32) -> Option<u64> {
        self.roots.get(index as usize).copied()
    }

    fn group(&self, index: u32) -> Option<&NextHopGroup> {
        self.groups.get(index as usize)
    }

    fn write_line(&mut self, index: u32, line: &FibLine) {
        self.fib.lines[index as usize] = *line;
    }

    fn write_tree(&mut self, index: u32, tree: &Tree) {
        self.fib.trees[index as usize] = *tree;
    }

    fn write_group(&mut self, index: u32, group: &NextHopGroup) {
        self.groups[index as usize] = *group;
    }

    fn publish(&mut self, root: u32, tree: u64) {
        self.roots[root as usize] = tree;
    }
}
