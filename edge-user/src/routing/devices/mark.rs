//! The mark of interfaces that edge has made.

/// Numbers of groups of interfaces (`IFLA_GROUP`) begin with these; the rest is the namespace's.
const KEPT: u32 = 0x0ed0_0000;
const CONDEMNED: u32 = 0x0ee0_0000;
const NAMESPACE: u32 = 0x000f_ffff;

/// The groups of interfaces that edge made for one routing namespace.
///
/// The kernel sets an interface's group in the step that makes it, so that a crash leaves none
/// without the mark. The number depends on the namespace's name, so that two edges on one machine
/// know their interfaces apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u32);

impl Mark {
    /// The mark for the namespace with this name.
    pub(super) fn of(name: &str) -> Self {
        // FNV-1a, folded: it must stay the same from one version of edge to the next.
        let hash = name
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        Self((hash ^ (hash >> 20)) & NAMESPACE)
    }

    /// The group of interfaces in use.
    pub(super) fn kept(self) -> u32 {
        KEPT | self.0
    }

    /// The group of devices that are to be removed. One request removes a whole group, in a grace
    /// period for all, where each single removal takes one (`rtnl_group_dellink` in
    /// `net/core/rtnetlink.c`).
    pub(super) fn condemned(self) -> u32 {
        CONDEMNED | self.0
    }

    /// Whether the group is one of both.
    pub(super) fn is_on(self, group: u32) -> bool {
        [self.kept(), self.condemned()].contains(&group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_has_the_same_groups_for_ever() {
        let mark = Mark::of("edge-routing");
        assert_eq!((mark.kept(), mark.condemned()), (0x0ed2_5a2f, 0x0ee2_5a2f));
        assert_ne!(mark, Mark::of("edge-routing-2"));
        assert!(mark.is_on(mark.kept()) && mark.is_on(mark.condemned()));
        assert!(!mark.is_on(0) && !mark.is_on(Mark::of("other").kept()));
        // `ip` shows groups as signed numbers.
        assert!(mark.condemned() < 1 << 31);
    }
}
