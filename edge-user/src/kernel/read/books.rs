//! The books of pinned tables, of whatever layout: whose counters there are, and what they say.

use std::{mem::offset_of, path::Path};

use edge_common::{
    Reason,
    abi::{
        self,
        books::{BooksPage, CARRIED_EPOCHS, CLOSED, OPEN},
        counters::{Counted, LOSS_REASONS, Losses, Meter, PortCounters},
    },
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    kernel::{
        error::{Context as _, KernelError, Result},
        host::quiesce::quiesce,
        object::pins::Pins,
        read::books_page::{page, page_state},
        tables::{
            places::{KnownPort, Places},
            raw_map::{RawArray, RawPerCpu, WORD, number},
        },
    },
    model::{ClassReading, DropReading, EpochInfo, Owner, SlotReading},
    plan::AttachmentKey,
};

/// The books of a set of tables.
pub struct Books {
    epoch: EpochInfo,
    places: Places,
    page: RawArray,
    meters: RawPerCpu,
    losses: RawPerCpu,
    keys: RawArray,
    port_counters: RawPerCpu,
    port_keys: RawArray,
    carried: RawArray,
    carried_ports: RawArray,
}

/// A slot that has an owner.
#[derive(Clone, Debug)]
pub struct OwnedSlot {
    /// Its index.
    pub index: u32,
    /// Number of owners that it has had.
    pub generation: u64,
    /// Its owner.
    pub key: AttachmentKey,
}

impl Books {
    /// Those of the tables under `pins`; `None` where nothing was ever counted.
    pub fn open(pins: &Pins) -> Result<Option<Self>> {
        let Some((page, pages)) = page(pins)? else { return Ok(None) };
        if [0, CLOSED].contains(&page.state) {
            return Ok(None);
        }
        if page.state != OPEN {
            return Err(KernelError::damaged(
                "the books' page is of a kind that this version can't read",
            ));
        }
        let per_cpu = |name, entry_len| RawPerCpu::open(&pins.map(name), entry_len);
        let array = |name, entry_len| RawArray::open(&pins.map(name), entry_len);
        let [meter, losses, port_counters, key, port_key] = page.layout.entry_len;
        let created = i64::try_from(page.created_s).ok();
        let created = created.and_then(|created| Timestamp::from_second(created).ok());
        Ok(Some(Self {
            epoch: EpochInfo {
                id: Uuid::from_bytes(page.epoch),
                boot_id: Uuid::from_bytes(page.boot),
                pin_dir: pins.root().to_owned(),
                layout_version: pins.version(),
                created: created.context("the books' page has no date")?,
            },
            places: Places(page.layout),
            page: pages,
            meters: per_cpu("METERS", meter)?,
            losses: per_cpu("LOSSES", losses)?,
            keys: array("ATTACHMENT_KEYS", Some(key))?,
            port_counters: per_cpu("PORT_COUNTERS", port_counters)?,
            port_keys: array("PORT_KEYS", Some(port_key))?,
            carried: array("CARRIED", None)?,
            carried_ports: array("CARRIED_PORTS", Some(2 * port_counters))?,
        }))
    }

    /// The tables' epoch.
    pub fn epoch(&self) -> &EpochInfo {
        &self.epoch
    }

    /// Number of the last reading that the ledger has.
    pub fn checkpoint(&self) -> u64 {
        self.page.number(0, offset_of!(BooksPage, checkpoint))
    }

    /// Keeps that number.
    pub fn set_checkpoint(&self, checkpoint: u64) {
        self.page.set_number(0, offset_of!(BooksPage, checkpoint), checkpoint);
    }

    /// Closes the page: all of it is booked, and the tables can go.
    pub fn close(&self) {
        self.page.set_number(0, offset_of!(BooksPage, state), CLOSED);
    }

    /// The epochs whose counters are part of these: their tables are dead.
    pub fn carried_from(&self) -> Vec<Uuid> {
        let list = offset_of!(BooksPage, carried_from) + self.carried_side() * CARRIED_EPOCHS * 16;
        let epochs = (0..CARRIED_EPOCHS).map(|number| {
            let number = |half| self.page.number(0, list + number * 16 + half * WORD).to_ne_bytes();
            Uuid::from_slice(&[number(0), number(1)].concat()).unwrap_or_default()
        });
        epochs.filter(|epoch| !epoch.is_nil()).collect()
    }

    fn carried_side(&self) -> usize {
        usize::from(self.page.number(0, offset_of!(BooksPage, carried_side)) != 0)
    }

    /// Every slot that has an owner, whether it is billed or not.
    pub fn slots(&self) -> Vec<OwnedSlot> {
        (0..self.keys.len()).filter_map(|index| self.slot(index)).collect()
    }

    /// Counts of frames that have left, of all owners that are billed: forwarded less refused. They are never too high, and exact
    /// when nothing is under way.
    ///
    /// First what was forwarded, then what was refused, and nothing of the first under way in
    /// between: so the difference is never too much. A slot that was given to somebody else
    /// meanwhile, and so was booked before, is left to the next reading.
    pub fn read(&self) -> Result<Vec<SlotReading>> {
        let mut metered = Vec::new();
        for slot in self.slots().into_iter().filter(|slot| slot.key.is_billed()) {
            let meter = self.places.meter(&self.meters.sum(slot.index)?);
            metered.push((slot, meter));
        }
        quiesce();
        let mut readings = Vec::new();
        for (slot, meter) in metered {
            let losses = self.places.losses(&self.losses.sum(slot.index)?);
            if self.generation(slot.index) == Some(slot.generation) {
                readings.push(reading(slot, &meter, &losses));
            }
        }
        Ok(readings)
    }

