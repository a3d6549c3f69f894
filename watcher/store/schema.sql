-- Version 1 of the store.
--
-- Times are whole microseconds since 1970, UTC: they sort and compare as what they are (ISO texts with and without a
-- fraction do not), and lose nothing. JSON is text. 0 and 1 are no and yes.

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Whether the last shutdown was clean: if it was not, the file is checked before it is believed.
INSERT INTO meta VALUES ('clean', '1');

-- What is withheld is kept as a hash with this key. It is part of the store, so that a copy put back still knows what
-- it has seen; whoever can read the store can guess at what was hashed, which is why the store is for its owner only.
INSERT INTO meta VALUES ('privacy-key', lower(hex(randomblob(32))));

-- ------------------------------------------------------------------------------------------------------ the snapshot

CREATE TABLE sources (
  id        INTEGER NOT NULL PRIMARY KEY,
  account   TEXT NOT NULL,
  stream    TEXT NOT NULL,
  partition TEXT NOT NULL,
  state     TEXT NOT NULL DEFAULT '{}',  -- JSON of SourceState; a field it does not have yet has its default
  UNIQUE (account, stream, partition)
) STRICT;

CREATE INDEX sources_of_stream ON sources (stream);

CREATE TABLE records (
  source      INTEGER NOT NULL REFERENCES sources (id),
  key         TEXT NOT NULL,
  version     INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  reached     TEXT NOT NULL,             -- JSON list of event types
  removed     INTEGER NOT NULL,
  absences    INTEGER NOT NULL,
  body        TEXT NOT NULL,             -- last, so that reading what stands before it does not walk through it
  PRIMARY KEY (source, key)
) STRICT;

CREATE INDEX records_removed ON records (source) WHERE removed = 1;

-- A plan made from a record as it was two versions ago must not undo what came since.
CREATE TRIGGER records_only_advance BEFORE UPDATE OF version ON records WHEN new.version < old.version
BEGIN
  SELECT RAISE(ABORT, 'the record has a newer version');
END;

CREATE TABLE versions (
  source      INTEGER NOT NULL REFERENCES sources (id),
  key         TEXT NOT NULL,
  version     INTEGER NOT NULL,
  seen_at     INTEGER NOT NULL,
  fingerprint BLOB NOT NULL,
  reached     TEXT NOT NULL,
  removed     INTEGER NOT NULL,
  absences    INTEGER NOT NULL,
  body        TEXT NOT NULL,
  PRIMARY KEY (source, key, version)
) STRICT;

CREATE TABLE unread (
  source      INTEGER NOT NULL REFERENCES sources (id),
  fingerprint BLOB NOT NULL,
  key         TEXT,
  reason      TEXT NOT NULL,
  seen_at     INTEGER NOT NULL,
  PRIMARY KEY (source, fingerprint)
) STRICT, WITHOUT ROWID;

-- -------------------------------------------------------------------------------------------- events and the outbox

CREATE TABLE events (
  sequence    INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,  -- never given twice, even when the newest is deleted
  id          TEXT NOT NULL UNIQUE,
  type        TEXT NOT NULL,
  source      TEXT NOT NULL,
  subject     TEXT NOT NULL,
  time        INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  data        TEXT NOT NULL
) STRICT;

CREATE INDEX events_of_record ON events (source, subject);
CREATE INDEX events_by_time ON events (recorded_at);

CREATE TABLE deliveries (
  number     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  event      INTEGER NOT NULL REFERENCES events (sequence),
  sink       TEXT NOT NULL,
  rule       TEXT NOT NULL,
  record     TEXT NOT NULL,              -- Event.record: what keeps its order
  state      TEXT NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'delivered', 'dead', 'dropped')),
  head       INTEGER NOT NULL,           -- the first one that the sink is owed about that record: the only one to try
  attempts   INTEGER NOT NULL DEFAULT 0,
  unanswered INTEGER NOT NULL DEFAULT 0, -- how many tries may have been taken without our hearing of it
  due_at     INTEGER NOT NULL,
  owed_at    INTEGER NOT NULL,
  settled_at INTEGER,
  reason     TEXT NOT NULL DEFAULT '',
  answer     TEXT NOT NULL DEFAULT '',
  UNIQUE (event, sink)
) STRICT;

-- What is due is read off its front: neither those that wait behind a head nor those that are not due yet are looked at.
CREATE INDEX deliveries_heads ON deliveries (sink, due_at, number) WHERE head = 1;
CREATE INDEX deliveries_owed ON deliveries (sink, record, number, owed_at) WHERE state = 'owed';
CREATE INDEX deliveries_dead ON deliveries (sink, number) WHERE state = 'dead';

CREATE TABLE attempts (
  delivery INTEGER NOT NULL REFERENCES deliveries (number) ON DELETE CASCADE,
  n        INTEGER NOT NULL,             -- counts on where a redriven delivery begins anew
  at       INTEGER NOT NULL,
  outcome  TEXT NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead')),
  reason   TEXT NOT NULL,
  PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE paused (
  sink   TEXT NOT NULL PRIMARY KEY,
  since  INTEGER NOT NULL,
  reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ------------------------------------------------------------------------------------------------- alarms and the rest

CREATE TABLE alarms (
  kind   TEXT NOT NULL,
  source TEXT NOT NULL,
  key    TEXT NOT NULL,
  name   TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  data   TEXT NOT NULL,
  PRIMARY KEY (kind, source, key, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX alarms_by_time ON alarms (due_at);

CREATE TABLE conditions (
  type    TEXT NOT NULL,
  subject TEXT NOT NULL,
  since   INTEGER NOT NULL,
  detail  TEXT NOT NULL,
  PRIMARY KEY (type, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE budgets (
  account TEXT NOT NULL,
  day     TEXT NOT NULL,
  spent   INTEGER NOT NULL,
  PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;
