//! Tables beside those in use: their counters are booked and carried over before they go.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::takeover::is_broken,
    instance::{Instance, TAKE_OVER_WITHIN},
    running::Running,
};
use crate::{
    daemon::error::Result,
    kernel::{
        Pins, carry, give_slots, quiesce,
        read::books::{Books, all_books},
    },
};

impl Instance {
    /// Every interface has a program of ours, so other tables count no more. They are removed when
    /// they are booked: now, or as soon as that is possible.
    pub(super) fn take_over(&mut self) -> Result<()> {
        let books = all_books(&self.hold.pin_dir)?.books;
        // A daemon that died after it had carried counts over has left their tables. The set that has the
        // counts since then may be another one than ours by now.
        let carried: BTreeSet<_> =
            books.iter().flat_map(|(_, books)| books.carried_from()).collect();
        let closing = {
            let mut guard = self.running.write();
            let running = &mut *guard;
            for (pins, books) in books.into_iter().filter(|(pins, _)| *pins != running.set.pins) {
                if carried.contains(&books.epoch().id) {
                    books.close();
                    pins.remove()?;
                } else {
                    running.others.push((pins, Arc::new(books)));
                }
            }
            running.give_slots()?;
            running.others.iter().map(|(pins, _)| pins.clone()).collect::<Vec<_>>()
        };
        if !closing.is_empty() {
            quiesce();
            self.bookkeeper.close(closing);
            if let Err(error) = self.bookkeeper.book(TAKE_OVER_WITHIN) {
                tracing::warn!("earlier tables stay until they can be booked: {error:#}");
            }
        }
        self.retire_others()
    }

    /// Adds the counts of earlier tables that are booked to ours, and removes these tables.
    pub(super) fn retire_others(&mut self) -> Result<()> {
        let is_booked = |pins: &Pins| self.bookkeeper.has_closed(pins);
        let is_any = self.running.read().others.iter().any(|(pins, _)| is_booked(pins));
        if is_any {
            let mut guard = self.running.write();
            let running = &mut *guard;
            running.generation += 1;
            let is_booked = |(pins, _): &mut (Pins, Arc<Books>)| is_booked(pins);
            let booked: Vec<_> = running.others.extract_if(.., is_booked).collect();
            for (pins, books) in booked {
                carry(&mut running.set.tables, &books)?;
                books.close();
                pins.remove()?;
                tracing::info!("the tables in {} are booked, and gone", pins.directory().display());
            }
            // Some slots here now have counts of owners that had a slot there.
            running.installed.plan.find_predecessors(&running.set.tables.owners());
        }
        let others = self.running.read().set.pins.others()?;
        for pins in others {
            if is_broken(&pins)? {
                tracing::error!(
                    "somebody has removed pins of the tables in {}, so their counters can't be \
                     read: the remaining pins are removed, and counts since the last booking are \
                     lost",
                    pins.directory().display()
                );
                pins.remove()?;
            }
        }
        Ok(())
    }
}

impl Running {
    /// Reserves slots for counters of other tables that are shown with those of a peering here. No
    /// change may take these slots before the other tables are booked.
    pub(super) fn give_slots(&mut self) -> Result<()> {
        if self.others.is_empty() {
            return Ok(());
        }
        let plan = &self.installed.plan;
        let places: BTreeSet<_> = plan.attachments.iter().map(|own| own.key.place()).collect();
        let others = self.others.iter().map(|(_, books)| &**books);
        Ok(give_slots(&mut self.set.tables, others, |key| places.contains(&key.place()))?)
    }
}
