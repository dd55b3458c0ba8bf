//! The pages behind `millstream explain` for the codes of this room.

use millstream_core::explain::Explanation;

/// One page for every code of this room.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "topic.name_invalid",
        title: "A topic cannot have this name",
        text: "A topic is a folder, so that its name has letters, digits, `_`, `-` and `.` only, \
               starts with no `.`, and is at most 200 long. Nothing was made. Rename the topic \
               where the project names it.",
    },
    Explanation {
        code: "topic.io",
        title: "A file of a topic could not be read or written",
        text: "The operating system refused a file or folder of a topic. What was acknowledged is \
               still there. See that the disk has room, that the folder is there and that the \
               process may write to it; the step is tried again.",
    },
    Explanation {
        code: "topic.append",
        title: "Events were not written",
        text: "Writing events failed, most often because the disk is full. What had been written \
               of them was removed again, so that they are not in the topic; events acknowledged \
               before are. Make room; the writer tries again.",
    },
    Explanation {
        code: "topic.stopped",
        title: "A topic stopped taking events",
        text: "The disk reported that it did not keep what it was given. After that nobody can \
               know what later writes are worth, so that this process appends nothing more to the \
               topic; it can still be read. Events acknowledged before were durable. Check the \
               disk and its kernel messages, then start the process again: it reads the log and \
               goes on after the last event that is whole.",
    },
    Explanation {
        code: "topic.corrupt",
        title: "A part of a topic is not what was written",
        text: "A checksum or the order of batches is wrong in a part of the log that had been \
               durable, or a file of it is missing or shorter than it was. A crash cannot cause \
               this; a failing disk or a changed file can. Nothing was removed. Restore the \
               topic's folder from a backup.",
    },
    Explanation {
        code: "topic.compressed",
        title: "A topic has compressed batches",
        text: "The batch has a checksum that matches, but it is compressed, and this version \
               reads uncompressed batches only. Another program wrote it. Nothing was changed. \
               Write the topic without compression.",
    },
    Explanation {
        code: "topic.record_too_large",
        title: "An event is too large",
        text: "One event may have 16 MiB, key and value together. None of the events that were \
               handed over with it were written. Keep large content in a file or table and name \
               it in the event.",
    },
    Explanation {
        code: "topic.effect_too_large",
        title: "Too many events at once",
        text: "Events that are appended together may have 1 GiB. None was written. Append them in \
               smaller parts.",
    },
    Explanation {
        code: "topic.fenced",
        title: "A late publication to a topic was refused",
        text: "The topic has a later effect of the same asset: another process took the step over \
               and published first. Nothing was written twice. The refused attempt ends; its work \
               is in what the other process published.",
    },
    Explanation {
        code: "topic.closing",
        title: "The process ended before events were written",
        text: "The process was shutting down. The events were not acknowledged and may or may not \
               be in the topic. Who sent them sends them again.",
    },
    Explanation {
        code: "topic.scan",
        title: "Events could not be made into rows",
        text: "This is a fault of Millstream. Please report it with the topic's schema.",
    },
    Explanation {
        code: "operational.address_invalid",
        title: "The address of the operational database cannot be read",
        text: "The address is not one of PostgreSQL, such as \
               `postgresql://user:password@host:5432/database`. It is not repeated here because \
               it may hold a password. Nothing was tried.",
    },
    Explanation {
        code: "operational.unavailable",
        title: "The operational database is not available",
        text: "The database cannot be reached, is busy for too long, has no room, or broke off. \
               The transaction had no effect, or is recognised when the step is tried again: \
               nothing is written twice.",
    },
    Explanation {
        code: "operational.access_refused",
        title: "The operational database refused access",
        text: "User, password, database or a right is wrong. The user needs the right to make \
               tables in its schema. Nothing was written.",
    },
    Explanation {
        code: "operational.rows_refused",
        title: "The operational database refused the rows",
        text: "A constraint, a type or a trigger of the table refused the rows, or the table has \
               no unique key on the function's key column. The transaction was undone. Compare \
               the table with the columns that the function selects.",
    },
    Explanation {
        code: "operational.name_invalid",
        title: "A table or column cannot have this name",
        text: "Tables are written `operational.<name>`; the table of Millstream's own marks is \
               not for functions; two columns may not differ in case only; PostgreSQL's names \
               have 63 bytes at most. Nothing was written. Rename it in the function.",
    },
    Explanation {
        code: "operational.key_missing",
        title: "The rows of a function lack their key",
        text: "A function writes each row once by its key, `event_id` unless `key:` says \
               otherwise, and its query does not return that column. Nothing was written. Select \
               the column, or name another under `key:`.",
    },
    Explanation {
        code: "operational.key_null",
        title: "A row has no key",
        text: "The query of a function returned a row whose key is null, which cannot be \
               recognised later. Nothing was written. Filter such rows or give them a key.",
    },
    Explanation {
        code: "operational.type_unsupported",
        title: "An operational table cannot keep a type",
        text: "Operational tables have text, whole numbers, doubles, booleans and timestamps. \
               Nothing was written. Cast lists, structs and binary values to text in the query.",
    },
    Explanation {
        code: "operational.value_out_of_range",
        title: "A value does not fit its column",
        text: "A value is outside the range of 64-bit whole numbers or of timestamps. Nothing was \
               written. Cast the column in the query.",
    },
    Explanation {
        code: "operational.column_differs",
        title: "A column of the table has another type",
        text: "The table has the column with a type that cannot hold a new value exactly, as \
               bigint and 2.5. Nothing was written. The types of event fields are those of their \
               values, batch by batch, and a new table gets the types of the first publication: \
               say by `cast` in the function's query what a column is. Or alter the table: \
               Millstream never changes the type of a column that is there, since applications \
               rely on it.",
    },
    Explanation {
        code: "operational.fenced",
        title: "A late publication to the operational database was refused",
        text: "The database has this or a later effect of the same asset: another process took \
               the step over and published first. Nothing was written twice.",
    },
    Explanation {
        code: "function.name_invalid",
        title: "A function cannot have this name",
        text: "The name of a function becomes that of a file, so that it has letters, digits and \
               `_` only and does not start with a digit. Nothing was run.",
    },
    Explanation {
        code: "function.into_invalid",
        title: "A function writes to the operational database",
        text: "`into` of a function has the form `operational.<name>`. Nothing was run.",
    },
    Explanation {
        code: "function.batch_invalid",
        title: "The batch of a function is out of range",
        text: "`batch` of a function is between 1 and 10000 events. Nothing was run.",
    },
    Explanation {
        code: "function.topic_shrank",
        title: "A topic has fewer events than a function has handled",
        text: "The topic's folder was removed or replaced. Its new events would be taken for ones \
               that were handled, so that nothing is read. If the topic was meant to start over, \
               run the function with --full-refresh: rows whose key is there stay as they are.",
    },
    Explanation {
        code: "function.io",
        title: "A file of a function could not be read or written",
        text: "The operating system refused a file of the staging or of the dead letters. Nothing \
               was published. See that the disk has room; the step is tried again.",
    },
    Explanation {
        code: "function.staging_invalid",
        title: "A staged file is not what was written",
        text: "The staged rows of an attempt cannot be read. Nothing of them was published. The \
               next run stages the events anew.",
    },
    Explanation {
        code: "function.ledger_invalid",
        title: "The ledger's record of a function cannot be read",
        text: "The checkpoint or the intent of a function step is not of this version's form. \
               Nothing was published. Run the function with --full-refresh.",
    },
    Explanation {
        code: "function.records",
        title: "Events could not be made into columns",
        text: "This is a fault of Millstream. Please report it with one event of the topic.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    const AREAS: [&str; 3] = ["topic", "operational", "function"];

    /// All codes in the sources: string literals of the form `area.reason`.
    fn codes(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes(&path, found);
            } else if !is_test(&path) {
                let text = fs::read_to_string(&path).unwrap();
                let literals = text.split("#[cfg(test)]").next().unwrap().split('"');
                found.extend(literals.filter(|literal| is_code(literal)).map(str::to_owned));
            }
        }
    }

    fn is_test(path: &Path) -> bool {
        let name = path.file_name().unwrap().to_str().unwrap();
        name == "explain.rs" || name.contains("test")
    }

    fn is_code(literal: &str) -> bool {
        let word = |c: char| c.is_ascii_lowercase() || c == '_';
        literal.split_once('.').is_some_and(|(area, reason)| {
            AREAS.contains(&area) && !reason.is_empty() && reason.chars().all(word)
        })
    }

    #[test]
    fn every_code_has_a_page() {
        let mut found = BTreeSet::new();
        codes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        // Names of crash points have the same form.
        for other in ["topic.written", "topic.synced", "topic.rolled"] {
            assert!(found.remove(other), "{other}");
        }
        let pages: BTreeSet<_> = EXPLANATIONS.iter().map(|page| page.code.to_owned()).collect();
        assert_eq!(pages.len(), EXPLANATIONS.len());
        assert_eq!(found, pages);
    }
}
