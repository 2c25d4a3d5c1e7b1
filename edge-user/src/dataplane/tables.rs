//! The kernel's tables, opened.

use std::{collections::BTreeMap, marker::PhantomData, mem::offset_of};

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf,
    maps::{DevMap, Map, MapData},
};
use edge_common::{
    abi::{
        AttachmentKey, FlowQueuesWords, Generation, Outcome, PolicerKey, PolicerWords,
        PortConstants, PortKey, VidTable,
    },
    attachment::Attachment,
    books::{Books, CARRIED_EPOCHS, Carried, CarriedPort},
    limits::Limits,
    meter::{Counted, Losses, Meter, PortCounters},
    peak::{WINDOW_TICKS, Window},
    police::{Lease, Policer},
    qos::QosRow,
    rate::Rate,
};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes, KnownLayout};

use super::{
    change_rate::now_ticks, idle, keys, mapped::MappedArray, pins::Pins, program::constants,
    raw_map::RawPerCpu,
};
use crate::plan::{self, Capacity, PortPlan};

/// Names of the maps that all ports of an edge share.
pub(super) const SHARED_MAPS: [&str; 21] = [
    "S_TABLES",
    "C_TABLES",
    "ATTACHMENTS",
    "QOS_ROWS",
    "RATES",
    "POLICERS",
    "LIMITS",
    "FLOW_QUEUES",
    "LEASES",
    "METERS",
    "LOSSES",
    "IN_FLIGHT",
    "PORT_COUNTERS",
    "TX_PORTS",
    "TX_PORTS_FRAGS",
    "PORT_KEYS",
    "ATTACHMENT_KEYS",
    "POLICER_KEYS",
    "BOOKS",
    "CARRIED",
    "CARRIED_PORTS",
];

/// The tables, for reading and writing.
pub struct KernelTables {
    pub(super) s_tables: MappedArray<VidTable>,
    pub(super) c_tables: MappedArray<VidTable>,
    pub(super) attachments: MappedArray<Attachment>,
    pub(super) qos_rows: MappedArray<QosRow>,
    pub(super) rates: MappedArray<Rate>,
    pub(super) policers: MappedArray<PolicerWords>,
    pub(super) limits: MappedArray<Limits>,
    pub(super) flow_queues: MappedArray<FlowQueuesWords>,
    pub(super) port_keys: MappedArray<PortKey>,
    pub(super) attachment_keys: MappedArray<AttachmentKey>,
    pub(super) policer_keys: MappedArray<PolicerKey>,
    pub(super) leases: PerCpu<Lease>,
    pub(super) books: MappedArray<Books>,
    pub(super) carried: MappedArray<Carried>,
    pub(super) carried_ports: MappedArray<CarriedPort>,
    pub(super) meters: PerCpu<Meter>,
    pub(super) losses: PerCpu<Losses>,
    pub(super) port_counters: PerCpu<PortCounters>,
    /// For programs without and with `xdp.frags`.
    pub(super) tx_ports: [DevMap<MapData>; 2],
}

impl KernelTables {
    /// The pinned tables.
    pub fn from_pins(pins: &Pins) -> Result<Self> {
        let tables = Self::open(|name| {
            let path = pins.map(name);
            MapData::from_pin(&path).with_context(|| format!("opening {}", path.display()))
        })?;
        anyhow::ensure!(
            tables.port_keys.len() == tables.s_tables.len()
                && tables.attachment_keys.len() == tables.attachments.len()
                && tables.policer_keys.len() == tables.policers.len(),
            "the tables pinned in {} don't belong together",
            pins.directory().display(),
        );
        Ok(tables)
    }

