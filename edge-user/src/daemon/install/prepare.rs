//! Preparing a change: every step that can fail, each of which can be undone.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Installed, Set, create_set,
    in_place::{plan_in_place, reads_the_same},
    owners_before,
    ports::{PreparedPorts, prepare_ports},
    set_egress,
    undo::Undo,
};
use crate::{
    config::Config,
    daemon::{
        bookkeeper::Bookkeeper,
        error::{Context as _, DaemonError, Result},
        found::{FoundInterface, PortNotes, find_interfaces},
        interfaces::InterfaceChoice,
        router::adjust,
    },
    kernel::{
        KernelTables, KnownPort, LinkPlace, Pins, PortLink, RouterMaps,
        error::KernelError,
        host::device::{Devices, netns_cookie},
        occupancy,
        preflight::check,
        prepare as prepare_tables,
        read::{books::Books, books_page::NewPage},
        store, watch_egress,
    },
    plan::{Capacity, Plan, Police},
    routing::bird::version::BirdVersion,
};

/// The purpose of a preparation.
#[derive(Clone, Copy)]
pub(in crate::daemon) struct Aim<'a> {
    /// The configuration.
    pub(in crate::daemon) config: &'a Config,
    /// The interface that each port gets. With [`InterfaceChoice::AsItIs`], a port whose program does not run
    /// and can't be attached waits; with [`InterfaceChoice::ByName`], it is an error.
    pub(in crate::daemon) wanted: InterfaceChoice,
    /// The configuration that this process has installed before: programs that have not changed stay.
    pub(in crate::daemon) running: Option<&'a Installed>,
    /// The interface of the router's own device, where it is there already.
    pub(in crate::daemon) router: Option<u32>,
    /// The version of the BGP speaker that the configuration asks for.
    pub(in crate::daemon) speaker: Option<BirdVersion>,
}

/// A configuration on the way to the kernel.
pub(in crate::daemon) struct Prepared {
    pub(super) parts: CommitParts,
    /// All links that there were before.
    pub(super) links: Vec<PortLink>,
    pub(super) undo: Undo,
}

/// The parts of a preparation that a commit uses up.
pub(super) struct CommitParts {
    pub(super) plan: Plan,
    pub(super) ports: PreparedPorts,
    /// The books of the present tables, where the change has tables of its own.
    pub(super) old_books: Option<Books>,
    /// Other tables, whose programs turn to those of the change.
    pub(super) sources: Vec<KernelTables>,
    pub(super) page: NewPage,
    /// Whether refusals of devices are counted, where that may have changed, or why they are not.
    pub(super) egress_watch: Option<Result<(), KernelError>>,
    /// The interface of the router's own device, which keeps its program.
    pub(super) router: Option<u32>,
    /// The router's tables on their way, where the change has tables of its own.
    pub(super) router_move: Option<RouterMove>,
}

/// Routes, neighbours and links of the router on their way to other tables.
pub(super) struct RouterMove {
    pub(super) from: RouterMaps,
    pub(super) to: RouterMaps,
}

/// Does every step towards the aim that can be undone. With an error, everything is as before.
pub(in crate::daemon) fn prepare(
    set: &Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    aim: Aim<'_>,
) -> Result<Prepared> {
    let links = PortLink::all(&set.pins, devices)?;
    let mut undo = Undo::default();
    match try_prepare(set, bookkeeper, devices, aim, &links, &mut undo) {
        Ok(parts) => Ok(Prepared { parts, links, undo }),
        Err(error) => {
            undo.undo(&links);
            Err(error)
        }
    }
}

impl Prepared {
    /// Whether the router's routes move to other tables, which nobody may change meanwhile.
    pub(in crate::daemon) fn moves_router(&self) -> bool {
        self.parts.router_move.is_some()
    }

    /// The plan.
    pub(in crate::daemon) fn plan(&self) -> &Plan {
        &self.parts.plan
    }

    /// The reason why refusals of devices would not be counted, where that may change.
    pub(in crate::daemon) fn egress_fault(&self) -> Option<&KernelError> {
        self.parts.egress_watch.as_ref()?.as_ref().err()
    }

    /// Undoes the preparation.
    pub(in crate::daemon) fn give_up(self) {
        let Self { parts, links, undo } = self;
        // The new programs go first: else those that were taken off can't be put back.
        drop(parts);
        undo.undo(&links);
    }
}

