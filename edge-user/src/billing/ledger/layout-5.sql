-- The end of the time of which every record is sealed.

CREATE TABLE watermark (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- No period that begins before is open, or is made any more. NULL: nothing is known of any time.
    sealed_s INTEGER
) STRICT;
INSERT INTO watermark VALUES (1, NULL);

-- The watermark before the batch was made: no record of it begins earlier.
ALTER TABLE batch ADD COLUMN after_s INTEGER;
