//! The XDP program of one port, loaded with the port's constants.

use anyhow::{Context as _, Result, anyhow};
use aya::{Ebpf, EbpfLoader, programs::Xdp};
use edge_common::{abi, reason::UnmatchedPolicy};

use super::{pins::Pins, tables::SHARED_MAPS};
use crate::plan::{Capacity, PortPlan};

/// The object that `edge-ebpf` builds.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/edge.o"));

/// The path's program for frames in one buffer.
pub const PROGRAM: &str = "edge";
/// The path's program for frames in several buffers.
pub const FRAGS_PROGRAM: &str = "edge_frags";
/// A program that does nothing: the benchmark's zero.
pub const EMPTY_PROGRAM: &str = "empty";

/// Largest MTU for which every driver has a frame with its headers in one buffer (a page, less
/// head-room and what the kernel keeps at its end).
const MAX_SINGLE_BUFFER_MTU_BYTES: u32 = 3000;

/// A port's program, loaded and not attached.
pub struct PortProgram {
    ebpf: Ebpf,
    name: &'static str,
}

/// The program for frames from an interface with this MTU.
#[must_use]
pub fn program_for_mtu(mtu_bytes: u32) -> &'static str {
    if mtu_bytes <= MAX_SINGLE_BUFFER_MTU_BYTES { PROGRAM } else { FRAGS_PROGRAM }
}

impl PortProgram {
    /// Loads the program of `port`, whose interface has this MTU, on the pinned tables.
    pub fn load(port: &PortPlan, mtu_bytes: u32, capacity: &Capacity, pins: &Pins) -> Result<Self> {
        let mut ebpf = load_object(Some(port), capacity, Some(pins), Use::Live)?;
        let name = program_for_mtu(mtu_bytes);
        load_program(&mut ebpf, name)?;
        Ok(Self { ebpf, name })
    }

    /// Loads both programs of `port` with tables of their own, for test runs.
    pub fn load_for_replay(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        let mut ebpf = load_object(Some(port), capacity, None, Use::Replay)?;
        load_program(&mut ebpf, PROGRAM)?;
        load_program(&mut ebpf, FRAGS_PROGRAM)?;
        Ok(ebpf)
    }

    /// Loads the programs of `port` as they would be attached, with tables of their own, and the
    /// empty program: what a benchmark compares.
    pub fn load_for_bench(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        let mut ebpf = load_object(Some(port), capacity, None, Use::Live)?;
        for name in [PROGRAM, FRAGS_PROGRAM, EMPTY_PROGRAM] {
            load_program(&mut ebpf, name)?;
        }
        Ok(ebpf)
    }

    /// Creates and pins the tables.
    pub fn create_tables(capacity: &Capacity, pins: &Pins) -> Result<()> {
        load_object(None, capacity, Some(pins), Use::Live).map(drop)
    }

    /// The program.
    pub fn xdp(&mut self) -> Result<&mut Xdp> {
        program(&mut self.ebpf, self.name)
    }
}

/// The XDP program `name` of the object.
pub fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program = ebpf.program_mut(name).ok_or_else(|| anyhow!("no program {name}"))?;
    program.try_into().with_context(|| format!("{name} is not an XDP program"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Live,
    Replay,
}

fn load_object(
    port: Option<&PortPlan>,
    capacity: &Capacity,
    pins: Option<&Pins>,
    purpose: Use,
) -> Result<Ebpf> {
    let [a, b, c, d] = port.map_or([0; 4], |port| port.tpids).map(u64::from);
    let index = port.map_or(0, |port| port.index);
    let egress = port.and_then(|port| port.egress).unwrap_or(abi::EGRESS_STACK);
    let tpids = a | b << 16 | c << 32 | d << 48;
    let unmatched = port.map_or(UnmatchedPolicy::Drop, |port| port.unmatched);
    let pass_unmatched = u32::from(unmatched == UnmatchedPolicy::Pass);
    let features = port.map_or(0, |port| port.features.to_bits());
    let replay = u32::from(purpose == Use::Replay);

    let mut loader = EbpfLoader::new();
    loader
        .override_global("PORT", &index, true)
        .override_global("EGRESS", &egress, true)
        .override_global("TPIDS", &tpids, true)
        .override_global("PASS_UNMATCHED", &pass_unmatched, true)
        .override_global("FEATURES", &features, true)
        .override_global("REPLAY", &replay, true);
    for (map, entries) in [
        ("S_TABLES", capacity.ports),
        ("PORT_COUNTERS", capacity.ports),
        ("TX_PORTS", capacity.ports),
        ("TX_PORTS_FRAGS", capacity.ports),
        ("PORT_KEYS", capacity.ports),
        ("C_TABLES", capacity.c_tables),
        ("ATTACHMENTS", capacity.attachments),
        ("METERS", capacity.attachments),
        ("ATTACHMENT_KEYS", capacity.attachments),
        ("LIMITS", capacity.attachments),
        ("FLOW_QUEUES", capacity.flow_queues),
        ("POLICERS", capacity.policers),
        ("LEASES", capacity.policers),
        ("POLICER_KEYS", capacity.policers),
        ("RATES", capacity.rates),
        ("QOS_ROWS", capacity.qos_rows),
    ] {
        loader.map_max_entries(map, entries);
    }
    if let Some(pins) = pins {
        for map in SHARED_MAPS {
            loader.map_pin_path(map, pins.map(map));
        }
    }
    loader.load(OBJECT).context(
        "loading the eBPF object; the kernel must be Linux 5.18 or later with BTF, and the \
         process needs CAP_BPF and CAP_NET_ADMIN (or root)",
    )
}

fn load_program(ebpf: &mut Ebpf, name: &str) -> Result<()> {
    program(ebpf, name)?
        .load()
        .with_context(|| format!("the kernel refuses the XDP program {name}"))
}
