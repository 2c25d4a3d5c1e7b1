//! The tables that may have changed since they were read.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

use crate::routing::feed::{news::KernelNews, uses::TableUses};

/// Marks of the tables that are followed.
#[derive(Debug, Default)]
pub(super) struct Marks {
    followed: BTreeMap<u32, TableUses>,
    marked: BTreeSet<u32>,
    /// Whether something changed that routes depend on, since [`Self::take_under_way`]. The kernel says so before it
    /// takes the routes away.
    is_under_way: bool,
    by_interface: Index<u32>,
    by_object: Index<u32>,
    by_source: Index<IpAddr>,
    sight: Option<Sight>,
}

/// Tables by a thing that they depend on.
type Index<K> = BTreeMap<K, BTreeSet<u32>>;

/// Changes since a moment, while a table is read, whose dependencies are known only when it is read.
#[derive(Debug, Default)]
pub(super) struct Sight {
    table: u32,
    /// Whether the kernel dropped messages.
    pub(super) is_blind: bool,
    /// The first addresses of the prefixes whose routes changed.
    pub(super) v4: BTreeSet<IpAddr>,
    /// Whether routes of IPv6 changed.
    pub(super) has_v6: bool,
    interfaces: BTreeSet<u32>,
    objects: BTreeSet<u32>,
    addresses: BTreeSet<IpAddr>,
}

impl Sight {
    fn hear(&mut self, news: &KernelNews) {
        match news {
            KernelNews::Route { table, is_v4, destination } if *table == self.table => {
                if *is_v4 {
                    self.v4.insert(destination.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
                } else {
                    self.has_v6 = true;
                }
            }
            KernelNews::Route { .. } | KernelNews::Neighbour(_) => {}
            KernelNews::Link { ifindex } => {
                self.interfaces.insert(*ifindex);
            }
            KernelNews::Address { ifindex, address } => {
                self.interfaces.insert(*ifindex);
                self.addresses.extend(address);
            }
            KernelNews::NextHopObject { id } => {
                self.objects.insert(*id);
            }
            KernelNews::Lost => self.is_blind = true,
        }
    }

    /// Whether nothing in it has changed a table that uses these.
    pub(super) fn is_clear(&self, uses: &TableUses) -> bool {
        !self.is_blind && self.v4.is_empty() && !self.has_v6 && !self.is_under_way(uses)
    }

    /// Whether routes may have gone, or be going, without messages of their own.
    pub(super) fn is_under_way(&self, uses: &TableUses) -> bool {
        self.is_blind
            || !self.interfaces.is_disjoint(&uses.interfaces)
            || !self.objects.is_disjoint(&uses.next_hop_objects)
            || !self.addresses.is_disjoint(&uses.sources)
    }
}

impl Marks {
    /// Follows a table. It is marked, as it was not read yet.
    pub(super) fn follow(&mut self, table: u32) {
        if self.followed.insert(table, TableUses::default()).is_none() {
            self.mark(table);
            // Messages from before the first reading are tied to no table.
            self.is_under_way = true;
        }
    }

    /// Follows a table no longer.
    pub(super) fn forget(&mut self, table: u32) {
        self.tie(table, TableUses::default());
        self.followed.remove(&table);
        self.marked.remove(&table);
    }

    /// The tables that were marked since the last call.
    pub(super) fn take(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.marked)
    }

    /// Whether something changed that routes depend on, since the last call.
    pub(super) fn take_under_way(&mut self) -> bool {
        std::mem::take(&mut self.is_under_way)
    }

    /// Begins to note changes to a table, and to all that it may depend on.
    pub(super) fn watch(&mut self, table: u32) {
        self.sight = Some(Sight { table, ..Sight::default() });
    }

    /// Ends [`Self::watch`], and returns the changes since.
    pub(super) fn seen(&mut self) -> Sight {
        self.sight.take().unwrap_or_default()
    }

    /// Notes that the table was read, with its present dependencies, and that nothing changed meanwhile.
    pub(super) fn settle(&mut self, table: u32, uses: TableUses) {
        self.tie(table, uses);
        self.marked.remove(&table);
    }

    /// Notes that the table was read, with its present dependencies, and that some of it changed meanwhile.
    pub(super) fn unsettle(&mut self, table: u32, uses: TableUses) {
        self.tie(table, uses);
        self.mark(table);
    }

    /// Marks a table, if it is followed.
    pub(super) fn mark(&mut self, table: u32) {
        if self.followed.contains_key(&table) {
            self.marked.insert(table);
        }
    }

    /// Takes in a message.
    pub(super) fn hear(&mut self, news: &KernelNews) {
        if let Some(sight) = &mut self.sight {
            sight.hear(news);
        }
        let tables = match news {
            KernelNews::Route { table, .. } => return self.mark(*table),
            KernelNews::Neighbour(_) => return,
            KernelNews::Link { ifindex } => of(&self.by_interface, ifindex),
            KernelNews::Address { ifindex, address } => {
                let mut tables = of(&self.by_interface, ifindex);
                tables.extend(address.iter().flat_map(|address| of(&self.by_source, address)));
                tables
            }
            KernelNews::NextHopObject { id } => of(&self.by_object, id),
            KernelNews::Lost => self.followed.keys().copied().collect(),
        };
        self.is_under_way = true;
        self.marked.extend(tables);
    }

