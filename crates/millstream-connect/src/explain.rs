//! The pages behind `millstream explain` for syncs and seeds.

use millstream_core::explain::Explanation;

use crate::{records, seed};

/// One page for every code that this crate can produce.
pub const EXPLANATIONS: &[Explanation] =
    &joined::<
        { SYNC.len() + REFUSED.len() + records::EXPLANATIONS.len() + seed::EXPLANATIONS.len() },
    >(&[SYNC, REFUSED, records::EXPLANATIONS, seed::EXPLANATIONS]);

const fn joined<const COUNT: usize>(parts: &[&[Explanation]]) -> [Explanation; COUNT] {
    let mut all = [page("", "", ""); COUNT];
    let (mut part, mut at) = (0, 0);
    while part < parts.len() {
        let mut position = 0;
        while position < parts[part].len() {
            all[at] = parts[part][position];
            position += 1;
            at += 1;
        }
        part += 1;
    }
    all
}

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

/// Syncs that cannot go on. The last good version of the table stays in place.
const SYNC: &[Explanation] = &[
    page(
        "sync.unknown_connector",
        "A source names a connector that does not exist",
        "`connector:` decides which code reads a source. The hint lists the names that exist.",
    ),
    page(
        "sync.bad_setting",
        "A setting of a source or stream cannot be used",
        "The message names the setting and what is wrong with it. The settings of each connector \
         are in its reference page and in the JSON Schema of `sources/*.yml`.",
    ),
    page(
        "sync.not_found",
        "No file lies where the stream says",
        "`path` names no file, or its pattern matches none. A relative path starts at the \
         project's folder. The table keeps its last good version.",
    ),
    page(
        "sync.io",
        "The system refused to read or write a file",
        "Rights, a broken disk or a lost network drive. The message says what the system said. \
         The attempt is made again after a pause; the table keeps its last good version.",
    ),
    page(
        "sync.disk_full",
        "The disk is full",
        "Raw input, or the rows of a merge that do not fit into memory, could not be written. \
         Free space, or shorten `keep_raw`, and run again. The table keeps its last good version.",
    ),
    page(
        "sync.truncated_file",
        "A compressed file is cut off",
        "The compressed data ends before its end mark, as after an upload or download that was \
         broken off. Nothing of the file is used: the table keeps its last good version. Fetch \
         the file again.",
    ),
    page(
        "sync.bad_format",
        "A file is not of the form as which it was read",
        "The extension or `format` says one thing and the bytes another, or the file is damaged. \
         Set `format`, or fetch the file again.",
    ),
    page(
        "sync.wrong_delimiter",
        "The header of a CSV is one field with another delimiter in it",
        "A CSV is cut at commas, a `.tsv` at tabs, unless the stream sets `delimiter`. This header \
         is then one field, but has semicolons, tabs or bars in it, and so would the rows. The \
         table keeps its last good version. Set `delimiter`; also where it really is one column.",
    ),
    page(
        "sync.empty_file",
        "A file has no byte",
        "An empty file is more often a failed export than a table without rows, so it replaces \
         nothing. A file with a header line alone is a table without rows.",
    ),
    page(
        "sync.bad_encoding",
        "A text file is not in UTF-8",
        "The first bytes are those of another encoding. Convert the file to UTF-8. Single \
         records that are not UTF-8 go to quarantine instead, as `sync.bad_utf8`.",
    ),
    page(
        "sync.missing_column",
        "A named column is not in the input",
        "`columns` or `key` names a column that a file does not have. The hint lists those that \
         it has. The table keeps its last good version.",
    ),
    page(
        "sync.column_collision",
        "Two columns get the same name",
        "Columns become snake_case, so that `Order ID` and `order_id` are one. Rename one of them \
         in the source, or list the `columns` to keep. `_load_id`, `_loaded_at` and `_row_id` are \
         taken by every synced table.",
    ),
    page(
        "sync.bad_type",
        "A declared type does not exist",
        "The hint lists the types that a column may declare.",
    ),
    page(
        "sync.contract_broken",
        "The columns changed and the contract is `freeze`",
        "A column is new, gone, or has another type than at the last sync. Nothing is published. \
         Correct the source; or accept the change with `contract: evolve`, or once by \
         `--full-refresh`.",
    ),
    page(
        "sync.declaration_changed",
        "A stream declares what its table cannot become",
        "A table that is merged into or appended to keeps its rows. They came under another key, \
         with another type of a column, or when it was not yet `not_null`. `--full-refresh` reads \
         the source anew; `millstream source replay SOURCE.STREAM` makes the table anew from kept \
         raw input, where the source no longer has the records. New columns and wider integers \
         need neither.",
    ),
    page(
        "sync.missing_key",
        "A stream merges but names no key",
        "A merge puts a record in the place of the one with the same key. Set `key:`.",
    ),
    page(
        "sync.limit",
        "An input exceeds a limit",
        "The message names what was counted and the limit. Split the input into several streams.",
    ),
    page(
        "sync.http_failed",
        "A web server could not be reached or broke off",
        "The attempt is made again after a pause. The table keeps its last good version.",
    ),
    page(
        "sync.http_refused",
        "A web server said no",
        "The message has the HTTP status. 404 and 410: the address is wrong. 401 and 403: it needs \
         rights. 429 and 5xx are tried again after a pause.",
    ),
    page(
        "sync.raw_missing",
        "The raw input for a replay is not kept",
        "Raw input is kept as long as `keep_raw` says, 30 days by default. What is gone can only \
         be synced again from the source.",
    ),
    page(
        "sync.raw_damaged",
        "Kept raw input has changed",
        "A raw file does not have the hash that was noted when it was kept. Nothing is rebuilt \
         from it. Check the disk.",
    ),
    page(
        "sync.shape",
        "Rows could not be brought into the shape of the table",
        "This is a fault of Millstream. Please report it with the message.",
    ),
    page(
        "sync.worker",
        "A worker of a sync stopped",
        "This is a fault of Millstream. Please report it with the message.",
    ),
];

/// Reasons for which single records go to quarantine. The sync goes on.
const REFUSED: &[Explanation] = &[
    page(
        "sync.bad_value",
        "A value is none of its column's type",
        "The record is in the quarantine table with its place, the reason and its raw text. \
         Correct it in the source, or declare another type for the column.",
    ),
    page(
        "sync.null_value",
        "A value is missing that must be there",
        "The column is `not_null`, or part of the key of a merge. The record is in the quarantine \
         table.",
    ),
    page(
        "sync.ragged_row",
        "A record has too few or too many fields",
        "Often a delimiter inside a field that is not quoted. The record is in the quarantine \
         table.",
    ),
    page(
        "sync.bad_quote",
        "A quote is not closed where its field ends",
        "The line on which the quote opens is in the quarantine table; reading goes on at the next \
         line. If fields contain quotes that mean nothing, set `quote: \"\"`.",
    ),
    page(
        "sync.bad_utf8",
        "A record is not UTF-8",
        "The record is in the quarantine table; bytes that are not UTF-8 are shown there as a \
         replacement character.",
    ),
    page(
        "sync.bad_json",
        "A line is not a JSON object",
        "Every line of a JSON lines file is one object. The line is in the quarantine table.",
    ),
    page(
        "sync.outputs_wrong",
        "The step of a sync has other outputs than its two tables",
        "This is a fault of Millstream. Nothing was run. Please report it with the project.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_whole_and_there_once() {
        let mut codes: Vec<&str> = EXPLANATIONS.iter().map(|page| page.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert!(EXPLANATIONS.iter().all(|page| !page.title.is_empty() && !page.text.is_empty()));
    }
}
