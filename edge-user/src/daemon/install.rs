//! From a configuration to what the kernel has of it: tables, programs and links.
//!
//! Everything that can fail is [`prepare()`]d, and undone if something does: no frame notices.
//! [`commit()`] then stores, and can't fail: a port whose interface vanishes meanwhile is one that
//! waits for its interface.
//!
//! A plan is put into the tables in use where no program that reads them would read something else
//! than it should, and where they have room. Otherwise it gets tables of its own, filled before the
//! first program turns to them; the ones before are read, booked and removed like those of another
//! version.

mod commit;
mod in_place;
mod ports;
mod prepare;
mod turning;
mod undo;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

pub(super) use self::{
    commit::{Committed, commit},
    prepare::{Aim, Prepared, prepare},
};
use crate::{
    daemon::error::{Context as _, Result},
    kernel::{
        KernelTables, Pins, PortLink, PortProgram,
        host::interface::Interface,
        read::books::{AllBooks, all_books},
    },
    plan::{AttachmentKey, Capacity, Plan},
};

/// A set of tables, and where it is pinned.
pub(super) struct Set {
    pub(super) pins: Pins,
    pub(super) tables: KernelTables,
}

/// The parts of a configuration that the kernel has.
pub(super) struct Installed {
    pub(super) plan: Plan,
    /// By port name. A port that waits for its interface is not there.
    pub(super) attached: BTreeMap<String, PortLink>,
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
            Err(error.after(format!("making tables in {}", pins.directory().display())).into())
        }
    }
}

/// Everybody that tables under `pin_dir` have counters of.
pub(super) fn owners_before(pin_dir: &Path) -> Result<BTreeSet<AttachmentKey>> {
    let AllBooks { books, unreadable } = all_books(pin_dir)?;
    for error in unreadable {
        tracing::warn!("counters that can't be read have no room in new tables: {error:#}");
    }
    Ok(books.iter().flat_map(|(_, books)| books.slots()).map(|slot| slot.key).collect())
}

/// Has what is forwarded to ports leave by their interfaces, and by none where they have none: tables
/// that were left behind know an earlier one, which may be another port's now.
fn set_egress(
    tables: &mut KernelTables,
    plan: &Plan,
    interfaces: &[Option<Interface>],
) -> Result<()> {
    for (port, interface) in plan.ports.iter().zip(interfaces) {
        let Some(interface) = interface else {
            tables
                .clear_egress(port.index)
                .with_context(|| format!("port \"{}\": forgetting its interface", port.name))?;
            continue;
        };
        if tables.egress(port.index) != Some(interface.index()) {
            tables.set_egress(port.index, interface.index()).with_context(|| {
                format!("port \"{}\": making {} an egress", port.name, interface.name())
            })?;
        }
    }
    Ok(())
}