fn try_prepare(
    set: &Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    aim: Aim<'_>,
    links: &[PortLink],
    undo: &mut Undo,
) -> Result<CommitParts> {
    let Aim { config, wanted, running, router, speaker } = aim;
    let earlier = ports_of_other_versions(set)?;
    let known = PortNotes { tables: &set.tables, version: set.pins.version(), earlier: &earlier };
    let found = find_interfaces(config, &known, links, devices, wanted)?;
    let mut checked = check(&with_interfaces(config, &found).ports)?;
    let (mut modes, mut problems, mut given_up) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for (port, found) in config.ports.iter().zip(&found) {
        match checked.remove(&port.name) {
            Some(Ok(mode)) => drop(modes.insert(port.name.clone(), mode)),
            Some(Err(error)) if found.may_wait => {
                given_up.insert(port.name.clone(), format!("{error:#}"));
            }
            Some(Err(error)) => {
                problems.push(DaemonError::from(error).after(format!("port \"{}\"", port.name)));
            }
            None => {}
        }
    }
    DaemonError::none_of(problems)?;

    let in_place = plan_in_place(set, bookkeeper, config).and_then(|plan| {
        if reads_the_same(set, &plan, &found, links, wanted, router) {
            return Ok(plan);
        }
        Err(DaemonError::failed("a port has another interface, or reads its tables otherwise"))
    });
    let (mut plan, old_books) = match in_place {
        Ok(plan) => (plan, None),
        Err(why) => {
            tracing::info!("{why:#}: the ports turn to other tables");
            let mut capacity = Capacity::for_config_after(config, &owners_before(set.pins.root())?);
            if config.routing.is_some() {
                capacity.router = capacity.router.at_least(&set.tables.capacity().router);
            }
            let created = create_set(&capacity, Pins::next(&set.pins)?)?;
            let mut unused = undo.next.insert(created).tables.capacity().unused();
            if config.routing.is_some() {
                // The router's interfaces keep their MAC addresses, and routes their next hops.
                unused = unused.with_interfaces_of(&occupancy(&set.tables).interfaces);
            }
            (Plan::new(config, &unused, Police::Purchased)?, open_books(&set.pins))
        }
    };
    for port in &mut plan.ports {
        if let Some(mode) = modes.remove(&port.name) {
            port.xdp_mode = mode;
        }
    }
    let present: Vec<_> = found.iter().map(|found| found.interface.as_ref()).collect();
    adjust(&mut plan, &present, speaker)?;
    prepare_tables(&undo.next.as_ref().unwrap_or(set).tables, &plan)?;

    let running = running.filter(|_| undo.next.is_none());
    let steps = prepare_ports(set, &plan, &found, links, running, &mut given_up, undo)?;
    let interfaces: Vec<_> = found.into_iter().map(|found| found.interface).collect();
    let sources = other_tables(set, links);
    let page = NewPage::new(netns_cookie()?)?;
    if let Some(next) = &mut undo.next {
        // No program reads these tables yet.
        set_egress(&mut next.tables, &plan, &interfaces)?;
        if let Some(ifindex) = router {
            let index = next.tables.capacity().router_port();
            next.tables
                .set_egress(index, ifindex)
                .context("making the router's device an egress")?;
        }
        // These tables know also ports that wait for their interface, so that a start after a kill
        // finds them.
        plan.ports.iter().for_each(|port| next.tables.note_interface(port));
        store(&next.tables, &plan);
    }
    // Before a program hands over the first frame.
    let egress_watch = running.is_none().then(|| watch_refusals(undo.next.as_ref().unwrap_or(set)));
    let router_move = match &undo.next {
        Some(next) if config.routing.is_some() => Some(RouterMove {
            from: RouterMaps::from_pins(&set.pins)?,
            to: RouterMaps::from_pins(&next.pins)?,
        }),
        _ => None,
    };
    let ports = PreparedPorts { interfaces, steps, given_up };
    Ok(CommitParts { plan, ports, old_books, sources, page, egress_watch, router, router_move })
}

/// The ports as tables of other versions know them, which are still to be booked.
fn ports_of_other_versions(set: &Set) -> Result<Vec<KnownPort>> {
    let mut ports = Vec::new();
    let all = Pins::all(set.pins.root())?.into_iter();
    for pins in all.filter(|pins| pins.version() != set.pins.version()) {
        match Books::open(&pins) {
            Ok(books) => ports.extend(books.iter().flat_map(Books::known_ports)),
            Err(error) => tracing::warn!(
                "the ports in the tables {} can't be read, so a renamed interface may not be \
                 found: {error:#}",
                pins.directory().display()
            ),
        }
    }
    Ok(ports)
}

/// The configuration with the names that its interfaces have now, without ports that have none.
fn with_interfaces(config: &Config, found: &[FoundInterface]) -> Config {
    let mut present = config.clone();
    let ports = present.ports.drain(..).zip(found).filter_map(|(mut port, found)| {
        port.interface = found.interface.as_ref()?.name().into_owned();
        Some(port)
    });
    present.ports = ports.collect();
    present
}

/// The books of tables that are no longer to be used, if they can be read.
fn open_books(pins: &Pins) -> Option<Books> {
    let books = Books::open(pins);
    books
        .inspect_err(|error| {
            tracing::error!(
                "what was counted in {} since the last booking is lost: {error:#}",
                pins.directory().display()
            );
        })
        .ok()
        .flatten()
}

/// Tables beside those of `set` that programs here use.
fn other_tables(set: &Set, links: &[PortLink]) -> Vec<KernelTables> {
    let here = links.iter().filter(|link| matches!(link.place, LinkPlace::Here(_)));
    let others: BTreeSet<&Pins> = here.map(|link| &link.pins).collect();
    let others = others.into_iter().filter(|pins| pins.version() == set.pins.version());
    let tables = others.filter(|pins| **pins != set.pins).filter_map(|pins| {
        let tables = KernelTables::from_pins(pins);
        let warn = "some circuits begin with their whole burst free, used or not";
        tables.inspect_err(|error| tracing::warn!("{warn}: {error:#}")).ok()
    });
    tables.collect()
}

/// Has these tables count the forwarded frames that devices refuse.
fn watch_refusals(set: &Set) -> Result<(), KernelError> {
    let watching = watch_egress(&set.pins, &set.tables.capacity());
    if let Err(error) = &watching {
        tracing::warn!(
            "frames that a device refuses count as forwarded, and are billed, until a start \
             without this error: {error:#}"
        );
    }
    watching
}
