//! From a configuration to what the kernel has of it: tables, programs and links.
//!
//! Everything that can fail is [`prepare`]d, and undone if something does: no frame notices.
//! [`commit`] then stores, and can't fail: a port whose interface vanishes meanwhile is one that
//! waits for its interface.
//!
//! A plan is put into the tables in use where no program that reads them would read something else
//! than it should, and where they have room. Otherwise it gets tables of its own, filled before the
//! first program turns to them; the ones before are read, booked and removed like those of another
//! version.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    bookkeeper::Bookkeeper,
    interfaces::{Found, Wanted, find_interfaces},
};
use crate::{
    config::Config,
    dataplane::{
        Buckets, Held, KernelTables, OpenLink, Pins, Place, PortLink, PortProgram, TakenOff,
        adjust::Adjusted,
        books::{Books, NewPage},
        device::{Devices, netns_cookie},
        interface::Interface,
        occupancy,
        preflight::{check, look_at_egress},
        prepare as prepare_tables,
        program::constants,
        quiesce, retire, store, watch_egress,
    },
    plan::{Capacity, Plan, Police, PortPlan},
};

/// How long the books are waited for where slots have to be used again.
const BOOK_WITHIN: Duration = Duration::from_secs(10);

/// A set of tables, and where it is pinned.
pub(super) struct Set {
    pub(super) pins: Pins,
    pub(super) tables: KernelTables,
}

/// What the kernel has of a configuration.
pub(super) struct Installed {
    pub(super) plan: Plan,
    /// By port name. A port that waits for its interface is not there.
    pub(super) attached: BTreeMap<String, PortLink>,
}

/// A configuration on the way to the kernel.
pub(super) struct Prepared {
    plan: Plan,
    ports: Ports,
    /// The books of the tables before, where there are other ones to come.
    old_books: Option<Books>,
    /// Other tables that programs here use, which turn away from them.
    sources: Vec<KernelTables>,
    page: NewPage,
    /// Whether refusals of devices are counted, where that may have changed.
    watches_egress: Option<bool>,
    /// All links that there were.
    links: Vec<PortLink>,
    /// With tables of the plan's own, where it needs some.
    undo: Undo,
}

/// A port on the way to its program.
enum Step {
    /// It has it.
    Keep(PortLink),
    /// It takes the place of another one.
    Replace(OpenLink, Box<PortProgram>),
    /// The interface has been held for it.
    Attach(Held, Box<PortProgram>),
    /// There is no interface, or it can't be attached to.
    Wait,
}

/// What has to be undone if a preparation fails.
#[derive(Default)]
struct Undo {
    next: Option<Set>,
    adjusted: Adjusted,
    taken_off: Vec<TakenOff>,
}

/// What a commit leaves behind.
pub(super) struct Committed {
    pub(super) installed: Installed,
    /// The set that is no longer in use, as nothing counts in it any more; and its books, if they can
    /// be read.
    pub(super) old: Option<(Pins, Option<Books>)>,
    /// Why ports wait that have an interface.
    pub(super) given_up: BTreeMap<String, String>,
}

/// What a preparation is for.
#[derive(Clone, Copy)]
pub(super) struct Aim<'a> {
    /// The configuration.
    pub(super) config: &'a Config,
    /// The interface that each port gets. With [`Wanted::AsItIs`], a port whose program does not run
    /// and can't be attached waits; with [`Wanted::ByName`], it is an error.
    pub(super) wanted: Wanted,
    /// What this process has installed before: programs that have not changed stay.
    pub(super) running: Option<&'a Installed>,
}

/// Brings everything as far towards its aim as can be undone. With an error, everything is as it was.
pub(super) fn prepare(
    set: &mut Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    aim: Aim<'_>,
) -> Result<Prepared> {
    let links = PortLink::all(&set.pins, devices)?;
    let mut undo = Undo::default();
    match try_prepare(set, bookkeeper, devices, aim, &links, &mut undo) {
        Ok(Parts { plan, ports, old_books, sources, page, watches_egress }) => {
            Ok(Prepared { plan, ports, old_books, sources, page, watches_egress, links, undo })
        }
        Err(error) => {
            undo.undo(&links);
            Err(error)
        }
    }
}

