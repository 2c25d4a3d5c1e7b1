//! Errors of the forwarding tables' memory, by what a caller may do about them.

use std::fmt::{self, Display, Formatter};

use edge_common::abi::fib::RouteValue;

/// A change of a table that was not made. The table is as it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The memory is full. If trees are [waiting](StoreFull::waiting), there may be room in a moment; and if enough entries
    /// are free, but not together, after [`tidy`](super::FibStore::tidy).
    #[error(transparent)]
    Full(#[from] StoreFull),
    /// The routes cut the addresses into more pieces than a tree has room for: 65,536 of IPv4, 4,096 of IPv6's upper
    /// halves, and 4,096 in a /64.
    #[error(
        "{routes} routes are more than a forwarding table has room for; the table stays as it was until they are \
         fewer: lower the limits of routes"
    )]
    TooManyRoutes {
        /// Number of the routes.
        routes: usize,
    },
    /// A group has no members, or more than [`edge_common::abi::routing::MAX_MEMBERS`].
    #[error(
        "a route has {members} next hops of equal cost, and a forwarding table has room for 1 to 8"
    )]
    Members {
        /// Number of the members.
        members: usize,
    },
    /// There is no such next hop: its index has more bits than a route's value has room for.
    #[error("there is no next hop {index}: indices are below 1,048,576")]
    NextHop {
        /// The index.
        index: u32,
    },
    /// There is no such root.
    #[error("there is no root {root}: there are roots from 1 to below {roots}")]
    NoRoot {
        /// The root's index.
        root: u32,
        /// Number of roots.
        roots: u32,
    },
    /// A route's value refers to a subtree, or to a group that this edit has not handed out.
    #[error("a route has the value {:#x}, which this edit has not handed out", value.to_bits())]
    UnknownValue {
        /// The value.
        value: RouteValue,
    },
}

/// An array that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the forwarding tables' memory is full: the change needs {wanted} {array}, and {free} are free ({together} in \
     one piece); the table stays as it was until others get smaller or replaced trees become free (now {waiting})"
)]
pub struct StoreFull {
    /// The array.
    pub array: FullArray,
    /// Entries that the change needs, beside those that it shares.
    pub wanted: u32,
    /// Entries that are free.
    pub free: u32,
    /// Of those the most that lie one after the other.
    pub together: u32,
    /// Number of replaced trees that a frame may still be in. They become free after their grace periods.
    pub waiting: u32,
}

/// One of the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullArray {
    /// `FIB_LINES`.
    Lines,
    /// `TREES`.
    Trees,
    /// `NEXT_HOP_GROUPS`.
    Groups,
}

impl Display for FullArray {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "lines",
            Self::Trees => "trees",
            Self::Groups => "groups of next hops",
        })
    }
}

/// A root that was cleared, as what it refers to is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "root {root} of the forwarding tables was damaged, and has no routes until they are read again: {flaw}"
)]
pub struct BrokenRoot {
    /// The root's index.
    pub root: u32,
    /// The damage.
    pub flaw: Flaw,
}

/// Damage of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Root 0 stands for none, and has a tree.
    #[error("it stands for no root, and refers to a tree")]
    RootOfNone,
    /// There is no such tree.
    #[error("there is no tree {0}")]
    NoTree(u64),
    /// The numbers of its levels and intervals don't belong together.
    #[error("tree {0} has another number of levels than its intervals need")]
    Levels(u32),
    /// It refers to lines that don't exist.
    #[error("tree {tree} refers to line {line}, which does not exist")]
    NoLine {
        /// The tree's index.
        tree: u32,
        /// The line's index.
        line: u32,
    },
    /// Another tree refers to a part of its lines, but not to all.
    #[error("tree {0} shares a part of a level with another tree")]
    Overlap(u32),
    /// The starts of its intervals don't ascend from 0, or a level does not have those of the next one.
    #[error("the lines of tree {0} are not in order")]
    Order(u32),
    /// A value refers to a group, or a subtree, that can't be one.
    #[error("tree {tree} has the value {value:#x}, which refers to nothing")]
    Value {
        /// The tree's index.
        tree: u32,
        /// The value.
        value: u32,
    },
}
