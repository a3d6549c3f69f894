-- Version 3 of the store: threads, notes of the sinks, and when a record that cannot be read was met last.

-- What a sink calls its first message about a record, for the later ones to be put under it.
CREATE TABLE threads (
  sink   TEXT NOT NULL,
  record TEXT NOT NULL,                   -- Event.record
  thread TEXT NOT NULL,
  PRIMARY KEY (sink, record)
) STRICT, WITHOUT ROWID;

-- What the sink wants to know at its next attempt; empty once it has taken the message.
ALTER TABLE deliveries ADD COLUMN note TEXT NOT NULL DEFAULT '';

-- Those that may have been told twice: taken, after an attempt of which no answer came.
CREATE INDEX deliveries_maybe_twice ON deliveries (sink, settled_at) WHERE state = 'delivered' AND unanswered > 0;

-- One that a later full read did not bring is readable again, or gone.
ALTER TABLE unread ADD COLUMN met_at INTEGER NOT NULL DEFAULT 0;

UPDATE unread SET met_at = seen_at;