    /// The tables of an object that shares them with no other.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Self::open(|name| take_map(ebpf, name))
    }

    fn open(mut map: impl FnMut(&str) -> Result<MapData>) -> Result<Self> {
        Ok(Self {
            s_tables: MappedArray::new(&map("S_TABLES")?)?,
            c_tables: MappedArray::new(&map("C_TABLES")?)?,
            attachments: MappedArray::new(&map("ATTACHMENTS")?)?,
            qos_rows: MappedArray::new(&map("QOS_ROWS")?)?,
            rates: MappedArray::new(&map("RATES")?)?,
            policers: MappedArray::new(&map("POLICERS")?)?,
            limits: MappedArray::new(&map("LIMITS")?)?,
            flow_queues: MappedArray::new(&map("FLOW_QUEUES")?)?,
            port_keys: MappedArray::new(&map("PORT_KEYS")?)?,
            attachment_keys: MappedArray::new(&map("ATTACHMENT_KEYS")?)?,
            policer_keys: MappedArray::new(&map("POLICER_KEYS")?)?,
            leases: PerCpu::new(map("LEASES")?)?,
            books: MappedArray::new(&map("BOOKS")?)?,
            carried: MappedArray::new(&map("CARRIED")?)?,
            carried_ports: MappedArray::new(&map("CARRIED_PORTS")?)?,
            meters: PerCpu::new(map("METERS")?)?,
            losses: PerCpu::new(map("LOSSES")?)?,
            port_counters: PerCpu::new(map("PORT_COUNTERS")?)?,
            tx_ports: [
                DevMap::try_from(Map::DevMap(map("TX_PORTS")?))?,
                DevMap::try_from(Map::DevMap(map("TX_PORTS_FRAGS")?))?,
            ],
        })
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
        }
    }

    /// The counters of an attachment, all CPUs together.
    pub fn meter(&self, index: u32) -> Result<Meter> {
        self.meters.sum(index)
    }

    /// The same, with what it lost, and with what it has counted in earlier tables.
    pub fn counted(&self, index: u32) -> Result<Counted> {
        let mut counted = self.carried.get(index).sides[self.carried_side()];
        // In this order: what was refused was forwarded before.
        counted.meter.add(&self.meters.sum(index)?);
        counted.losses.add(&self.losses.sum(index)?);
        Ok(counted)
    }

    /// Which side of what was carried over holds.
    pub(super) fn carried_side(&self) -> usize {
        usize::from(self.books.word_at(0, CARRIED_SIDE_WORD) != 0)
    }

    /// Turns to a side that has the counters of these epochs, all at once.
    pub(super) fn turn_to(&self, side: usize, epochs: &[[u8; 16]; CARRIED_EPOCHS]) {
        let list = CARRIED_FROM_WORD + side * EPOCHS_WORDS;
        let words = epochs.as_bytes().chunks_exact(size_of::<u64>());
        for (number, bytes) in words.enumerate() {
            let word = u64::from_ne_bytes(bytes.try_into().expect("a chunk of eight bytes"));
            self.books.swap(0, list + number, word);
        }
        self.books.swap(0, CARRIED_SIDE_WORD, side as u64);
    }

    /// Whose the attachments' slots are, or were last.
    #[must_use]
    pub fn owners(&self) -> BTreeMap<plan::AttachmentKey, u32> {
        let key = |index| keys::attachment_key(&self.attachment_keys.get(index));
        self.owned().filter_map(|index| Some((key(index)?, index))).collect()
    }

    /// The attachments' slots that are somebody's.
    pub(super) fn owned(&self) -> impl Iterator<Item = u32> {
        let keys = &self.attachment_keys;
        let generation = |index| Generation::from_bits(keys.word_at(index, GENERATION_WORD));
        (0..keys.len()).filter(move |index| generation(*index).is_owned)
    }

    /// Gives the attachment's slot to an owner, with counters that begin at zero.
    pub(super) fn give(&mut self, index: u32, key: &plan::AttachmentKey) -> Result<()> {
        self.clear(index)?;
        self.own(index, key);
        Ok(())
    }

    /// Makes the attachment's slot nobody's, with counters that are zero: a process that is killed
    /// after it leaves no counters to one owner that were another's.
    pub(super) fn clear(&mut self, index: u32) -> Result<()> {
        let before = Generation::from_bits(self.attachment_keys.get(index).generation);
        // Where nobody has counted, there is nothing to clear.
        if before.number > 0 {
            let nobodys = Generation { is_owned: false, ..before };
            self.attachment_keys.swap(index, GENERATION_WORD, nobodys.to_bits());
            self.meters.clear(index)?;
            self.losses.clear(index)?;
            self.carried.set(index, &Carried::default());
        }
        Ok(())
    }

    /// Has the attachment's slot, which was cleared, be an owner's.
    pub(super) fn own(&self, index: u32, key: &plan::AttachmentKey) {
        let before = Generation::from_bits(self.attachment_keys.get(index).generation);
        // It is nobody's while its key is written.
        let nobodys = Generation { is_owned: false, ..before };
        self.attachment_keys.set(index, &keys::attachment_record(key, nobodys));
        let owned = Generation { number: before.number + 1, is_owned: true };
        self.attachment_keys.swap(index, GENERATION_WORD, owned.to_bits());
    }

    /// Gives the port's index to the port `name`, with counters that begin at zero.
    pub(super) fn give_port(&mut self, index: u32, name: &str) -> Result<()> {
        self.port_counters.clear(index)?;
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

    /// Notes those, before a program is attached, and what the configuration calls the interface.
    pub fn note_programs(&self, port: &PortPlan, program_ids: [u32; 2]) {
        let noted = PortKey {
            interface: keys::name_bytes(&port.interface),
            constants: constants(port),
            program_ids,
            ..self.port_keys.get(port.index)
        };
        self.port_keys.set(port.index, &noted);
    }

    /// Notes what the configuration calls the port's interface, whether that is there or not.
    pub fn note_interface(&self, port: &PortPlan) {
        let interface = keys::name_bytes(&port.interface);
        self.port_keys.set(port.index, &PortKey { interface, ..self.port_keys.get(port.index) });
    }

    /// No program uses the port's index any more.
    pub fn forget_programs(&self, index: u32) {
        let forgotten = PortKey { program_ids: [0; 2], ..self.port_keys.get(index) };
        self.port_keys.set(index, &forgotten);
    }

    /// Whether the configuration called the interface of the port with this index so.
    #[must_use]
    pub fn has_interface(&self, index: u32, name: &str) -> bool {
        self.port_keys.get(index).interface == keys::name_bytes(name)
    }

    /// Whether the configuration called the interface of the port with this index anything yet.
    #[must_use]
    pub fn has_any_interface(&self, index: u32) -> bool {
        self.port_keys.get(index).interface[0] != 0
    }

    /// Whether a configuration in these tables called some port's interface so.
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

    /// Has frames that are forwarded to the port leave by this interface of our network namespace.
    /// The kernel forgets it when the interface is gone or moved.
    pub fn set_egress(&mut self, index: u32, ifindex: u32) -> Result<()> {
        for tx_ports in &mut self.tx_ports {
            tx_ports.set(index, ifindex, None, 0)?;
        }
        Ok(())
    }

    /// Has frames that are forwarded to the port be dropped.
    pub fn clear_egress(&mut self, index: u32) -> Result<()> {
        // The kernel takes an entry out where the interface's index is 0 (`__dev_map_update_elem`).
        self.set_egress(index, 0)
    }

    /// The index of the interface that frames which are forwarded to the port leave by; `None`:
    /// there is none.
    ///
    /// It has been the port's since it was set, and is no later one with the same index: the kernel
    /// takes out what is gone (`dev_map_notification` in kernel/bpf/devmap.c).
    #[must_use]
    pub fn egress(&self, index: u32) -> Option<u32> {
        let [ifindex, other] = self.tx_ports.each_ref().map(|tx_ports| {
            tx_ports.get(index, 0).ok().map(|egress| egress.if_index).filter(|index| *index != 0)
        });
        // For a moment, while they are set.
        ifindex.filter(|_| ifindex == other)
    }

    /// The ports are in the network namespace with this cookie from now on.
    pub fn set_netns_cookie(&self, cookie: u64) {
        self.books.swap(0, NETNS_COOKIE_WORD, cookie);
    }

    /// A policer, all CPUs together.
    pub fn policer(&self, index: u32) -> Result<PolicerState> {
        let Policer { tat_ticks, sold_ticks, windows } =
            Policer::<u64>::read_from_bytes(self.policers.get(index).as_bytes())
                .map_err(|_size| anyhow!("a policer of another size"))?;
        let peak_ticks = windows.map(|window| window.most_ticks(sold_ticks, now_ticks()));
        let Lease { leases, retries, debts, .. } = self.leases.sum(index)?;
        Ok(PolicerState { tat_ticks, peak_ticks, leases, retries, debts })
    }

    /// Keeps the word of a policer that nobody uses from being mistaken for another: see
    /// `idle::settled`. To be called every few weeks at the least.
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
        counters.add(&self.carried_ports.get(index).sides[self.carried_side()]);
        Ok(counters.settled())
    }
}

