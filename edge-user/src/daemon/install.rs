//! From a configuration to what the kernel has of it: tables, programs and links.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};

use super::{bookkeeper::Bookkeeper, instructions::Instructions};
use crate::{
    config::Config,
    dataplane::{
        Attached, KernelTables, Links, Pins, PortProgram,
        adjust::Adjusted,
        apply,
        interface::Interface,
        occupancy,
        preflight::{Checked, Modes, look_at_egress},
        quiesce, retire,
    },
    plan::{Plan, Police, PortPlan},
};

/// How long the books are waited for where slots have to be used again.
const BOOK_WITHIN: Duration = Duration::from_secs(10);

/// What the kernel has of a configuration.
pub(super) struct Installed {
    pub(super) plan: Plan,
    pub(super) modes: Modes,
    /// By port name.
    pub(super) attached: BTreeMap<String, Attached>,
}

/// Brings everything from `old` to `checked`, or, with an error, back to `old`.
pub(super) fn reinstall(
    tables: &mut KernelTables,
    pins: &Pins,
    bookkeeper: &Bookkeeper,
    checked: Checked<'_>,
    (old_config, old): (&Config, &mut Installed),
) -> Result<()> {
    let mut adjusted = Adjusted::default();
    match install(tables, pins, bookkeeper, checked, Some(old), &mut adjusted) {
        Ok(installed) => {
            *old = installed;
            Ok(())
        }
        Err(error) => {
            let before = Checked { config: old_config, modes: &old.modes };
            match install(tables, pins, bookkeeper, before, None, &mut adjusted) {
                Ok(installed) => *old = installed,
                Err(error) => tracing::error!("going back to what was: {error:#}"),
            }
            adjusted.restore(pins);
            Err(error)
        }
    }
}

/// Brings tables, programs and links to `checked`. With `old`, programs that have not changed are
/// left alone. After an error, the caller restores what is in `adjusted`.
pub(super) fn install(
    tables: &mut KernelTables,
    pins: &Pins,
    bookkeeper: &Bookkeeper,
    Checked { config, modes }: Checked<'_>,
    old: Option<&Installed>,
    adjusted: &mut Adjusted,
) -> Result<Installed> {
    let capacity = tables.capacity();
    let mut plan = plan(tables, bookkeeper, config)?;
    for port in &mut plan.ports {
        port.xdp_mode = modes.get(&port.name).copied().unwrap_or(port.xdp_mode);
    }
    let interfaces = plan.ports.iter().map(|port| Interface::find(&port.interface));
    let interfaces: Vec<Interface> = interfaces.collect::<Result<_>>()?;

    // Everything that can be refused comes before the first change.
    let ports = || plan.ports.iter().zip(&interfaces);
    let programs = ports().map(|(port, interface)| {
        if let Some(attached) = old.and_then(|old| old.unchanged(port, interface)) {
            return Ok(PortState::Attached(attached));
        }
        let mtu_bytes = interface.mtu_bytes()?;
        Ok(PortState::Loaded(Box::new(PortProgram::load(port, mtu_bytes, &capacity, pins)?)))
    });
    let programs: Vec<PortState> = programs.collect::<Result<_>>()?;
    for (port, interface) in ports() {
        adjusted.adjust(interface).with_context(|| format!("port \"{}\"", port.name))?;
    }

    // The last that can fail before the first store. A start goes on, and so does the way back.
    match bookkeeper.note_terms(&Instructions::new(config)) {
        Err(error) if old.is_some() => return Err(error),
        Err(error) => tracing::warn!("fees of this start are noted later: {error:#}"),
        Ok(()) => {}
    }
    apply(tables, &plan, &interfaces.iter().map(Interface::index).collect::<Vec<_>>())?;

    for other in pins.others()? {
        for link in other.links()? {
            pins.take_over(&other, link)?;
        }
    }
    let links = Links::new(pins);
    let mut attached = BTreeMap::new();
    for ((port, interface), state) in ports().zip(programs) {
        let now = match state {
            PortState::Attached(attached) => attached,
            PortState::Loaded(mut program) => links
                .install(&mut program, interface, port.xdp_mode)
                .with_context(|| format!("port \"{}\"", port.name))?,
        };
        attached.insert(port.name.clone(), now);
    }
    links.remove_all_but(|link| attached.values().any(|attached| *attached == link))?;
    retire(tables, &plan);
    if let Err(error) = look_at_egress(&plan.ports, &interfaces, &attached) {
        tracing::warn!("whether ports take what is forwarded to them can't be told: {error:#}");
    }
    Ok(Installed { plan, modes: modes.clone(), attached })
}

/// The plan for `config`. It has slots that were somebody else's only where there are no others,
/// and their counters are booked.
fn plan(tables: &KernelTables, bookkeeper: &Bookkeeper, config: &Config) -> Result<Plan> {
    let occupied = occupancy(tables);
    let mut with_counters = occupied.clone();
    with_counters.attachments.published.extend(occupied.attachments.known.values());
    match Plan::new(config, &with_counters, Police::Purchased) {
        Ok(plan) => Ok(plan),
        Err(full) => {
            // Whoever looked a slot up before it was retired has counted by then.
            quiesce();
            if let Err(error) = bookkeeper.book(BOOK_WITHIN) {
                tracing::warn!("{error:#}");
                return Err(full).context(
                    "what is left of room is that of circuits whose counters are not booked",
                );
            }
            Ok(Plan::new(config, &occupied, Police::Purchased)?)
        }
    }
}

/// A port on the way to its program.
enum PortState {
    Attached(Attached),
    Loaded(Box<PortProgram>),
}

impl Installed {
    /// What `port` is attached to, if it has the program already that its plan wants there.
    fn unchanged(&self, port: &PortPlan, interface: &Interface) -> Option<Attached> {
        let same = PortPlan { is_new: false, ..self.plan.port(&port.name)?.clone() } == *port;
        let attached = self.attached.get(&port.name).filter(|_| same)?;
        (attached.ifindex == interface.index()).then_some(*attached)
    }
}
