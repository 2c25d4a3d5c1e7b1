-- States of the links of routed peerings, by the clock since boot: they are dated when they are read, so that a date
-- that is believed later moves all of a boot's.

CREATE TABLE peering_link (
    id INTEGER PRIMARY KEY,
    edge TEXT NOT NULL,
    circuit TEXT NOT NULL,
    peering TEXT NOT NULL,
    link TEXT NOT NULL,
    UNIQUE (edge, circuit, peering, link)
) STRICT;

-- Since when a link is in a state. A row takes the place of all that earlier rows say of the time after it.
CREATE TABLE link_change (
    id INTEGER PRIMARY KEY,
    peering_link INTEGER NOT NULL REFERENCES peering_link,
    boot INTEGER NOT NULL REFERENCES boot,
    boot_us INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX link_changes_in_order ON link_change (peering_link, id);

-- Up to when the states are known. NULL: nobody has looked yet, and nothing was deleted by age.
CREATE TABLE link_watch (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    boot INTEGER REFERENCES boot,
    known_us INTEGER,
    expired_us INTEGER
) STRICT;
INSERT INTO link_watch VALUES (1, NULL, NULL, NULL);
