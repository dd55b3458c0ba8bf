//! Ground truth: one source column is changed, and every output column whose content changes must
//! have been predicted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use millstream_core::lineage::Lineage;

use super::Desk;
use super::tpch_queries::QUERIES;

/// The share of predicted pairs of a source column and a query in which a change is seen. Not all:
/// a filter may let the changed values pass as well.
const SHOWN_PERCENT_MIN: usize = 80;

/// The tables of TPC-H, small, where every query finds rows. Numbers are the row's number `i`.
const TABLES: [(&str, &str); 8] = [
    (
        "region",
        "select i as r_regionkey,
        ['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'][i + 1] as r_name,
        'about ' || i as r_comment from generate_series(0, 4) g(i)",
    ),
    (
        "nation",
        "select i as n_nationkey,
        ['ALGERIA', 'BRAZIL', 'CHINA', 'FRANCE', 'SAUDI ARABIA',
         'KENYA', 'CANADA', 'INDIA', 'GERMANY', 'IRAN'][i + 1] as n_name,
        i % 5 as n_regionkey, 'about ' || i as n_comment from generate_series(0, 9) g(i)",
    ),
    (
        "supplier",
        "select i as s_suppkey, 'Supplier ' || i as s_name, 'street ' || i as s_address,
        i % 10 as s_nationkey, '55-' || i as s_phone,
        cast(i * 731 % 9000 as decimal(15, 2)) as s_acctbal,
        case when i = 7 then 'Customer wrote Complaints' else 'fine' end as s_comment
        from generate_series(1, 10) g(i)",
    ),
    (
        "customer",
        "select i as c_custkey, 'Customer ' || i as c_name, 'road ' || i as c_address,
        (i * 3 + i / 4) % 10 as c_nationkey, (10 + (i * 3 + i / 4) % 10) || '-555-' || i as c_phone,
        cast(i * 977 % 9000 - 900 as decimal(15, 2)) as c_acctbal,
        ['BUILDING', 'AUTOMOBILE'][i % 2 + 1] as c_mktsegment, 'says ' || i as c_comment
        from generate_series(1, 30) g(i)",
    ),
    (
        "part",
        "select i as p_partkey,
        ['forest green', 'lace green', 'forest red', 'blue'][i % 4 + 1] || ' ' || i as p_name,
        'Manufacturer#' || (i % 3) as p_mfgr,
        ['Brand#12', 'Brand#23', 'Brand#45'][i % 3 + 1] as p_brand,
        ['PROMO BURNISHED COPPER', 'ECONOMY ANODIZED STEEL', 'SMALL PLATED BRASS',
         'MEDIUM POLISHED TIN'][i % 4 + 1] as p_type,
        i % 15 + 1 as p_size, ['SM CASE', 'MED BOX', 'LG BOX'][i % 3 + 1] as p_container,
        cast(900 + i as decimal(15, 2)) as p_retailprice, 'made ' || i as p_comment
        from generate_series(1, 20) g(i)",
    ),
    (
        "partsupp",
        "select i % 20 + 1 as ps_partkey, (i % 20 + i / 20 * 3) % 10 + 1 as ps_suppkey,
        i * 37 % 100 + 20 as ps_availqty,
        cast(i * 61 % 300 + 1 as decimal(15, 2)) as ps_supplycost, 'held ' || i as ps_comment
        from generate_series(0, 59) g(i)",
    ),
    (
        "orders",
        "select i + 1 as o_orderkey, i * 7 % 20 + 1 as o_custkey,
        ['F', 'O', 'F'][i % 3 + 1] as o_orderstatus,
        cast(1000 + i * 997 % 5000 as decimal(15, 2)) as o_totalprice,
        cast(cast(8401 + i * 29 % 1800 as int) as date) as o_orderdate,
        ['1-URGENT', '2-HIGH', '3-MEDIUM', '5-LOW'][i % 4 + 1] as o_orderpriority,
        'Clerk ' || (i % 5) as o_clerk, i % 2 as o_shippriority,
        case when i % 9 = 0 then 'has special requests' else 'plain' end as o_comment
        from generate_series(0, 59) g(i)",
    ),
    (
        "lineitem",
        "select i % 60 + 1 as l_orderkey, (i * 3 + i / 60 * 7) % 20 + 1 as l_partkey,
        ((i * 3 + i / 60 * 7) % 20 + i % 3 * 3) % 10 + 1 as l_suppkey, i / 60 + 1 as l_linenumber,
        cast(i * 13 % 50 + 1 as decimal(15, 2)) as l_quantity,
        cast(1000 + i * 331 % 9000 as decimal(15, 2)) as l_extendedprice,
        cast(i % 11 as decimal(15, 2)) / 100 as l_discount,
        cast(i % 9 as decimal(15, 2)) / 100 as l_tax,
        ['R', 'A', 'N'][i % 3 + 1] as l_returnflag, ['O', 'F'][i % 2 + 1] as l_linestatus,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 90 + 1 as int) as date) as l_shipdate,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 80 + 25 as int) as date) as l_commitdate,
        cast(cast(8401 + i % 60 * 29 % 1800 + i % 90 + i * 7 % 30 + 2 as int) as date)
          as l_receiptdate,
        ['DELIVER IN PERSON', 'NONE'][i % 2 + 1] as l_shipinstruct,
        ['MAIL', 'SHIP', 'AIR', 'AIR REG', 'RAIL'][i % 5 + 1] as l_shipmode,
        'packed ' || i as l_comment from generate_series(0, 239) g(i)",
    ),
];

