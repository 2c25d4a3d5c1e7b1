//! The XDP program of one port, loaded with the port's constants.

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, MapInfo},
    programs::Xdp,
};
use edge_common::{
    abi::{self, maps::SHARED_MAPS, port::PortConstants},
    reason::UnmatchedPolicy,
};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::attached_mode::AttachedMode,
        object::{
            load_error::{self, LoadError},
            pins::Pins,
            variant::{
                EMPTY_FRAGS_PROGRAM, EMPTY_PROGRAM, FRAGS_PROGRAM, PROGRAM, program_for_mtu,
            },
        },
    },
    model::XdpMode,
    plan::{Capacity, PortPlan},
};

/// The object that `edge-ebpf` builds.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/edge.o"));

/// A port's program, loaded and not attached.
pub struct PortProgram {
    ebpf: Ebpf,
    name: &'static str,
    mode: AttachedMode,
    port: PortPlan,
    capacity: Capacity,
    pins: Pins,
}

impl PortProgram {
    /// Loads the program of `port`, whose interface has this MTU, on the pinned tables.
    pub fn load(port: &PortPlan, mtu_bytes: u32, capacity: &Capacity, pins: &Pins) -> Result<Self> {
        let mode = match port.xdp_mode {
            XdpMode::Native | XdpMode::Auto => AttachedMode::Native,
            XdpMode::Generic => AttachedMode::Generic,
        };
        let name = program_for_mtu(mtu_bytes);
        let ebpf = load_for_port(port, name, mode, capacity, pins)?;
        let (port, capacity, pins) = (port.clone(), *capacity, pins.clone());
        Ok(Self { ebpf, name, mode, port, capacity, pins })
    }

    /// Loads both programs of `port` with tables of their own, for test runs. The second value is
    /// the error of a kernel that loads [`PROGRAM`] and refuses [`FRAGS_PROGRAM`].
    pub fn load_for_replay(
        port: &PortPlan,
        capacity: &Capacity,
    ) -> Result<(Ebpf, Option<KernelError>)> {
        let mut ebpf = load_object(Some(port), capacity, None, ProgramUse::Replay)?;
        load_program(&mut ebpf, PROGRAM)?;
        let refused = load_program(&mut ebpf, FRAGS_PROGRAM).err();
        match refused {
            Some(error) if !load_error::is_older_than(load_error::LEAST_FRAGS) => Err(error),
            refused => Ok((ebpf, refused)),
        }
    }

    /// Loads the programs of `port` as they would be attached, with tables of their own, and the
    /// empty program: what a benchmark compares.
    pub fn load_for_bench(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        let purpose = if port.xdp_mode == XdpMode::Generic {
            ProgramUse::LiveInStack
        } else {
            ProgramUse::Live
        };
        let mut ebpf = load_object(Some(port), capacity, None, purpose)?;
        for name in [PROGRAM, FRAGS_PROGRAM, EMPTY_PROGRAM] {
            load_program(&mut ebpf, name)?;
        }
        Ok(ebpf)
    }

    /// Creates and pins the tables.
    pub fn create_tables(capacity: &Capacity, pins: &Pins) -> Result<()> {
        pins.create()?;
        load_object(None, capacity, Some(pins), ProgramUse::Live).map(drop)
    }

    /// The program for this mode. It is loaded again where it was loaded for the other mode.
    pub fn xdp(&mut self, mode: AttachedMode) -> Result<&mut Xdp> {
        if mode != self.mode {
            self.ebpf = load_for_port(&self.port, self.name, mode, &self.capacity, &self.pins)?;
            self.mode = mode;
        }
        program(&mut self.ebpf, self.name)
    }

    /// A program that drops every frame. An interface that accepts it accepts [`Self::xdp`], too.
    pub fn holder(&mut self) -> Result<&mut Xdp> {
        let name = if self.name == PROGRAM { EMPTY_PROGRAM } else { EMPTY_FRAGS_PROGRAM };
        if program(&mut self.ebpf, name)?.fd().is_err() {
            load_program(&mut self.ebpf, name)?;
        }
        program(&mut self.ebpf, name)
    }

    /// Closes the tables' descriptors: with many ports, the process would run out of files. The
    /// loaded programs keep the tables.
    pub fn close_tables(&mut self) {
        let names: Vec<String> = self.ebpf.maps().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            drop(self.ebpf.take_map(&name));
        }
    }

    /// The kernel's id of the program for this mode.
    pub fn id(&mut self, mode: AttachedMode) -> Result<u32> {
        Ok(self.xdp(mode)?.info()?.id())
    }
}

