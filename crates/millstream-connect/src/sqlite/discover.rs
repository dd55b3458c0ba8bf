//! What a database has.

use millstream_core::error::Result;
use millstream_core::name::snake_case;

use super::database::{Database, Declared, Reader};
use super::scan::Scan;
use super::survey::Survey;
use crate::columns::type_name;
use crate::source::{DiscoveredColumn, DiscoveredStream};

/// All tables with the types of all their values.
pub(super) fn discover(database: &Database) -> Result<Vec<DiscoveredStream>> {
    let reader = database.connect()?;
    reader.begin()?;
    let tables = reader.tables()?;
    tables.into_iter().map(|table| discover_table(&reader, table)).collect()
}

fn discover_table(reader: &Reader, table: String) -> Result<DiscoveredStream> {
    let scan = Scan::all(reader.columns(&table)?, &table);
    let surveys = scan.survey(reader)?;
    let columns = scan.columns.iter().zip(&surveys);
    let mut key: Vec<_> = scan.columns.iter().filter(|column| column.key_place > 0).collect();
    key.sort_by_key(|column| column.key_place);
    Ok(DiscoveredStream {
        rows: Some(reader.count(&table)?),
        name: table,
        columns: columns.map(|(column, survey)| discovered(column, survey)).collect(),
        key: key.into_iter().map(|column| snake_case(&column.name)).collect(),
    })
}

fn discovered(column: &Declared, survey: &Survey) -> DiscoveredColumn {
    DiscoveredColumn {
        name: snake_case(&column.name),
        original: column.name.clone(),
        data_type: type_name(&survey.data_type(None)),
        nullable: !column.not_null && column.key_place == 0,
    }
}
