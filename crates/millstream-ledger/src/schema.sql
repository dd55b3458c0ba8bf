-- The ledger, format 1. Moments are microseconds since 1970; composite values are JSON.

CREATE TABLE ledger (
    environment TEXT NOT NULL,
    -- Raised by every transaction that changes what a name means.
    names_epoch INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE runs (
    run        TEXT PRIMARY KEY,
    command    TEXT NOT NULL,
    selection  TEXT,
    plan       TEXT NOT NULL,
    holder     TEXT NOT NULL,
    state      TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    -- When somebody asked the process to stop it.
    cancel_asked_at INTEGER
) STRICT;
CREATE INDEX runs_running ON runs (run) WHERE state = 'running';
CREATE INDEX runs_interrupted ON runs (run) WHERE state = 'interrupted';

CREATE TABLE steps (
    run     TEXT NOT NULL REFERENCES runs (run),
    asset   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    outputs TEXT NOT NULL,
    state   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (run, asset)
) STRICT;

CREATE TABLE attempts (
    attempt     TEXT PRIMARY KEY,
    run         TEXT NOT NULL,
    asset       TEXT NOT NULL,
    number      INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    outputs     TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    memo        TEXT NOT NULL,
    holder      TEXT NOT NULL,
    -- The handle that may write for the attempt; empty when it was abandoned.
    owner       TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    claimed_at  INTEGER NOT NULL,
    intended_at INTEGER,
    ended_at    INTEGER,
    stats       TEXT,
    checks      TEXT,
    note        TEXT,
    error       TEXT,
    -- Last, because it can be long and most readers do not want it.
    intent      TEXT,
    FOREIGN KEY (run, asset) REFERENCES steps (run, asset)
) STRICT;
CREATE INDEX attempts_of_step ON attempts (run, asset, number);
CREATE INDEX attempts_running ON attempts (attempt) WHERE state = 'running';

CREATE TABLE assets (
    asset      TEXT PRIMARY KEY,
    -- The current version, 0 before the first.
    version    INTEGER NOT NULL DEFAULT 0,
    -- The highest sequence ever claimed; a failed attempt gives none back.
    sequence   INTEGER NOT NULL DEFAULT 0,
    -- What the last successful attempt of the step saw, even if it published nothing.
    memo       TEXT,
    checkpoint TEXT,
    settled_by TEXT REFERENCES attempts (attempt),
    settled_at INTEGER
) STRICT;

CREATE TABLE effects (
    attempt     TEXT NOT NULL REFERENCES attempts (attempt),
    asset       TEXT NOT NULL,
    application TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    receipt     TEXT,
    PRIMARY KEY (attempt, asset),
    UNIQUE (application, sequence)
) STRICT;

CREATE TABLE versions (
    asset      TEXT NOT NULL REFERENCES assets (asset),
    version    INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    memo       TEXT NOT NULL,
    checkpoint TEXT,
    receipt    TEXT NOT NULL,
    stats      TEXT NOT NULL,
    checks     TEXT NOT NULL,
    note       TEXT,
    run        TEXT NOT NULL,
    attempt    TEXT NOT NULL REFERENCES attempts (attempt),
    at         INTEGER NOT NULL,
    PRIMARY KEY (asset, version)
) STRICT;
CREATE INDEX versions_of_attempt ON versions (attempt);

CREATE TABLE leases (
    asset   TEXT PRIMARY KEY,
    attempt TEXT NOT NULL REFERENCES attempts (attempt),
    since   INTEGER NOT NULL
) STRICT;
CREATE INDEX leases_of_attempt ON leases (attempt);

CREATE TABLE aliases (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    model    TEXT NOT NULL,
    alias    TEXT NOT NULL,
    version  INTEGER NOT NULL,
    change   TEXT NOT NULL,
    by       TEXT NOT NULL,
    reason   TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX aliases_of_model ON aliases (model, alias, position);

CREATE TABLE schedules (
    schedule TEXT PRIMARY KEY,
    -- What the scheduler remembers: how far its triggers are decided.
    state    TEXT,
    -- What a person decided, over what the project's file says.
    paused   INTEGER,
    note     TEXT,
    -- How often somebody asked for a run from outside, and who did last.
    requests INTEGER NOT NULL DEFAULT 0,
    request  TEXT,
    requested_at INTEGER
) STRICT;

CREATE TABLE fires (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    schedule TEXT NOT NULL,
    -- Empty for those that were skipped together.
    fire     TEXT UNIQUE,
    at       INTEGER NOT NULL,
    state    TEXT NOT NULL,
    reason   TEXT NOT NULL,
    run      TEXT REFERENCES runs (run)
) STRICT;
CREATE INDEX fires_of_schedule ON fires (schedule, position);
CREATE INDEX fires_of_run ON fires (run);
CREATE INDEX fires_waiting ON fires (position) WHERE state = 'waiting';

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
