//! The tables between a replay and its program: one passes the time in, the other the outcome out.

use aya::Ebpf;
use edge_common::abi::outcome::Outcome;

use crate::kernel::{error::Result, object::loader::take_map, tables::mapped::MappedArray};

/// The tables that hold the time for the next run and the outcome of the last frame.
pub struct ReplayTables {
    now_ns: MappedArray<u64>,
    outcome: MappedArray<Outcome>,
}

impl ReplayTables {
    /// Takes them out of an object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Ok(Self {
            now_ns: MappedArray::new(&take_map(ebpf, "REPLAY_NOW")?)?,
            outcome: MappedArray::new(&take_map(ebpf, "REPLAY_OUTCOME")?)?,
        })
    }

    /// Sets the time for the next run, and forgets the last one's outcome.
    pub fn prepare(&self, now_ns: u64) {
        self.now_ns.set(0, &now_ns);
        self.outcome.set(0, &Outcome::unknown());
    }

    /// Outcome of the last frame.
    pub fn outcome(&self) -> Outcome {
        self.outcome.get(0)
    }
}
