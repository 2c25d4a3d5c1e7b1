-- Times are in microseconds (readings) or seconds (periods) since 1970, in UTC.
-- Counts of snapshots and of what has expired are 64 bits without a sign: what is negative here
-- stands for itself plus 2^64.

-- Each life of the file: the last one is the ledger's id.
CREATE TABLE incarnation (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL
) STRICT;
INSERT INTO checkpoint VALUES (1, 0);

CREATE TABLE epoch (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    boot_id TEXT NOT NULL,
    pin_dir BLOB NOT NULL,
    layout_version INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    taken_us INTEGER NOT NULL,
    is_closed INTEGER NOT NULL,
    lost_us INTEGER
) STRICT;

-- What samples are of.
CREATE TABLE meter (
    id INTEGER PRIMARY KEY,
    edge TEXT NOT NULL,
    circuit TEXT NOT NULL,
    direction TEXT NOT NULL,
    expired_bytes INTEGER NOT NULL DEFAULT 0,
    -- End of the last sample that has expired.
    expired_until_s INTEGER,
    UNIQUE (edge, circuit, direction)
) STRICT;

CREATE TABLE owner (
    id INTEGER PRIMARY KEY,
    meter INTEGER NOT NULL REFERENCES meter,
    service_key TEXT,
    peering TEXT NOT NULL,
    link TEXT NOT NULL,
    billing TEXT NOT NULL,
    accounting TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX owner_by_all ON owner
    (meter, peering, link, billing, accounting, service_key IS NULL, ifnull(service_key, ''));

CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owner,
    class TEXT NOT NULL,
    expired_frames INTEGER NOT NULL DEFAULT 0,
    expired_bytes INTEGER NOT NULL DEFAULT 0,
    -- End of the last period that has expired.
    expired_until_s INTEGER,
    UNIQUE (owner, class)
) STRICT;

-- What is booked of each meter of the kernel.
CREATE TABLE snapshot (
    epoch INTEGER NOT NULL REFERENCES epoch,
    slot INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    series INTEGER NOT NULL REFERENCES series,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (epoch, slot, generation, series)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_by_series ON snapshot (series);

-- Rows of a series don't overlap. With a number, a row is an export record and stays as it is.
CREATE TABLE usage (
    series INTEGER NOT NULL REFERENCES series,
    start_s INTEGER NOT NULL,
    end_s INTEGER NOT NULL CHECK (end_s > start_s),
    frames INTEGER NOT NULL CHECK (frames >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    is_estimated INTEGER NOT NULL,
    seq INTEGER,
    PRIMARY KEY (series, start_s)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_open ON usage (end_s) WHERE seq IS NULL;
CREATE UNIQUE INDEX usage_sealed ON usage (seq) WHERE seq IS NOT NULL;

-- Export records that go out together; what is here stays when they expire.
CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    incarnation INTEGER NOT NULL REFERENCES incarnation,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_end_s INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    is_expired INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE sink (
    name TEXT PRIMARY KEY,
    acknowledged INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes of five minutes.
CREATE TABLE sample (
    meter INTEGER NOT NULL REFERENCES meter,
    start_s INTEGER NOT NULL,
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (meter, start_s)
) STRICT, WITHOUT ROWID;

CREATE TABLE terms (
    edge TEXT NOT NULL,
    circuit TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER,
    service_key TEXT,
    bandwidth_bps INTEGER NOT NULL,
    billing TEXT NOT NULL,
    sku TEXT NOT NULL,
    zone TEXT,
    PRIMARY KEY (edge, circuit, from_us)
) STRICT, WITHOUT ROWID;

-- Terms as they were noted, before a clock that said less took them back: for people to look at.
CREATE TABLE terms_undone (
    undone_us INTEGER NOT NULL,
    edge TEXT NOT NULL,
    circuit TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER,
    service_key TEXT,
    bandwidth_bps INTEGER NOT NULL,
    billing TEXT NOT NULL,
    sku TEXT NOT NULL,
    zone TEXT
) STRICT;
