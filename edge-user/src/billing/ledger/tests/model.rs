//! Every byte is in the books once after random steps in any order.

mod steps;

use std::collections::{BTreeMap, BTreeSet};

use edge_common::Reason;
use proptest::prelude::*;

use self::steps::{ReadStep, Step};
use super::{
    super::export::batch,
    failing::{dump, fill, make_room},
    *,
};

const SINKS: [&str; 2] = ["file", "http"];
const CLASSES: [&str; 2] = ["default", "voice"];

/// The true counts of a slot since it has its owner.
#[derive(Clone, Default)]
struct Slot {
    generation: u64,
    owner: u32,
    counts: [(u64, u64); 2],
    /// Frames dropped above the rate, and others.
    dropped: [u64; 2],
}

/// The spelling of a series, as records have it.
type Name = [Option<String>; 9];

struct World {
    directory: TempDir,
    daemons: [Ledger; 2],
    clock: Clock,
    slots: [[Slot; 3]; 2],
    readings: Vec<Reading>,
    /// The most that was read of an epoch, slot, generation and class.
    read: BTreeMap<(u128, u32, u64, String), (u64, u64)>,
    /// Dropped frames in the same places.
    dropped: BTreeMap<(u128, u32, u64, &'static str), u64>,
    owners: BTreeMap<(u128, u32, u64), Owner>,
    records: BTreeMap<u64, ExportRecord>,
    /// Records that went out before their period was over.
    early: BTreeSet<u64>,
    batches: u64,
    sent: [Vec<u64>; 2],
    checkpoint: u64,
    /// Bytes that were booked of each series so far, and when in truth.
    log: Vec<(Timestamp, BTreeMap<Name, u64>)>,
    /// Bytes of each that may have been deleted at most.
    deletable: BTreeMap<Name, u64>,
}

/// Time as it is, and what a host's clocks say of it.
struct Clock {
    now: Timestamp,
    boot: u128,
    booted: Timestamp,
    off_s: i64,
    is_synchronized: bool,
}

impl Clock {
    fn moment(&self) -> Moment {
        Moment {
            wall: later(self.now, self.off_s),
            boot_id: Uuid::from_u128(self.boot),
            boot_us: self.now.as_microsecond() - self.booted.as_microsecond(),
            is_synchronized: self.is_synchronized,
        }
    }

    /// One of the two epochs of this boot.
    fn epoch(&self, number: usize) -> EpochInfo {
        let created = later(self.booted, self.off_s);
        let id = Uuid::from_u128(2 * self.boot + number as u128);
        EpochInfo { id, created, boot_id: Uuid::from_u128(self.boot), ..epoch(0) }
    }
}

fn open(directory: &TempDir) -> Ledger {
    let ledger = Ledger::open(directory.path()).unwrap();
    // Nobody pulls the plug.
    ledger.connection.pragma_update(None, "synchronous", "OFF").unwrap();
    ledger
}

impl World {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        Self {
            daemons: [open(&directory), open(&directory)],
            directory,
            clock: Clock {
                now: at("10:00:00"),
                boot: 1,
                booted: at("10:00:00"),
                off_s: 0,
                is_synchronized: false,
            },
            slots: Default::default(),
            readings: Vec::new(),
            read: BTreeMap::new(),
            dropped: BTreeMap::new(),
            owners: BTreeMap::new(),
            records: BTreeMap::new(),
            early: BTreeSet::new(),
            batches: 0,
            sent: Default::default(),
            checkpoint: 0,
            log: Vec::new(),
            deletable: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Read(step) => {
                let reading = self.reading(&step);
                self.book(&reading, &step);
                self.readings.push(reading);
            }
            Step::Repeat(index) if !self.readings.is_empty() => {
                let reading = index.get(&self.readings).clone();
                let before = dump(&self.daemons[0]);
                self.daemons[0].book(&reading, &HOURLY).unwrap();
                let usage = |dump: &[String]| -> Vec<String> {
                    let of_usage =
                        |line: &&String| line.starts_with("usage") || line.starts_with("sample");
                    dump.iter().filter(of_usage).cloned().collect()
                };
                assert_eq!(usage(&dump(&self.daemons[0])), usage(&before));
                self.checkpoint = self.daemons[0].checkpoint().unwrap();
            }
            Step::Repeat(_) => {}
            Step::Reuse { epoch, slot, owner } => {
                let slot = &mut self.slots[epoch][slot];
                *slot = Slot { generation: slot.generation + 1, owner, ..Slot::default() };
            }
            Step::Pass(seconds) => self.clock.now = later(self.clock.now, seconds),
            Step::Jump(seconds) => self.clock.off_s += seconds,
            Step::Set(seconds) => self.clock.off_s = seconds - self.clock.now.as_second(),
            Step::SetRight => self.clock.off_s = 0,
            Step::Synchronized(is_so) => self.clock.is_synchronized = is_so,
            Step::Reboot(seconds) => {
                self.clock.now = later(self.clock.now, seconds);
                self.clock.boot += 1;
                self.clock.booted = self.clock.now;
                self.slots = Default::default();
            }
            Step::Seal { is_full } => self.seal(is_full, None),
            Step::Acknowledge { sink, most } => self.acknowledge(sink, most),
            Step::Expire { keep_hours } => {
                self.expire(keep_hours);
            }
            Step::Reopen => self.daemons[0] = open(&self.directory),
            Step::Reincarnate => {
                self.daemons[0].reincarnate().unwrap();
            }
            Step::MarkLost { epoch: number } => {
                let current = self.clock.epoch(number);
                self.daemons[1].mark_lost(&[&current], &self.clock.moment()).unwrap();
            }
        }
    }

