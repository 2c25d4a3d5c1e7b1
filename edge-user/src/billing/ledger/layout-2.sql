-- Clocks: what of the ledger is dated by which, and what may still be dated otherwise.
-- `boot_us` and what is "since boot" is CLOCK_BOOTTIME in microseconds.

-- Each boot that was seen, and by what its usage is dated (see ledger::belief).
CREATE TABLE boot (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    -- The order in which they were.
    rank INTEGER NOT NULL UNIQUE,
    -- Wall clock less clock since boot: of what is dated, and of the last reading.
    offset_us INTEGER,
    clock_us INTEGER NOT NULL,
    is_settled INTEGER NOT NULL,
    -- Since boot: when the clock began to say so, and the last reading.
    since_us INTEGER NOT NULL,
    read_us INTEGER NOT NULL
) STRICT;

CREATE TABLE attested (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- Time that has passed while somebody kept these books, by the clock since boot.
    us INTEGER NOT NULL,
    -- Length of a period as it was last booked.
    period_s INTEGER NOT NULL
) STRICT;
INSERT INTO attested VALUES (1, 0, 3600);

-- The oldest period or sample that was written, by hours of attested time.
CREATE TABLE oldest (
    hour INTEGER PRIMARY KEY,
    start_s INTEGER NOT NULL
) STRICT;

-- Usage whose date may still change, by time since boot.
CREATE TABLE held (
    boot INTEGER NOT NULL REFERENCES boot,
    series INTEGER NOT NULL REFERENCES series,
    is_gap INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    frames INTEGER NOT NULL CHECK (frames >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (boot, series, is_gap, slot)
) STRICT, WITHOUT ROWID;

-- Where it is in usage and samples now.
CREATE TABLE laid (
    series INTEGER NOT NULL REFERENCES series,
    start_s INTEGER NOT NULL,
    frames INTEGER NOT NULL CHECK (frames >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (series, start_s)
) STRICT, WITHOUT ROWID;
CREATE TABLE laid_sample (
    meter INTEGER NOT NULL REFERENCES meter,
    start_s INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (meter, start_s)
) STRICT, WITHOUT ROWID;

-- Usage and terms that were dated for good without a clock that said when, or, with a shift, have
-- gone out with a date that was wrong by so much.
CREATE TABLE doubt (
    id INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL REFERENCES boot,
    -- Not before, as far as is known, and not after.
    from_us INTEGER,
    to_us INTEGER NOT NULL,
    shift_us INTEGER,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    terms INTEGER NOT NULL
) STRICT;

-- Since boot, of the last reading.
ALTER TABLE epoch ADD COLUMN read_us INTEGER;

-- Changes of terms whose date may still change, as JSON, and the spans that they began or ended.
CREATE TABLE terms_note (
    id INTEGER PRIMARY KEY,
    boot INTEGER NOT NULL REFERENCES boot,
    boot_us INTEGER NOT NULL,
    change TEXT NOT NULL
) STRICT;
ALTER TABLE terms ADD COLUMN begun_by INTEGER;
ALTER TABLE terms ADD COLUMN ended_by INTEGER;

-- The last change that was taken from each journal of terms.
CREATE TABLE drained (
    journal TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an older version has booked last stands for a boot that had settled.
INSERT INTO boot (uuid, rank, offset_us, clock_us, is_settled, since_us, read_us)
    SELECT '00000000-0000-0000-0000-000000000000', 1, max(taken_us), max(taken_us), TRUE, 0, 0
    FROM epoch HAVING max(taken_us) >= 1767225600000000;
