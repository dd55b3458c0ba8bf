//! Tables that the project around the one of dbt fills.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Map;

use super::naming::Namer;
use super::options::{Host, HostTable};
use crate::context::ParseSession;
use crate::manifest::{Config, SourceTable, UniqueId};

/// Puts the tables of a host beside those of property files. A property file may describe and test
/// a table of the host; where it is, the host says.
pub(super) fn join(
    host: &Host,
    project: &Arc<str>,
    namer: &Namer<'_>,
    session: &ParseSession,
    tables: &mut Vec<SourceTable>,
) {
    let database = session.0.target.database.as_str();
    for own in &host.tables {
        let is_same =
            |table: &&mut SourceTable| table.source_name == own.source && table.name == own.table;
        if let Some(described) = tables.iter_mut().find(is_same) {
            locate(described, own, database, namer);
        } else {
            let mut table = blank(own, project);
            locate(&mut table, own, database, namer);
            tables.push(table);
        }
    }
}

fn locate(table: &mut SourceTable, own: &HostTable, database: &str, namer: &Namer<'_>) {
    table.database = (!database.is_empty()).then(|| namer.shared(database));
    table.schema = namer.shared(&own.schema);
    table.identifier.clone_from(&own.identifier);
    table.relation_name =
        namer.relation(table.database.as_deref(), &own.schema, &own.identifier, Some(&Map::new()));
}

fn blank(own: &HostTable, project: &Arc<str>) -> SourceTable {
    let HostTable { source, table, .. } = own;
    let fqn = [&**project, "sources", source, table];
    SourceTable {
        unique_id: UniqueId::new(format!("source.{project}.{source}.{table}")),
        package_name: Arc::clone(project),
        source_name: source.clone(),
        name: table.clone(),
        identifier: String::new(),
        database: None,
        schema: Arc::from(""),
        relation_name: String::new(),
        quoting: Map::new(),
        fqn: fqn.into_iter().map(Arc::from).collect(),
        original_file_path: own.file.clone(),
        description: String::new(),
        source_description: String::new(),
        loader: "millstream".to_owned(),
        loaded_at_field: None,
        loaded_at_query: None,
        freshness: None,
        columns: IndexMap::new(),
        external: None,
        source_meta: Map::new(),
        patch_path: None,
        unrendered_database: None,
        unrendered_schema: None,
        doc_blocks: Vec::new(),
        config: Config::default(),
        unrendered_config: Config::default(),
    }
}
