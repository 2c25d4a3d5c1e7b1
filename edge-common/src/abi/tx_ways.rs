//! The way from an interface, of which the kernel tells the index, to the port whose frames leave by
//! it.
//!
//! It is a table with open addressing, whose entries change by single stores while a program reads
//! them: a program needs a port for each batch of frames, and a look-up in the kernel's own hash
//! tables is a call. An interface's entry is at its index, modulo the table's length, or at the next
//! free place.

/// An entry that no interface ever had.
const NEVER: u64 = 0;
/// An entry that an interface had: an entry behind it may still belong to one before it.
const FORMER: u64 = 1 << 32;

/// The table, as the one who changes it has it.
pub trait TxWays {
    /// Number of entries, a power of two.
    fn entries(&self) -> u32;
    /// Reads an entry.
    fn load(&self, at: u32) -> u64;
    /// Stores an entry, at once.
    fn store(&self, at: u32, entry: u64);
}

/// The port's index in `TX_PORTS` to which the interface with this index leads. `entry` reads one of
/// the `len` entries, a power of two.
#[inline(always)]
pub fn find(ifindex: u32, len: u32, entry: impl Fn(u32) -> Option<u64>) -> Option<u32> {
    for step in 0..len {
        let entry = entry(place(ifindex, step, len))?;
        if entry as u32 == ifindex {
            return Some(port(entry));
        }
        if entry == NEVER {
            return None;
        }
    }
    None
}

/// Has the interface lead to the port with this index in `TX_PORTS`, and no other interface. Returns
/// false where all entries are those of other ports.
pub fn lead(ways: &impl TxWays, ifindex: u32, tx_port: u32) -> bool {
    let len = ways.entries();
    for at in 0..len {
        let entry = ways.load(at);
        if is_used(entry) && port(entry) == tx_port && entry as u32 != ifindex {
            let is_last = ways.load(place(at, 1, len)) == NEVER;
            ways.store(at, if is_last { NEVER } else { FORMER });
        }
    }
    let mut free = None;
    for step in 0..len {
        let at = place(ifindex, step, len);
        let entry = ways.load(at);
        if is_used(entry) && entry as u32 == ifindex {
            free = Some(at);
            break;
        }
        if !is_used(entry) {
            free = free.or(Some(at));
        }
        if entry == NEVER {
            break;
        }
    }
    if let Some(at) = free {
        ways.store(at, u64::from(ifindex) | u64::from(tx_port) << 32);
    }
    free.is_some()
}

#[inline(always)]
fn place(ifindex: u32, step: u32, len: u32) -> u32 {
    ifindex.wrapping_add(step) & len.wrapping_sub(1)
}

#[inline(always)]
fn port(entry: u64) -> u32 {
    (entry >> 32) as u32
}

/// Whether an interface has it: none has the index 0.
fn is_used(entry: u64) -> bool {
    entry as u32 != 0
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeMap};

    use proptest::prelude::*;

    use super::*;

    const LEN: u32 = 16;

    struct Table([Cell<u64>; LEN as usize]);

    impl TxWays for Table {
        fn entries(&self) -> u32 {
            LEN
        }

        fn load(&self, at: u32) -> u64 {
            self.0[at as usize].get()
        }

        fn store(&self, at: u32, entry: u64) {
            self.0[at as usize].set(entry);
        }
    }

    fn port_of(table: &Table, ifindex: u32) -> Option<u32> {
        find(ifindex, LEN, |at| Some(table.load(at)))
    }

    fn empty() -> Table {
        Table([const { Cell::new(NEVER) }; LEN as usize])
    }

    proptest! {
        /// Indices whose places are the same, near each other or around the end.
        #[test]
        fn an_interface_leads_to_its_port_alone_whatever_there_was_before(
            changes in prop::collection::vec((0..4u32, 1..5u32, 0..LEN), 0..60),
        ) {
            let (table, mut model) = (empty(), BTreeMap::new());
            for (round, place, tx_port) in changes {
                let ifindex = round * LEN + place + LEN - 2;
                prop_assert!(lead(&table, ifindex, tx_port));
                model.retain(|_, port| *port != tx_port);
                model.insert(ifindex, tx_port);
                for ifindex in 1..6 * LEN {
                    let expected = model.get(&ifindex).copied();
                    prop_assert_eq!(port_of(&table, ifindex), expected, "{}", ifindex);
                }
            }
        }
    }

    #[test]
    fn a_full_table_takes_no_other_port_and_keeps_what_it_has() {
        let table = empty();
        for tx_port in 0..LEN {
            assert!(lead(&table, 7 + LEN * tx_port, tx_port));
        }
        assert!(!lead(&table, 8, LEN));
        assert_eq!(port_of(&table, 8), None);
        // A port that has an entry finds room, at its own.
        assert!(lead(&table, 8, 3));
        assert_eq!([port_of(&table, 8), port_of(&table, 7 + LEN * 3)], [Some(3), None]);
        assert_eq!(port_of(&table, 7 + LEN * 15), Some(15));
    }
}
