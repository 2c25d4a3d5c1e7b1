//! Usage whose date may still change. The ledger keeps it in `held` by the time since boot, and
//! also lays it into the rows of its present date, from which `laid` can take it out again.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    belief::SECOND_US,
    boots::{self, Offset},
    column,
    error::Fault,
    rows::{Samples, UsagePlace, UsageRows, as_stored, earlier},
    split::{Interval, SAMPLE_S, parts, sample_shares},
};

/// The counts of a series in a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) boot: i64,
    pub(super) series: i64,
    pub(super) meter: i64,
    /// Whether the meters were not read for longer than usual.
    pub(super) is_gap: bool,
    /// Its beginning since boot, in microseconds.
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) frames: u64,
    pub(super) bytes: u64,
}

/// Keeps a piece. Pieces of the same five minutes, by a clock that is `clock_us` ahead of the time
/// since boot, become one: if that clock is right, no piece is in two periods.
pub(super) fn hold(
    transaction: &Transaction<'_>,
    piece: &Piece,
    clock_us: i64,
) -> Result<(), Fault> {
    let stretches = stretches((piece.from_us, piece.to_us), piece.is_gap, clock_us);
    let weights = || stretches.iter().map(|stretch| stretch.weight);
    let counts = parts(piece.frames, weights()).into_iter().zip(parts(piece.bytes, weights()));
    for (Stretch { slot, from_us, to_us, .. }, (frames, bytes)) in stretches.iter().zip(counts) {
        let part = Piece { from_us: *from_us, to_us: *to_us, frames, bytes, ..*piece };
        add(transaction, &part, *slot)?;
    }
    Ok(())
}

/// A part of a time that is kept by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) slot: i64,
    /// Since boot.
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    /// Its share of the whole.
    pub(super) weight: i64,
}

/// The parts of a time since boot that are kept by themselves: five minutes each, by a clock that is
/// `clock_us` ahead of it. A gap stays whole.
pub(super) fn stretches((from_us, to_us): (i64, i64), is_gap: bool, clock_us: i64) -> Vec<Stretch> {
    let at = |boot_us: i64| boot_us.saturating_add(clock_us);
    let interval = Interval::new(at(from_us), at(to_us));
    if is_gap || matches!(interval, Interval::Point(_)) {
        let slot = if is_gap { from_us } else { slot_of(at(to_us)) };
        return vec![Stretch { slot, from_us, to_us, weight: 1 }];
    }
    let mut next_us = from_us;
    let stretch = |(start_s, own_us): (i64, i64)| {
        let from_us = next_us;
        next_us += own_us;
        Stretch { slot: start_s / SAMPLE_S, from_us, to_us: next_us, weight: own_us }
    };
    sample_shares(interval).into_iter().map(stretch).collect()
}

fn slot_of(date_us: i64) -> i64 {
    date_us.div_euclid(SAMPLE_S * SECOND_US)
}

fn add(transaction: &Transaction<'_>, piece: &Piece, slot: i64) -> Result<(), Fault> {
    if (piece.frames, piece.bytes) == (0, 0) {
        return Ok(());
    }
    let (frames, bytes) = (as_stored(piece.frames)?, as_stored(piece.bytes)?);
    transaction
        .prepare_cached(
            "INSERT INTO held (boot, series, is_gap, slot, from_us, to_us, frames, bytes) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
             from_us = min(from_us, excluded.from_us), to_us = max(to_us, excluded.to_us), \
             frames = frames + excluded.frames, bytes = bytes + excluded.bytes",
        )?
        .execute(params![
            piece.boot,
            piece.series,
            piece.is_gap,
            slot,
            piece.from_us,
            piece.to_us,
            frames,
            bytes
        ])?;
    Ok(())
}

/// Lays pieces into rows, from which they can be taken out again.
pub(super) struct Layer<'c> {
    connection: &'c Connection,
    rows: UsageRows<'c>,
    period_s: i64,
    oldest_s: Option<i64>,
}

impl<'c> Layer<'c> {
    pub(super) fn new(connection: &'c Connection, period_s: i64) -> Result<Self, Fault> {
        Ok(Self { connection, rows: UsageRows::new(connection)?, period_s, oldest_s: None })
    }

