use arrow::array::{Float64Array, Int64Array, StringArray};
use serde_json::json;

use super::*;

fn stream(value: serde_json::Value) -> StreamSpec {
    serde_json::from_value(value).unwrap()
}

fn batch() -> RecordBatch {
    let fields = vec![
        field("Order ID", DataType::Int64),
        field("price", DataType::Utf8),
        field("weight", DataType::Float64),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4), Some(5)])),
        Arc::new(StringArray::from(vec![Some("1.50"), Some("1.505"), Some("2"), Some("x"), None])),
        Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0, 5.5])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn what_does_not_fit_is_refused_with_its_reason() {
    let stream = stream(json!({"name": "orders", "key": "order_id", "sync": "merge", "columns": [
        "order_id", {"name": "price", "type": "decimal(6,2)"}, {"name": "weight", "type": "bigint"}
    ]}));
    let batch = batch();
    let fit = Fit::new(&batch.schema(), &stream).unwrap();
    let (rows, refused) = fit.apply(&batch, 0).unwrap();
    assert_eq!(record(&rows, 0), r#"{"Order ID":"1","price":"1.50","weight":"1"}"#);
    assert_eq!(rows.num_rows(), 1);
    let told: Vec<_> = refused.iter().map(|r| format!("{}: {}", r.place, r.reason)).collect();
    assert_eq!(
        told,
        [
            "order_id=2: column `price`: `1.505` is not decimal(6,2)",
            "order_id=: column `order_id` needs a value",
            "order_id=4: column `price`: `x` is not decimal(6,2)",
            "order_id=5: column `weight`: `5.5` is not bigint",
        ]
    );
    assert_eq!(refused[0].raw, r#"{"Order ID":"2","price":"1.505","weight":"2.0"}"#);
}

#[test]
fn wrong_columns_are_coded_errors() {
    let schema = Schema::new(vec![
        field("Order ID", DataType::Int64),
        field("order_id", DataType::Int64),
        field("body", DataType::Binary),
    ]);
    let code = |value| Fit::new(&schema, &stream(value)).unwrap_err().code();
    assert_eq!(code(json!({"name": "s"})), "sync.column_collision");
    assert_eq!(code(json!({"name": "s", "columns": ["no"]})), "sync.missing_column");
    let only_body = json!({"name": "s", "columns": ["body"], "key": "order_id"});
    assert_eq!(code(only_body), "sync.key_dropped");
    let declared = |t: &str| json!({"name": "s", "columns": [{"name": "body", "type": t}]});
    assert_eq!(code(declared("money")), "sync.bad_type");
    assert_eq!(code(declared("date")), "sync.type_unsupported");
}
