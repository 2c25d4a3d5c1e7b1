//! Interfaces that frames to ports leave by: the kernel's device maps, and the way back from an
//! interface to its port.

use edge_common::abi::tx_ways::{TxWays, lead};

use crate::kernel::{
    error::{KernelError, Result},
    tables::{kernel_tables::KernelTables, mapped::MappedArray},
};

impl KernelTables {
    /// Has frames to the port leave by this interface of our network namespace. The kernel removes
    /// the entry when the interface goes or moves to another namespace.
    pub fn set_egress(&mut self, index: u32, ifindex: u32) -> Result<()> {
        // The way back comes before the first frame that leaves by the interface. The way from the
        // interface before goes: the kernel has handed over its last frame before it removes an
        // interface, and a change of one that is there gets new tables.
        if !lead(&self.tx_ways, ifindex, index) {
            return Err(KernelError::damaged("the tables have interfaces of too many ports"));
        }
        self.set_tx_ports(index, ifindex)
    }

    /// Has frames to the port be dropped.
    pub fn clear_egress(&mut self, index: u32) -> Result<()> {
        // The kernel takes an entry out where the interface's index is 0 (`__dev_map_update_elem`).
        // The way back stays for frames under way. It leads to no others.
        self.set_tx_ports(index, 0)
    }

    /// The index of the interface by which frames to the port leave; `None`: there is none.
    ///
    /// It is the interface that was set, not a later one with the same index: the kernel removes
    /// entries of interfaces that are gone (`dev_map_notification` in kernel/bpf/devmap.c).
    #[must_use]
    pub fn egress(&self, index: u32) -> Option<u32> {
        let [ifindex, other] = [&self.tx_ports, &self.tx_ports_frags].map(|tx_ports| {
            tx_ports.get(index, 0).ok().map(|egress| egress.if_index).filter(|index| *index != 0)
        });
        // The entry can be missing for a moment, while it is set.
        ifindex.filter(|_| ifindex == other)
    }

    fn set_tx_ports(&mut self, index: u32, ifindex: u32) -> Result<()> {
        for tx_ports in [&mut self.tx_ports, &mut self.tx_ports_frags] {
            tx_ports.set(index, ifindex, None, 0)?;
        }
        Ok(())
    }
}

impl TxWays for MappedArray<u64> {
    fn entries(&self) -> u32 {
        self.len()
    }

    fn load(&self, at: u32) -> u64 {
        self.get(at)
    }

    fn store(&self, at: u32, entry: u64) {
        self.set(at, &entry);
    }
}
