//! Changes by key: new rows meet the old ones with the same key.
//!
//! The new rows are held or written down first, because they are read more than once: to find the
//! files that hold one of their keys, to write those anew, and to be added.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ident, lit};
use futures::TryStreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;
use millstream_core::table::{MergeRules, NullKeys, UpdateColumns};

use crate::error::{EngineError, from_datafusion, nearest};
use crate::incoming::{Incoming, NullKey, ORDINAL};
use crate::lake::LakeFile;
use crate::stage::{
    Change, FILE_NUMBER, FileChange, NEW_ROW, OLD_ROW, enclosed, integers, numbered_files, paths,
    quoted,
};
use crate::write::FileWriter;

/// Part of a key where only keys are matched, so that conditions may name columns of the table
/// without saying of which row.
const KEY_PART: &str = "__key_";

/// A change by key.
pub(crate) struct Merge<'a> {
    change: Change<'a>,
    key: &'a [String],
    null_key: NullKey,
    conditions: &'a [String],
    matched: Matched<'a>,
}

/// What becomes of old rows that match.
#[derive(Clone, Copy)]
enum Matched<'a> {
    /// They go; of the new rows with one key the last is added.
    Replaced,
    /// They take some columns of the last new row with their key.
    Updated(&'a UpdateColumns),
    /// They go; all new rows are added.
    Deleted,
}

impl<'a> Merge<'a> {
    /// One row for each key.
    pub(crate) fn of_rows(change: Change<'a>, key: &'a [String], rules: &'a MergeRules) -> Self {
        let null_key = match rules.null_keys {
            NullKeys::Refuse => NullKey::Refused,
            NullKeys::Insert => NullKey::MatchesNothing,
        };
        let matched = match &rules.update {
            UpdateColumns::All => Matched::Replaced,
            some => Matched::Updated(some),
        };
        Self { change, key, null_key, conditions: &rules.conditions, matched }
    }

    /// Old rows with a key of the new ones go.
    pub(crate) fn delete_insert(
        change: Change<'a>,
        key: &'a [String],
        conditions: &'a [String],
    ) -> Self {
        let (null_key, matched) = (NullKey::MatchesNothing, Matched::Deleted);
        Self { change, key, null_key, conditions, matched }
    }

    /// Old rows of a partition that occurs among the new ones go.
    pub(crate) fn partitions(change: Change<'a>, columns: &'a [String]) -> Self {
        let (null_key, matched) = (NullKey::MatchesNull, Matched::Deleted);
        Self { change, key: columns, null_key, conditions: &[], matched }
    }

    pub(crate) async fn run(&self, rows: BatchStream) -> Result<FileChange> {
        self.check_columns()?;
        let incoming = Incoming::collect(&self.change, self.key, self.null_key, rows).await?;
        let merged = self.merge(&incoming).await;
        incoming.remove(&self.change).await?;
        merged
    }

    fn check_columns(&self) -> Result<()> {
        let schema = self.change.schema;
        for column in self.key {
            if schema.index_of(column).is_err() {
                let relation = self.change.target.relation.clone();
                return Err(EngineError::NoKeyColumn { relation, column: column.clone() }.into());
            }
        }
        let Matched::Updated(UpdateColumns::Only(named) | UpdateColumns::Except(named)) =
            self.matched
        else {
            return Ok(());
        };
        for column in named {
            if schema.index_of(column).is_err() {
                let known = schema.fields().iter().map(|field| field.name().as_str());
                let near = nearest(column, known);
                return Err(EngineError::UnknownColumn { name: column.clone(), near }.into());
            }
        }
        Ok(())
    }

    async fn merge(&self, incoming: &Incoming) -> Result<FileChange> {
        let rewritten = self.change.rewritten();
        if incoming.rows == 0 && rewritten.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let sources = Sources::of(self, incoming).await?;
        let touched = match rewritten {
            [] => self.touched_files(incoming, &sources).await?,
            all => all.to_vec(),
        };
        let mut writer = self.change.writer()?;
        let fed = self.feed(&mut writer, &touched, incoming, &sources).await;
        Ok((writer.settle(fed).await?, paths(&touched)))
    }

