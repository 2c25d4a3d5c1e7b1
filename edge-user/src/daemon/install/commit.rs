//! Storing a preparation in tables, programs and links. Nothing here can fail.

use std::{collections::BTreeMap, mem};

use super::{
    Installed, Set,
    ports::{PreparedPorts, Step},
    prepare::{CommitParts, Prepared, RouterMove},
    set_egress,
    turning::Turning,
};
use crate::{
    daemon::error::Result,
    kernel::{
        LinkPlace, OpenLink, Pins, PortLink, PortProgram, RouterMaps, error::KernelError,
        host::interface::Interface, preflight::look_at_egress, quiesce, read::books::Books, retire,
        store,
    },
    plan::{Plan, PortPlan},
};

/// The result of a commit.
pub(in crate::daemon) struct Committed {
    pub(in crate::daemon) installed: Installed,
    /// The set that no program counts in any more, and its books, if they can be read.
    pub(in crate::daemon) old: Option<(Pins, Option<Books>)>,
    /// Ports that have an interface and wait nonetheless, with the cause.
    pub(in crate::daemon) given_up: BTreeMap<String, String>,
    /// The router's tables, where they are others now.
    pub(in crate::daemon) router_maps: Option<RouterMaps>,
}

/// Brings tables and programs to the prepared state.
///
/// Returns whether the refusals of devices are counted, too, where that may have changed.
pub(in crate::daemon) fn commit(set: &mut Set, prepared: Prepared) -> (Committed, Option<bool>) {
    let Prepared { parts, links, mut undo } = prepared;
    let CommitParts { plan, ports, old_books, sources, page, egress_watch, router, router_move } =
        parts;
    let PreparedPorts { interfaces, steps, given_up } = ports;
    take_off_elsewhere(&links);
    let is_read = links.iter().any(|link| link.pins == set.pins);
    let mut turning = Turning::default();
    let old = undo.next.take().map(|next| {
        let Set { pins, tables } = mem::replace(set, next);
        turning.add(tables, set, false);
        (pins, old_books)
    });
    if old.is_none() {
        store(&set.tables, &plan);
        // The engine tries it again every second.
        if let Err(error) = set_egress(&mut set.tables, &plan, &interfaces) {
            tracing::error!("{error:#}");
        }
        // Tables from before a takeover may have circuits that were removed since.
        if !is_read {
            retire(&set.tables, &plan);
        }
    }
    for tables in sources {
        turning.add(tables, set, true);
    }
    turning.copy(set);
    let router_maps = router_move.map(|RouterMove { from, to }| {
        to.copy_from(&from);
        to
    });
    page.open(&set.tables);
    let (mut attached, mut failed) = (BTreeMap::new(), Vec::new());
    for (number, ((port, interface), step)) in
        plan.ports.iter().zip(&interfaces).zip(steps).enumerate()
    {
        if number > 0 {
            turning.copy(set);
        }
        match turn(set, port, step) {
            Ok(Some(link)) => drop(attached.insert(port.name.clone(), link)),
            Ok(None) => {}
            // The port goes on with the program that it has, if any, and the engine tries again.
            Err(error) => {
                tracing::error!(edge.port = port.name, "port \"{}\": {error:#}", port.name);
                failed.extend(interface.as_ref().map(Interface::index));
            }
        }
    }
    let mut left = Vec::new();
    for link in &links {
        let LinkPlace::Here(ifindex) = link.place else { continue };
        let is_kept = attached.values().any(|now| (&now.pins, now.name) == (&link.pins, link.name));
        let is_kept = is_kept || router == Some(ifindex);
        if is_kept || failed.contains(&ifindex) || !link.pins.link(link.name).exists() {
            continue;
        }
        if let Err(error) = link.remove() {
            tracing::error!(
                "an interface that is no port any more keeps its program, which goes on with the \
                 port's last tables; the next reload or start tries again: {error:#}"
            );
            left.push(link.program_id);
        }
    }
    forget_programs(set, &plan, &left);
    turning.end(set);
    if old.is_none() && is_read {
        retire(&set.tables, &plan);
    }
    look_at_egress_of(&plan, &interfaces, &attached);
    let installed = Installed { plan, attached };
    (Committed { installed, old, given_up, router_maps }, egress_watch.map(|watch| watch.is_ok()))
}

/// Takes our programs off interfaces of other network namespaces, and forgets links without one.
fn take_off_elsewhere(links: &[PortLink]) {
    let mut is_any = false;
    for link in links.iter().filter(|link| !matches!(link.place, LinkPlace::Here(_))) {
        is_any |= link.place == LinkPlace::Elsewhere;
        if let Err(error) = link.remove() {
            tracing::error!(
                "a link without an interface here can't be removed, and the next reload or start \
                 tries again: {error:#}"
            );
        }
    }
    if is_any {
        quiesce();
    }
}

/// Has the port's interface run its program.
fn turn(set: &Set, port: &PortPlan, step: Step) -> Result<Option<PortLink>> {
    let (link, mut program) = match step {
        Step::Keep(link) => {
            // The interface may have got another name, which the configuration follows.
            set.tables.note_interface(port);
            return Ok(Some(link));
        }
        Step::Wait => {
            set.tables.note_interface(port);
            return Ok(None);
        }
        Step::Replace(link, program) => (link, program),
        Step::Attach(held, program) => (held.pin(&set.pins)?, program),
    };
    Ok(Some(replace(set, port, link, &mut program)?))
}

/// Has the interface of an open link run another program of the port, on this set's tables.
pub(in crate::daemon) fn replace(
    set: &Set,
    port: &PortPlan,
    link: OpenLink,
    program: &mut PortProgram,
) -> Result<PortLink, KernelError> {
    let PortLink { name, program_id: before, .. } = *link.pinned();
    let id = program.id(name.mode)?;
    let tables = &set.tables;
    let is_ours = tables.programs(port.index).1.contains(&before);
    tables.note_programs(port, [if is_ours { before } else { 0 }, id]);
    let link = link.replace(program.xdp(name.mode)?, id, &set.pins)?;
    tables.note_programs(port, [id, 0]);
    Ok(link)
}

/// Notes that ports outside the plan have no program any more. Those in `left` keep theirs, which
/// could not be taken off.
fn forget_programs(set: &Set, plan: &Plan, left: &[u32]) {
    let planned = |index: u32| plan.ports.iter().any(|port| port.index == index);
    for index in set.tables.port_names().into_values().filter(|index| !planned(*index)) {
        if !set.tables.programs(index).1.iter().any(|id| left.contains(id)) {
            set.tables.forget_programs(index);
        }
    }
}

fn look_at_egress_of(
    plan: &Plan,
    interfaces: &[Option<Interface>],
    attached: &BTreeMap<String, PortLink>,
) {
    let present = plan.ports.iter().zip(interfaces);
    let present = present.filter_map(|(port, interface)| Some((port, interface.as_ref()?)));
    let modes = attached.iter().map(|(port, link)| (port.clone(), link.mode())).collect();
    if let Err(error) = look_at_egress(&present.collect::<Vec<_>>(), &modes) {
        tracing::warn!(
            "whether ports take the frames that are forwarded to them can't be told; \
             `egress-refused` in the status shows frames that they refuse: {error:#}"
        );
    }
}
