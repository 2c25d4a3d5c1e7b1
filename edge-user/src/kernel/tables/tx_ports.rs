//! Interfaces that frames to ports leave by: the kernel's device maps, and the way back from an
//! interface to its port.

use crate::kernel::{error::Result, tables::kernel_tables::KernelTables};

impl KernelTables {
    /// Has frames to the port leave by this interface of our network namespace. The kernel removes
    /// the entry when the interface goes or moves to another namespace.
    pub fn set_egress(&mut self, index: u32, ifindex: u32) -> Result<()> {
        self.set_tx_index(index, ifindex)?;
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

    /// Makes this the only interface that leads to the port. It comes before the first frame leaves
    /// by the interface, and long after the last that left by the one before: the kernel has
    /// finished those before it removes an interface, and a change of a present interface gets new
    /// tables. At one interface for each port, there is always room.
    fn set_tx_index(&mut self, index: u32, ifindex: u32) -> Result<()> {
        let entries: Vec<(u32, u32)> = self.tx_indices.iter().collect::<Result<_, _>>()?;
        for (other, of_port) in entries {
            if of_port == index && other != ifindex {
                self.tx_indices.remove(&other)?;
            }
        }
        self.tx_indices.insert(ifindex, index, 0)?;
        Ok(())
    }
}
