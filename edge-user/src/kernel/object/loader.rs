//! Loading the object: the constants of its programs, the sizes of its maps, and their pins. Programs of
//! ports, of tracepoints and of test runs all come from here.

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, MapInfo},
};
use edge_common::abi::{
    maps::{Entries, SHARED_MAPS},
    port::PortConstants,
};

use crate::{
    kernel::{
        error::{KernelError, Result},
        object::{load_error::LoadError, pins::Pins},
    },
    plan::Capacity,
};

/// The object that `edge-ebpf` builds.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/edge.o"));
/// The same with a trace in its programs.
static TRACED_OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/traced.o"));

/// The map of frames that a trace looks for.
pub(in crate::kernel) const TRACE_FILTER: &str = "TRACE_FILTER";
/// The map of the frames of each attachment that it looks for.
pub(in crate::kernel) const TRACE_WANTED: &str = "TRACE_WANTED";
/// The map of the time at which its next frame is due.
pub(in crate::kernel) const TRACE_DUE: &str = "TRACE_DUE";
/// The map of its notes and counts of each CPU.
pub(in crate::kernel) const TRACE_CPUS: &str = "TRACE_CPUS";
/// The ring of its frames.
pub(in crate::kernel) const TRACE_FRAMES: &str = "TRACE_FRAMES";
/// The maps that the programs of all traced ports share with each other.
pub(in crate::kernel) const TRACE_MAPS: [&str; 5] =
    [TRACE_FILTER, TRACE_WANTED, TRACE_DUE, TRACE_CPUS, TRACE_FRAMES];
/// Bytes of the ring: 20,000 beginnings of frames, or 1,800 frames of 1,500 bytes, or 250 jumbo frames.
const TRACE_FRAMES_BYTES: u32 = 1 << 22;

/// The use of a port's programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::kernel) enum ProgramUse {
    /// On an interface, in native mode.
    Live,
    /// On an interface, in generic mode.
    LiveInStack,
    /// Test runs, which set the time and read the outcome.
    Replay,
}

/// The object that a port's program is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum PathObject {
    /// The path alone.
    Plain,
    /// The path with a trace.
    Traced,
}

/// The object with the constants of the port with this index. With `pins`, its shared maps are those
/// that are pinned there, and others are made and pinned; without, they are its own.
pub(in crate::kernel) fn load_port_object(
    object: PathObject,
    index: u32,
    constants: PortConstants,
    purpose: ProgramUse,
    capacity: &Capacity,
    pins: Option<&Pins>,
) -> Result<Ebpf> {
    let PortConstants { egress, features, tpids, pass_unmatched, reserved: _ } = constants;
    let [a, b, c, d] = tpids.map(u64::from);
    let tpids = a | b << 16 | c << 32 | d << 48;
    let replay = u32::from(purpose == ProgramUse::Replay);
    let router = capacity.router_port();
    let one_by_one = u32::from(purpose == ProgramUse::LiveInStack);

    let mut loader = EbpfLoader::new();
    loader
        .override_global("PORT", &index, true)
        .override_global("EGRESS", &egress, true)
        .override_global("ROUTER", &router, true)
        .override_global("TPIDS", &tpids, true)
        .override_global("PASS_UNMATCHED", &pass_unmatched, true)
        .override_global("FEATURES", &features, true)
        .override_global("ONE_BY_ONE", &one_by_one, true)
        .override_global("REPLAY", &replay, true);
    if object == PathObject::Traced {
        loader
            .map_max_entries(TRACE_WANTED, capacity.entries(Entries::Attachments))
            .map_max_entries(TRACE_FRAMES, TRACE_FRAMES_BYTES);
        for (name, pins) in TRACE_MAPS.into_iter().zip(pins.into_iter().cycle()) {
            loader.map_pin_path(name, pins.map(name));
        }
    }
    load(object, loader, capacity, pins)
}

/// The object on the pinned maps, with the constants of the programs on tracepoints.
/// `ifindex_offset` is that of `ifindex` in the kernel's `net_device`, in bytes.
pub(in crate::kernel) fn load_egress_object(
    capacity: &Capacity,
    pins: &Pins,
    ifindex_offset: u32,
) -> Result<Ebpf> {
    let id = |map| Ok::<_, KernelError>(u64::from(MapInfo::from_pin(pins.map(map))?.id()));
    let ids = id("TX_PORTS")? | id("TX_PORTS_FRAGS")? << 32;
    let mut loader = EbpfLoader::new();
    let tx_ways_len = capacity.entries(Entries::TxWays);
    loader
        .override_global("TX_MAP_IDS", &ids, true)
        .override_global("IFINDEX_OFFSET", &ifindex_offset, true)
        .override_global("TX_WAYS_LEN", &tx_ways_len, true);
    load(PathObject::Plain, loader, capacity, Some(pins))
}

/// Makes the shared maps and pins them, without a program that uses them.
pub(in crate::kernel) fn create_maps(capacity: &Capacity, pins: &Pins) -> Result<()> {
    load(PathObject::Plain, EbpfLoader::new(), capacity, Some(pins)).map(drop)
}

/// Takes the map `name` out of an object.
pub(in crate::kernel) fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<MapData> {
    match ebpf.take_map(name) {
        Some(
            Map::Array(data) | Map::PerCpuArray(data) | Map::DevMap(data) | Map::RingBuf(data),
        ) => Ok(data),
        _ => Err(KernelError::damaged(format!(
            "the embedded object has no map {name}: it is not edge's"
        ))),
    }
}

fn load(
    object: PathObject,
    mut loader: EbpfLoader<'_>,
    capacity: &Capacity,
    pins: Option<&Pins>,
) -> Result<Ebpf> {
    for map in SHARED_MAPS {
        loader.map_max_entries(map.name, capacity.entries(map.entries));
        if let Some(pins) = pins {
            loader.map_pin_path(map.name, pins.map(map.name));
        }
    }
    let bytes = match object {
        PathObject::Plain => OBJECT,
        PathObject::Traced => TRACED_OBJECT,
    };
    loader.load(bytes).map_err(LoadError::of_object)
}