/// What all CPUs know of a policer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicerState {
    /// Theoretical arrival time.
    pub tat_ticks: u64,
    /// The most that was sold in 1 ms and in 100 ms, in ticks of the rate.
    pub peak_ticks: [u64; WINDOW_TICKS.len()],
    /// Leases bought.
    pub leases: u64,
    /// Attempts that another CPU was faster at.
    pub retries: u64,
    /// Frames let through on debt.
    pub debts: u64,
}

/// Which word of a key is its generation.
const GENERATION_WORD: usize = offset_of!(AttachmentKey, generation) / size_of::<u64>();

/// Which words of the books' page tell what was carried over.
const CARRIED_SIDE_WORD: usize = offset_of!(Books, carried_side) / size_of::<u64>();
const NETNS_COOKIE_WORD: usize = offset_of!(Books, netns_cookie) / size_of::<u64>();
const CARRIED_FROM_WORD: usize = offset_of!(Books, carried_from) / size_of::<u64>();
const EPOCHS_WORDS: usize = CARRIED_EPOCHS * 16 / size_of::<u64>();

/// Which words of a policer are the peaks of its windows.
const PEAK_WORDS: [usize; WINDOW_TICKS.len()] = [4, 7];
const _: () = assert!(
    core::mem::offset_of!(Policer<u64>, windows) + core::mem::offset_of!(Window<u64>, peak_ticks)
        == PEAK_WORDS[0] * size_of::<u64>()
        && PEAK_WORDS[0] + size_of::<Window<u64>>() / size_of::<u64>() == PEAK_WORDS[1]
);

