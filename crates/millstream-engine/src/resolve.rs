//! The relations that a query names, found in its catalog.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemoryCatalogProvider, TableProvider};
use datafusion::common::TableReference;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::error::Result;
use millstream_core::name::{DEFAULT_SCHEMA, Relation};
use millstream_core::table::StagedTable;

use crate::dialect::{self, AsOf};
use crate::error::{EngineError, from_datafusion, nearest};
use crate::functions;
use crate::information_schema::{self, Comment, INFORMATION_SCHEMA, Known, Said};
use crate::lake::{Lake, LakeFile, TableState, schema_from_json};
use crate::log;
use crate::outside;
use crate::provider::LakeTable;
use crate::session::add_name;
use crate::stream::ScanPartition;

/// Views inside views.
const VIEW_DEPTH_MAX: usize = 64;

/// Makes providers of the names that a query uses, and only of those.
pub(crate) struct Resolver<'a> {
    pub(crate) lake: &'a Lake,
    pub(crate) catalog: &'a CatalogSnapshot,
    pub(crate) state: &'a SessionState,
    pub(crate) names: Arc<MemoryCatalogProvider>,
    pub(crate) done: HashSet<(String, String)>,
}

impl Resolver<'_> {
    pub(crate) fn plan<'a>(
        &'a mut self,
        mut statement: Statement,
        inside: &'a mut Vec<Relation>,
    ) -> BoxFuture<'a, Result<LogicalPlan>> {
        Box::pin(async move {
            outside::take_present(self.state, &mut statement);
            if let Some(unknown) = functions::unknown_function(self.state, &statement) {
                return Err(unknown.into());
            }
            let references =
                self.state.resolve_table_references(&statement).map_err(from_datafusion)?;
            let is_information = |reference: &TableReference| {
                reference.schema().is_some_and(|schema| schema == INFORMATION_SCHEMA)
            };
            let comment = if references.iter().any(is_information) {
                Comment::of_statement(&statement.to_string())
            } else {
                Comment::Unasked
            };
            for reference in references {
                self.resolve(&reference, comment, inside).await?;
            }
            self.state.statement_to_plan(statement).await.map_err(from_datafusion)
        })
    }

    async fn resolve(
        &mut self,
        reference: &TableReference,
        comment: Comment,
        inside: &mut Vec<Relation>,
    ) -> Result<()> {
        if let Some(database) = reference.catalog() {
            // There is one database; whatever it is called, its relations are these.
            let names = Arc::clone(&self.names) as _;
            self.state.catalog_list().register_catalog(database.to_owned(), names);
        }
        let schema = reference.schema().unwrap_or(DEFAULT_SCHEMA).to_owned();
        let planned_name = reference.table().to_owned();
        let is_function = reference.schema().is_none()
            && self.state.table_functions().contains_key(&planned_name);
        if is_function || self.done.contains(&(schema.clone(), planned_name.clone())) {
            return Ok(());
        }
        if schema == INFORMATION_SCHEMA {
            let table = self.information(&planned_name, comment, inside).await?;
            add_name(&self.names, &schema, &planned_name, table)?;
            self.done.insert((schema, planned_name));
            return Ok(());
        }
        let (name, as_of) = dialect::split_version(&planned_name);
        let relation = Relation::new(&schema, name).ok();
        let known = relation.and_then(|relation| {
            let entry = self.catalog.get(&relation)?.clone();
            Some((relation, entry))
        });
        let Some((relation, entry)) = known else { return Err(self.unknown(reference).into()) };
        let table = self.provider(&relation, entry, as_of, inside).await?;
        add_name(&self.names, &schema, &planned_name, table)?;
        self.done.insert((schema, planned_name));
        Ok(())
    }

    async fn information(
        &mut self,
        name: &str,
        comment: Comment,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        let view = information_schema::View::of_name(name)?;
        let catalog = self.catalog;
        let mut known = Vec::new();
        for (relation, entry) in catalog.relations() {
            let kind = match entry {
                CatalogEntry::View { .. } => "VIEW",
                _ => "BASE TABLE",
            };
            let schema = match view {
                // A view that cannot be planned has no columns; its readers learn why.
                information_schema::View::Columns => {
                    let provider = self.provider(relation, entry.clone(), None, inside).await;
                    provider.ok().map(|provider| provider.schema())
                }
                _ => None,
            };
            let comments = match entry {
                CatalogEntry::Table { version } => Said::Logged { version: *version },
                CatalogEntry::View { comments, .. } => Said::Known(Arc::clone(comments)),
                CatalogEntry::Staged(_) | CatalogEntry::Scan(_) => Said::Known(Arc::default()),
            };
            known.push(Known { relation: relation.clone(), kind, schema, comments });
        }
        view.table(self.lake, &known, comment).await
    }

    fn unknown(&self, reference: &TableReference) -> EngineError {
        let name = match reference.schema() {
            Some(schema) => format!("{schema}.{}", reference.table()),
            None => reference.table().to_owned(),
        };
        let known: Vec<String> =
            self.catalog.relations().map(|(relation, _)| relation.to_string()).collect();
        let plain = format!("{DEFAULT_SCHEMA}.");
        let candidates = known.iter().map(|known| known.strip_prefix(&plain).unwrap_or(known));
        let elsewhere = || {
            let suffix = format!(".{name}");
            known.iter().find(|known| known.ends_with(&suffix)).cloned()
        };
        let near = nearest(&name, candidates).or_else(elsewhere);
        EngineError::UnknownTable { name, near }
    }

    async fn provider(
        &mut self,
        relation: &Relation,
        entry: CatalogEntry,
        as_of: Option<AsOf>,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        match (entry, as_of) {
            (CatalogEntry::Table { version }, None) => self.table(relation, version).await,
            (CatalogEntry::Table { version }, Some(as_of)) => {
                let wanted = self.version(relation, &as_of).await?;
                // What the catalog does not name yet is not committed.
                if wanted > version {
                    let relation = relation.clone();
                    return Err(EngineError::NoVersion { relation, version: wanted }.into());
                }
                self.table(relation, wanted).await
            }
            (CatalogEntry::View { sql, .. }, None) => self.view(relation, &sql, inside).await,
            (CatalogEntry::Staged(staged), None) => {
                Ok(Arc::new(staged_table(self.lake, &staged).await?))
            }
            (CatalogEntry::Scan(scan), None) => {
                let partition = ScanPartition::new(scan);
                let schema = partition.schema_ref();
                let table = StreamingTable::try_new(schema, vec![Arc::new(partition)]);
                Ok(Arc::new(table.map_err(from_datafusion)?))
            }
            (_, Some(_)) => {
                let message = format!("`{relation}` keeps no versions to ask for");
                Err(EngineError::Unsupported { message }.into())
            }
        }
    }

    async fn version(&self, relation: &Relation, as_of: &AsOf) -> Result<u64> {
        match as_of {
            AsOf::Version(version) => Ok(*version),
            AsOf::Moment(text) => {
                let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text);
                let nanos = nanos.map_err(|_| EngineError::Type {
                    message: format!("`{text}` is not a moment such as `2026-01-31 12:00:00`"),
                })?;
                log::version_at(self.lake, relation, nanos.div_euclid(1000), text).await
            }
        }
    }

    async fn table(&self, relation: &Relation, version: u64) -> Result<Arc<dyn TableProvider>> {
        let state = self.lake.at(relation, version).await?;
        Ok(Arc::new(table_of(relation, &state)))
    }

    async fn view(
        &mut self,
        relation: &Relation,
        sql: &str,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        if inside.contains(relation) || inside.len() >= VIEW_DEPTH_MAX {
            let path = inside.iter().chain([relation]).map(ToString::to_string);
            let path = path.collect::<Vec<_>>().join(" -> ");
            return Err(EngineError::ViewCycle { name: relation.to_string(), path }.into());
        }
        inside.push(relation.clone());
        let plan = self.plan(dialect::parse(sql)?, inside).await?;
        inside.pop();
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_owned()))))
    }
}

/// A table version as the planner sees it.
pub(crate) fn table_of(relation: &Relation, state: &TableState) -> LakeTable {
    let root = Lake::table_path(relation);
    LakeTable::new(root, Arc::clone(&state.schema), state.files.clone())
}

/// A staged table as it will be once it is published.
async fn staged_table(lake: &Lake, staged: &StagedTable) -> Result<LakeTable> {
    let mut files = match staged.base_version {
        Some(version) => lake.at(&staged.relation, version).await?.files.clone(),
        None => Vec::new(),
    };
    let removed: HashSet<&str> = staged.remove.iter().map(String::as_str).collect();
    files.retain(|file| !removed.contains(file.path.as_str()));
    files.extend(staged.add.iter().map(|file| Arc::new(LakeFile::of_staged(file))));
    let (schema, _) = schema_from_json(&staged.schema)?;
    Ok(LakeTable::new(Lake::table_path(&staged.relation), schema, files))
}
