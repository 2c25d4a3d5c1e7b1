//! Room for the router's tables.

use super::RouterCapacity;

impl RouterCapacity {
    /// Room for as much, and for what `other` has room for: entries that move to other tables keep their indices.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> Self {
        Self {
            interfaces: self.interfaces.max(other.interfaces),
            roots: self.roots.max(other.roots),
            trees: self.trees.max(other.trees),
            fib_lines: self.fib_lines.max(other.fib_lines),
            next_hops: self.next_hops.max(other.next_hops),
            next_hop_groups: self.next_hop_groups.max(other.next_hop_groups),
            links: self.links.max(other.links),
        }
    }
}
