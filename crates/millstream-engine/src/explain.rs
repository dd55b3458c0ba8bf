//! The pages of `millstream explain` for the codes of the engine.

use millstream_core::explain::Explanation;

/// One page for each code.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "sql.parse",
        title: "The text is not SQL that can be read",
        text: "The message names the place. Nothing was run.",
    },
    Explanation {
        code: "sql.not_a_query",
        title: "Not one statement that returns rows",
        text: "Only `select`, `with ... select`, `values` and `explain` run here, one at a time. \
               Tables are written by the steps of a run.",
    },
    Explanation {
        code: "sql.unknown_table",
        title: "A table or view that is not there",
        text: "The name is neither in the project's environment nor a view or topic of it. \
               Unqualified names mean the schema `main`. Tables of sources are named \
               `<source>.<stream>`. A table exists after the first run that made it.",
    },
    Explanation {
        code: "sql.unknown_column",
        title: "A column that is not there",
        text: "No table of the query has the column. Columns are snake_case in the lake: `Order ID` \
               is `order_id`.",
    },
    Explanation {
        code: "sql.unknown_function",
        title: "A function that is not there",
        text: "Functions are those of PostgreSQL, and some of DuckDB. The hint says what is near, or \
               how to write what another database calls so.",
    },
    Explanation {
        code: "sql.ambiguous_column",
        title: "A column that several tables have",
        text: "Put the name or alias of the table before it, as in `o.id`.",
    },
    Explanation {
        code: "sql.plan",
        title: "A query that has no plan",
        text: "The query can be read, but it makes no sense as it stands: types that do not go \
               together, a column outside `group by`. The message says which.",
    },
    Explanation {
        code: "sql.unsupported",
        title: "SQL that is not supported",
        text: "The statement is understood, but this release cannot run it. Nothing was run.",
    },
    Explanation {
        code: "sql.type",
        title: "A value that does not fit its type",
        text: "A cast met a value that it cannot turn into the type. `try_cast` gives null instead; a \
               check on the source finds the rows.",
    },
    Explanation {
        code: "sql.arithmetic",
        title: "Overflow or division by zero",
        text: "A computation had no result. `nullif(x, 0)` guards a division, a cast to a wider type \
               an overflow.",
    },
    Explanation {
        code: "sql.execution",
        title: "A query that failed while it ran",
        text: "The message says what went wrong. What was published before stays as it was.",
    },
    Explanation {
        code: "sql.resources",
        title: "A query that needs more than it may use",
        text: "The query reached the environment's limit of memory, or of spilled rows on the disk, \
               and could not spill further. Raise the limit or read fewer rows. What was published \
               before stays as it was.",
    },
    Explanation {
        code: "sql.view_cycle",
        title: "A view that refers to itself",
        text: "The views of the path refer to each other in a circle, so that none can be read.",
    },
    Explanation {
        code: "sql.predict",
        title: "A call of `predict` that cannot work",
        text: "`predict('model@alias', ...)` takes the model as a literal text, then one argument for \
               each input of the model in the order of the training.",
    },
    Explanation {
        code: "table.no_version",
        title: "A version that is not there",
        text: "The table has no such version, or its log no longer reaches so far back. `history` \
               lists the versions.",
    },
    Explanation {
        code: "table.fenced",
        title: "Published already by a later attempt",
        text: "The table's log holds this sequence of the application, or a later one: another \
               attempt has published since this one began. What it published stands, and this attempt \
               changes nothing.",
    },
    Explanation {
        code: "table.conflict",
        title: "The table changed meanwhile",
        text: "Another writer made a version after this one was read. Nothing was published. The step \
               is tried again on the new version.",
    },
    Explanation {
        code: "table.staged_lost",
        title: "Staged files are gone",
        text: "Another process wrote files that were to be published and did not live to see them on \
               the disk; a power cut has taken them, or their end. Nothing was published. The step \
               is tried again.",
    },
    Explanation {
        code: "table.incompatible_schema",
        title: "A column changed its type",
        text: "The new rows have a type for the column that the files of the table cannot be read as. \
               Integers grow; other types must stay. Cast the column in the query, or rebuild the \
               table with `--full-refresh`. The last good version stays in place.",
    },
    Explanation {
        code: "table.unsupported_type",
        title: "A type that tables cannot keep",
        text: "Tables keep booleans, integers, floats, decimals of up to 38 digits, text, bytes, \
               dates, timestamps, lists, structs and maps. Cast the column to one of them.",
    },
    Explanation {
        code: "table.schema_changed",
        title: "New rows with other columns",
        text: "The model says `on_schema_change: fail`, and its query no longer has the columns and \
               types of its table. `append_new_columns` and `sync_all_columns` change the table, \
               `ignore` leaves new columns out, `--full-refresh` makes the table anew.",
    },
    Explanation {
        code: "table.duplicate_column",
        title: "Two columns of one name",
        text: "Names are compared without regard to case. Give one of the columns another name with \
               `as`.",
    },
    Explanation {
        code: "table.null_key",
        title: "A key without a value",
        text: "A merge finds a row by its key, so that a key is never null. Nothing was written. \
               Leave the rows out, or choose another key.",
    },
    Explanation {
        code: "table.no_key_column",
        title: "A key that is not a column",
        text: "The key of a merge names a column that neither the rows nor the table have.",
    },
    Explanation {
        code: "table.newer_format",
        title: "A table of a newer release",
        text: "The table asks its readers for a feature that this release does not know. Nothing was \
               read or changed. Use the newer release.",
    },
    Explanation {
        code: "table.unreadable",
        title: "Files of a table are damaged or missing",
        text: "The log names a file that is missing, or a file is not what it should be. Restore the \
               folder from a backup, or rebuild the table with `--full-refresh` from its kept raw \
               input.",
    },
    Explanation {
        code: "lake.unreachable",
        title: "The lake cannot be reached",
        text: "The folder or the object store of the lake refused an operation. The step is tried \
               again.",
    },
    Explanation {
        code: "lake.full",
        title: "No space left",
        text: "The disk of the lake or of spilled rows is full. Nothing was published; the last good \
               version stays in place. Free some space and run again.",
    },
    Explanation {
        code: "lake.bad_location",
        title: "Not a place for a lake",
        text: "The lake is a folder of this machine or an address `s3://bucket/prefix` with its \
               settings.",
    },
    Explanation {
        code: "engine.internal",
        title: "A fault of Millstream",
        text: "This should not happen. What was published before stays as it was. Please report it \
               with the message.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use millstream_core::Coded;

    use super::*;
    use crate::EngineError;

    #[test]
    fn every_code_has_one_page() {
        let text = String::new;
        let relation = || "main.t".parse().expect("a name");
        let errors = [
            EngineError::Parse { message: text() },
            EngineError::UnknownTable { name: text(), near: None },
            EngineError::UnknownColumn { name: text(), near: None },
            EngineError::UnknownFunction { name: text(), advice: None },
            EngineError::AmbiguousColumn { name: text() },
            EngineError::Plan { message: text() },
            EngineError::Unsupported { message: text() },
            EngineError::Type { message: text() },
            EngineError::Arithmetic { message: text() },
            EngineError::Execution { message: text() },
            EngineError::Resources { message: text() },
            EngineError::NotAQuery,
            EngineError::ViewCycle { name: text(), path: text() },
            EngineError::BadModelCall { message: text() },
            EngineError::NoVersion { relation: relation(), version: 0 },
            EngineError::Fenced {
                relation: relation(),
                application: text(),
                reached: 0,
                sequence: 0,
            },
            EngineError::Conflict { relation: relation(), base: text(), latest: text() },
            EngineError::StagedLost { relation: relation(), message: text() },
            EngineError::IncompatibleSchema {
                relation: relation(),
                column: text(),
                old: text(),
                new: text(),
            },
            EngineError::UnsupportedType { column: text(), data_type: text() },
            EngineError::SchemaChanged { relation: relation(), difference: text() },
            EngineError::DuplicateColumn { column: text() },
            EngineError::NullKey { relation: relation(), column: text(), rows: 0 },
            EngineError::NoKeyColumn { relation: relation(), column: text() },
            EngineError::NewerFormat { relation: relation(), reason: text() },
            EngineError::Unreadable { message: text() },
            EngineError::Storage { message: text() },
            EngineError::Full { message: text() },
            EngineError::BadLocation { location: text(), message: text() },
            EngineError::Internal { message: text() },
        ];
        let codes: BTreeSet<_> = errors.iter().map(Coded::code).collect();
        let pages: BTreeSet<_> = EXPLANATIONS.iter().map(|page| page.code).collect();
        assert_eq!(codes, pages);
        assert_eq!(EXPLANATIONS.len(), pages.len());
    }
}