/// The constants of a port's program, by which it reads its tables.
#[must_use]
pub fn constants(port: &PortPlan) -> PortConstants {
    PortConstants {
        egress: port.egress.unwrap_or(abi::EGRESS_STACK),
        features: port.features.to_bits(),
        tpids: port.tpids,
        pass_unmatched: u32::from(port.unmatched == UnmatchedPolicy::Pass),
        reserved: 0,
    }
}

/// The object on the pinned tables, with the programs for [`super::egress::watch_egress`].
pub(in crate::kernel) fn load_egress_object(capacity: &Capacity, pins: &Pins) -> Result<Ebpf> {
    let id = |map| Ok::<_, KernelError>(u64::from(MapInfo::from_pin(pins.map(map))?.id()));
    let ids = id("TX_PORTS")? | id("TX_PORTS_FRAGS")? << 32;
    let mut loader = EbpfLoader::new();
    loader.override_global("TX_MAP_IDS", &ids, true);
    load_with(loader, capacity, Some(pins))
}

fn load_for_port(
    port: &PortPlan,
    name: &str,
    mode: AttachedMode,
    capacity: &Capacity,
    pins: &Pins,
) -> Result<Ebpf> {
    let purpose = match mode {
        AttachedMode::Native => ProgramUse::Live,
        AttachedMode::Generic => ProgramUse::LiveInStack,
    };
    let mut ebpf = load_object(Some(port), capacity, Some(pins), purpose)?;
    load_program(&mut ebpf, name)?;
    Ok(ebpf)
}

/// The XDP program `name` of the object.
pub fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program =
        ebpf.program_mut(name).ok_or_else(|| KernelError::damaged(format!("no program {name}")))?;
    program.try_into().with_context(|| format!("{name} is not an XDP program"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ProgramUse {
    Live,
    LiveInStack,
    Replay,
}

fn load_object(
    port: Option<&PortPlan>,
    capacity: &Capacity,
    pins: Option<&Pins>,
    purpose: ProgramUse,
) -> Result<Ebpf> {
    let index = port.map_or(0, |port| port.index);
    let PortConstants { egress, features, tpids, pass_unmatched, reserved: _ } =
        port.map(constants).unwrap_or_default();
    let [a, b, c, d] = tpids.map(u64::from);
    let tpids = a | b << 16 | c << 32 | d << 48;
    let replay = u32::from(purpose == ProgramUse::Replay);
    let one_by_one = u32::from(purpose == ProgramUse::LiveInStack);

    let mut loader = EbpfLoader::new();
    loader
        .override_global("PORT", &index, true)
        .override_global("EGRESS", &egress, true)
        .override_global("TPIDS", &tpids, true)
        .override_global("PASS_UNMATCHED", &pass_unmatched, true)
        .override_global("FEATURES", &features, true)
        .override_global("ONE_BY_ONE", &one_by_one, true)
        .override_global("REPLAY", &replay, true);
    load_with(loader, capacity, pins)
}

fn load_with(mut loader: EbpfLoader<'_>, capacity: &Capacity, pins: Option<&Pins>) -> Result<Ebpf> {
    for map in SHARED_MAPS {
        loader.map_max_entries(map.name, capacity.entries(map.entries));
        if let Some(pins) = pins {
            loader.map_pin_path(map.name, pins.map(map.name));
        }
    }
    loader.load(OBJECT).map_err(LoadError::of_object)
}

fn load_program(ebpf: &mut Ebpf, name: &str) -> Result<()> {
    let least = if name == FRAGS_PROGRAM { load_error::LEAST_FRAGS } else { load_error::LEAST };
    program(ebpf, name)?.load().map_err(|error| LoadError::of_program(name, least, error))
}

/// Takes the map `name` out of an object.
pub(in crate::kernel) fn take_map(ebpf: &mut Ebpf, name: &str) -> Result<MapData> {
    match ebpf.take_map(name) {
        Some(Map::Array(data) | Map::PerCpuArray(data) | Map::DevMap(data)) => Ok(data),
        _ => Err(KernelError::damaged(format!(
            "the embedded object has no array {name}: it is not edge's"
        ))),
    }
}
