//! The step of a statement that changes relations: one published version of each.

mod columns;

use std::sync::Arc;

use arrow_schema::SchemaRef;
use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::change::{Change, Missing, Rows, Taken};
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::step::{
    Attempt, Evidence, Receipt, Staged, Step, StepSpec, StepStats, Target,
};
use millstream_core::table::{SchemaChange, TablePart, WriteMode};
use millstream_core::warehouse::{Warehouse, evidence};

use super::plan::{Work, Writing};
use super::relations::{Reading, Relations};
use columns::Columns;

/// The step of a statement.
#[derive(Debug)]
pub struct ChangeStep {
    spec: StepSpec,
    change: Change,
    /// Relations that the statement sees and others do not.
    own: Vec<(Relation, CatalogEntry)>,
    relations: Relations,
}

impl ChangeStep {
    /// A step that changes the outputs of its spec, which [`ChangeStep::outputs`] tells. `own` are
    /// relations that nobody else sees.
    pub fn new(
        spec: StepSpec,
        change: Change,
        own: Vec<(Relation, CatalogEntry)>,
        warehouse: Arc<dyn Warehouse>,
    ) -> Self {
        Self { spec, change, own, relations: Relations(warehouse) }
    }

    /// The relations that a statement changes, given what there is: none if there is nothing to do.
    ///
    /// # Errors
    /// If a name is taken, or if there is no relation of a name.
    pub fn outputs(change: &Change, catalog: &CatalogSnapshot) -> Result<Vec<Relation>> {
        let exists = |relation: &Relation| catalog.get(relation).is_some();
        let known = |relation: &Relation| {
            if exists(relation) { Ok(relation.clone()) } else { Err(unknown(relation)) }
        };
        match change {
            Change::CreateTable { relation, taken, .. }
            | Change::CreateView { relation, taken, .. } => match (exists(relation), taken) {
                (true, Taken::Refuse) => Err(already(relation)),
                (true, Taken::Keep) => Ok(Vec::new()),
                _ => Ok(vec![relation.clone()]),
            },
            Change::Drop { relations, missing: Missing::Refuse }
            | Change::Truncate { relations } => relations.iter().map(known).collect(),
            Change::Drop { relations, missing: Missing::Ignore } => {
                Ok(relations.iter().filter(|relation| exists(relation)).cloned().collect())
            }
            Change::DropSchema { schema } => {
                let all = catalog.relations().map(|(relation, _)| relation);
                Ok(all.filter(|relation| relation.schema() == schema).cloned().collect())
            }
            Change::Rename { to, .. } if exists(to) => Err(already(to)),
            Change::Rename { from, to } => Ok(vec![to.clone(), known(from)?]),
            Change::Columns { relation, .. }
            | Change::Insert { relation, .. }
            | Change::Delete { relation, .. }
            | Change::Update { relation, .. } => known(relation).map(|relation| vec![relation]),
        }
    }

    /// What the change is for one of its relations.
    ///
    /// # Errors
    /// If the relation is not what the statement needs, or has no such column.
    pub async fn work(
        change: &Change,
        relation: &Relation,
        relations: &Relations,
        reading: &Reading,
    ) -> Result<Work> {
        Ok(match change {
            Change::CreateTable { rows, .. } => Work::replaced(rows.clone()),
            Change::CreateView { sql, .. } => Work::View { sql: sql.clone() },
            Change::Drop { .. } | Change::DropSchema { .. } => Work::Drop,
            Change::Rename { from, .. } if from == relation => Work::Drop,
            Change::Rename { from, .. } => match reading.catalog.get(from) {
                Some(CatalogEntry::View { sql, .. }) => Work::View { sql: sql.clone() },
                _ => Work::replaced(format!("select * from {}", from.quoted())),
            },
            Change::Columns { changes, .. } => {
                let columns = table(relation, relations, reading).await?;
                columns.changed(relation, changes)?
            }
            Change::Insert { columns, rows, .. } => {
                let table = table(relation, relations, reading).await?;
                let given = relations.0.schema(&reading.query(rows)).await?;
                let sql = table.inserted(relation, columns, rows, &given)?;
                let writing = Writing::meeting(WriteMode::Append, SchemaChange::Ignore);
                Work::Table { sql, writing }
            }
            Change::Delete { which, .. } => {
                table(relation, relations, reading).await?;
                deleted(relation, which)
            }
            Change::Update { alias, set, which, .. } => {
                let columns = table(relation, relations, reading).await?;
                columns.updated(relation, alias, set, which)?
            }
            Change::Truncate { .. } => {
                table(relation, relations, reading).await?;
                deleted(relation, &Rows::All)
            }
        })
    }

