-- Version 2 of the store: deliveries that are held back, silences, and pauses that an operator asked for.

-- A CHECK cannot be altered, so the table is made anew, and with it the one that refers to it: dropping deliveries that
-- attempts refer to would take the attempts with it.
ALTER TABLE attempts RENAME TO old_attempts;
ALTER TABLE deliveries RENAME TO old_deliveries;

CREATE TABLE deliveries (
  number      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  event       INTEGER NOT NULL REFERENCES events (sequence),
  sink        TEXT NOT NULL,
  rule        TEXT NOT NULL,
  record      TEXT NOT NULL,              -- Event.record: what keeps its order
  state       TEXT NOT NULL DEFAULT 'owed'
    CHECK (state IN ('owed', 'delivered', 'dead', 'dropped', 'held', 'silenced', 'summed')),
  head        INTEGER NOT NULL,           -- the first one that the sink is owed about that record: the only one to try
  attempts    INTEGER NOT NULL DEFAULT 0,
  unanswered  INTEGER NOT NULL DEFAULT 0, -- how many tries may have been taken without our hearing of it
  due_at      INTEGER NOT NULL,
  owed_at     INTEGER NOT NULL,
  released_at INTEGER NOT NULL,           -- since when it may be sent: owed_at, or when it was let go or asked for again
  settled_at  INTEGER,
  reason      TEXT NOT NULL DEFAULT '',   -- of the last try that failed; why it is held, silenced, summed or dropped
  answer      TEXT NOT NULL DEFAULT '',
  bundle      TEXT NOT NULL DEFAULT '',   -- what a held one waits with, or the silence that took it; kept afterwards
  told_in     TEXT NOT NULL DEFAULT '',   -- the id of the summary that told it
  UNIQUE (event, sink)
) STRICT;

INSERT INTO deliveries (number, event, sink, rule, record, state, head, attempts, unanswered, due_at, owed_at, released_at,
  settled_at, reason, answer)
SELECT number, event, sink, rule, record, state, head, attempts, unanswered, due_at, owed_at, owed_at,
  settled_at, reason, answer
FROM old_deliveries;

-- So that numbers count on, also where the newest deliveries are gone.
DELETE FROM sqlite_sequence WHERE name = 'deliveries';
INSERT INTO sqlite_sequence (name, seq) SELECT 'deliveries', seq FROM sqlite_sequence WHERE name = 'old_deliveries';

CREATE TABLE attempts (
  delivery INTEGER NOT NULL REFERENCES deliveries (number) ON DELETE CASCADE,
  n        INTEGER NOT NULL,              -- counts on where a redriven delivery begins anew
  at       INTEGER NOT NULL,
  outcome  TEXT NOT NULL CHECK (outcome IN ('delivered', 'retry', 'dead')),
  reason   TEXT NOT NULL,
  PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;

INSERT INTO attempts (delivery, n, at, outcome, reason) SELECT delivery, n, at, outcome, reason FROM old_attempts;

DROP TABLE old_attempts;
DROP TABLE old_deliveries;

-- What is due is read off its front: neither those that wait behind a head nor those that are not due yet are looked at.
CREATE INDEX deliveries_heads ON deliveries (sink, due_at, number) WHERE head = 1;
CREATE INDEX deliveries_owed ON deliveries (sink, record, number, owed_at) WHERE state = 'owed';
CREATE INDEX deliveries_dead ON deliveries (sink, number) WHERE state = 'dead';

-- What waits, and what summaries told: nothing of it is in the way of what is due.
CREATE INDEX deliveries_held ON deliveries (sink, rule, bundle, number) WHERE state = 'held';
CREATE INDEX deliveries_silenced ON deliveries (bundle, number) WHERE state = 'silenced';
CREATE INDEX deliveries_told_in ON deliveries (told_in, sink, event) WHERE told_in <> '';

-- For the limits: what was let go lately.
CREATE INDEX deliveries_by_release ON deliveries (released_at);

-- For trying rules on the history: what was seen since.
CREATE INDEX versions_by_time ON versions (seen_at);

CREATE TABLE silences (
  number   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  matchers TEXT NOT NULL,                 -- JSON: label to glob
  author   TEXT NOT NULL,
  comment  TEXT NOT NULL,
  since    INTEGER NOT NULL,
  until    INTEGER NOT NULL
) STRICT;

ALTER TABLE paused RENAME TO old_paused;

CREATE TABLE paused (
  kind   TEXT NOT NULL CHECK (kind IN ('sink', 'source')),
  name   TEXT NOT NULL,
  since  INTEGER NOT NULL,
  reason TEXT NOT NULL,
  asked  INTEGER NOT NULL,                -- 1: an operator did it; 0: the sink turned us away
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

INSERT INTO paused (kind, name, since, reason, asked) SELECT 'sink', sink, since, reason, 0 FROM old_paused;

DROP TABLE old_paused;