    fn expire(&mut self, keep_hours: u64) {
        let keep = HOUR * u32::try_from(keep_hours).unwrap();
        self.daemons[1].expire(keep, keep, &SINKS).unwrap();
        let until = later(self.clock.now, -3600 * keep_hours.cast_signed());
        let old = self.log.iter().take_while(|(when, _)| *when <= until).last();
        for (name, bytes) in old.map(|(_, sums)| sums.clone()).unwrap_or_default() {
            let most = self.deletable.entry(name).or_default();
            *most = bytes.max(*most);
        }
    }

    /// Nothing is deleted that was not there for so long, in truth.
    fn assert_is_kept(
        &self,
        kept: &BTreeMap<Name, (u64, u64)>,
        expected: &BTreeMap<Name, (u64, u64)>,
    ) {
        for (name, (_, bytes)) in expected {
            let kept = kept.get(name).map_or(0, |count| count.1);
            let deletable = self.deletable.get(name).copied().unwrap_or_default();
            assert!(bytes - kept <= deletable, "{name:?}: {kept} of {bytes}, {deletable} may go");
        }
    }

    fn reading(&mut self, step: &ReadStep) -> Reading {
        let mut slots = Vec::new();
        let counts = step.more.iter().zip(&step.dips).collect::<Vec<_>>();
        for ((number, slot), counts) in (0..).zip(&mut self.slots[step.epoch]).zip(counts.chunks(2))
        {
            let mut classes = Vec::new();
            for ((count, name), (more, dip)) in slot.counts.iter_mut().zip(CLASSES).zip(counts) {
                *count = (count.0 + *more / 64, count.1 + *more);
                let frames = count.0.saturating_sub(**dip);
                classes.push(class(name, frames, count.1.saturating_sub(**dip)));
            }
            let owner = owner(slot.owner);
            let drops = slot.dropped.iter_mut().zip(counts).map(|(frames, (more, dip))| {
                *frames += *more % 1_000;
                frames.saturating_sub(**dip)
            });
            let drops = drops.zip([(Reason::OverRate, Some("voice")), (Reason::Malformed, None)]);
            let drops = drops.filter(|(frames, _)| *frames > 0);
            let drops = drops.map(|(frames, (reason, class))| dropped(reason, class, frames));
            let drops = drops.collect();
            slots.push(SlotReading {
                slot: number,
                generation: slot.generation,
                owner,
                classes,
                drops,
            });
        }
        let (epoch, taken) = (self.clock.epoch(step.epoch), self.clock.moment());
        Reading { epoch, taken, slots, is_final: step.is_final }
    }