    /// The rows of the touched files that stay, then the new ones.
    async fn feed(
        &self,
        writer: &mut FileWriter,
        touched: &[Arc<LakeFile>],
        incoming: &Incoming,
        sources: &Sources,
    ) -> Result<()> {
        let change = &self.change;
        let base = || incoming.beside(change.base_table(touched.to_vec()));
        if !touched.is_empty() {
            let sql = self.kept_sql(sources);
            change.push(writer, &sql, base(), incoming.joins).await?;
        }
        let added =
            format!("select {} from {} {NEW_ROW}", change.new_columns(NEW_ROW), sources.added);
        if touched.is_empty() || !matches!(self.matched, Matched::Updated(_)) {
            return change.push(writer, &added, incoming.alone(), incoming.joins).await;
        }
        let sql = format!("{added} left anti join base {OLD_ROW} on {}", self.matches());
        change.push(writer, &sql, base(), incoming.joins).await
    }

    /// The rows of the table `base` that stay.
    fn kept_sql(&self, sources: &Sources) -> String {
        let on = self.matches();
        match self.matched {
            Matched::Replaced | Matched::Deleted => format!(
                "select {} from {} {NEW_ROW} right anti join base {OLD_ROW} on {on}",
                self.change.old_columns(OLD_ROW),
                sources.matching
            ),
            Matched::Updated(columns) => format!(
                "select {} from {} {NEW_ROW} right join base {OLD_ROW} on {on}",
                self.updated_columns(columns),
                sources.matching
            ),
        }
    }

    fn updated_columns(&self, columns: &UpdateColumns) -> String {
        let taken = |name: &String| match columns {
            UpdateColumns::All => true,
            UpdateColumns::Only(named) => named.contains(name),
            UpdateColumns::Except(named) => !named.contains(name),
        };
        let column = |name: &String| {
            let old = if self.change.is_old(name) {
                format!("{OLD_ROW}.{}", quoted(name))
            } else {
                "null".to_owned()
            };
            if !taken(name) {
                return format!("{old} as {}", quoted(name));
            }
            let new = format!("{NEW_ROW}.{0}", quoted(name));
            format!(
                "case when {NEW_ROW}.{ORDINAL} is null then {old} else {new} end as {}",
                quoted(name)
            )
        };
        let fields = self.change.schema.fields().iter();
        fields.map(|field| column(field.name())).collect::<Vec<_>>().join(", ")
    }

    /// The files of the base with a row that matches.
    async fn touched_files(
        &self,
        incoming: &Incoming,
        sources: &Sources,
    ) -> Result<Vec<Arc<LakeFile>>> {
        let files = self.change.base_files();
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let range = self.key_range(incoming).await?;
        let whole = self.change.base_table(files.to_vec());
        let kept = self.change.stager.sessions.prune(&whole, &range)?;
        let candidates: Vec<_> = kept.into_iter().map(|file| Arc::clone(&files[file])).collect();
        if candidates.is_empty() {
            return Ok(candidates);
        }
        let numbered = self.change.base_table(candidates.clone()).numbered(FILE_NUMBER);
        let sql = format!(
            "select distinct {OLD_ROW}.{FILE_NUMBER} from {} {NEW_ROW} \
             right semi join base {OLD_ROW} on {}",
            sources.matching,
            self.matches()
        );
        let tables = incoming.beside(numbered);
        let planned = self.change.stager.plan(&sql, tables, incoming.joins).await?;
        Ok(numbered_files(&candidates, integers(planned).await?))
    }