impl Prepared {
    /// Whether refusals of devices will be counted, where that may change.
    pub(super) fn watches_egress(&self) -> bool {
        self.watches_egress.unwrap_or(true)
    }

    /// Undoes the preparation.
    pub(super) fn give_up(self) {
        let Self { ports, sources, links, undo, .. } = self;
        // Before what was taken off for it can be put back.
        drop((ports, sources));
        undo.undo(&links);
    }
}

impl Undo {
    fn append(&mut self, mut other: Self) {
        self.adjusted.append(other.adjusted);
        self.taken_off.append(&mut other.taken_off);
    }

    fn undo(self, links: &[PortLink]) {
        for taken_off in self.taken_off {
            if let Err(error) = taken_off.put_back() {
                tracing::error!("attaching the program before again: {error:#}");
            }
        }
        let attached = links.iter().filter_map(|link| match link.place {
            Place::Here(ifindex) => Some(ifindex),
            Place::Elsewhere | Place::Nowhere => None,
        });
        self.adjusted.restore(&attached.collect::<Vec<_>>());
        if let Some(Set { pins, tables }) = self.next {
            drop(tables);
            if let Err(error) = pins.remove() {
                tracing::error!("removing {}: {error:#}", pins.directory().display());
            }
        }
    }
}

/// The ports of a preparation, in the order of the plan's.
#[derive(Default)]
struct Ports {
    interfaces: Vec<Option<Interface>>,
    steps: Vec<Step>,
    given_up: BTreeMap<String, String>,
}

/// What a [`Prepared`] has beside what is undone.
struct Parts {
    plan: Plan,
    ports: Ports,
    old_books: Option<Books>,
    sources: Vec<KernelTables>,
    page: NewPage,
    watches_egress: Option<bool>,
}

fn try_prepare(
    set: &mut Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    aim: Aim<'_>,
    links: &[PortLink],
    undo: &mut Undo,
) -> Result<Parts> {
    let Aim { config, wanted, running } = aim;
    let found = find_interfaces(config, &set.tables, links, devices, wanted)?;
    let may_wait = |found: &Found| wanted == Wanted::AsItIs && !found.is_running;
    let mut modes = check(&with_interfaces(config, &found))?;
    let (mut problems, mut given_up) = (Vec::new(), BTreeMap::new());
    for (port, found) in config.ports.iter().zip(&found) {
        if let Some(Err(error)) = modes.get(&port.name) {
            if may_wait(found) {
                given_up.insert(port.name.clone(), format!("{error:#}"));
            } else {
                problems.push(format!("port \"{}\": {error:#}", port.name));
            }
        }
    }
    ensure!(problems.is_empty(), problems.join("\n"));

    let in_place = plan_in_place(set, bookkeeper, config).and_then(|plan| {
        let reads_the_same = reads_the_same(set, &plan, &found, links, wanted);
        ensure!(reads_the_same, "a port is another one, or reads its tables otherwise");
        Ok(plan)
    });
    let (mut plan, old_books) = match in_place {
        Ok(plan) => (plan, None),
        Err(why) => {
            tracing::info!("{why:#}: the ports turn to other tables");
            let created = create_set(&Capacity::for_config(config), Pins::next(&set.pins)?)?;
            let unused = undo.next.insert(created).tables.capacity().unused();
            (Plan::new(config, &unused, Police::Purchased)?, open_books(&set.pins))
        }
    };
    for port in &mut plan.ports {
        if let Some(Ok(mode)) = modes.remove(&port.name) {
            port.xdp_mode = mode;
        }
    }
    prepare_tables(&mut undo.next.as_mut().unwrap_or(set).tables, &plan)?;

    let running = running.filter(|_| undo.next.is_none());
    let may_wait = |number: usize| may_wait(&found[number]);
    let steps = prepare_ports(set, &plan, &found, links, running, &may_wait, &mut given_up, undo)?;
    let interfaces: Vec<_> = found.into_iter().map(|found| found.interface).collect();
    let sources = other_tables(set, links);
    let page = NewPage::new(netns_cookie()?)?;
    if let Some(next) = &mut undo.next {
        // Nothing reads it yet.
        set_egress(&mut next.tables, &plan, &interfaces)?;
        // Ports that wait for their interface are known in these tables, too, also to a start after
        // we are killed.
        plan.ports.iter().for_each(|port| next.tables.note_interface(port));
        store(&next.tables, &plan);
    }
    // Before a program hands over the first frame.
    let watches_egress =
        running.is_none().then(|| watch_refusals(undo.next.as_ref().unwrap_or(set)));
    let ports = Ports { interfaces, steps, given_up };
    Ok(Parts { plan, ports, old_books, sources, page, watches_egress })
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
    let here = links.iter().filter(|link| matches!(link.place, Place::Here(_)));
    let others: BTreeSet<&Pins> = here.map(|link| &link.pins).collect();
    let others = others.into_iter().filter(|pins| pins.version() == set.pins.version());
    let tables = others.filter(|pins| **pins != set.pins).filter_map(|pins| {
        let tables = KernelTables::from_pins(pins);
        tables.inspect_err(|error| tracing::warn!("some buckets begin full: {error:#}")).ok()
    });
    tables.collect()
}

