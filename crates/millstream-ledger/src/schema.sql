-- The ledger, format 1. Moments are microseconds since 1970; composite values are JSON.

CREATE TABLE ledger (
    environment TEXT NOT NULL,
    -- The hash of these tables. While formats are not released, it is what keeps builds apart.
    tables TEXT NOT NULL,
    -- Raised by every transaction that changes what a name means.
    names_epoch INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE runs (
    run        TEXT PRIMARY KEY,
    command    TEXT NOT NULL,
    selection  TEXT,
    -- The principal who asked for it; nobody did of what a schedule starts.
    by         TEXT,
    holder     TEXT NOT NULL,
    state      TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    -- When somebody asked the process to stop it.
    cancel_asked_at INTEGER,
    -- What it belongs to where traces are collected, as W3C Trace Context writes it.
    trace_parent TEXT,
    -- Last, because it can be long and lists do not want it.
    plan       TEXT NOT NULL
) STRICT;
CREATE INDEX runs_of_state ON runs (state, run);
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
CREATE INDEX steps_of_asset ON steps (asset, run);

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
    -- The same in microseconds since the machine of the holder began, which no change of its clock
    -- touches.
    lease_uptime INTEGER,
    claimed_at  INTEGER NOT NULL,
    intended_at INTEGER,
    ended_at    INTEGER,
    stats       TEXT,
    checks      TEXT,
    note        TEXT,
    error       TEXT,
    -- What it makes of an asset that is divided.
    partition   TEXT,
    -- Last, because it can be long and most readers do not want it.
    intent      TEXT,
    FOREIGN KEY (run, asset) REFERENCES steps (run, asset)
) STRICT;
CREATE INDEX attempts_of_step ON attempts (run, asset, number);
CREATE INDEX attempts_of_partition ON attempts (asset, partition, attempt)
    WHERE partition IS NOT NULL;
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

-- The partitions of assets, as the last committed attempt left each.
CREATE TABLE partitions (
    asset      TEXT NOT NULL REFERENCES assets (asset),
    partition  TEXT NOT NULL,
    -- The version of the asset that changed its rows last, 0 if it never had any.
    version    INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    rows       INTEGER NOT NULL,
    memo       TEXT NOT NULL,
    settled_by TEXT NOT NULL REFERENCES attempts (attempt),
    settled_at INTEGER NOT NULL,
    PRIMARY KEY (asset, partition)
) STRICT;

CREATE TABLE leases (
    asset   TEXT PRIMARY KEY,
    attempt TEXT NOT NULL REFERENCES attempts (attempt),
    since   INTEGER NOT NULL
) STRICT;
CREATE INDEX leases_of_attempt ON leases (attempt);

-- What running attempts have of pools and mutexes. Those of a process that died count no more,
-- whether or not anybody has cleaned up after it.
CREATE TABLE holds (
    attempt  TEXT NOT NULL REFERENCES attempts (attempt),
    resource TEXT NOT NULL,
    slots    INTEGER NOT NULL,
    PRIMARY KEY (attempt, resource)
) STRICT;

-- Steps that wait for pools and mutexes.
CREATE TABLE waits (
    run      TEXT NOT NULL REFERENCES runs (run),
    asset    TEXT NOT NULL,
    shares   TEXT NOT NULL,
    priority INTEGER NOT NULL,
    due_at   INTEGER,
    since    INTEGER NOT NULL,
    holder   TEXT NOT NULL,
    owner    TEXT NOT NULL,
    -- A process that stopped for longer no longer keeps others behind it.
    lease_until INTEGER NOT NULL,
    lease_uptime INTEGER,
    PRIMARY KEY (run, asset)
) STRICT;
CREATE INDEX waits_of_owner ON waits (owner);

-- What people were asked, once for each step and what it would do; and what they answered.
CREATE TABLE approvals (
    asset      TEXT NOT NULL,
    -- The memo key: the answer is for these inputs.
    memo       TEXT NOT NULL,
    terms      TEXT NOT NULL,
    asked_at   INTEGER NOT NULL,
    -- When its step no longer waits, if ever.
    expires_at INTEGER,
    answer     TEXT,
    -- Nobody, where time has answered.
    by         TEXT,
    comment    TEXT,
    answered_at INTEGER,
    PRIMARY KEY (asset, memo)
) STRICT;
CREATE INDEX approvals_open ON approvals (asked_at) WHERE answer IS NULL;

-- Which runs have asked. The process of a run that waits may die; the question stays.
CREATE TABLE approval_runs (
    run   TEXT NOT NULL REFERENCES runs (run),
    asset TEXT NOT NULL,
    memo  TEXT NOT NULL,
    PRIMARY KEY (run, asset),
    FOREIGN KEY (asset, memo) REFERENCES approvals (asset, memo)
) STRICT;
CREATE INDEX approval_runs_of_asset ON approval_runs (asset, memo);
CREATE INDEX approval_runs_newest ON approval_runs (asset, run);

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
CREATE INDEX runs_of_schedule ON fires (schedule, run) WHERE run IS NOT NULL;
CREATE INDEX fires_waiting ON fires (position) WHERE state = 'waiting';