    /// Gives a table other dependencies.
    fn tie(&mut self, table: u32, uses: TableUses) {
        let Some(present) = self.followed.get_mut(&table) else { return };
        let before = std::mem::replace(present, uses);
        let now = &*present;
        exchange(&mut self.by_interface, table, &before.interfaces, &now.interfaces);
        exchange(&mut self.by_object, table, &before.next_hop_objects, &now.next_hop_objects);
        exchange(&mut self.by_source, table, &before.sources, &now.sources);
    }
}

fn of<K: Ord>(index: &Index<K>, key: &K) -> Vec<u32> {
    index.get(key).into_iter().flatten().copied().collect()
}

fn exchange<K: Ord + Copy>(
    index: &mut Index<K>,
    table: u32,
    before: &BTreeSet<K>,
    now: &BTreeSet<K>,
) {
    for key in before.difference(now) {
        if let Some(tables) = index.get_mut(key) {
            tables.remove(&table);
            if tables.is_empty() {
                index.remove(key);
            }
        }
    }
    for key in now.difference(before) {
        index.entry(*key).or_default().insert(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(interfaces: &[u32], objects: &[u32], sources: &[u8]) -> TableUses {
        TableUses {
            interfaces: interfaces.iter().copied().collect(),
            next_hop_objects: objects.iter().copied().collect(),
            sources: sources.iter().map(|last| address(*last)).collect(),
        }
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Three tables: 1 and 2 share an interface, 3 has objects and a source address.
    fn marks() -> Marks {
        let mut marks = Marks::default();
        for table in 1..=3 {
            marks.follow(table);
        }
        assert_eq!(Vec::from_iter(marks.take()), [1, 2, 3], "none was read yet");
        assert!(marks.take_under_way() && !marks.take_under_way());
        marks.settle(1, uses(&[10, 11], &[], &[]));
        marks.settle(2, uses(&[11], &[], &[]));
        marks.settle(3, uses(&[12], &[7, 8], &[1]));
        marks
    }

    fn marked_by(news: &KernelNews) -> (Vec<u32>, bool) {
        let mut marks = marks();
        marks.hear(news);
        let marked = Vec::from_iter(marks.take());
        assert!(marks.take().is_empty());
        (marked, marks.take_under_way())
    }

    fn route(table: u32) -> KernelNews {
        KernelNews::Route { table, is_v4: true, destination: Some(address(0)) }
    }

    #[test]
    fn a_message_marks_the_tables_that_it_may_be_about() {
        let link = |ifindex| KernelNews::Link { ifindex };
        let object = |id| KernelNews::NextHopObject { id };
        let gone = |ifindex, last| KernelNews::Address { ifindex, address: Some(address(last)) };
        for (news, tables) in [
            (link(10), vec![1]),
            (link(11), vec![1, 2]),
            (link(99), vec![]),
            (object(8), vec![3]),
            (object(9), vec![]),
            (gone(11, 9), vec![1, 2]),
            (gone(99, 1), vec![3]),
            (gone(11, 1), vec![1, 2, 3]),
            (KernelNews::Lost, vec![1, 2, 3]),
        ] {
            assert_eq!(marked_by(&news), (tables, true), "{news:?}");
        }
        assert_eq!(marked_by(&route(2)), (vec![2], false), "it came after its change");
        assert_eq!(marked_by(&route(4)), (vec![], false), "nobody follows it");
    }

    #[test]
    fn a_table_depends_on_what_it_had_when_it_was_read_last() {
        let mut marks = marks();
        marks.settle(1, uses(&[20], &[], &[]));
        marks.hear(&KernelNews::Link { ifindex: 10 });
        marks.hear(&KernelNews::Link { ifindex: 11 });
        assert_eq!(Vec::from_iter(marks.take()), [2]);
        marks.hear(&KernelNews::Link { ifindex: 20 });
        assert_eq!(Vec::from_iter(marks.take()), [1]);
        marks.forget(1);
        marks.hear(&KernelNews::Link { ifindex: 20 });
        marks.hear(&KernelNews::Lost);
        marks.hear(&route(1));
        assert_eq!(Vec::from_iter(marks.take()), [2, 3]);
        for table in 2..=3 {
            marks.forget(table);
        }
        assert!(marks.by_interface.is_empty() && marks.by_object.is_empty());
        assert!(marks.by_source.is_empty(), "{marks:?}");
    }

    #[test]
    fn reading_a_table_takes_its_mark_unless_it_changed_meanwhile() {
        let mut marks = marks();
        marks.hear(&route(1));
        marks.settle(1, uses(&[10], &[], &[]));
        assert!(marks.take().is_empty());
        marks.unsettle(1, uses(&[10], &[], &[]));
        assert_eq!(Vec::from_iter(marks.take()), [1]);
    }

    #[test]
    fn a_change_during_a_reading_is_seen_though_the_table_was_not_tied_to_it() {
        let mut marks = marks();
        let new = uses(&[50], &[60], &[70]);
        for (news, is_clear, is_under_way) in [
            (KernelNews::Link { ifindex: 50 }, false, true),
            (KernelNews::Link { ifindex: 10 }, true, false),
            (KernelNews::NextHopObject { id: 60 }, false, true),
            (KernelNews::Address { ifindex: 1, address: Some(address(70)) }, false, true),
            (KernelNews::Lost, false, true),
            (route(1), false, false),
            (route(2), true, false),
            (KernelNews::Route { table: 1, is_v4: false, destination: None }, false, false),
        ] {
            marks.watch(1);
            marks.hear(&news);
            let seen = marks.seen();
            let found = (seen.is_clear(&new), seen.is_under_way(&new));
            assert_eq!(found, (is_clear, is_under_way), "{news:?}");
        }
        assert!(marks.seen().is_clear(&new), "nobody watches");
    }
}