/// The map `name` of an object, out of it.
pub(super) fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<MapData> {
    match ebpf.take_map(name) {
        Some(Map::Array(data) | Map::PerCpuArray(data) | Map::DevMap(data)) => Ok(data),
        _ => Err(anyhow!("the embedded object has no array {name}: it is not edge's")),
    }
}

/// A per-CPU array of `T`, which is numbers of 64 bits.
pub(super) struct PerCpu<T> {
    map: RawPerCpu,
    entry: PhantomData<T>,
}

impl<T: FromBytes + KnownLayout> PerCpu<T> {
    fn new(map: MapData) -> Result<Self> {
        Ok(Self { map: RawPerCpu::new(map, size_of::<T>())?, entry: PhantomData })
    }

    /// The entry of each CPU added up, number by number.
    fn sum(&self, index: u32) -> Result<T> {
        let sum = self.map.sum(index)?;
        Ok(T::read_from_bytes(sum.as_bytes()).expect("as many words as the type has"))
    }

    /// Makes the entry zero on each CPU.
    pub(super) fn clear(&self, index: u32) -> Result<()> {
        self.map.clear(index)
    }

    /// Makes each CPU's entry what `change` makes of that of the entry `from` of another array.
    pub(super) fn copy(
        &self,
        index: u32,
        other: &Self,
        from: u32,
        change: impl Fn(&mut T),
    ) -> Result<()>
    where
        T: IntoBytes + Immutable,
    {
        let mut cpus = other.map.entry(from)?;
        for cpu in cpus.chunks_exact_mut(size_of::<T>()) {
            let mut entry = T::read_from_bytes(cpu).expect("as many bytes as the type has");
            change(&mut entry);
            cpu.copy_from_slice(entry.as_bytes());
        }
        self.map.set(index, cpus)
    }
}

/// What a replay and its program tell each other.
pub struct ReplayTables {
    now_ns: MappedArray<u64>,
    outcome: MappedArray<Outcome>,
}

impl ReplayTables {
    /// Those of an object.
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

    /// What became of the last frame.
    pub fn outcome(&self) -> Outcome {
        self.outcome.get(0)
    }
}
