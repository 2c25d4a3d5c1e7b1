//! From a configuration to what the kernel has of it: tables, programs and links.
//!
//! [`prepare()`] does every step that can fail, and undoes them all if one does: no frame is
//! affected. [`commit()`] then stores, and can't fail: a port whose interface vanishes meanwhile
//! waits for it.
//!
//! A plan goes into the tables in use where they have room, and where every program still reads in
//! them the entries of its own port. Otherwise the plan gets new tables, which are filled before
//! the first program turns to them. The earlier tables are read, booked and removed like those of
//! another version.

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
    commit::{Committed, commit, replace},
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

/// Creates tables that no program uses yet, pinned in `pins`.
pub(super) fn create_set(capacity: &Capacity, pins: Pins) -> Result<Set> {
    let created =
        PortProgram::create_tables(capacity, &pins).and_then(|()| KernelTables::from_pins(&pins));
    match created {
        Ok(tables) => Ok(Set { pins, tables }),
        Err(error) => {
            if let Err(error) = pins.remove() {
                let directory = pins.directory().display();
                tracing::error!("unfinished tables stay in {directory}: {error:#}");
            }
            Err(error.after(format!("making tables in {}", pins.directory().display())).into())
        }
    }
}

/// The owners of all counters in tables under `pin_dir`.
pub(super) fn owners_before(pin_dir: &Path) -> Result<BTreeSet<AttachmentKey>> {
    let AllBooks { books, unreadable } = all_books(pin_dir)?;
    for error in unreadable {
        tracing::warn!(
            "some earlier counters can't be read, and the status goes on without them: {error:#}"
        );
    }
    Ok(books.iter().flat_map(|(_, books)| books.slots()).map(|slot| slot.key).collect())
}

/// Sets the interface by which frames to each port leave, and removes it for a port without one:
/// tables that an earlier daemon left may name an interface that is another port's now.
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
