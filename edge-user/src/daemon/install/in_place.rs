//! Whether a plan can be put into the tables in use.

use std::time::Duration;

use super::Set;
use crate::{
    config::Config,
    daemon::{
        bookkeeper::Bookkeeper,
        error::{Context as _, DaemonError, Result},
        found::FoundInterface,
        interfaces::InterfaceChoice,
    },
    kernel::{
        LinkPlace, PortLink, host::interface::Interface, object::program::constants, occupancy,
        quiesce,
    },
    plan::{Plan, Police},
    report::Told,
};

/// The longest time that a reload waits for the bookkeeper before it uses slots of removed circuits again.
const BOOK_WITHIN: Duration = Duration::from_secs(10);

/// The plan for `config` in these tables, or the reason why it needs others. The plan uses a slot
/// of an earlier owner again only where no unused slot is left, the slot's counters are booked, and
/// no status shows them any more: neither with this plan nor if it is given up.
pub(super) fn plan_in_place(set: &Set, bookkeeper: &Bookkeeper, config: &Config) -> Result<Plan> {
    if !set.pins.has_tables()? {
        let directory = set.pins.directory().display();
        return Err(DaemonError::failed(format!("somebody has removed the pins in {directory}")));
    }
    let occupied = occupancy(&set.tables);
    let mut with_counters = occupied.clone();
    with_counters.attachments.published.extend(occupied.attachments.known.values());
    if let Ok(plan) = Plan::new(config, &with_counters, Police::Purchased) {
        return Ok(plan);
    }
    let plan = Plan::new(config, &occupied, Police::Purchased)?;
    if plan.takes_shown_counters(&occupied.attachments) {
        return Err(DaemonError::OutOfRoom(Told::new(
            "every slot for counters is in use, or shown in the status",
        )));
    }
    // A program that read a slot before it was retired has counted by then.
    quiesce();
    bookkeeper.book(BOOK_WITHIN).context("counters of circuits that are gone can't be booked")?;
    Ok(plan)
}

/// Whether every program that uses these tables is right when they hold `plan`: its constants name
/// its own port's entries, and it forwards to the right port.
pub(super) fn reads_the_same(
    set: &Set,
    plan: &Plan,
    found: &[FoundInterface],
    links: &[PortLink],
    wanted: InterfaceChoice,
    router: Option<u32>,
) -> bool {
    let port = |index: u32| {
        let mut ports = plan.ports.iter().zip(found);
        let (port, found) = ports.find(|(port, _)| port.index == index)?;
        Some((port, found.interface.as_ref().map(Interface::index)))
    };
    links.iter().all(|link| {
        // Programs of other ports are taken off before anything is stored.
        let LinkPlace::Here(ifindex) = link.place else { return true };
        // The router's program reads nothing of a port.
        if router == Some(ifindex) {
            return true;
        }
        let Some(index) = set.tables.port_of_program(link.program_id) else {
            return link.pins != set.pins;
        };
        let (now, _) = set.tables.programs(index);
        let is_same = port(index)
            .is_none_or(|(port, interface)| interface == Some(ifindex) && constants(port) == now);
        let leaves_the_same = port(now.egress).is_none_or(|(_, interface)| {
            match (set.tables.egress(now.egress), interface) {
                (None, None) => true,
                // The same port's interface, which is back.
                (None, Some(_)) => wanted == InterfaceChoice::AsItIs,
                (before, after) => before == after,
            }
        });
        is_same && leaves_the_same
    })
}