CREATE TABLE backfills (
    backfill   TEXT PRIMARY KEY,
    selection  TEXT NOT NULL,
    -- How it is made: how many steps at a time, whether from scratch.
    pace       TEXT NOT NULL,
    state      TEXT NOT NULL,
    by         TEXT,
    -- The process that makes it, while one does.
    holder     TEXT,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;

CREATE TABLE backfill_partitions (
    backfill  TEXT NOT NULL REFERENCES backfills (backfill),
    -- In this order they are made.
    position  INTEGER NOT NULL,
    asset     TEXT NOT NULL,
    partition TEXT NOT NULL,
    state     TEXT NOT NULL,
    run       TEXT REFERENCES runs (run),
    error     TEXT,
    PRIMARY KEY (backfill, position),
    UNIQUE (backfill, asset, partition)
) STRICT;
CREATE INDEX backfill_partitions_of_state ON backfill_partitions (backfill, state, position);

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;

-- What an environment runs by: which files of the project, and who decided that. The contents lie
-- beside the ledger, by their hashes.
CREATE TABLE releases (
    release  INTEGER PRIMARY KEY,
    -- The hash of the list of its files.
    tree     TEXT NOT NULL,
    files    INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    state    TEXT NOT NULL,
    message  TEXT,
    by       TEXT NOT NULL,
    git      TEXT NOT NULL,
    -- The release that was current when it was proposed; it may only take the place of that.
    base     INTEGER REFERENCES releases (release),
    -- The earlier release whose files it has, of a rollback.
    restores INTEGER REFERENCES releases (release),
    approvals_needed INTEGER NOT NULL,
    -- How many its own files ask of the release after it.
    approvals_asked  INTEGER NOT NULL,
    proposed_at INTEGER NOT NULL,
    current_at  INTEGER,
    ended_at    INTEGER,
    -- Why it was rejected or left.
    reason   TEXT,
    -- When its files were given up; it cannot be gone back to.
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX releases_current ON releases (state) WHERE state = 'current';
CREATE INDEX releases_proposed ON releases (release) WHERE state = 'proposed';

CREATE TABLE release_approvals (
    release INTEGER NOT NULL REFERENCES releases (release),
    by      TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (release, by)
) STRICT;

-- Who asked for what, and whether it was done. Written in the transaction of what was done.
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    by       TEXT NOT NULL,
    via      TEXT NOT NULL,
    action   TEXT NOT NULL,
    target   TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    detail   TEXT
) STRICT;
CREATE INDEX audit_by ON audit (by, sequence);
CREATE INDEX audit_action ON audit (action, sequence);

-- How far the changes are turned into what people are told. One row once that has begun.
CREATE TABLE notices (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    -- Raised by every decision: only whoever knows the newest may add one.
    revision INTEGER NOT NULL,
    -- The latest change that is decided.
    followed INTEGER NOT NULL
) STRICT;

-- What is wrong now, one row for each root cause. What it means is known to the notifier.
CREATE TABLE incidents (
    cause TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;

-- Messages: what is to be sent, and what became of it. Written with the decision to tell.
CREATE TABLE deliveries (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The same however often it is sent, so that a receiver can leave out repetitions.
    delivery   TEXT NOT NULL UNIQUE,
    channel    TEXT NOT NULL,
    incident   TEXT NOT NULL,
    message    TEXT NOT NULL,
    state      TEXT NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    -- The process that sends it now, and until when it is believed to.
    holder     TEXT,
    held_until INTEGER,
    ended_at   INTEGER,
    error      TEXT
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (due_at) WHERE state = 'waiting';
CREATE INDEX deliveries_of_incident ON deliveries (incident, channel, position);
CREATE INDEX deliveries_sent ON deliveries (channel, ended_at) WHERE state = 'sent';

-- What nobody is told of for a while: an asset, or everything as `*`.
CREATE TABLE mutes (
    target   TEXT PRIMARY KEY,
    until    INTEGER NOT NULL,
    by       TEXT NOT NULL,
    reason   TEXT,
    since    INTEGER NOT NULL
) STRICT;

-- How far what happened is exported as traces. One row, once somebody has asked for that.
CREATE TABLE traces (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    -- The latest change that is exported.
    followed   INTEGER NOT NULL,
    -- The process that exports now, and until when it is believed to.
    holder     TEXT,
    held_until INTEGER
) STRICT;

-- What changed, in the order of the transactions, so that a reader can go on exactly where it
-- stopped. Triggers write it: no writer can forget it. The latest 131072 are kept, or up to 4096
-- more.
CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL,
    -- Absent where the change has no moment of its own.
    at       INTEGER,
    run      TEXT,
    asset    TEXT,
    schedule TEXT,
    state    TEXT,
    version  INTEGER
) STRICT;
CREATE TRIGGER changes_kept AFTER INSERT ON changes WHEN new.sequence % 4096 = 0 BEGIN
    DELETE FROM changes WHERE sequence <= new.sequence - 131072;
END;
CREATE TRIGGER run_begun AFTER INSERT ON runs BEGIN
    INSERT INTO changes (kind, at, run, state)
    VALUES ('run', new.started_at, new.run, new.state);
END;
CREATE TRIGGER run_changed AFTER UPDATE OF state, cancel_asked_at ON runs BEGIN
    INSERT INTO changes (kind, at, run, state)
    VALUES ('run', coalesce(new.ended_at, new.cancel_asked_at), new.run, new.state);
END;
CREATE TRIGGER step_added AFTER INSERT ON steps BEGIN
    INSERT INTO changes (kind, at, run, asset, state)
    VALUES ('step', new.at, new.run, new.asset, new.state);
END;
CREATE TRIGGER step_changed AFTER UPDATE OF state, at ON steps BEGIN
    INSERT INTO changes (kind, at, run, asset, state)
    VALUES ('step', new.at, new.run, new.asset, new.state);
END;
CREATE TRIGGER version_added AFTER INSERT ON versions BEGIN
    INSERT INTO changes (kind, at, run, asset, version)
    VALUES ('version', new.at, new.run, new.asset, new.version);
END;
CREATE TRIGGER alias_moved AFTER INSERT ON aliases BEGIN
    INSERT INTO changes (kind, at, asset, state, version)
    VALUES ('alias', new.at, 'model:' || new.model, new.alias, new.version);
END;
CREATE TRIGGER schedule_first_paused AFTER INSERT ON schedules WHEN new.paused IS NOT NULL BEGIN
    INSERT INTO changes (kind, schedule, state)
    VALUES ('schedule', new.schedule, iif(new.paused, 'paused', 'on'));
END;
CREATE TRIGGER schedule_paused AFTER UPDATE OF paused ON schedules BEGIN
    INSERT INTO changes (kind, schedule, state)
    VALUES ('schedule', new.schedule, iif(new.paused, 'paused', 'on'));
END;
CREATE TRIGGER schedule_first_asked AFTER INSERT ON schedules WHEN new.requests > 0 BEGIN
    INSERT INTO changes (kind, at, schedule, state)
    VALUES ('schedule', new.requested_at, new.schedule, 'asked');
END;
CREATE TRIGGER schedule_asked AFTER UPDATE OF requests ON schedules BEGIN
    INSERT INTO changes (kind, at, schedule, state)
    VALUES ('schedule', new.requested_at, new.schedule, 'asked');
END;
CREATE TRIGGER fire_added AFTER INSERT ON fires BEGIN
    INSERT INTO changes (kind, at, run, schedule, state)
    VALUES ('fire', new.at, new.run, new.schedule, new.state);
END;
CREATE TRIGGER fire_changed AFTER UPDATE OF state, run ON fires BEGIN
    INSERT INTO changes (kind, at, run, schedule, state)
    VALUES ('fire', new.at, new.run, new.schedule, new.state);
END;
CREATE TRIGGER backfill_added AFTER INSERT ON backfills BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('backfill', new.created_at, new.state);
END;
CREATE TRIGGER backfill_changed AFTER UPDATE OF state ON backfills BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('backfill', new.ended_at, new.state);
END;
CREATE TRIGGER backfill_advanced AFTER UPDATE OF state ON backfill_partitions
WHEN new.state IN ('running', 'done', 'failed') BEGIN
    INSERT INTO changes (kind, run, asset, state)
    VALUES ('backfill', new.run, new.asset, new.state);
END;
CREATE TRIGGER notice_opened AFTER INSERT ON incidents BEGIN
    INSERT INTO changes (kind, state) VALUES ('notice', 'open');
END;
CREATE TRIGGER notice_changed AFTER UPDATE OF state ON incidents BEGIN
    INSERT INTO changes (kind, state) VALUES ('notice', 'open');
END;
CREATE TRIGGER notice_over AFTER DELETE ON incidents BEGIN
    INSERT INTO changes (kind, state) VALUES ('notice', 'over');
END;
CREATE TRIGGER message_added AFTER INSERT ON deliveries BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('message', new.created_at, new.state);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF state ON deliveries BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('message', new.ended_at, new.state);
END;
CREATE TRIGGER muted AFTER INSERT ON mutes BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('mute', new.since, 'muted');
END;
CREATE TRIGGER muted_anew AFTER UPDATE ON mutes BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('mute', new.since, 'muted');
END;
CREATE TRIGGER unmuted AFTER DELETE ON mutes BEGIN
    INSERT INTO changes (kind, state) VALUES ('mute', 'over');
END;
CREATE TRIGGER release_added AFTER INSERT ON releases BEGIN
    INSERT INTO changes (kind, at, state, version)
    VALUES ('release', new.proposed_at, new.state, new.release);
END;
CREATE TRIGGER release_changed AFTER UPDATE OF state ON releases BEGIN
    INSERT INTO changes (kind, at, state, version)
    VALUES ('release', coalesce(new.ended_at, new.current_at), new.state, new.release);
END;
CREATE TRIGGER audited AFTER INSERT ON audit BEGIN
    INSERT INTO changes (kind, at, state) VALUES ('audit', new.at, new.outcome);
END;