    fn book(&mut self, reading: &Reading, step: &ReadStep) {
        let policy = Policy { period: Duration::from_secs(step.period_s), ..HOURLY };
        let ledger = &mut self.daemons[step.daemon];
        if step.is_full {
            let before = fill_up(ledger);
            let failed = ledger.book(reading, &policy);
            make_room(ledger);
            if let Err(error) = failed {
                assert!(matches!(error, LedgerError::Full { .. }), "{error}");
                assert_eq!(dump(ledger), before);
            }
        }
        let booked = ledger.book(reading, &policy).unwrap();
        assert!(booked.checkpoint >= self.checkpoint);
        self.checkpoint = booked.checkpoint;
        let id = reading.epoch.id.as_u128();
        for SlotReading { slot, generation, owner, classes, drops } in &reading.slots {
            for drop in drops {
                let key = (id, *slot, *generation, drop.reason.as_str());
                let most = self.dropped.entry(key).or_default();
                *most = (*most).max(drop.frames);
            }
            self.owners.insert((id, *slot, *generation), owner.clone());
            for class in classes {
                let key = (id, *slot, *generation, class.class.clone());
                let most = self.read.entry(key).or_default();
                *most = (most.0.max(class.frames), most.1.max(class.bytes));
            }
        }
        let sums = self.expected().into_iter().map(|(name, count)| (name, count.1));
        self.log.push((self.clock.now, sums.collect()));
    }

    fn expected(&self) -> BTreeMap<Name, (u64, u64)> {
        let mut expected: BTreeMap<Name, (u64, u64)> = BTreeMap::new();
        for ((epoch, slot, generation, class), count) in &self.read {
            let owner = &self.owners[&(*epoch, *slot, *generation)];
            add(&mut expected, name(owner, class), *count);
        }
        expected.retain(|_, count| *count != (0, 0));
        expected
    }

    /// With a time, what ended before; without, what is over.
    fn seal(&mut self, is_full: bool, until: Option<Timestamp>) {
        let ledger = &mut self.daemons[0];
        let seal = |ledger: &mut Ledger| match until {
            Some(until) => ledger.seal(until),
            None => ledger.seal_what_is_over(),
        };
        if is_full {
            let before = fill_up(ledger);
            let failed = seal(ledger);
            make_room(ledger);
            if let Err(error) = failed {
                assert!(matches!(error, LedgerError::Full { .. }), "{error}");
                assert_eq!(dump(ledger), before);
            }
        }
        seal(ledger).unwrap();
        let until = until.map_or_else(
            || boots::seals_until_us(&ledger.connection).unwrap(),
            |until| Some(until.as_microsecond()),
        );
        let mut statement =
            ledger.connection.prepare("SELECT ifnull(max(number), 0) FROM batch").unwrap();
        let last: i64 = statement.query_row([], |row| row.get(0)).unwrap();
        for number in self.batches + 1..=last.unsigned_abs() {
            let batch = batch(&ledger.connection, number).unwrap().unwrap();
            for record in batch.records {
                assert!(record.usage.bytes + record.usage.frames > 0);
                assert!(Some(record.usage.end.as_microsecond()) <= until);
                let seq = record.seq;
                if record.usage.end > self.clock.now {
                    self.early.insert(seq);
                }
                assert_eq!(self.records.insert(seq, record), None, "{seq} is used twice");
            }
        }
        self.batches = last.unsigned_abs();
    }

    fn acknowledge(&mut self, sink: usize, most: usize) {
        let ledger = &mut self.daemons[sink];
        for _ in 0..most {
            let whole = ledger.watermark(SINKS[sink]).unwrap();
            assert_eq!(
                whole.map_or(0, |mark| mark.last_seq),
                whole.map_or(0, |_| self.sent[sink].len() as u64)
            );
            let Some(batch) = ledger.next_batch(SINKS[sink]).unwrap() else { return };
            for record in &batch.records {
                assert_eq!(self.records.get(&record.seq), Some(record));
                assert!(whole.is_none_or(|mark| record.usage.start >= mark.sealed_until));
                self.sent[sink].push(record.seq);
            }
            ledger.acknowledge(SINKS[sink], batch.number).unwrap();
        }
    }

