-- How the ledger was last booked, and where: for those who only look at it, or at a copy of it.
CREATE TABLE booking (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    period_s INTEGER NOT NULL,
    gap_us INTEGER NOT NULL,
    -- Of the database: its directory, and its file in there.
    directory BLOB NOT NULL,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL
) STRICT;
