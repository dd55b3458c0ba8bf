//! Ground truth: the content of a source is changed, and every output column that changes with it
//! must have been predicted.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use millstream_core::AssetKey;
use millstream_core::lineage::{Edges, Lineage};

use super::Desk;

/// What was predicted and what was seen.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Pairs of a source column and a query.
    pub(super) queries: Figure,
    /// Pairs of a source column and a column of the answer.
    pub(super) columns: Figure,
    /// What changed and was not predicted.
    pub(super) missed: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Figure {
    /// Pairs of which lineage says that one depends on the other.
    pub(super) predicted: usize,
    /// Those in which a change of the one was seen in the other.
    pub(super) shown: usize,
    /// Pairs of which lineage says the contrary.
    pub(super) silent: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { queries, columns, .. } = self;
        writeln!(f, "source columns and queries: {queries}")?;
        write!(f, "source columns and output columns: {columns}")
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { predicted, shown, silent } = self;
        let percent = shown * 100 / predicted.max(&1);
        let unseen = predicted - shown;
        write!(f, "{predicted} edges predicted, {shown} seen to matter ({percent} %), ")?;
        write!(f, "{unseen} never seen; {silent} pairs have no edge and none was seen")
    }
}

/// Changes each column of each table that a query may read, and then which rows it has.
pub(super) async fn mutate(
    desk: &mut Desk,
    tables: &[(&str, RecordBatch)],
    name: &str,
    sql: &str,
    figures: &mut Figures,
) {
    let lineage = desk.lineage(sql).await;
    let before = Answer::of(&desk.rows(sql).await);
    assert!(before.rows.len() > 1, "{name} finds nothing to change");
    for (table, rows) in tables.iter().filter(|(table, _)| sql.contains(table)) {
        for (index, field) in rows.schema().fields().iter().enumerate() {
            let expected = affected(&lineage, |edges| reads_column(edges, table, field.name()));
            let mutations = [rotated(rows, index), altered(desk, table, rows, index).await];
            let changed = changed(desk, (table, rows), sql, &before, mutations, &expected).await;
            for output in changed.difference(&expected) {
                let column = field.name();
                figures.missed.push(format!("{name}: {table}.{column} changes {output}"));
            }
            figures.queries.count(!expected.is_empty(), !changed.is_empty());
            for output in &before.names {
                figures.columns.count(expected.contains(output), changed.contains(output));
            }
        }
        let expected = rows_affected(&lineage, table);
        let mutations = [rows.slice(0, rows.num_rows() / 2), rows.slice(1, rows.num_rows() - 1)];
        let changed = changed(desk, (table, rows), sql, &before, mutations, &expected).await;
        for output in changed.difference(&expected) {
            figures.missed.push(format!("{name}: the rows of {table} change {output}"));
        }
    }
}

impl Figure {
    fn count(&mut self, predicted: bool, shown: bool) {
        self.predicted += usize::from(predicted);
        self.shown += usize::from(shown);
        self.silent += usize::from(!predicted);
    }
}

async fn changed<const N: usize>(
    desk: &mut Desk,
    (table, rows): (&str, &RecordBatch),
    sql: &str,
    before: &Answer,
    mutations: [RecordBatch; N],
    expected: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut changed = BTreeSet::new();
    for mutation in mutations {
        desk.hold(table, mutation);
        changed.extend(before.changed(&Answer::of(&desk.rows(sql).await), expected));
    }
    desk.hold(table, rows.clone());
    changed
}

/// The output columns that are predicted to depend on something.
pub(super) fn affected(lineage: &Lineage, depends: impl Fn(&Edges) -> bool) -> BTreeSet<String> {
    let columns = lineage.columns.iter();
    let columns = columns.filter(|output| depends(&lineage.all_of(&output.lineage)));
    columns.map(|output| output.name.clone()).collect()
}

fn reads_column(edges: &Edges, table: &str, column: &str) -> bool {
    edges.iter().any(|edge| {
        let named = edge.from.column.as_ref().is_some_and(|path| path.name() == column);
        named && edge.from.asset.name == format!("main.{table}")
    })
}

/// The columns that other rows of a table change: all, if the rows of the answer are made of them;
/// else those that are made of anything of that table.
fn rows_affected(lineage: &Lineage, table: &str) -> BTreeSet<String> {
    let asset = AssetKey::table(&table.parse().unwrap());
    let reads = lineage.reads.contains(&asset);
    affected(lineage, |edges| reads || edges.iter().any(|edge| edge.from.asset == asset))
}

/// The rows of an answer, in an order of their own.
pub(super) struct Answer {
    names: Vec<String>,
    columns: Vec<Vec<String>>,
    rows: Vec<String>,
}

impl Answer {
    pub(super) fn of(batch: &RecordBatch) -> Self {
        let text = |column: &ArrayRef, row| array_value_to_string(column, row).unwrap();
        let sorted = |mut values: Vec<String>| {
            values.sort();
            values
        };
        let rows = 0..batch.num_rows();
        let columns = batch.columns().iter();
        let columns =
            columns.map(|column| sorted(rows.clone().map(|row| text(column, row)).collect()));
        let whole = rows.clone().map(|row| {
            batch.columns().iter().fold(String::new(), |mut line, column| {
                write!(line, "{}|", text(column, row)).unwrap();
                line
            })
        });
        let names = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        Self { names, columns: columns.collect(), rows: sorted(whole.collect()) }
    }

    /// The columns that hold other values. Where only the rows differ, one of them must be among
    /// those that were expected.
    pub(super) fn changed(&self, other: &Self, expected: &BTreeSet<String>) -> BTreeSet<String> {
        let pairs = self.names.iter().zip(self.columns.iter().zip(&other.columns));
        let mut changed: BTreeSet<String> =
            pairs.filter(|(_, (a, b))| a != b).map(|(name, _)| name.clone()).collect();
        if changed.is_empty() && self.rows != other.rows {
            changed.insert(expected.first().unwrap_or(&self.names[0]).clone());
        }
        changed
    }
}

/// Each row has the value of the next: other pairs, no new values.
fn rotated(rows: &RecordBatch, index: usize) -> RecordBatch {
    let count = rows.num_rows() as u32;
    let next: UInt32Array = (0..count).map(|row| (row + 1) % count).collect();
    with_column(rows, index, take(rows.column(index), &next, None).unwrap())
}

/// Each value is one that was not there.
async fn altered(desk: &Desk, table: &str, rows: &RecordBatch, index: usize) -> RecordBatch {
    let schema = rows.schema();
    let field = schema.field(index);
    let name = field.name();
    let other = match field.data_type() {
        DataType::Utf8 => format!("'~' || {name}"),
        DataType::Date32 => format!("{name} + interval '4000 days'"),
        _ => format!("{name} * 3 + 100000"),
    };
    let data_type = field.data_type().clone();
    let column = desk.rows(&format!("select {other} as it from {table}")).await.column(0).clone();
    with_column(rows, index, arrow::compute::cast(&column, &data_type).unwrap())
}

fn with_column(rows: &RecordBatch, index: usize, column: ArrayRef) -> RecordBatch {
    assert_eq!(column.len(), rows.num_rows());
    let mut columns = rows.columns().to_vec();
    columns[index] = column;
    RecordBatch::try_new(Arc::clone(&rows.schema()), columns).unwrap()
}