    fn assert_is_exact(&self) {
        let ledger = &self.daemons[1];
        assert_eq!(ledger.check().unwrap(), [""; 0]);
        // With these, the samples agree.
        let sql = "SELECT ifnull(sum(frames), 0) FROM drop_snapshot";
        let dropped: i64 = ledger.connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(dropped.unsigned_abs(), self.dropped.values().sum::<u64>());
        let expected = self.expected();
        let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
        let mut found = BTreeMap::new();
        for record in ledger.usage(&query).unwrap() {
            add(&mut found, name_of(&record), (record.frames, record.bytes));
        }
        for (name, count) in self.undated() {
            add(&mut found, name, count);
        }
        self.assert_is_kept(&found, &expected);
        let live = self.live_records();
        for (seq, record) in &self.records {
            if let Some(live) = live.get(seq) {
                assert_eq!(live, record);
            } else {
                let usage = &record.usage;
                add(&mut found, name_of(usage), (usage.frames, usage.bytes));
                // Only what everybody has is deleted.
                assert!(self.sent.iter().all(|sent| sent.contains(seq)), "{seq}");
            }
        }
        assert_eq!(found, expected);
        // A clock far ahead seals periods that are not over. When their records have expired, the ledger seals
        // the usage of their own time in them, too.
        let in_time = self.records.values().filter(|record| !self.early.contains(&record.seq));
        let periods: Vec<_> = in_time.map(|r| (name_of(&r.usage), r.usage.start)).collect();
        let once: BTreeSet<_> = periods.iter().collect();
        assert_eq!(once.len(), periods.len(), "a period of a series is sealed once");
        for (sent, sink) in self.sent.iter().zip(SINKS) {
            let contiguous: Vec<u64> = (1..).take(sent.len()).collect();
            assert_eq!(sent, &contiguous, "{sink}");
            let pending = (self.records.len() - sent.len()) as u64;
            assert_eq!(ledger.pending(sink).unwrap(), pending, "{sink}");
        }
    }

    /// Usage that no clock has dated yet.
    fn undated(&self) -> Vec<(Name, (u64, u64))> {
        let connection = &self.daemons[1].connection;
        let dated = boots::offsets(connection).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT edge, circuit, service_key, peering, link, direction, class, billing, \
                 accounting, frames, bytes, boot FROM held \
                 JOIN series ON series.id = series JOIN owner ON owner.id = series.owner \
                 JOIN meter ON meter.id = owner.meter",
            )
            .unwrap();
        let rows = statement.query_map([], |row| {
            let mut name = Name::default();
            for (index, part) in name.iter_mut().enumerate() {
                *part = row.get(index)?;
            }
            let count = (column::count(row, 9)?, column::count(row, 10)?);
            Ok((row.get::<_, i64>(11)?, (name, count)))
        });
        let rows = rows.unwrap().map(Result::unwrap);
        rows.filter(|(boot, _)| !dated.contains_key(boot)).map(|(_, row)| row).collect()
    }

    fn live_records(&self) -> BTreeMap<u64, ExportRecord> {
        let batches = (1..=self.batches)
            .filter_map(|number| batch(&self.daemons[1].connection, number).unwrap());
        batches.flat_map(|batch| batch.records).map(|record| (record.seq, record)).collect()
    }
}

/// Leaves room neither in the file nor in its pages, and returns all that is in it.
fn fill_up(ledger: &Ledger) -> Vec<String> {
    ledger.connection.execute_batch("VACUUM").unwrap();
    fill(ledger);
    dump(ledger)
}

fn add(sums: &mut BTreeMap<Name, (u64, u64)>, name: Name, count: (u64, u64)) {
    let sum = sums.entry(name).or_default();
    *sum = (sum.0 + count.0, sum.1 + count.1);
}

fn name(owner: &Owner, class: &str) -> Name {
    let Owner { edge, circuit, service_key, .. } = owner;
    let some = |text: &str| Some(text.to_owned());
    [
        some(edge),
        some(circuit),
        service_key.clone(),
        some(owner.peering.as_str()),
        some(owner.link.as_str()),
        some(owner.direction.as_str()),
        some(class),
        some(owner.billing.as_str()),
        some(owner.accounting.as_str()),
    ]
}

