-- Version 4 of the store.

-- ---------------------------------------------------------------------------------------------------- polls, by the hour

-- What the polls of a source came to in one hour that is over; the hour under way is counted in the source's state.
CREATE TABLE polls (
  source     INTEGER NOT NULL REFERENCES sources (id),
  hour       INTEGER NOT NULL,            -- of UTC, since 1970
  polls      INTEGER NOT NULL,
  failed     TEXT NOT NULL,               -- JSON: what was wrong, how often
  full       INTEGER NOT NULL,
  incomplete INTEGER NOT NULL,
  requests   INTEGER NOT NULL,
  changes    INTEGER NOT NULL,
  total      INTEGER,                     -- by the vendor's word at the last complete read; NULL: there was none
  ours       INTEGER NOT NULL,
  absent     INTEGER NOT NULL,
  total_at   INTEGER,
  last_at    INTEGER,
  gap        REAL NOT NULL,               -- seconds
  gap_at     INTEGER,
  PRIMARY KEY (source, hour)
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------- what is let go of

-- How far it was let go of what is personal: all until then, and of that very time until that number.
CREATE TABLE expired (
  what   TEXT NOT NULL,                   -- what was gone through: events, versions, old (versions at the ceiling)
  stream TEXT NOT NULL,
  until  INTEGER NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (what, stream)
) STRICT, WITHOUT ROWID;

-- Events whose time has come, and that somebody is still to be told of.
CREATE TABLE lingering (
  event INTEGER NOT NULL PRIMARY KEY REFERENCES events (sequence)
) STRICT;

-- What sinks said, until it is let go of.
CREATE INDEX deliveries_said ON deliveries (sink, settled_at) WHERE settled_at IS NOT NULL AND (
  answer <> '' OR note <> '' OR (attempts > 0 AND reason NOT IN ('', 'expired')) OR instr(bundle, 'record.') > 0
);

-- The receipts of what was erased for a person: by a keyed hash of what was asked for, never by that itself.
CREATE TABLE erasures (
  number  INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  at      INTEGER NOT NULL,
  asked   TEXT NOT NULL,
  receipt TEXT NOT NULL                   -- JSON: what was found where, which sinks were told
) STRICT;
