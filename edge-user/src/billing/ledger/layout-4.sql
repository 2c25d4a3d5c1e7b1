-- Five minutes beside their bytes: the frames that left, those that were dropped and why, and peaks.

-- The fate of a circuit's frames, in one direction on one link: `ok`, or the reason of a drop. The class is empty
-- where the meters don't tell it.
CREATE TABLE outcome (
    id INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL REFERENCES meter,
    link TEXT NOT NULL,
    reason TEXT NOT NULL,
    class TEXT NOT NULL,
    -- Counts that no sample has any more, or never had, as they are of before this layout.
    expired_frames INTEGER NOT NULL DEFAULT 0,
    expired_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (meter, link, reason, class)
) STRICT;

-- Drops that each meter of the kernel has counted, as far as they are booked.
CREATE TABLE drop_snapshot (
    epoch INTEGER NOT NULL REFERENCES epoch,
    slot INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    outcome INTEGER NOT NULL REFERENCES outcome,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (epoch, slot, generation, outcome)
) STRICT, WITHOUT ROWID;

-- Whether drops of an epoch were ever read: earlier ones have no date.
ALTER TABLE epoch ADD COLUMN has_drops INTEGER NOT NULL DEFAULT FALSE;

-- Five minutes of an outcome. `ok` has the peaks, too.
CREATE TABLE outcome_sample (
    outcome INTEGER NOT NULL REFERENCES outcome,
    start_s INTEGER NOT NULL,
    frames INTEGER NOT NULL CHECK (frames >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    peak_1ms_bps INTEGER,
    peak_100ms_bps INTEGER,
    PRIMARY KEY (outcome, start_s)
) STRICT, WITHOUT ROWID;

-- The same, whose date may still change, by time since boot. It is in no sample until then.
CREATE TABLE held_outcome (
    boot INTEGER NOT NULL REFERENCES boot,
    outcome INTEGER NOT NULL REFERENCES outcome,
    is_gap INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    frames INTEGER NOT NULL CHECK (frames >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    peak_1ms_bps INTEGER,
    peak_100ms_bps INTEGER,
    PRIMARY KEY (boot, outcome, is_gap, slot)
) STRICT, WITHOUT ROWID;

-- The times in which the meters were read as often as they should be, by time since boot, in five minutes of that.
CREATE TABLE covered (
    boot INTEGER NOT NULL REFERENCES boot,
    slot INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    PRIMARY KEY (boot, slot)
) STRICT, WITHOUT ROWID;