    pub(super) fn lay(&mut self, piece: &Piece, offset: Offset) -> Result<(), Fault> {
        let at = |boot_us: i64| boot_us.saturating_add(offset.us);
        let (from_us, to_us) = (at(piece.from_us), at(piece.to_us));
        let period = |date_us: i64| date_us.div_euclid(self.period_s * SECOND_US);
        let is_spread = piece.is_gap && period(from_us) != period(to_us - 1);
        let interval = Interval::new(from_us, to_us);
        let is_estimated = is_spread || offset.is_inferred;
        let place =
            UsagePlace { series: piece.series, interval, period_s: self.period_s, is_estimated };
        let mut laid = self.connection.prepare_cached(
            "INSERT INTO laid (series, start_s, frames, bytes) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO UPDATE \
             SET frames = frames + excluded.frames, bytes = bytes + excluded.bytes",
        )?;
        for (start_s, frames, bytes) in self.rows.add(place, (piece.frames, piece.bytes))? {
            let (frames, bytes) = (as_stored(frames)?, as_stored(bytes)?);
            laid.execute(params![piece.series, start_s, frames, bytes])?;
        }
        let mut samples = Samples::new(self.connection, interval)?;
        let mut laid = self.connection.prepare_cached(
            "INSERT INTO laid_sample (meter, start_s, bytes) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
        )?;
        for (start_s, bytes) in samples.add(piece.meter, piece.bytes)? {
            laid.execute(params![piece.meter, start_s, as_stored(bytes)?])?;
        }
        self.oldest_s = earlier(self.oldest_s, samples.oldest_s());
        Ok(())
    }

    /// The beginning of the oldest row that was written to.
    pub(super) fn oldest_s(&self) -> Option<i64> {
        earlier(self.oldest_s, self.rows.oldest_s())
    }
}

/// Takes all laid pieces out of usage and samples.
pub(super) fn take_out(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let taken = [
        "UPDATE usage SET frames = usage.frames - laid.frames, bytes = usage.bytes - laid.bytes \
         FROM laid WHERE laid.series = usage.series AND laid.start_s = usage.start_s \
         AND seq IS NULL",
        "UPDATE sample SET bytes = sample.bytes - laid_sample.bytes FROM laid_sample \
         WHERE laid_sample.meter = sample.meter AND laid_sample.start_s = sample.start_s",
    ];
    for (sql, table) in taken.iter().zip(["laid", "laid_sample"]) {
        let taken = transaction.prepare_cached(sql)?.execute([])?;
        let all = format!("SELECT count(*) FROM {table}");
        let all: i64 = transaction.prepare_cached(&all)?.query_row([], |row| row.get(0))?;
        if i64::try_from(taken) != Ok(all) {
            let what = "nothing was booked: usage without a final date was changed or deleted";
            return Err(Fault::Refused(format!("{what}; `edge ledger check` tells more")));
        }
    }
    for sql in [
        "DELETE FROM usage WHERE (series, start_s) IN (SELECT series, start_s FROM laid) \
         AND frames = 0 AND bytes = 0",
        "DELETE FROM sample WHERE (meter, start_s) IN (SELECT meter, start_s FROM laid_sample) \
         AND bytes = 0",
        "DELETE FROM laid",
        "DELETE FROM laid_sample",
    ] {
        transaction.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// Lays all pieces that have a date, into rows that have none of them.
pub(super) fn lay_all(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let offsets = boots::offsets(transaction)?;
    let mut layer = Layer::new(transaction, boots::period_s(transaction)?)?;
    for piece in pieces(transaction)? {
        if let Some(offset) = offsets.get(&piece.boot) {
            layer.lay(&piece, *offset)?;
        }
    }
    boots::note_oldest(transaction, layer.oldest_s())
}

/// Whether anything is held.
pub(super) fn is_any(connection: &Connection) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM held LIMIT 1")?;
    Ok(statement.query_row([], |_| Ok(())).optional()?.is_some())
}

fn pieces(connection: &Connection) -> Result<Vec<Piece>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT boot, series, meter, is_gap, from_us, to_us, frames, bytes FROM held \
         JOIN series ON series.id = series JOIN owner ON owner.id = owner \
         ORDER BY boot, series, from_us",
    )?;
    let pieces = statement.query_map([], |row| {
        Ok(Piece {
            boot: row.get(0)?,
            series: row.get(1)?,
            meter: row.get(2)?,
            is_gap: row.get(3)?,
            from_us: row.get(4)?,
            to_us: row.get(5)?,
            frames: column::count(row, 6)?,
            bytes: column::count(row, 7)?,
        })
    })?;
    Ok(pieces.collect::<Result<_, _>>()?)
}