fn name_of(record: &UsageRecord) -> Name {
    let some = |text: &String| Some(text.clone());
    [
        some(&record.edge),
        some(&record.circuit),
        record.service_key.clone(),
        some(&record.peering),
        some(&record.link),
        some(&record.direction),
        some(&record.class),
        some(&record.billing),
        some(&record.accounting),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_byte_is_in_the_books_once(steps in prop::collection::vec(steps::step(), 1..100)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.assert_is_exact();
        }
        // When the clock has been right for two days, everything that has not gone out is of the
        // past, whatever the clock has done before.
        world.take(Step::SetRight);
        for _ in 0..48 {
            world.take(Step::Pass(3600));
            world.daemons[0].observe(&world.clock.moment()).unwrap();
        }
        world.assert_is_exact();
        prop_assert_eq!(world.undated(), []);
        let now_s = world.clock.now.as_second();
        let ahead: i64 = world.daemons[0].connection.query_row(
            // Behind what has expired, nothing is added.
            "SELECT (SELECT count(*) FROM usage JOIN series ON series.id = series \
             WHERE seq IS NULL AND start_s > ?1 AND ifnull(expired_until_s, 0) <= ?1) \
             + (SELECT count(*) FROM sample WHERE start_s > ?1) \
             + (SELECT count(*) FROM outcome_sample WHERE start_s > ?1) \
             + (SELECT count(*) FROM held_outcome)",
            [now_s],
            |row| row.get(0),
        ).unwrap();
        prop_assert_eq!(ahead, 0, "{} {:#?}", now_s, dump(&world.daemons[0]));
        world.seal(false, Some(time("2200-01-01T00:00:00Z")));
        for sink in [0, 1] {
            world.acknowledge(sink, usize::MAX);
        }
        world.assert_is_exact();
        world.take(Step::Pass(3600));
        world.daemons[0].observe(&world.clock.moment()).unwrap();
        world.take(Step::Pass(3600));
        world.daemons[0].observe(&world.clock.moment()).unwrap();
        world.take(Step::Expire { keep_hours: 0 });
        world.assert_is_exact();
        // A record that has gone out with a date that is yet to come stays until then, with its
        // batch.
        let usage = world.daemons[0].usage(&UsageQuery::default()).unwrap();
        let is_past = |record: &ExportRecord| record.usage.end <= world.clock.now;
        prop_assert!(usage.is_empty() || !world.records.values().all(is_past));
    }
}

/// A period that a clock 40 days ahead has sealed comes again, 39 days after the clock was set right.
#[test]
fn a_period_that_a_clock_ahead_has_sealed_has_the_usage_of_its_own_time_too() {
    const DAY_S: i64 = 86_400;
    let read = || Step::Read(ReadStep::of_all_slots(1_000));
    let reads_for = |count, pass_s| (0..count).flat_map(move |_| [read(), Step::Pass(pass_s)]);
    let seal = || Step::Seal { is_full: false };
    let expire = || Step::Expire { keep_hours: 0 };
    let mut world = World::new();
    let mut take = |steps: &mut dyn Iterator<Item = Step>| {
        for step in steps {
            world.take(step);
            world.assert_is_exact();
        }
    };
    take(&mut [Step::Synchronized(true), read(), Step::Pass(700), read()].into_iter());
    take(&mut [Step::Jump(40 * DAY_S)].into_iter().chain(reads_for(8, 1_800)));
    take(&mut [read(), seal()].into_iter());
    take(&mut [0, 1].map(|sink| Step::Acknowledge { sink, most: 100 }).into_iter());
    take(&mut reads_for(8, 1_800).chain([expire(), Step::SetRight]));
    take(&mut reads_for(4, 1_800).chain([expire(), read(), Step::Reboot(39 * DAY_S)]));
    take(&mut reads_for(30, 3_000).chain([seal()]));
    let early = world.early.iter().map(|seq| &world.records[seq].usage);
    let early: BTreeSet<_> = early.map(|usage| (name_of(usage), usage.start)).collect();
    let in_time = world.records.values().filter(|record| !world.early.contains(&record.seq));
    let again = in_time.filter(|r| early.contains(&(name_of(&r.usage), r.usage.start)));
    assert_ne!(again.count(), 0);
}