    /// All that the slot at `index` has counted, in earlier tables too.
    pub fn counted(&self, index: u32) -> Result<Counted> {
        let carried = words(&self.carried.entry(index));
        let side = self.carried_side() * self.places.0.carried_len as usize / WORD;
        let carried = carried.get(side..).unwrap_or_default();
        let carried_losses = carried.get(self.places.0.carried_losses as usize / WORD..);
        let mut meter = self.places.meter(&self.meters.sum(index)?);
        let mut losses = self.places.losses(&self.losses.sum(index)?);
        meter.add(&self.places.meter(carried));
        losses.add(&self.places.losses(carried_losses.unwrap_or_default()));
        Ok(Counted { meter, losses })
    }

    /// Ports by index, with all that they have counted, in earlier tables too.
    pub fn ports(&self) -> Result<Vec<(u32, String, PortCounters)>> {
        let mut ports = Vec::new();
        for index in 0..self.port_keys.len() {
            let key = self.port_keys.entry(index);
            let Some(name) = self.places.name(&key, self.places.0.port_key_name) else { continue };
            let mut counters = self.places.of_port(&self.port_counters.sum(index)?);
            let carried = words(&self.carried_ports.entry(index));
            counters.add(&self.places.of_port(&carried[self.carried_side() * carried.len() / 2..]));
            ports.push((index, name, counters));
        }
        Ok(ports)
    }

    /// The ports and their interfaces.
    pub fn known_ports(&self) -> Vec<KnownPort> {
        let keys = (0..self.port_keys.len()).map(|index| self.port_keys.entry(index));
        keys.filter_map(|key| self.places.known_port(&key)).collect()
    }

    /// The slot, if it has an owner and has the same one from the start of the look to its end.
    fn slot(&self, index: u32) -> Option<OwnedSlot> {
        let generation = self.generation(index)?;
        let key = self.places.key(&self.keys.entry(index))?;
        (self.generation(index) == Some(generation)).then_some(OwnedSlot { index, generation, key })
    }

    /// Number of owners that the slot has had, if it has one now.
    fn generation(&self, index: u32) -> Option<u64> {
        let bits = self.keys.number(index, self.places.0.key_generation as usize);
        let generation = abi::keys::Generation::from_bits(bits);
        generation.is_owned.then_some(generation.number)
    }
}

/// Every set of tables that has books.
pub struct AllBooks {
    /// With their pins.
    pub books: Vec<(Pins, Books)>,
    /// Errors of those that can't be read.
    pub unreadable: Vec<KernelError>,
}

/// The books of all sets of tables under `pin_dir`.
pub fn all_books(pin_dir: &Path) -> Result<AllBooks> {
    let mut all = AllBooks { books: Vec::new(), unreadable: Vec::new() };
    let open = |pins: &Pins| {
        Books::open(pins).with_context(|| format!("the books in {}", pins.directory().display()))
    };
    for pins in Pins::all(pin_dir)? {
        match open(&pins) {
            Ok(books) => all.books.extend(books.map(|books| (pins, books))),
            // Removed meanwhile, as all of it is booked.
            Err(_) if matches!(page_state(&pins), Ok(None | Some(CLOSED))) => {}
            Err(error) => all.unreadable.push(error),
        }
    }
    Ok(all)
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(WORD).map(|word| number(word, 0)).collect()
}

fn reading(slot: OwnedSlot, meter: &Meter, losses: &Losses) -> SlotReading {
    let OwnedSlot { index, generation, key } = slot;
    let drops = drops(&key.classes, meter, losses);
    let counters = meter.classes.iter().zip(&losses.classes);
    let classes =
        key.classes.into_iter().zip(counters).map(|(class, (counted, lost))| ClassReading {
            class,
            frames: counted.forwarded_frames.saturating_sub(lost.refused_frames),
            bytes: counted.forwarded_bytes.saturating_sub(lost.refused_bytes),
        });
    SlotReading {
        slot: index,
        generation,
        classes: classes.collect(),
        drops,
        owner: Owner {
            edge: key.edge,
            circuit: key.circuit,
            service_key: key.service_key,
            peering: key.peering,
            link: key.link,
            direction: key.direction,
            billing: key.billing,
            accounting: key.accounting,
        },
    }
}

/// Dropped frames, by class where they are counted so.
fn drops(classes: &[String], meter: &Meter, losses: &Losses) -> Vec<DropReading> {
    let of_classes = classes.iter().zip(meter.classes.iter().zip(&losses.classes));
    let of_classes = of_classes.flat_map(|(class, (counted, lost))| {
        [
            (Reason::OverRate, Some(class), counted.dropped_frames, counted.dropped_bytes),
            (Reason::EgressRefused, Some(class), lost.refused_frames, lost.refused_bytes),
        ]
    });
    let others = LOSS_REASONS.into_iter().zip(&losses.reasons);
    let others = others.map(|(reason, lost)| (reason, None, lost.frames, lost.bytes));
    // Most of them are 0.
    let dropped = of_classes.chain(others).filter(|(_, _, frames, _)| *frames > 0);
    let dropped = dropped.map(|(reason, class, frames, bytes)| DropReading {
        reason,
        class: class.cloned(),
        frames,
        bytes,
    });
    dropped.collect()
}