/// Has what is forwarded to ports leave by their interfaces.
fn set_egress(
    tables: &mut KernelTables,
    plan: &Plan,
    interfaces: &[Option<Interface>],
) -> Result<()> {
    for (port, interface) in plan.ports.iter().zip(interfaces) {
        if let Some(interface) = interface
            && tables.egress(port.index) != Some(interface.index())
        {
            tables.set_egress(port.index, interface.index()).with_context(|| {
                format!("port \"{}\": making {} an egress", port.name, interface.name())
            })?;
        }
    }
    Ok(())
}

/// Tables that nobody has used, pinned in `pins`.
pub(super) fn create_set(capacity: &Capacity, pins: Pins) -> Result<Set> {
    let created =
        PortProgram::create_tables(capacity, &pins).and_then(|()| KernelTables::from_pins(&pins));
    match created {
        Ok(tables) => Ok(Set { pins, tables }),
        Err(error) => {
            if let Err(error) = pins.remove() {
                tracing::error!("removing {}: {error:#}", pins.directory().display());
            }
            Err(error.context(format!("making tables in {}", pins.directory().display())))
        }
    }
}

/// The configuration with the names that its interfaces have now, without ports that have none.
fn with_interfaces(config: &Config, found: &[Found]) -> Config {
    let mut present = config.clone();
    let ports = present.ports.drain(..).zip(found).filter_map(|(mut port, found)| {
        port.interface = found.interface.as_ref()?.name().into_owned();
        Some(port)
    });
    present.ports = ports.collect();
    present
}

/// The plan for `config` in these tables, or why it needs others. It has slots that were somebody
/// else's only where there are no others, their counters are booked, and nobody is shown them any
/// more.
fn plan_in_place(set: &Set, bookkeeper: &Bookkeeper, config: &Config) -> Result<Plan> {
    ensure!(
        set.pins.has_tables()?,
        "somebody has removed the pins in {}",
        set.pins.directory().display()
    );
    let occupied = occupancy(&set.tables);
    let mut with_counters = occupied.clone();
    with_counters.attachments.published.extend(occupied.attachments.known.values());
    if let Ok(plan) = Plan::new(config, &with_counters, Police::Purchased) {
        return Ok(plan);
    }
    let plan = Plan::new(config, &occupied, Police::Purchased)?;
    ensure!(
        !plan.takes_shown_counters(&occupied.attachments.known),
        "there is no room for counters beside those that are shown"
    );
    // Whoever looked a slot up before it was retired has counted by then.
    quiesce();
    bookkeeper.book(BOOK_WITHIN).context("counters of circuits that are gone can't be booked")?;
    Ok(plan)
}

