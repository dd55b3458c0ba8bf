//! A connection to the embedded engine: statements of one thread, in order.
//!
//! Every change is published for itself, through the steps of the run. What belongs to the
//! connection alone are its temporary tables: files that no version ever names.

use std::sync::Arc;

use futures::TryStreamExt;
use millstream_core::asset::AssetKey;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::change::{Change, Life, Missing, Statement, Transaction};
use millstream_core::error::{Plain, Result};
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::log::AttemptLog;
use millstream_core::name::Relation;
use millstream_core::slot::Slot;
use millstream_core::sql::{SqlAnswer, SqlConnection};
use millstream_core::step::{StepKind, StepSpec};
use millstream_core::table::{FileSize, WriteMode};
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_dbt::step::{ChangeStep, Reading, Relations, Work, Writing};

use super::{Inner, STEP_TIMEOUT, answer, make};

/// A connection.
#[derive(Debug)]
pub(super) struct EmbeddedConnection {
    inner: Arc<Inner>,
    temporary: Vec<Temporary>,
    /// Whether something was published since a transaction began.
    changed: bool,
}

/// A temporary table.
#[derive(Debug)]
struct Temporary {
    relation: Relation,
    entry: CatalogEntry,
    /// Names its files.
    attempt: AttemptId,
}

impl SqlConnection for EmbeddedConnection {
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer> {
        let sql = sql.trim().trim_end_matches(';');
        if begins_as_query(sql) {
            match self.query(sql) {
                Err(error) if error.code() == "sql.not_a_query" => {}
                answered => return answered,
            }
        }
        let mut answer = said("OK");
        for statement in millstream_engine::read_statements(sql)? {
            answer = self.statement(statement)?;
        }
        Ok(answer)
    }
}

/// Whether the text is likely to be one query, which needs no other reading.
pub(super) fn begins_as_query(sql: &str) -> bool {
    let word: String = sql.chars().take_while(char::is_ascii_alphabetic).collect();
    matches!(word.to_ascii_lowercase().as_str(), "select" | "with" | "values" | "explain" | "")
}

