//! Indexes of ports: their owners, and the programs that use them.

use std::collections::BTreeMap;

use edge_common::abi::{VidTable, books::CarriedPort, keys::PortKey, port::PortConstants};
use zerocopy::FromZeros as _;

use crate::{
    kernel::{
        error::Result,
        object::program::constants,
        tables::{kernel_tables::KernelTables, keys},
    },
    plan::PortPlan,
};

impl KernelTables {
    /// Gives the port's index to the port `name`, with counters that begin at zero.
    pub(in crate::kernel) fn give_port(&self, index: u32, name: &str) -> Result<()> {
        self.port_counters.clear(index)?;
        self.clear_unmatched(index)?;
        self.carried_ports.set(index, &CarriedPort::default());
        self.s_tables.set(index, &VidTable::new_zeroed());
        self.port_keys.set(index, &keys::port_record(name));
        Ok(())
    }

    /// The constants of the programs that use the port's index, and the kernel's ids of those that
    /// may be attached.
    pub fn programs(&self, index: u32) -> (PortConstants, [u32; 2]) {
        let PortKey { constants, program_ids, .. } = self.port_keys.get(index);
        (constants, program_ids)
    }

    /// Notes the constants and ids before a program is attached, and the configuration's name for
    /// the interface.
    pub fn note_programs(&self, port: &PortPlan, program_ids: [u32; 2]) {
        let noted = PortKey {
            interface: keys::name_bytes(&port.interface),
            constants: constants(port),
            program_ids,
            ..self.port_keys.get(port.index)
        };
        self.port_keys.set(port.index, &noted);
    }

    /// Notes the configuration's name for the port's interface, whether that exists or not.
    pub fn note_interface(&self, port: &PortPlan) {
        let interface = keys::name_bytes(&port.interface);
        self.port_keys.set(port.index, &PortKey { interface, ..self.port_keys.get(port.index) });
    }

    /// Notes that no program uses the port's index any more.
    pub fn forget_programs(&self, index: u32) {
        let forgotten = PortKey { program_ids: [0; 2], ..self.port_keys.get(index) };
        self.port_keys.set(index, &forgotten);
    }

    /// Whether the configuration had this name for the interface of the port with this index.
    #[must_use]
    pub fn has_interface(&self, index: u32, name: &str) -> bool {
        self.port_keys.get(index).interface == keys::name_bytes(name)
    }

    /// Whether the configuration had any name for the interface of the port with this index.
    #[must_use]
    pub fn has_any_interface(&self, index: u32) -> bool {
        self.port_keys.get(index).interface[0] != 0
    }

    /// Whether a configuration in these tables had this name for the interface of any port.
    #[must_use]
    pub fn knows_interface(&self, name: &str) -> bool {
        let name = keys::name_bytes(name);
        (0..self.port_keys.len()).any(|index| self.port_keys.get(index).interface == name)
    }

    /// The index of the port that a program with this id uses.
    #[must_use]
    pub fn port_of_program(&self, program_id: u32) -> Option<u32> {
        (0..self.port_keys.len()).find(|index| self.programs(*index).1.contains(&program_id))
    }

    /// Names of the ports that have an index.
    #[must_use]
    pub fn port_names(&self) -> BTreeMap<String, u32> {
        let names = (0..self.port_keys.len())
            .filter_map(|index| Some((keys::port_name(&self.port_keys.get(index))?, index)));
        names.collect()
    }
}
