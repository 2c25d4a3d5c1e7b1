//! The ports of a preparation: programs are loaded, and interfaces are held for them.

use std::collections::BTreeMap;

use super::{Installed, Set, undo::Undo};
use crate::{
    daemon::{
        error::{Context as _, Result},
        found::FoundInterface,
    },
    kernel::{
        HeldInterface, LinkPlace, OpenLink, PortLink, PortProgram, TakenOff,
        host::interface::Interface,
    },
    plan::{Plan, PortPlan},
};

/// The ports of a preparation, in the order of the plan's.
#[derive(Default)]
pub(super) struct PreparedPorts {
    pub(super) interfaces: Vec<Option<Interface>>,
    pub(super) steps: Vec<Step>,
    /// Ports that have an interface and wait nonetheless, with the cause.
    pub(super) given_up: BTreeMap<String, String>,
}

/// A port on the way to its program.
pub(super) enum Step {
    /// The port runs its program already.
    Keep(PortLink),
    /// The program takes the place of the one that runs.
    Replace(OpenLink, Box<PortProgram>),
    /// The interface is held for the program.
    Attach(HeldInterface, Box<PortProgram>),
    /// The port has no interface, or one that can't be attached to.
    Wait,
}

/// Prepares each port for its program.
pub(super) fn prepare_ports(
    set: &Set,
    plan: &Plan,
    found: &[FoundInterface],
    links: &[PortLink],
    running: Option<&Installed>,
    given_up: &mut BTreeMap<String, String>,
    undo: &mut Undo,
) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = plan.ports.iter().map(|_| Step::Wait).collect();
    // Ports whose program has to be taken off come last: the other ports may fail first.
    for is_last in [false, true] {
        for (number, port) in plan.ports.iter().enumerate() {
            let FoundInterface { interface: Some(interface), may_wait } = &found[number] else {
                continue;
            };
            let link = links.iter().find(|link| link.place == LinkPlace::Here(interface.index()));
            let is_taken_off = link.is_some_and(|link| !link.mode().suits(port.xdp_mode));
            if is_last != is_taken_off || given_up.contains_key(&port.name) {
                continue;
            }
            let mut own = Undo::default();
            let target = undo.next.as_ref().unwrap_or(set);
            match prepare_port(target, port, interface, link, running, &mut own) {
                Err(error) if *may_wait => {
                    own.undo(links);
                    given_up.insert(port.name.clone(), format!("{error:#}"));
                }
                step => {
                    undo.append(own);
                    steps[number] = step.with_context(|| format!("port \"{}\"", port.name))?;
                }
            }
        }
    }
    Ok(steps)
}

fn prepare_port(
    target: &Set,
    port: &PortPlan,
    interface: &Interface,
    link: Option<&PortLink>,
    running: Option<&Installed>,
    undo: &mut Undo,
) -> Result<Step> {
    let fitting = link.filter(|link| link.mode().suits(port.xdp_mode));
    if let Some(link) = fitting
        && running.and_then(|running| running.attached.get(&port.name)) == Some(link)
        && target.tables.port_of_program(link.program_id) == Some(port.index)
    {
        return Ok(Step::Keep(link.clone()));
    }
    let capacity = target.tables.capacity();
    let mut program =
        Box::new(PortProgram::load(port, interface.mtu_bytes()?, &capacity, &target.pins)?);
    undo.adjusted.adjust(interface)?;
    if let Some(link) = fitting {
        // The program for that mode, if another one was loaded.
        program.id(link.mode())?;
        program.close_tables();
        return Ok(Step::Replace(link.clone().open()?, program));
    }
    // The interface is without any program for as short a time as possible.
    program.holder()?;
    if let Some(link) = link {
        undo.taken_off.push(TakenOff::new(link, interface.index())?);
    }
    let held = HeldInterface::attach(&mut program, interface, port.xdp_mode)?;
    program.id(held.mode())?;
    program.close_tables();
    Ok(Step::Attach(held, program))
}
