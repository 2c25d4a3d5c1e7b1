//! The kernel's tables, opened.

use std::mem::offset_of;

use aya::{
    Ebpf,
    maps::{DevMap, Map, MapData},
};
use edge_common::{
    abi::{
        books::{BooksPage, CARRIED_EPOCHS},
        counters::{Counted, Meter, PortCounters},
        policer::{Lease, Policer, WINDOW_TICKS, Window},
    },
    shared_maps,
};
use zerocopy::{FromBytes as _, IntoBytes as _};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        object::{loader::take_map, pins::Pins},
        tables::{clock::now_ticks, idle, mapped::MappedArray, per_cpu::PerCpu},
    },
    plan::{Capacity, RouterCapacity},
};

macro_rules! kernel_tables {
    (
        mapped { $($(#[$mapped_doc:meta])* $mapped:ident $mapped_name:ident: $mapped_entry:ty, $_mn:ident;)* }
        per_cpu { $($(#[$cpu_doc:meta])* $per_cpu:ident $cpu_name:ident: $cpu_entry:ty, $_cn:ident;)* }
        of_programs { $($(#[$_own_doc:meta])* $_own:ident: $_own_entry:ty, $_pn:ident;)* }
        devices { $($(#[$device_doc:meta])* $device:ident $device_name:ident, $_dn:ident;)* }
    ) => {
        /// The tables, for reading and writing.
        pub struct KernelTables {
            $($(#[$mapped_doc])* pub(in crate::kernel) $mapped: MappedArray<$mapped_entry>,)*
            $($(#[$cpu_doc])* pub(in crate::kernel) $per_cpu: PerCpu<$cpu_entry>,)*
            $($(#[$device_doc])* pub(in crate::kernel) $device: DevMap<MapData>,)*
        }

        impl KernelTables {
            fn open(mut map: impl FnMut(&str) -> Result<MapData>) -> Result<Self> {
                Ok(Self {
                    $($mapped: MappedArray::new(&map(stringify!($mapped_name))?)?,)*
                    $($per_cpu: PerCpu::new(map(stringify!($cpu_name))?)?,)*
                    $($device: DevMap::try_from(Map::DevMap(map(stringify!($device_name))?))?,)*
                })
            }
        }
    };
}
shared_maps!(kernel_tables);

impl KernelTables {
    /// The pinned tables.
    pub fn from_pins(pins: &Pins) -> Result<Self> {
        let tables = Self::open(|name| {
            let path = pins.map(name);
            MapData::from_pin(&path).with_context(|| format!("opening {}", path.display()))
        })?;
        let are_of_one_set = tables.port_keys.len() == tables.s_tables.len()
            && tables.attachment_keys.len() == tables.attachments.len()
            && tables.policer_keys.len() == tables.policers.len()
            && tables.router_keys.len() == tables.router_interfaces.len();
        if are_of_one_set {
            return Ok(tables);
        }
        Err(KernelError::damaged(format!(
            "the tables pinned in {} don't belong together",
            pins.directory().display()
        )))
    }

    /// The tables of an object that shares them with no other object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Self::open(|name| take_map(ebpf, name))
    }

    /// Numbers of entries.
    pub fn capacity(&self) -> Capacity {
        Capacity {
            ports: self.s_tables.len(),
            c_tables: self.c_tables.len(),
            attachments: self.attachments.len(),
            policers: self.policers.len(),
            flow_queues: self.flow_queues.len(),
            rates: self.rates.len(),
            qos_rows: self.qos_rows.len(),
            router: RouterCapacity {
                interfaces: self.router_interfaces.len(),
                roots: self.roots.len(),
                trees: self.trees.len(),
                fib_lines: self.fib_lines.len(),
                next_hops: self.next_hops.len(),
                next_hop_groups: self.next_hop_groups.len(),
                links: self.links.len(),
            },
        }
    }

    /// The counters of an attachment, all CPUs together.
    pub fn meter(&self, index: u32) -> Result<Meter> {
        self.meters.sum(index)
    }

    /// The counters of several attachments, all CPUs together. `indices` ascend.
    pub fn all_meters(&self, indices: &[u32]) -> Result<Vec<Meter>> {
        self.meters.sums(indices)
    }

    /// Counters and losses of an attachment, with its counts in earlier tables.
    pub fn counted(&self, index: u32) -> Result<Counted> {
        Ok(self.all_counted(&[index])?[0])
    }

    /// Counters and losses of several attachments, with their counts in earlier tables. `indices`
    /// ascend.
    pub fn all_counted(&self, indices: &[u32]) -> Result<Vec<Counted>> {
        let side = self.carried_side();
        // In this order: a refused frame was forwarded before.
        let meters = self.meters.sums(indices)?;
        let losses = self.losses.sums(indices)?;
        let counted = indices.iter().zip(meters).zip(losses).map(|((index, meter), losses)| {
            let mut counted = self.carried.get(*index).sides[side];
            counted.meter.add(&meter);
            counted.losses.add(&losses);
            counted
        });
        Ok(counted.collect())
    }

    /// The valid one of the two sides of the carried counts: 0 or 1.
    pub(in crate::kernel) fn carried_side(&self) -> usize {
        usize::from(self.books.word_at(0, CARRIED_SIDE_WORD) != 0)
    }

    /// Makes a side valid that has the counters of these epochs, all by one store.
    pub(in crate::kernel) fn turn_to(&self, side: usize, epochs: &[[u8; 16]; CARRIED_EPOCHS]) {
        let list = CARRIED_FROM_WORD + side * EPOCHS_WORDS;
        let words = epochs.as_bytes().chunks_exact(size_of::<u64>());
        for (number, bytes) in words.enumerate() {
            let word = u64::from_ne_bytes(bytes.try_into().expect("a chunk of eight bytes"));
            self.books.swap(0, list + number, word);
        }
        self.books.swap(0, CARRIED_SIDE_WORD, side as u64);
    }

    /// Notes that the ports are in the network namespace with this cookie from now on.
    pub fn set_netns_cookie(&self, cookie: u64) {
        self.books.swap(0, NETNS_COOKIE_WORD, cookie);
    }

    /// Policers, all CPUs together. `indices` ascend.
    pub fn policers(&self, indices: &[u32]) -> Result<Vec<PolicerState>> {
        let leases = self.leases.sums(indices)?;
        indices.iter().zip(leases).map(|(index, lease)| self.policer_with(*index, &lease)).collect()
    }

    fn policer_with(&self, index: u32, lease: &Lease) -> Result<PolicerState> {
        let Policer { tat_ticks, sold_ticks, windows } =
            Policer::<u64>::read_from_bytes(self.policers.get(index).as_bytes())
                .map_err(|_size| KernelError::damaged("a policer of another size"))?;
        let peak_ticks = windows.map(|window| window.most_ticks(sold_ticks, now_ticks()));
        let Lease { leases, retries, debts, .. } = *lease;
        Ok(PolicerState { tat_ticks, peak_ticks, leases, retries, debts })
    }

    /// Moves the TAT of a policer that got no frame for long, before it seems to be ahead of the
    /// clock (see `idle::settled`). The daemon calls this at least every few weeks.
    pub fn settle(&self, index: u32) {
        self.policers.update(index, |tat_ticks| idle::settled(tat_ticks, now_ticks()));
    }

    /// The peaks of a policer since the last time that they were taken, in ticks of its rate.
    #[must_use]
    pub fn take_peaks(&self, index: u32) -> [u64; WINDOW_TICKS.len()] {
        std::array::from_fn(|window| self.policers.swap(index, PEAK_WORDS[window], 0))
    }

    /// The counters of a port, all CPUs together, and what it has counted in earlier tables.
    pub fn port_counters(&self, index: u32) -> Result<PortCounters> {
        let mut counters = self.port_counters.sum(index)?;
        counters.add(&self.carried_port(index));
        Ok(counters.settled())
    }

    /// The counts of a port in earlier tables.
    pub fn carried_port(&self, index: u32) -> PortCounters {
        self.carried_ports.get(index).sides[self.carried_side()]
    }
}

/// The state of a policer, all CPUs together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicerState {
    /// Theoretical arrival time.
    pub tat_ticks: u64,
    /// The most that was sold in 1 ms and in 100 ms, in ticks of the rate.
    pub peak_ticks: [u64; WINDOW_TICKS.len()],
    /// Leases bought.
    pub leases: u64,
    /// Attempts to buy a lease that failed, as another CPU was faster.
    pub retries: u64,
    /// Frames let through on debt.
    pub debts: u64,
}

/// Indices of words of the books' page, and the number of words that the epochs of a side take.
const CARRIED_SIDE_WORD: usize = offset_of!(BooksPage, carried_side) / size_of::<u64>();
const NETNS_COOKIE_WORD: usize = offset_of!(BooksPage, netns_cookie) / size_of::<u64>();
const CARRIED_FROM_WORD: usize = offset_of!(BooksPage, carried_from) / size_of::<u64>();
const EPOCHS_WORDS: usize = CARRIED_EPOCHS * 16 / size_of::<u64>();

/// Indices of the words of a policer that are the peaks of its windows.
const PEAK_WORDS: [usize; WINDOW_TICKS.len()] = [4, 7];
const _: () = assert!(
    offset_of!(Policer<u64>, windows) + offset_of!(Window<u64>, peak_ticks)
        == PEAK_WORDS[0] * size_of::<u64>()
        && PEAK_WORDS[0] + size_of::<Window<u64>>() / size_of::<u64>() == PEAK_WORDS[1]
);
