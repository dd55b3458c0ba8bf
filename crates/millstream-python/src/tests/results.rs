//! What models may return.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use millstream_core::program::Programs as _;

use super::house::{house, program};

#[tokio::test]
async fn all_that_has_rows_is_taken() {
    let house = house();
    for returned in [
        "pa.table({'n': [1, 2]})",
        "pa.record_batch({'n': [1, 2]})",
        "pa.table({'n': [1, 2]}).to_reader()",
        "pd.DataFrame({'n': [1, 2]}, index=['x', 'y'])",
        "pl.DataFrame({'n': [1, 2]})",
        "pl.LazyFrame({'n': [1, 2]})",
        "duckdb.sql('select unnest([1, 2])::bigint as n')",
    ] {
        let code = format!(
            "import duckdb, pandas as pd, polars as pl, pyarrow as pa\n\n\
             def model(dbt, session):\n    return {returned}\n"
        );
        assert_eq!(house.numbers(&code).await, [1, 2], "{returned}");
    }
    let code = "def model(dbt, session):\n    return session.sql('2').limit(2)\n";
    assert_eq!(house.numbers(code).await, [0, 1]);
}

#[tokio::test]
async fn rows_that_are_read_while_they_are_returned_pass_through() {
    let house = house();
    let code = "
import pyarrow as pa

def model(dbt, session):
    rows = dbt.ref('100000').fetch_record_batch()
    doubled = (pa.record_batch({'n': pa.compute.multiply(batch['n'], 2)}) for batch in rows)
    return pa.RecordBatchReader.from_batches(rows.schema, doubled)
";
    let code = code.replace("import pyarrow as pa", "import pyarrow as pa, pyarrow.compute");
    let numbers = house.numbers(&code).await;
    assert_eq!(numbers.len(), 100_000);
    assert_eq!(numbers.last(), Some(&199_998));
}

#[tokio::test]
async fn what_has_no_rows_is_refused() {
    let house = house();
    for (returned, said) in
        [("None", "returned nothing"), ("[1]", "builtins.list"), ("dbt", "model.dbtObj")]
    {
        let error =
            house.error(&format!("def model(dbt, session):\n    return {returned}\n")).await;
        assert_eq!(error.code(), "python.not_rows");
        assert!(error.to_string().contains(said), "{error}");
        assert!(error.hint().unwrap().contains("DataFrame"));
    }
}

#[tokio::test]
async fn wide_rows_are_sent_in_pieces() {
    let house = house();
    let code = "
import pyarrow as pa

def model(dbt, session):
    return pa.table({'w': ['x' * (1 << 20)] * 100})
";
    let batches = house.run(&program(code)).await.unwrap();
    assert!(batches.len() > 2);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
    let error = house.error(&code.replace("<< 20", "<< 26").replace("* 100", "* 2")).await;
    assert_eq!(error.code(), "python.not_rows", "{error}");
}

#[tokio::test]
async fn no_rows_have_columns() {
    let house = house();
    let code = "
import pandas as pd

def model(dbt, session):
    return pd.DataFrame({'n': pd.Series([], dtype='int64'), 'w': pd.Series([], dtype='str')})
";
    let rows = house.pool.run(&program(code)).await.unwrap();
    let names: Vec<&str> = rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, ["n", "w"]);
    assert_eq!(rows.schema.field(0).data_type(), &DataType::Int64);
}
