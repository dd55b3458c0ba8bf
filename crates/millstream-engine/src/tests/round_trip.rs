use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray,
    ListArray, RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Int64Type, Schema, TimeUnit};
use millstream_core::table::WriteMode;

use super::Lab;

fn every_type() -> RecordBatch {
    let utc =
        |values: Vec<Option<i64>>| TimestampMicrosecondArray::from(values).with_timezone("UTC");
    let structs = StructArray::new(
        Fields::from(vec![Field::new("x", DataType::Int64, true)]),
        vec![Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))],
        None,
    );
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let decimals = Decimal128Array::from(vec![Some(12345), None, Some(-1)]);
    let words: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("boolean", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("tiny", Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)]))),
        ("big", Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)]))),
        ("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(0)]))),
        ("real", Arc::new(Float32Array::from(vec![Some(1.5), None, Some(f32::NAN)]))),
        ("double", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(f64::INFINITY)]))),
        ("money", Arc::new(decimals.with_precision_and_scale(15, 2).unwrap())),
        ("text", Arc::new(StringArray::from(vec![Some("é'\"\n"), None, Some("")]))),
        ("large", Arc::new(LargeStringArray::from(vec![Some("x"), None, Some("y")]))),
        (
            "seen",
            Arc::new(StringViewArray::from(vec![
                Some("x"),
                None,
                Some("long enough to be out of line"),
            ])),
        ),
        ("word", Arc::new(words)),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), None, Some(b"")]))),
        ("day", Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_000)]))),
        ("day64", Arc::new(Date64Array::from(vec![Some(86_400_000), None, Some(0)]))),
        ("moment", Arc::new(utc(vec![Some(1_700_000_000_123_456), None, Some(-1)]))),
        (
            "local",
            Arc::new(TimestampNanosecondArray::from(vec![
                Some(1_700_000_000_123_456_789),
                None,
                Some(0),
            ])),
        ),
        ("list", Arc::new(lists)),
        ("nested", Arc::new(structs)),
        ("nothing", arrow::array::new_null_array(&DataType::Null, 3)),
    ];
    let fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, column)| column).collect())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back() {
    let mut lab = Lab::new();
    let staged = lab.stage_batch("t", every_type(), WriteMode::Replace).await;
    lab.publish(&staged).await.unwrap();
    let batches = lab.query("select * from t").await.unwrap();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let original = every_type();
    for (column, values) in original.schema().fields().iter().zip(original.columns()) {
        let back = batch.column_by_name(column.name()).unwrap();
        let expected_type = match column.data_type() {
            DataType::UInt64 => DataType::Decimal128(20, 0),
            DataType::Date64 => DataType::Date32,
            DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Null
            | DataType::Dictionary(..) => DataType::Utf8,
            DataType::Timestamp(_, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            DataType::List(_) => back.data_type().clone(),
            other => other.clone(),
        };
        assert_eq!(back.data_type(), &expected_type, "type of {}", column.name());
        let expected = arrow::compute::cast(values, &expected_type).unwrap();
        assert_eq!(back.as_ref(), expected.as_ref(), "values of {}", column.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_in_the_log_bound_the_values() {
    let lab = Lab::new();
    let staged = lab.stage_batch("t", every_type(), WriteMode::Replace).await;
    let stats: serde_json::Value = serde_json::from_str(&staged.add[0].stats).unwrap();
    assert_eq!(stats["numRecords"], 3);
    assert_eq!(stats["nullCount"]["nothing"], 3);
    assert_eq!(stats["nullCount"]["big"], 1);
    assert_eq!(stats["minValues"]["big"], i64::MIN);
    assert_eq!(stats["maxValues"]["money"], 123.45);
    assert_eq!(stats["minValues"]["day"], "1969-12-31");
    assert_eq!(stats["maxValues"]["moment"], "2023-11-14T22:13:20.123456Z");
    assert_eq!(stats["maxValues"]["local"], "2023-11-14T22:13:20.123456");
    assert!(stats["maxValues"].get("double").is_none(), "infinity has no form in JSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_row_groups_keep_every_row() {
    let mut lab = Lab::new();
    let sql = "select value as id, cast(value % 7 as varchar) || repeat('x', 200) as pad \
               from generate_series(1, 300000)";
    lab.write("t", sql, WriteMode::Replace).await;
    let seen =
        lab.value("select count(*) || ' ' || sum(id) || ' ' || count(distinct pad) from t").await;
    assert_eq!(seen, format!("300000 {} 7", 300_000_i64 * 300_001 / 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_no_rows_has_its_columns() {
    let mut lab = Lab::new();
    let version = lab.write("t", "select 1 as a, 'x' as b where false", WriteMode::Replace).await;
    assert_eq!(version, 0);
    assert_eq!(lab.value("select count(*) from t").await, "0");
    let schema = lab.query("select * from t").await;
    assert!(schema.unwrap().iter().all(|batch| batch.num_rows() == 0));
    lab.write("t", "select 1 as a, 'x' as b", WriteMode::Append).await;
    assert_eq!(lab.value("select b from t").await, "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_cannot_keep_is_refused() {
    let lab = Lab::new();
    let refused =
        lab.stage("t", "select 1 as a, 2 as \"A\"", WriteMode::Replace).await.unwrap_err();
    assert_eq!(refused.code(), "table.duplicate_column");
}
