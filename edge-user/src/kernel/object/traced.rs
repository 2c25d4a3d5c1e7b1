//! Programs with a trace, for several ports, which share its maps.

use std::fs;

use aya::maps::MapData;

use crate::{
    kernel::{
        error::{Context as _, Result},
        host::attached_mode::AttachedMode,
        object::{
            loader::{TRACE_CPUS, TRACE_FILTER, TRACE_FRAMES, TRACE_MAPS, TRACE_WANTED},
            pins::Pins,
            program::PortProgram,
        },
    },
    plan::{Capacity, PortPlan},
};

/// A port whose frames are to be traced.
#[derive(Clone, Copy)]
pub struct PortToTrace<'a> {
    /// The port.
    pub port: &'a PortPlan,
    /// Its interface's MTU.
    pub mtu_bytes: u32,
    /// The mode that its program runs in.
    pub mode: AttachedMode,
}

/// Loads programs with a trace for these ports, in their order. No trace looks for a frame yet.
pub fn load_traced(
    ports: &[PortToTrace<'_>],
    capacity: &Capacity,
    pins: &Pins,
) -> Result<(Vec<PortProgram>, TraceMapData)> {
    // The pins are there for as long as it takes to load the programs. A daemon that was killed then has left them.
    remove_pins(pins)?;
    let loaded = load_pinned(ports, capacity, pins);
    remove_pins(pins)?;
    loaded
}

fn load_pinned(
    ports: &[PortToTrace<'_>],
    capacity: &Capacity,
    pins: &Pins,
) -> Result<(Vec<PortProgram>, TraceMapData)> {
    let mut programs = Vec::new();
    for PortToTrace { port, mtu_bytes, mode } in ports {
        let mut program = PortProgram::load_traced(port, *mtu_bytes, *mode, capacity, pins)
            .with_context(|| format!("port \"{}\"", port.name))?;
        program.close_tables();
        programs.push(program);
    }
    let maps = TraceMapData::open(|name| {
        let path = pins.map(name);
        MapData::from_pin(&path).with_context(|| format!("opening {}", path.display()))
    })?;
    Ok((programs, maps))
}

fn remove_pins(pins: &Pins) -> Result<()> {
    for path in TRACE_MAPS.map(|name| pins.map(name)) {
        if path.try_exists().with_context(|| format!("looking at {}", path.display()))? {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// The maps that a trace and its programs share, open.
pub struct TraceMapData {
    pub(in crate::kernel) filter: MapData,
    pub(in crate::kernel) wanted: MapData,
    pub(in crate::kernel) cpus: MapData,
    pub(in crate::kernel) frames: MapData,
}

impl TraceMapData {
    /// Opens each by its name.
    pub(in crate::kernel) fn open(mut map: impl FnMut(&str) -> Result<MapData>) -> Result<Self> {
        Ok(Self {
            filter: map(TRACE_FILTER)?,
            wanted: map(TRACE_WANTED)?,
            cpus: map(TRACE_CPUS)?,
            frames: map(TRACE_FRAMES)?,
        })
    }
}
