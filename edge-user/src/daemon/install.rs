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
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use super::{bookkeeper::Bookkeeper, interfaces::find_interfaces};
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
    /// Tables of its own, where it needs some, and the books of those before.
    next: Option<(Set, Books)>,
    /// Other tables that programs here use, which turn away from them.
    sources: Vec<KernelTables>,
    page: NewPage,
    /// Whether refusals of devices are counted.
    watches_egress: bool,
    /// In the order of the plan's ports.
    steps: Vec<Step>,
    interfaces: Vec<Option<Interface>>,
    /// All links that there were.
    links: Vec<PortLink>,
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
    /// There is no interface.
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
    /// The set that is no longer in use, as nothing counts in it any more.
    pub(super) old: Option<(Pins, Books)>,
}

/// Brings everything as far towards `config` as can be undone. With an error, everything is as it
/// was. `running` is what this process has installed before: programs that have not changed stay.
pub(super) fn prepare(
    set: &mut Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    config: &Config,
    running: Option<&Installed>,
) -> Result<Prepared> {
    let links = PortLink::all(&set.pins, devices)?;
    let mut undo = Undo::default();
    match try_prepare(set, bookkeeper, devices, config, &links, running, &mut undo) {
        Ok(Parts { plan, interfaces, steps, old_books, sources, page, watches_egress }) => {
            let Undo { next, .. } = &mut undo;
            let next = next.take().zip(old_books);
            Ok(Prepared {
                plan,
                next,
                sources,
                page,
                watches_egress,
                steps,
                interfaces,
                links,
                undo,
            })
        }
        Err(error) => {
            undo.undo(&links);
            Err(error)
        }
    }
}

impl Prepared {
    /// Whether refusals of devices will be counted.
    pub(super) fn watches_egress(&self) -> bool {
        self.watches_egress
    }

    /// Undoes the preparation.
    pub(super) fn give_up(self) {
        let Self { next, sources, steps, links, mut undo, .. } = self;
        // Before what was taken off for it can be put back.
        drop((steps, sources));
        undo.next = next.map(|(next, _)| next);
        undo.undo(&links);
    }
}

