//! What the system tables are: their columns, and the SQL that reads a page of each.

/// A system table.
#[derive(Debug)]
pub(crate) struct SystemTable {
    /// Its name in the schema `millstream`.
    pub(crate) name: &'static str,
    /// The table of the ledger whose rows are paged through.
    pub(crate) pages: &'static str,
    /// Its columns.
    pub(crate) columns: &'static [Column],
    /// What follows `SELECT columns FROM`; `page` stands for the rows of one page.
    pub(crate) from: &'static str,
}

/// A column of a system table.
#[derive(Debug)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: Kind,
    /// The expression that gives it.
    pub(crate) sql: &'static str,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// A 64-bit integer.
    Integer,
    /// Microseconds, UTC.
    Moment,
    /// True or false.
    Flag,
}

const fn text(name: &'static str, sql: &'static str) -> Column {
    Column { name, kind: Kind::Text, sql }
}

const fn integer(name: &'static str, sql: &'static str) -> Column {
    Column { name, kind: Kind::Integer, sql }
}

const fn moment(name: &'static str, sql: &'static str) -> Column {
    Column { name, kind: Kind::Moment, sql }
}

const fn flag(name: &'static str, sql: &'static str) -> Column {
    Column { name, kind: Kind::Flag, sql }
}

/// All system tables.
pub(crate) const TABLES: &[SystemTable] =
    &[RUNS, STEPS, ATTEMPTS, PARTITIONS, BACKFILLS, VERSIONS, CHECKS, ALIASES, LEASES];

const RUNS: SystemTable = SystemTable {
    name: "runs",
    pages: "runs",
    columns: &[
        text("run", "run"),
        text("command", "command"),
        text("selection", "selection"),
        text("state", "state"),
        moment("started_at", "started_at"),
        moment("ended_at", "ended_at"),
        integer("steps", "(SELECT count(*) FROM steps s WHERE s.run = page.run)"),
        text("host", "holder ->> '$.host'"),
        integer("pid", "holder ->> '$.pid'"),
    ],
    from: "page",
};

const STEPS: SystemTable = SystemTable {
    name: "steps",
    pages: "steps",
    columns: &[
        text("run", "page.run"),
        text("asset", "page.asset"),
        text("kind", "page.kind"),
        text("state", "page.state"),
        text("reason", "page.reason"),
        moment("at", "page.at"),
        integer(
            "attempts",
            "(SELECT count(*) FROM attempts a WHERE a.run = page.run AND a.asset = page.asset)",
        ),
        moment(
            "started_at",
            "(SELECT min(claimed_at) FROM attempts a WHERE a.run = page.run AND a.asset = page.asset)",
        ),
        moment("ended_at", "last.ended_at"),
        integer("rows_in", "last.stats ->> '$.rows_in'"),
        integer("rows_out", "last.stats ->> '$.rows_out'"),
        integer("rows_quarantined", "last.stats ->> '$.rows_quarantined'"),
        integer("bytes_out", "last.stats ->> '$.bytes_out'"),
        text("note", "last.note"),
        text("error_code", "last.error ->> '$.code'"),
        text("error_message", "last.error ->> '$.message'"),
    ],
    from: "page LEFT JOIN attempts last ON last.rowid =
               (SELECT a.rowid FROM attempts a WHERE a.run = page.run AND a.asset = page.asset
                ORDER BY a.number DESC, a.rowid DESC LIMIT 1)",
};

const ATTEMPTS: SystemTable = SystemTable {
    name: "attempts",
    pages: "attempts",
    columns: &[
        text("attempt", "attempt"),
        text("run", "run"),
        text("asset", "asset"),
        text("kind", "kind"),
        text("partition", "partition"),
        integer("number", "number"),
        text("state", "state"),
        text("reason", "reason"),
        moment("claimed_at", "claimed_at"),
        moment("intended_at", "intended_at"),
        moment("ended_at", "ended_at"),
        integer("rows_in", "stats ->> '$.rows_in'"),
        integer("rows_out", "stats ->> '$.rows_out'"),
        integer("rows_quarantined", "stats ->> '$.rows_quarantined'"),
        integer("bytes_out", "stats ->> '$.bytes_out'"),
        text("note", "note"),
        text("error_code", "error ->> '$.code'"),
        text("error_message", "error ->> '$.message'"),
        text("error_fault", "error ->> '$.fault'"),
        text("host", "holder ->> '$.host'"),
        integer("pid", "holder ->> '$.pid'"),
        text("command", "holder ->> '$.command'"),
    ],
    from: "page",
};