    fn relation_of(target: &AssetKey) -> Result<Relation> {
        target.relation().ok_or_else(|| {
            Plain::internal("step.shape", format!("a statement changes no {target}")).into()
        })
    }
}

/// The columns of a table. A view has rows of others.
async fn table(relation: &Relation, relations: &Relations, reading: &Reading) -> Result<Columns> {
    match reading.catalog.get(relation) {
        Some(CatalogEntry::Table { .. } | CatalogEntry::Staged(_)) => {}
        Some(_) => {
            let message = format!("`{relation}` is a view, whose rows cannot be changed");
            return Err(Plain::user("sql.not_a_table", message)
                .with_hint("change the tables that it reads")
                .into());
        }
        None => return Err(unknown(relation)),
    }
    let all = reading.query(format!("select * from {}", relation.quoted()));
    let schema: SchemaRef = relations.0.schema(&all).await?;
    Ok(Columns(schema))
}

fn deleted(relation: &Relation, which: &Rows) -> Work {
    let name = relation.quoted();
    match which {
        Rows::All => Work::replaced(format!("select * from {name} limit 0")),
        Rows::Where(condition) => Work::Table {
            sql: format!("select * from {name} limit 0"),
            writing: overwriting(condition),
        },
        Rows::WhereRead { alias, condition } => Work::replaced(format!(
            "select * from {name} as \"{alias}\" where ({condition}\n) is not true"
        )),
    }
}

/// The rows that meet a condition go.
fn overwriting(condition: &str) -> Writing {
    let mode = WriteMode::Overwrite { part: TablePart::Where(condition.to_owned()) };
    Writing::meeting(mode, SchemaChange::Ignore)
}

fn unknown(relation: &Relation) -> millstream_core::Error {
    Plain::user("sql.unknown_table", format!("relation `{relation}` does not exist")).into()
}

fn already(relation: &Relation) -> millstream_core::Error {
    Plain::user("sql.relation_exists", format!("relation `{relation}` already exists"))
        .with_hint("drop it before, or say `or replace` or `if not exists`")
        .into()
}

impl Step for ChangeStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let mut reading = Reading::of(attempt);
            for (relation, entry) in &self.own {
                reading.catalog = reading.catalog.with(relation.clone(), entry.clone());
            }
            let mut staged = Staged::default();
            for output in &self.spec.outputs {
                let relation = Self::relation_of(output)?;
                let work = Self::work(&self.change, &relation, &self.relations, &reading).await?;
                let prepared = self.relations.stage(&relation, work, &reading).await?;
                staged.targets.push(prepared.target);
                staged.stats = added(staged.stats, &prepared.stats);
            }
            Ok(staged)
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(self.relations.publish(target, effect))
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(self.relations.find(target, effect))
    }

    fn evidence(&self, staged: &Staged) -> Evidence {
        evidence(staged)
    }

    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let relation = Self::relation_of(output)?;
            self.relations.0.sequence(&relation, application).await
        })
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            for output in &self.spec.outputs {
                self.relations.0.discard(&Self::relation_of(output)?, attempt).await?;
            }
            Ok(())
        })
    }
}

fn added(one: StepStats, other: &StepStats) -> StepStats {
    StepStats {
        rows_out: one.rows_out + other.rows_out,
        bytes_out: one.bytes_out + other.bytes_out,
        ..one
    }
}
