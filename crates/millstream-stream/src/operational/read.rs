//! The rows of a table of the SQLite file, as texts.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::error::OperationalError;
use super::rows::quoted;
use super::sqlite::failure;

/// Gives each row of a table to `each`, in no order: the names of its columns and their values as
/// SQLite writes them. There may be no such file or table; then there are no rows.
pub fn each_row(
    path: &Path,
    table: &str,
    mut each: impl FnMut(&[(&str, Option<String>)]),
) -> Result<(), OperationalError> {
    if !path.exists() {
        return Ok(());
    }
    let failed = |error| failure(table, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    let exists = "select exists (select 1 from sqlite_schema where type = 'table' and name = ?1)";
    if !connection.query_row(exists, [table], |row| row.get(0)).map_err(failed)? {
        return Ok(());
    }
    let sql = format!("select * from {}", quoted(table));
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let mut values = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            values.push((name.as_str(), text(row.get_ref(position).map_err(failed)?)));
        }
        each(&values);
    }
    Ok(())
}

fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Some(format!("{bytes:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operational.db");
        let mut all = Vec::new();
        each_row(&path, "people", |_| panic!("there is no file")).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("create table people (id integer, name text); insert into people values (1, 'a'), (2, null)")
            .unwrap();
        each_row(&path, "people", |row| {
            all.push(
                row.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>(),
            );
        })
        .unwrap();
        assert_eq!(all, [["id=Some(\"1\")", "name=Some(\"a\")"], ["id=Some(\"2\")", "name=None"]]);
        each_row(&path, "nobody", |_| panic!("there is no such table")).unwrap();
    }
}
