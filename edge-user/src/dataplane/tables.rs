//! The kernel's tables, opened.

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf,
    maps::{DevMap, Map, MapData, PerCpuArray, PerCpuValues},
};
use edge_common::{
    abi::{AttachmentKey, FlowQueuesWords, Outcome, PolicerKey, PolicerWords, PortKey, VidTable},
    attachment::Attachment,
    limits::Limits,
    meter::{Meter, PortCounters},
    peak::{WINDOW_TICKS, Window},
    police::{Lease, Policer},
    qos::QosRow,
    rate::Rate,
};
use zerocopy::{FromBytes, IntoBytes as _, KnownLayout};

use super::{mapped::MappedArray, pins::Pins};
use crate::plan::Capacity;

/// Names of the maps that all ports of an edge share.
pub(super) const SHARED_MAPS: [&str; 16] = [
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
    "PORT_COUNTERS",
    "TX_PORTS",
    "TX_PORTS_FRAGS",
    "PORT_KEYS",
    "ATTACHMENT_KEYS",
    "POLICER_KEYS",
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
    pub(super) leases: PerCpu<Lease, 8>,
    pub(super) meters: PerCpu<Meter, 32>,
    pub(super) port_counters: PerCpu<PortCounters, 64>,
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
            "the pinned tables don't belong together; `edge detach` removes them, and the next \
             start makes new ones (counters begin anew)",
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
            meters: PerCpu::new(map("METERS")?)?,
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

    /// A policer, all CPUs together.
    pub fn policer(&self, index: u32) -> Result<PolicerState> {
        let Policer { tat_ticks, sold_ticks, windows } =
            Policer::<u64>::read_from_bytes(self.policers.get(index).as_bytes())
                .map_err(|_size| anyhow!("a policer of another size"))?;
        let peak_ticks = windows.map(|window| {
            // The window that is still open counts, too.
            window.peak_ticks.max(sold_ticks.wrapping_sub(window.sold_before_ticks))
        });
        let Lease { leases, retries, debts, .. } = self.leases.sum(index)?;
        Ok(PolicerState { tat_ticks, peak_ticks, leases, retries, debts })
    }

    /// The peaks of a policer since the last time that they were taken, in ticks of its rate.
    #[must_use]
    pub fn take_peaks(&self, index: u32) -> [u64; WINDOW_TICKS.len()] {
        std::array::from_fn(|window| self.policers.swap(index, PEAK_WORDS[window], 0))
    }

    /// The counters of a port, all CPUs together.
    pub fn port_counters(&self, index: u32) -> Result<PortCounters> {
        self.port_counters.sum(index)
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

/// A per-CPU array of `T`, which is `WORDS` numbers of 64 bits.
pub(super) struct PerCpu<T, const WORDS: usize> {
    map: PerCpuArray<MapData, [u64; WORDS]>,
    entry: std::marker::PhantomData<T>,
}

impl<T: FromBytes + KnownLayout, const WORDS: usize> PerCpu<T, WORDS> {
    fn new(map: MapData) -> Result<Self> {
        const { assert!(size_of::<T>() == WORDS * size_of::<u64>()) };
        let map = PerCpuArray::try_from(Map::PerCpuArray(map))?;
        Ok(Self { map, entry: std::marker::PhantomData })
    }

    /// The entry of each CPU added up, number by number.
    fn sum(&self, index: u32) -> Result<T> {
        let mut sum = [0u64; WORDS];
        for cpu in self.map.get(&index, 0).context("reading counters")?.iter() {
            for (sum, number) in sum.iter_mut().zip(cpu) {
                *sum = sum.wrapping_add(*number);
            }
        }
        Ok(T::read_from_bytes(sum.as_bytes()).expect("as many words as the type has"))
    }

    /// Makes the entry zero on each CPU.
    pub(super) fn clear(&mut self, index: u32) -> Result<()> {
        let cpus = aya::util::nr_cpus().map_err(|(file, error)| {
            anyhow::Error::new(error).context(format!("reading {file}"))
        })?;
        let zero = PerCpuValues::try_from(vec![[0; WORDS]; cpus])?;
        self.map.set(index, zero, 0).context("clearing counters")
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