impl EmbeddedConnection {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, temporary: Vec::new(), changed: false }
    }

    fn statement(&mut self, statement: Statement) -> Result<SqlAnswer> {
        match statement {
            Statement::Query(sql) => self.query(&sql),
            Statement::Nothing(word) => Ok(said(word)),
            Statement::Transaction(bound) => self.bound(bound),
            Statement::Change(change) => self.change(change),
        }
    }

    /// Every change is a transaction of its own, so that there is nothing to undo later.
    fn bound(&mut self, bound: Transaction) -> Result<SqlAnswer> {
        let changed = std::mem::take(&mut self.changed);
        match bound {
            Transaction::Begin => Ok(said("BEGIN")),
            Transaction::Commit => Ok(said("COMMIT")),
            Transaction::Rollback if changed => Err(Plain::user(
                "sql.no_rollback",
                "what was changed since `begin` is published and cannot be rolled back",
            )
            .with_hint("each statement is a transaction of its own; make one statement of them")
            .into()),
            Transaction::Rollback => Ok(said("ROLLBACK")),
        }
    }

    fn query(&self, sql: &str) -> Result<SqlAnswer> {
        let inner = Arc::clone(&self.inner);
        let now = inner.backends.clock.now();
        let query = Query { sql: sql.to_owned(), catalog: self.catalog()?, now };
        self.inner.runtime.block_on(async move {
            let read = async {
                let rows = inner.backends.engine.query(&query).await?;
                let schema = rows.schema.clone();
                let batches: Vec<_> = rows.batches.try_collect().await?;
                answer::of_rows(&schema, &batches)
            };
            tokio::select! {
                biased;
                () = inner.cancel.cancelled() => Err(cancelled().into()),
                read = read => read,
            }
        })
    }

    /// What names mean to this connection.
    fn catalog(&self) -> Result<CatalogSnapshot> {
        let mut catalog = self.inner.backends.catalog()?;
        for table in &self.temporary {
            catalog = catalog.with(table.relation.clone(), table.entry.clone());
        }
        Ok(catalog)
    }

    fn change(&mut self, change: Change) -> Result<SqlAnswer> {
        let word = change.word();
        if let Change::CreateTable { relation, life: Life::Temporary, .. } = &change {
            let relation = relation.clone();
            self.forget(&relation)?;
            return self.work_on_own(&change, &relation);
        }
        let outputs = ChangeStep::outputs(&change, &self.catalog()?)?;
        let (own, others): (Vec<_>, Vec<_>) =
            outputs.into_iter().partition(|relation| self.is_own(relation));
        let mut answer = said(word);
        for relation in &own {
            answer = self.work_on_own(&change, relation)?;
        }
        if others.is_empty() {
            return Ok(answer);
        }
        let change = without(change, &own);
        let step = self.step(change, &others);
        let report = self.inner.runtime.block_on(self.inner.run.step(step, Slot::default()))?;
        let rows = report.stats.rows_out;
        make::published(report)?;
        self.changed = true;
        Ok(match word {
            "INSERT" => counted(word, rows),
            _ => said(word),
        })
    }

    fn step(&self, change: Change, outputs: &[Relation]) -> Arc<ChangeStep> {
        let definition = serde_json::to_string(&change).unwrap_or_default();
        let spec = StepSpec {
            kind: StepKind::Statement,
            outputs: outputs.iter().map(AssetKey::table).collect(),
            inputs: Vec::new(),
            definition: ContentHash::of_parts([definition.as_str()]),
            timeout: STEP_TIMEOUT,
            execution: millstream_core::execution::Execution::default(),
            partitions: None,
            flow: millstream_core::flow::Flow::default(),
        };
        let own = self.temporary.iter().map(|table| (table.relation.clone(), table.entry.clone()));
        let engine = self.inner.backends.engine.clone();
        Arc::new(ChangeStep::new(spec, change, own.collect(), engine))
    }

    fn is_own(&self, relation: &Relation) -> bool {
        self.temporary.iter().any(|table| table.relation == *relation)
    }

    /// Changes a temporary table: it is staged, and stays so.
    fn work_on_own(&mut self, change: &Change, relation: &Relation) -> Result<SqlAnswer> {
        let engine = self.inner.backends.engine.clone();
        let relations = Relations(engine);
        let (catalog, now) = (self.catalog()?, self.inner.backends.clock.now());
        let log = AttemptLog::default();
        let (attempt, comments) = (AttemptId::new(), None);
        let reading = Reading { catalog, now, attempt, log, comments };
        let runtime = self.inner.runtime.clone();
        let word = change.word();
        let work = ChangeStep::work(change, relation, &relations, &reading);
        let sql = match runtime.block_on(work)? {
            Work::Drop => {
                self.forget(relation)?;
                return Ok(said(word));
            }
            Work::View { sql } => sql,
            Work::Table { sql, writing } => whole(relation, sql, &writing.mode)?,
        };
        let writing = Writing::replaced(FileSize::Large);
        let staged = runtime.block_on(relations.rows(relation, &sql, writing, &reading))?;
        let rows = staged.rows;
        self.forget(relation)?;
        self.temporary.push(Temporary {
            relation: relation.clone(),
            entry: CatalogEntry::Staged(staged),
            attempt: reading.attempt,
        });
        Ok(counted(word, rows))
    }

    /// Removes a temporary table.
    fn forget(&mut self, relation: &Relation) -> Result<()> {
        let Some(place) = self.temporary.iter().position(|table| table.relation == *relation)
        else {
            return Ok(());
        };
        let table = self.temporary.remove(place);
        let discarded = self.inner.backends.engine.discard(&table.relation, table.attempt);
        self.inner.runtime.block_on(discarded)
    }
}

impl Drop for EmbeddedConnection {
    fn drop(&mut self) {
        let relations: Vec<Relation> =
            self.temporary.iter().map(|table| table.relation.clone()).collect();
        for relation in relations {
            if let Err(error) = self.forget(&relation) {
                tracing::warn!(%relation, %error, "a temporary table is left to vacuum");
            }
        }
    }
}

/// All rows of a temporary table after a change, as one query.
fn whole(relation: &Relation, sql: String, mode: &WriteMode) -> Result<String> {
    use millstream_core::table::TablePart;
    let name = relation.quoted();
    Ok(match mode {
        WriteMode::Append => format!("select * from {name} union all by name (\n{sql}\n)"),
        WriteMode::Overwrite { part: TablePart::Where(condition) } => {
            format!("select * from {name} where ({condition}\n) is not true union all (\n{sql}\n)")
        }
        WriteMode::Replace => sql,
        _ => {
            let message = format!("`{relation}` cannot be changed so");
            return Err(Plain::internal("sql.temporary", message).into());
        }
    })
}

/// A change of several relations without those that are done.
fn without(change: Change, done: &[Relation]) -> Change {
    match change {
        Change::Drop { relations, .. } => {
            let left = relations.into_iter().filter(|relation| !done.contains(relation));
            Change::Drop { relations: left.collect(), missing: Missing::Ignore }
        }
        other => other,
    }
}

/// The answer to what gives no rows.
pub(super) fn said(word: &str) -> SqlAnswer {
    SqlAnswer { code: word.to_owned(), status: word.to_owned(), ..SqlAnswer::default() }
}

fn counted(word: &str, rows: u64) -> SqlAnswer {
    SqlAnswer { status: format!("{word} {rows}"), rows_affected: Some(rows), ..said(word) }
}

fn cancelled() -> Plain {
    Plain::user("run.cancelled", "the run was cancelled")
}
