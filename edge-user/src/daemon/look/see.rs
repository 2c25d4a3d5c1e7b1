//! A private copy of the ledger, with the meters booked in it as they are now.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{
    missing::{Missing, gone, not_seen},
    view::{LookedAt, View},
};
use crate::{
    billing::ledger::{Ledger, PrivateCopy, changes_in},
    config::DEFAULT_STATE_DIR,
    daemon::error::Result,
    kernel::read::books::{AllBooks, all_books},
    model::{ClassReading, Reading, SlotReading},
    time,
};

/// Where tables are whose configuration names no other place.
const DEFAULT_PIN_DIR: &str = "/sys/fs/bpf/edge";
/// Number of tries to read tables: a daemon that starts or ends makes or removes them.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// The counters of an epoch at one moment.
struct Meters {
    reading: Reading,
    /// Number of the last reading that was booked before.
    checkpoint: u64,
}

/// The meters that are pinned in one place, or why they can't be read.
#[derive(Default)]
struct PinnedMeters {
    meters: Vec<Meters>,
    error: Option<String>,
}

impl PinnedMeters {
    fn has_layout(&self, version: u32) -> bool {
        self.meters.iter().any(|meters| meters.reading.epoch.layout_version == version)
    }
}

/// The ledger in `state_dir`, which is that of `here` where it is given, as far as meters can be seen.
pub(super) fn see(state_dir: &Path, here: Option<&LookedAt>) -> Result<View> {
    // Before the ledger, which then has whatever is no longer in the journal.
    let mut changes = changes_in(state_dir)?;
    let mut copy = Ledger::look(state_dir)?;
    let mut places: BTreeMap<PathBuf, PinnedMeters> = BTreeMap::new();
    loop {
        let wanted = pin_dirs(&copy.ledger, state_dir, here)?;
        if wanted.iter().all(|pin_dir| places.contains_key(pin_dir)) {
            break;
        }
        // The meters first, and then the ledger as it is after that: then it has whatever is in tables no
        // more, and what is in both counts once, as the meters only grow.
        places = wanted.into_iter().map(|pin_dir| (pin_dir.clone(), read(&pin_dir))).collect();
        if copy.has_moved() {
            changes = changes_in(state_dir)?;
            copy = Ledger::look(state_dir)?;
        }
    }
    let PrivateCopy { mut ledger, .. } = copy;
    for (source, change) in changes {
        ledger.note_terms(&change, Some(source))?;
    }
    Viewer { ledger, missing: Vec::new(), notes: Vec::new() }.view(&places, here)
}

fn pin_dirs(
    ledger: &Ledger,
    state_dir: &Path,
    here: Option<&LookedAt>,
) -> Result<BTreeSet<PathBuf>> {
    let mut pin_dirs: BTreeSet<_> = ledger.pin_dirs()?.into_iter().collect();
    // There may be tables that were never booked.
    if let Some(here) = here {
        pin_dirs.insert(here.pin_dir.clone());
    } else if is_same_place(state_dir, Path::new(DEFAULT_STATE_DIR)) {
        pin_dirs.insert(DEFAULT_PIN_DIR.into());
    }
    Ok(pin_dirs)
}

fn read(pin_dir: &Path) -> PinnedMeters {
    let mut place = PinnedMeters::default();
    for attempt in 0..TRIES {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        match try_read(pin_dir) {
            Ok(read) if read.error.is_none() => return read,
            Ok(read) => place = read,
            Err(error) => place.error = Some(format!("{error:#}")),
        }
    }
    place
}

fn try_read(pin_dir: &Path) -> Result<PinnedMeters> {
    let AllBooks { books, unreadable } = all_books(pin_dir)?;
    let mut meters = Vec::new();
    for (_, books) in &books {
        let (checkpoint, taken) = (books.checkpoint(), time::now()?);
        let (epoch, slots) = (books.epoch().clone(), books.read()?);
        meters
            .push(Meters { reading: Reading { epoch, taken, slots, is_final: false }, checkpoint });
    }
    Ok(PinnedMeters { meters, error: unreadable.first().map(|error| format!("{error:#}")) })
}

/// A view on the way.
struct Viewer {
    ledger: Ledger,
    missing: Vec<Missing>,
    notes: Vec<String>,
}

impl Viewer {
    fn view(
        mut self,
        places: &BTreeMap<PathBuf, PinnedMeters>,
        here: Option<&LookedAt>,
    ) -> Result<View> {
        let policy = match here {
            Some(here) => here.policy,
            None => self.ledger.policy()?,
        };
        let (is_at_home, known) = (self.ledger.is_at_home()?, self.ledger.checkpoint()?);
        let open = self.ledger.open_epochs()?;
        let boot = time::boot_id()?;
        let mut seen = BTreeSet::new();
        for Meters { reading, checkpoint } in places.values().flat_map(|place| &place.meters) {
            seen.insert(reading.epoch.id);
            let is_known = self.ledger.last_read(reading.epoch.id)?.is_some();
            if !is_at_home || *checkpoint > known {
                self.is_not_ours(reading)?;
            } else if is_known || *checkpoint == 0 {
                self.ledger.book(reading, &policy)?;
            }
        }
        for epoch in open.iter().filter(|open| !seen.contains(&open.epoch)) {
            let place = places.get(&epoch.pin_dir);
            // Tables don't outlive a boot, or those that take their place.
            let is_gone = epoch.boot_id != boot
                || place.is_some_and(|place| place.has_layout(epoch.layout_version));
            if !is_gone {
                let error = place.and_then(|place| place.error.as_deref());
                self.missing.push(not_seen(epoch, error));
            } else if is_at_home {
                self.notes.push(gone(epoch));
            }
        }
        let is_counting = self.ledger.open_epochs()?.iter().any(|open| open.boot_id == boot);
        let Self { ledger, missing, notes } = self;
        Ok(View { ledger, missing, notes, is_counting })
    }

    /// The meters have another ledger, which knows more than this one.
    fn is_not_ours(&mut self, reading: &Reading) -> Result<()> {
        if !has_more(reading, &self.ledger)? {
            return Ok(());
        }
        let last_read = self.ledger.last_read(reading.epoch.id)?;
        let since = last_read.or(self.ledger.last_reading()?).unwrap_or(reading.epoch.created);
        let why = format!(
            "{} is a copy of the ledger that it is booked in, or was put in its place; `edge usage` with \
             that ledger shows it",
            self.ledger.path().display(),
        );
        self.missing.push(Missing { pin_dir: reading.epoch.pin_dir.clone(), since, why });
        Ok(())
    }
}

/// Whether meters have counted more than a ledger has.
fn has_more(reading: &Reading, ledger: &Ledger) -> Result<bool> {
    let booked = ledger.booked(reading.epoch.id)?;
    let is_booked = |slot: &SlotReading, class: &ClassReading| {
        let classes = booked.get(&(slot.slot, slot.generation)).map_or(&[][..], Vec::as_slice);
        let known = classes.iter().find(|known| known.class == class.class);
        let (frames, bytes) = known.map_or((0, 0), |known| (known.frames, known.bytes));
        frames >= class.frames && bytes >= class.bytes
    };
    let mut classes =
        reading.slots.iter().flat_map(|slot| slot.classes.iter().map(move |class| (slot, class)));
    Ok(classes.any(|(slot, class)| !is_booked(slot, class)))
}

/// Whether two paths lead to one directory.
pub(super) fn is_same_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}