    /// Filters that are true of every key that can match.
    async fn key_range(&self, incoming: &Incoming) -> Result<Vec<Expr>> {
        let nulls = incoming.nulls.iter();
        let bounded = self.key.iter().zip(nulls).filter(|(_, nulls)| {
            // A filter is not true of a null.
            self.null_key != NullKey::MatchesNull || **nulls == 0
        });
        let bounded: Vec<&String> = bounded.map(|(column, _)| column).collect();
        let bounds: Vec<String> = bounded
            .iter()
            .flat_map(|column| ["min", "max"].map(|bound| format!("{bound}({})", quoted(column))))
            .collect();
        if bounds.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!("select {} from incoming", bounds.join(", "));
        let planned = self.change.stager.plan(&sql, incoming.alone(), incoming.joins).await?;
        let batches: Vec<RecordBatch> =
            planned.run().try_collect().await.map_err(from_datafusion)?;
        let mut range = Vec::new();
        for batch in batches.iter().filter(|batch| batch.num_rows() == 1) {
            for (place, column) in bounded.iter().enumerate() {
                let bound = |index| {
                    ScalarValue::try_from_array(batch.column(index), 0).map_err(from_datafusion)
                };
                let (low, high) = (bound(2 * place)?, bound(2 * place + 1)?);
                range.push(ident(column.as_str()).gt_eq(lit(low)));
                range.push(ident(column.as_str()).lt_eq(lit(high)));
            }
        }
        Ok(range)
    }

    /// When an old and a new row match.
    fn matches(&self) -> String {
        let equal = match self.null_key {
            NullKey::MatchesNull => "is not distinct from",
            NullKey::Refused | NullKey::MatchesNothing => "=",
        };
        let same = |(place, column): (usize, &String)| {
            let new = match self.matched {
                Matched::Deleted => format!("{KEY_PART}{place}"),
                Matched::Replaced | Matched::Updated(_) => quoted(column),
            };
            format!("{OLD_ROW}.{} {equal} {NEW_ROW}.{new}", quoted(column))
        };
        let keys = self.key.iter().enumerate().map(same);
        let conditions = self.conditions.iter().map(|condition| enclosed(condition));
        keys.chain(conditions).collect::<Vec<_>>().join(" and ")
    }

    fn key_columns(&self) -> String {
        self.key.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
    }

    fn key_is(&self, test: &str, operator: &str) -> String {
        let tests = self.key.iter().map(|column| format!("{} {test}", quoted(column)));
        tests.collect::<Vec<_>>().join(operator)
    }
}

/// The new rows in our own SQL.
struct Sources {
    /// Those that old rows are matched with; one for each key, so that a match is found once.
    matching: String,
    /// Those that are added.
    added: String,
}

impl Sources {
    async fn of(merge: &Merge<'_>, incoming: &Incoming) -> Result<Self> {
        let all = "incoming".to_owned();
        let unique = Self::has_unique_keys(merge, incoming).await?;
        let keys = merge.key_columns();
        Ok(match merge.matched {
            Matched::Deleted => {
                let named = merge.key.iter().enumerate();
                let named =
                    named.map(|(place, key)| format!("{} as {KEY_PART}{place}", quoted(key)));
                let named = named.collect::<Vec<_>>().join(", ");
                let distinct = if unique { "" } else { "distinct " };
                Self { matching: format!("(select {distinct}{named} from incoming)"), added: all }
            }
            _ if unique => Self { matching: all.clone(), added: all },
            Matched::Replaced | Matched::Updated(_) => {
                let newest = format!(
                    "(select i.* from (select max({ORDINAL}) as last from incoming where {} \
                     group by {keys} union all select {ORDINAL} from incoming where {}) w \
                     right semi join incoming i on w.last = i.{ORDINAL})",
                    merge.key_is("is not null", " and "),
                    merge.key_is("is null", " or "),
                );
                Self { matching: newest.clone(), added: newest }
            }
        })
    }

    async fn has_unique_keys(merge: &Merge<'_>, incoming: &Incoming) -> Result<bool> {
        let key = merge.key_columns();
        let sql = format!("select count(*) from (select {key} from incoming group by {key})");
        let planned = merge.change.stager.plan(&sql, incoming.alone(), incoming.joins).await?;
        let count = integers(planned).await?.first().map_or(0, |count| count.unsigned_abs());
        Ok(count == incoming.rows)
    }
}