impl Undo {
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

/// What a [`Prepared`] has beside what is undone.
struct Parts {
    plan: Plan,
    interfaces: Vec<Option<Interface>>,
    steps: Vec<Step>,
    /// Where there are tables to come.
    old_books: Option<Books>,
    sources: Vec<KernelTables>,
    page: NewPage,
    watches_egress: bool,
}

fn try_prepare(
    set: &mut Set,
    bookkeeper: &Bookkeeper,
    devices: &Devices,
    config: &Config,
    links: &[PortLink],
    running: Option<&Installed>,
    undo: &mut Undo,
) -> Result<Parts> {
    let interfaces = find_interfaces(config, &set.tables, links, devices)?;
    let modes = check(&with_interfaces(config, &interfaces))?;
    let in_place = plan_in_place(&set.tables, bookkeeper, config).and_then(|plan| {
        let reads_the_same = reads_the_same(set, &plan, &interfaces, links);
        ensure!(reads_the_same, "a port is another one, or reads its tables otherwise");
        Ok(plan)
    });
    let is_in_place = in_place.is_ok();
    let mut plan = match in_place {
        Ok(plan) => plan,
        Err(why) => {
            tracing::info!("{why:#}: the ports turn to other tables");
            let created = create_set(&Capacity::for_config(config), set.pins.root())?;
            let unused = undo.next.insert(created).tables.capacity().unused();
            Plan::new(config, &unused, Police::Purchased)?
        }
    };
    for port in &mut plan.ports {
        port.xdp_mode = modes.get(&port.name).copied().unwrap_or(port.xdp_mode);
    }
    let old_books = if is_in_place { None } else { Some(open_books(&set.pins)?) };
    let mut next = undo.next.take();
    let prepared = prepare_tables(&mut next.as_mut().unwrap_or(set).tables, &plan);
    undo.next = next;
    prepared?;

    let steps =
        prepare_ports(set, &plan, &interfaces, links, running.filter(|_| is_in_place), undo)?;
    let sources = other_tables(set, links);
    let page = NewPage::new(netns_cookie()?)?;
    match &mut undo.next {
        // Nothing reads it yet.
        Some(next) => {
            set_egress(next, &plan, &interfaces, |_| true)?;
            store(&next.tables, &plan);
        }
        None => set_egress(set, &plan, &interfaces, |port| port.is_new)?,
    }
    // Before a program hands over the first frame.
    let watches_egress = watch_refusals(undo.next.as_ref().unwrap_or(set));
    Ok(Parts { plan, interfaces, steps, old_books, sources, page, watches_egress })
}

fn open_books(pins: &Pins) -> Result<Books> {
    let books = Books::open(pins).and_then(|books| books.context("they were never opened"));
    books.with_context(|| format!("the books in {}", pins.directory().display()))
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

/// Has frames that are forwarded to one of these ports leave by its interface.
fn set_egress(
    set: &mut Set,
    plan: &Plan,
    interfaces: &[Option<Interface>],
    is_wanted: impl Fn(&PortPlan) -> bool,
) -> Result<()> {
    let ports = plan.ports.iter().zip(interfaces);
    for (port, interface) in ports.filter(|(port, _)| is_wanted(port)) {
        let Some(interface) = interface else { continue };
        if !set.tables.has_egress(port.index, interface.index()) {
            set.tables
                .set_egress(port.index, interface.index())
                .with_context(|| format!("making {} a port to forward to", port.interface))?;
        }
    }
    Ok(())
}

/// Tables that nobody has used.
pub(super) fn create_set(capacity: &Capacity, pin_dir: &std::path::Path) -> Result<Set> {
    let pins = Pins::next(pin_dir)?;
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
fn with_interfaces(config: &Config, interfaces: &[Option<Interface>]) -> Config {
    let mut present = config.clone();
    let ports = present.ports.drain(..).zip(interfaces).filter_map(|(mut port, interface)| {
        port.interface = interface.as_ref()?.name().into_owned();
        Some(port)
    });
    present.ports = ports.collect();
    present
}

/// The plan for `config` in these tables, or why they have no room for it. It has slots that were
/// somebody else's only where there are no others, and their counters are booked.
fn plan_in_place(tables: &KernelTables, bookkeeper: &Bookkeeper, config: &Config) -> Result<Plan> {
    let occupied = occupancy(tables);
    let mut with_counters = occupied.clone();
    with_counters.attachments.published.extend(occupied.attachments.known.values());
    if let Ok(plan) = Plan::new(config, &with_counters, Police::Purchased) {
        return Ok(plan);
    }
    let plan = Plan::new(config, &occupied, Police::Purchased)?;
    // Whoever looked a slot up before it was retired has counted by then.
    quiesce();
    bookkeeper.book(BOOK_WITHIN).context("counters of circuits that are gone can't be booked")?;
    Ok(plan)
}

/// Whether every program that reads these tables still reads what it should when they hold `plan`:
/// its port's, by constants that say so.
fn reads_the_same(
    set: &Set,
    plan: &Plan,
    interfaces: &[Option<Interface>],
    links: &[PortLink],
) -> bool {
    links.iter().all(|link| {
        // Others' programs are taken off before anything is stored.
        let Place::Here(ifindex) = link.place else { return true };
        let Some(index) = set.tables.port_of_program(link.program_id) else {
            return link.pins != set.pins;
        };
        let mut ports = plan.ports.iter().zip(interfaces);
        ports.find(|(port, _)| port.index == index).is_none_or(|(port, interface)| {
            interface.as_ref().is_some_and(|interface| interface.index() == ifindex)
                && constants(port) == set.tables.programs(index).0
        })
    })
}

fn prepare_ports(
    set: &Set,
    plan: &Plan,
    interfaces: &[Option<Interface>],
    links: &[PortLink],
    running: Option<&Installed>,
    undo: &mut Undo,
) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = plan.ports.iter().map(|_| Step::Wait).collect();
    // Last those whose program has to be taken off: what fails has failed by then.
    for is_last in [false, true] {
        for ((port, interface), step) in plan.ports.iter().zip(interfaces).zip(&mut steps) {
            let Some(interface) = interface else { continue };
            let link = links.iter().find(|link| link.place == Place::Here(interface.index()));
            if is_last == link.is_some_and(|link| !link.mode().suits(port.xdp_mode)) {
                *step = prepare_port(set, port, interface, link, running, undo)
                    .with_context(|| format!("port \"{}\"", port.name))?;
            }
        }
    }
    Ok(steps)
}

fn prepare_port(
    set: &Set,
    port: &PortPlan,
    interface: &Interface,
    link: Option<&PortLink>,
    running: Option<&Installed>,
    undo: &mut Undo,
) -> Result<Step> {
    let target = undo.next.as_ref().unwrap_or(set);
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
    if let Some(link) = link {
        undo.taken_off.push(TakenOff::new(link, interface.index())?);
    }
    let held = Held::attach(&mut program, interface, port.xdp_mode)?;
    // The program for that mode, if it is not this one.
    program.id(held.mode())?;
    program.close_tables();
    Ok(Step::Attach(held, program))
}

/// Brings tables and programs to what was prepared.
///
/// Returns whether the refusals of devices are counted, too.
pub(super) fn commit(set: &mut Set, prepared: Prepared) -> (Committed, bool) {
    let Prepared { plan, next, sources, page, watches_egress, steps, interfaces, links, undo: _ } =
        prepared;
    take_off_elsewhere(&links);
    let mut turning = Turning::default();
    let old = next.map(|(next, books)| {
        let Set { pins, tables } = std::mem::replace(set, next);
        turning.add(tables, set, false);
        (pins, books)
    });
    if old.is_none() {
        // It is tried again every second.
        if let Err(error) = set_egress(set, &plan, &interfaces, |_| true) {
            tracing::error!("{error:#}");
        }
        store(&set.tables, &plan);
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
    for link in &links {
        let Place::Here(ifindex) = link.place else { continue };
        let is_kept = attached.values().any(|now| (&now.pins, now.name) == (&link.pins, link.name));
        if is_kept || failed.contains(&ifindex) || !link.pins.link(link.name).exists() {
            continue;
        }
        if let Err(error) = link.remove() {
            tracing::error!("taking the program off an interface that is no port: {error:#}");
        }
    }
    forget_programs(set, &plan);
    turning.end(set);
    if old.is_none() {
        retire(&set.tables, &plan);
    }
    look_at_egress_of(&plan, &interfaces, &attached);
    (Committed { installed: Installed { plan, attached }, old }, watches_egress)
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
        Step::Wait => return Ok(None),
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

/// Ports that are no part of the plan have no program any more.
fn forget_programs(set: &Set, plan: &Plan) {
    let planned = |index: u32| plan.ports.iter().any(|port| port.index == index);
    for index in set.tables.port_names().into_values().filter(|index| !planned(*index)) {
        set.tables.forget_programs(index);
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