/// Whether every program that reads these tables still reads what it should when they hold `plan`:
/// its port's, by constants that say so, and forwards to where it should.
fn reads_the_same(
    set: &Set,
    plan: &Plan,
    found: &[Found],
    links: &[PortLink],
    wanted: Wanted,
) -> bool {
    let port = |index: u32| {
        let mut ports = plan.ports.iter().zip(found);
        let (port, found) = ports.find(|(port, _)| port.index == index)?;
        Some((port, found.interface.as_ref().map(Interface::index)))
    };
    links.iter().all(|link| {
        // Others' programs are taken off before anything is stored.
        let Place::Here(ifindex) = link.place else { return true };
        let Some(index) = set.tables.port_of_program(link.program_id) else {
            return link.pins != set.pins;
        };
        let (now, _) = set.tables.programs(index);
        let is_same = port(index)
            .is_none_or(|(port, interface)| interface == Some(ifindex) && constants(port) == now);
        let leaves_the_same = port(now.egress).is_none_or(|(_, interface)| {
            match (set.tables.egress(now.egress), interface) {
                (None, None) => true,
                // That of the same port, which is back.
                (None, Some(_)) => wanted == Wanted::AsItIs,
                (before, after) => before == after,
            }
        });
        is_same && leaves_the_same
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "the ports of a preparation, each with what it needs"
)]
fn prepare_ports(
    set: &Set,
    plan: &Plan,
    found: &[Found],
    links: &[PortLink],
    running: Option<&Installed>,
    may_wait: &dyn Fn(usize) -> bool,
    given_up: &mut BTreeMap<String, String>,
    undo: &mut Undo,
) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = plan.ports.iter().map(|_| Step::Wait).collect();
    // Last those whose program has to be taken off: what fails has failed by then.
    for is_last in [false, true] {
        for (number, port) in plan.ports.iter().enumerate() {
            let Some(interface) = &found[number].interface else { continue };
            let link = links.iter().find(|link| link.place == Place::Here(interface.index()));
            let is_taken_off = link.is_some_and(|link| !link.mode().suits(port.xdp_mode));
            if is_last != is_taken_off || given_up.contains_key(&port.name) {
                continue;
            }
            let mut own = Undo::default();
            let target = undo.next.as_ref().unwrap_or(set);
            match prepare_port(target, port, interface, link, running, &mut own) {
                Err(error) if may_wait(number) => {
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
        // The program for that mode, if it is not this one.
        program.id(link.mode())?;
        program.close_tables();
        return Ok(Step::Replace(link.clone().open()?, program));
    }
    // No longer without any program than it takes.
    program.holder()?;
    if let Some(link) = link {
        undo.taken_off.push(TakenOff::new(link, interface.index())?);
    }
    let held = Held::attach(&mut program, interface, port.xdp_mode)?;
    program.id(held.mode())?;
    program.close_tables();
    Ok(Step::Attach(held, program))
}

/// Brings tables and programs to what was prepared.
///
/// Returns whether the refusals of devices are counted, too, where that may have changed.
pub(super) fn commit(set: &mut Set, prepared: Prepared) -> (Committed, Option<bool>) {
    let Prepared { plan, ports, old_books, sources, page, watches_egress, links, mut undo } =
        prepared;
    let Ports { interfaces, steps, given_up } = ports;
    take_off_elsewhere(&links);
    let mut turning = Turning::default();
    let old = undo.next.take().map(|next| {
        let Set { pins, tables } = mem::replace(set, next);
        turning.add(tables, set, false);
        (pins, old_books)
    });
    if old.is_none() {
        store(&set.tables, &plan);
        // It is tried again every second.
        if let Err(error) = set_egress(&mut set.tables, &plan, &interfaces) {
            tracing::error!("{error:#}");
        }
    }
    for tables in sources {
        turning.add(tables, set, true);
    }
    turning.copy(set);
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
            // It goes on with the program that it has, if it has one, and is tried again.
            Err(error) => {
                tracing::error!("port \"{}\": {error:#}", port.name);
                failed.extend(interface.as_ref().map(Interface::index));
            }
        }
    }
    let mut left = Vec::new();
    for link in &links {
        let Place::Here(ifindex) = link.place else { continue };
        let is_kept = attached.values().any(|now| (&now.pins, now.name) == (&link.pins, link.name));
        if is_kept || failed.contains(&ifindex) || !link.pins.link(link.name).exists() {
            continue;
        }
        if let Err(error) = link.remove() {
            tracing::error!("taking the program off an interface that is no port: {error:#}");
            left.push(link.program_id);
        }
    }
    forget_programs(set, &plan, &left);
    turning.end(set);
    if old.is_none() {
        retire(&set.tables, &plan);
    }
    look_at_egress_of(&plan, &interfaces, &attached);
    let installed = Installed { plan, attached };
    (Committed { installed, old, given_up }, watches_egress)
}

/// Tables that programs turn away from, with their buckets.
#[derive(Default)]
struct Turning(Vec<(KernelTables, Buckets)>);

impl Turning {
    /// Has buckets of `tables` go on in those of `set`, which programs have used before or not.
    fn add(&mut self, tables: KernelTables, set: &Set, are_used: bool) {
        let buckets = Buckets::in_both(&tables, &set.tables, are_used);
        self.0.push((tables, buckets));
    }

    fn copy(&mut self, set: &Set) {
        for (tables, buckets) in &mut self.0 {
            if let Err(error) = buckets.copy(tables, &set.tables) {
                tracing::warn!("some buckets are fuller than they should be: {error:#}");
            }
        }
    }

    /// No program turns away any more.
    fn end(mut self, set: &Set) {
        if !self.0.is_empty() {
            // None that was under way uses the old tables any more, either.
            quiesce();
            self.copy(set);
        }
    }
}

/// Takes our programs off interfaces of other network namespaces, and forgets links without one.
fn take_off_elsewhere(links: &[PortLink]) {
    let mut is_any = false;
    for link in links.iter().filter(|link| !matches!(link.place, Place::Here(_))) {
        is_any |= link.place == Place::Elsewhere;
        if let Err(error) = link.remove() {
            tracing::error!("removing a link: {error:#}");
        }
    }
    if is_any {
        quiesce();
    }
}

/// Has the port's interface run its program.
fn turn(set: &Set, port: &PortPlan, step: Step) -> Result<Option<PortLink>> {
    let (link, mut program) = match step {
        Step::Keep(link) => return Ok(Some(link)),
        Step::Wait => {
            set.tables.note_interface(port);
            return Ok(None);
        }
        Step::Replace(link, program) => (link, program),
        Step::Attach(held, program) => (held.pin(&set.pins)?, program),
    };
    let PortLink { name, program_id: before, .. } = *link.pinned();
    let id = program.id(name.mode)?;
    let tables = &set.tables;
    let is_ours = tables.programs(port.index).1.contains(&before);
    tables.note_programs(port, [if is_ours { before } else { 0 }, id]);
    let link = link.replace(program.xdp(name.mode)?, id, &set.pins)?;
    tables.note_programs(port, [id, 0]);
    Ok(Some(link))
}

/// Ports that are no part of the plan have no program any more, but for these, which can't be taken
/// off.
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
        tracing::warn!("whether ports take what is forwarded to them can't be told: {error:#}");
    }
}

/// Has what devices refuse of forwarded frames be counted in these tables. Returns whether it is.
fn watch_refusals(set: &Set) -> bool {
    let watching = watch_egress(&set.pins, &set.tables.capacity());
    if let Err(error) = &watching {
        tracing::warn!("frames that a device refuses will count as forwarded: {error:#}");
    }
    watching.is_ok()
}