#[tokio::test]
async fn every_changed_output_was_predicted() {
    let mut desk = Desk::new();
    let mut tables = Vec::new();
    for (name, sql) in TABLES {
        let rows = desk.rows(sql).await;
        desk.hold(name, rows.clone());
        tables.push((name, rows));
    }
    let (mut predicted, mut shown, mut silent) = (0, 0, 0);
    for (number, sql) in QUERIES {
        let lineage = desk.lineage(sql).await;
        let before = Answer::of(&desk.rows(sql).await);
        assert!(before.rows.len() > 1, "query {number} finds nothing to change");
        for (table, rows) in tables.iter().filter(|(table, _)| sql.contains(table)) {
            for (index, field) in rows.schema().fields().iter().enumerate() {
                let expected = affected(&lineage, table, field.name());
                let mut changed = BTreeSet::new();
                for mutation in [rotated(rows, index), altered(&desk, table, rows, index).await] {
                    desk.hold(table, mutation);
                    changed.extend(before.changed(&Answer::of(&desk.rows(sql).await), &expected));
                }
                desk.hold(table, rows.clone());
                let missed: Vec<_> = changed.difference(&expected).collect();
                assert!(
                    missed.is_empty(),
                    "query {number}: {table}.{} changes {missed:?}",
                    field.name()
                );
                predicted += usize::from(!expected.is_empty());
                shown += usize::from(!changed.is_empty());
                silent += usize::from(expected.is_empty());
            }
        }
    }
    assert!(shown * 100 >= predicted * SHOWN_PERCENT_MIN, "{shown} of {predicted} are seen");
    assert!(
        silent > predicted,
        "{silent} columns are told to change nothing, {predicted} something"
    );
}

/// The output columns that are predicted to depend on a column.
fn affected(lineage: &Lineage, table: &str, column: &str) -> BTreeSet<String> {
    let depends = |edges: millstream_core::lineage::Edges| {
        edges.iter().any(|edge| {
            let named = edge.from.column.as_ref().is_some_and(|path| path.name() == column);
            named && edge.from.asset.name == format!("main.{table}")
        })
    };
    let columns = lineage.columns.iter();
    let columns = columns.filter(|output| depends(lineage.all_of(&output.lineage)));
    columns.map(|output| output.name.clone()).collect()
}

/// The rows of an answer, in an order of their own.
struct Answer {
    names: Vec<String>,
    columns: Vec<Vec<String>>,
    rows: Vec<String>,
}

impl Answer {
    fn of(batch: &RecordBatch) -> Self {
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
    fn changed(&self, other: &Self, expected: &BTreeSet<String>) -> BTreeSet<String> {
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
