//! The XDP program of one port, loaded with the port's constants.

use aya::{Ebpf, programs::Xdp};
use edge_common::{
    abi::{self, port::PortConstants},
    reason::UnmatchedPolicy,
};

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::attached_mode::AttachedMode,
        object::{
            load_error::{self, LoadError},
            loader::{PathObject, ProgramUse, create_maps, load_port_object},
            pins::Pins,
            variant::{
                EMPTY_FRAGS_PROGRAM, EMPTY_PROGRAM, FROM_ROUTER_PROGRAM, program_for_mtu,
                several_buffers, single_buffer, takes_several_buffers,
            },
        },
    },
    model::XdpMode,
    plan::{Capacity, PortPlan},
};

/// A port's program, loaded and not attached.
pub struct PortProgram {
    ebpf: Ebpf,
    object: PathObject,
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
        Self::load_in_mode(port, mtu_bytes, mode, capacity, pins)
    }

    /// Loads the program of `port` for this mode.
    pub fn load_in_mode(
        port: &PortPlan,
        mtu_bytes: u32,
        mode: AttachedMode,
        capacity: &Capacity,
        pins: &Pins,
    ) -> Result<Self> {
        let name = program_for_mtu(mtu_bytes, port.features);
        Self::load_named(PathObject::Plain, port, name, mode, capacity, pins)
    }

    /// Loads the program of `port` with a trace in it, whose maps are pinned beside the tables.
    pub(in crate::kernel) fn load_traced(
        port: &PortPlan,
        mtu_bytes: u32,
        mode: AttachedMode,
        capacity: &Capacity,
        pins: &Pins,
    ) -> Result<Self> {
        let name = program_for_mtu(mtu_bytes, port.features);
        Self::load_named(PathObject::Traced, port, name, mode, capacity, pins)
    }

    fn load_named(
        object: PathObject,
        port: &PortPlan,
        name: &'static str,
        mode: AttachedMode,
        capacity: &Capacity,
        pins: &Pins,
    ) -> Result<Self> {
        let ebpf = load_for_port(object, port, name, mode, capacity, pins)?;
        let (port, capacity, pins) = (port.clone(), *capacity, pins.clone());
        Ok(Self { ebpf, object, name, mode, port, capacity, pins })
    }

    /// Loads the program of the router's own device on the pinned tables.
    pub fn load_of_router(device: &PortPlan, capacity: &Capacity, pins: &Pins) -> Result<Self> {
        let (name, mode) = (FROM_ROUTER_PROGRAM, AttachedMode::Native);
        Self::load_named(PathObject::Plain, device, name, mode, capacity, pins)
    }

    /// Loads both programs of `port` with tables of their own, for test runs. The second value is
    /// the error of a kernel that loads the one for frames in one buffer and refuses the other.
    pub fn load_for_replay(
        port: &PortPlan,
        capacity: &Capacity,
    ) -> Result<(Ebpf, Option<KernelError>)> {
        let mut ebpf = load(PathObject::Plain, port, ProgramUse::Replay, capacity, None)?;
        load_program(&mut ebpf, single_buffer(port.features))?;
        let refused = load_program(&mut ebpf, several_buffers(port.features)).err();
        match refused {
            Some(error) if !load_error::is_older_than(load_error::LEAST_FRAGS) => Err(error),
            refused => Ok((ebpf, refused)),
        }
    }

    /// Loads the same with a trace in them.
    pub fn load_traced_for_replay(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        let mut ebpf = load(PathObject::Traced, port, ProgramUse::Replay, capacity, None)?;
        load_program(&mut ebpf, single_buffer(port.features))?;
        load_program(&mut ebpf, several_buffers(port.features))?;
        Ok(ebpf)
    }

    /// Loads the programs of `port` as they would be attached, with tables of their own, and the
    /// empty program: what a benchmark compares.
    pub fn load_for_bench(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        Self::load_beside(PathObject::Plain, port, capacity)
    }

    /// Loads the same with a trace in them.
    pub fn load_traced_for_bench(port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        Self::load_beside(PathObject::Traced, port, capacity)
    }

    fn load_beside(object: PathObject, port: &PortPlan, capacity: &Capacity) -> Result<Ebpf> {
        let purpose = if port.xdp_mode == XdpMode::Generic {
            ProgramUse::LiveInStack
        } else {
            ProgramUse::Live
        };
        let mut ebpf = load(object, port, purpose, capacity, None)?;
        let own = [single_buffer(port.features), several_buffers(port.features)];
        for name in own.into_iter().chain([FROM_ROUTER_PROGRAM, EMPTY_PROGRAM]) {
            load_program(&mut ebpf, name)?;
        }
        Ok(ebpf)
    }

    /// Creates and pins the tables.
    pub fn create_tables(capacity: &Capacity, pins: &Pins) -> Result<()> {
        pins.create()?;
        create_maps(capacity, pins)
    }

    /// The program for this mode. It is loaded again where it was loaded for the other mode.
    pub fn xdp(&mut self, mode: AttachedMode) -> Result<&mut Xdp> {
        if mode != self.mode {
            let Self { object, port, name, capacity, pins, .. } = self;
            self.ebpf = load_for_port(*object, port, name, mode, capacity, pins)?;
            self.mode = mode;
        }
        program(&mut self.ebpf, self.name)
    }

    /// A program that drops every frame. An interface that accepts it accepts [`Self::xdp`], too.
    pub fn holder(&mut self) -> Result<&mut Xdp> {
        let name =
            if takes_several_buffers(self.name) { EMPTY_FRAGS_PROGRAM } else { EMPTY_PROGRAM };
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

fn load_for_port(
    object: PathObject,
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
    let mut ebpf = load(object, port, purpose, capacity, Some(pins))?;
    load_program(&mut ebpf, name)?;
    Ok(ebpf)
}

/// The XDP program `name` of the object.
pub fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program =
        ebpf.program_mut(name).ok_or_else(|| KernelError::damaged(format!("no program {name}")))?;
    program.try_into().with_context(|| format!("{name} is not an XDP program"))
}

fn load(
    object: PathObject,
    port: &PortPlan,
    purpose: ProgramUse,
    capacity: &Capacity,
    pins: Option<&Pins>,
) -> Result<Ebpf> {
    load_port_object(object, port.index, constants(port), purpose, capacity, pins)
}

fn load_program(ebpf: &mut Ebpf, name: &str) -> Result<()> {
    let least =
        if takes_several_buffers(name) { load_error::LEAST_FRAGS } else { load_error::LEAST };
    program(ebpf, name)?.load().map_err(|error| LoadError::of_program(name, least, error))
}