const PARTITIONS: SystemTable = SystemTable {
    name: "partitions",
    pages: "partitions",
    columns: &[
        text("asset", "asset"),
        text("partition", "partition"),
        integer("version", "version"),
        integer("rows", "rows"),
        text("memo_key", "memo ->> '$.key'"),
        text("definition", "memo ->> '$.definition'"),
        text("attempt", "settled_by"),
        moment("at", "settled_at"),
    ],
    from: "page",
};

const BACKFILLS: SystemTable = SystemTable {
    name: "backfills",
    pages: "backfill_partitions",
    columns: &[
        text("backfill", "page.backfill"),
        text("backfill_state", "backfills.state"),
        text("selection", "backfills.selection"),
        moment("created_at", "backfills.created_at"),
        integer("position", "page.position"),
        text("asset", "page.asset"),
        text("partition", "page.partition"),
        text("state", "page.state"),
        text("run", "page.run"),
        text("error", "page.error"),
    ],
    from: "page JOIN backfills USING (backfill)",
};

const VERSIONS: SystemTable = SystemTable {
    name: "versions",
    pages: "versions",
    columns: &[
        text("asset", "page.asset"),
        integer("version", "page.version"),
        flag("current", "page.version = assets.version"),
        integer("sequence", "page.sequence"),
        integer("target_version", "page.receipt ->> '$.version'"),
        text("memo_key", "page.memo ->> '$.key'"),
        text("definition", "page.memo ->> '$.definition'"),
        text("inputs", "page.memo ->> '$.inputs'"),
        integer("rows_in", "page.stats ->> '$.rows_in'"),
        integer("rows_out", "page.stats ->> '$.rows_out'"),
        integer("rows_quarantined", "page.stats ->> '$.rows_quarantined'"),
        integer("bytes_out", "page.stats ->> '$.bytes_out'"),
        text("note", "page.note"),
        text("run", "page.run"),
        text("attempt", "page.attempt"),
        moment("at", "page.at"),
    ],
    from: "page JOIN assets ON assets.asset = page.asset",
};

const CHECKS: SystemTable = SystemTable {
    name: "checks",
    pages: "attempts",
    columns: &[
        text("run", "run"),
        text("attempt", "attempt"),
        text("asset", "asset"),
        text("name", "found.value ->> '$.name'"),
        text("outcome", "found.value ->> '$.outcome'"),
        integer("failures", "found.value ->> '$.failures'"),
        text("message", "found.value ->> '$.message'"),
        moment("at", "ended_at"),
    ],
    from: "page, json_each(page.checks) found",
};

const ALIASES: SystemTable = SystemTable {
    name: "aliases",
    pages: "aliases",
    columns: &[
        text("model", "model"),
        text("alias", "alias"),
        integer("version", "version"),
        flag(
            "current",
            "position = (SELECT max(position) FROM aliases a
                         WHERE a.model = page.model AND a.alias = page.alias)",
        ),
        text("change", "change"),
        text("by", "by"),
        text("reason", "reason"),
        moment("at", "at"),
    ],
    from: "page",
};

const LEASES: SystemTable = SystemTable {
    name: "leases",
    pages: "leases",
    columns: &[
        text("asset", "page.asset"),
        text("attempt", "page.attempt"),
        text("run", "attempts.run"),
        moment("since", "page.since"),
        moment("expires_at", "attempts.lease_until"),
        text("host", "attempts.holder ->> '$.host'"),
        integer("pid", "attempts.holder ->> '$.pid'"),
        text("command", "attempts.holder ->> '$.command'"),
    ],
    from: "page JOIN attempts USING (attempt)",
};
