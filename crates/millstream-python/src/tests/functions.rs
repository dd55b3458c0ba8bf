//! Functions that queries call.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array as _, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
};
use arrow::datatypes::{DataType, Schema};
use millstream_core::ContentHash;
use millstream_core::error::{Fault, Result};
use millstream_core::program::Limits;
use millstream_core::scalar::{
    NullInput, ScalarArgument, ScalarCalls, ScalarFunction, ScalarFunctions as _, Volatility,
};

use super::house::{House, house};

/// A function of as many numbers as are named, which gives a number.
fn function(code: &str, arguments: &[&str]) -> ScalarFunction {
    let argument =
        |name: &&str| ScalarArgument { name: (*name).to_owned(), data_type: "bigint".to_owned() };
    ScalarFunction {
        name: "f".to_owned(),
        definition: ContentHash::of(code.as_bytes()),
        arguments: arguments.iter().map(argument).collect(),
        returns: "bigint".to_owned(),
        volatility: Volatility::Stable,
        nulls: NullInput::Call,
        file: "functions/f.py".to_owned(),
        code: code.to_owned(),
        entry_point: "main".to_owned(),
        limits: Limits { timeout: Some(Duration::from_mins(1)), memory_bytes: None },
    }
}

fn numbers(columns: &[&[Option<i64>]]) -> RecordBatch {
    let column = |values: &&[Option<i64>]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let named = columns.iter().enumerate().map(|(at, values)| (format!("c{at}"), column(values)));
    RecordBatch::try_from_iter(named).unwrap()
}

async fn open(
    house: &House,
    function: &ScalarFunction,
    returns: &DataType,
) -> Box<dyn ScalarCalls> {
    let functions = house.functions(vec![function.clone()]);
    let function = Arc::clone(&functions.all()[0]);
    functions.open(&function, returns).await.unwrap()
}

async fn called(
    house: &House,
    function: &ScalarFunction,
    rows: RecordBatch,
) -> Result<Vec<Option<i64>>> {
    let results = open(house, function, &DataType::Int64).await.call(rows).await?;
    let results = results.as_any().downcast_ref::<Int64Array>().unwrap();
    Ok(results.iter().collect())
}

async fn refused(code: &str) -> millstream_core::Error {
    let house = house();
    called(&house, &function(code, &["x"]), numbers(&[&[Some(1), None]])).await.unwrap_err()
}

#[tokio::test]
async fn rows_and_columns_give_the_same() {
    let house = house();
    let by_row = "def main(x, y):\n    return None if x is None else x * 10 + y\n";
    let by_column = "
import pyarrow as pa
import pyarrow.compute as pc

def main(x: pa.Array, y: pa.Array) -> pa.Array:
    return pc.add(pc.multiply(x, 10), y)
";
    let by_frame = "
import pandas as pd

def main(x: pd.Series, y: pd.Series) -> pd.Series:
    return x * 10 + y
";
    let rows = || numbers(&[&[Some(1), None, Some(3)], &[Some(1), Some(2), Some(3)]]);
    for code in [by_row, by_column, by_frame] {
        let found = called(&house, &function(code, &["x", "y"]), rows()).await.unwrap();
        assert_eq!(found, [Some(11), None, Some(33)], "{code}");
    }
}

#[tokio::test]
async fn a_process_keeps_what_it_has_from_batch_to_batch() {
    let house = house();
    let code = "
import os
calls = 0

def main(x):
    global calls
    calls += 1
    return calls
";
    let function = function(code, &["x"]);
    let mut calls = open(&house, &function, &DataType::Int64).await;
    for expected in [2, 4] {
        let results = calls.call(numbers(&[&[Some(7), Some(7)]])).await.unwrap();
        let results = results.as_any().downcast_ref::<Int64Array>().unwrap();
        assert_eq!(results.value(1), expected);
    }
    let other = called(&house, &function, numbers(&[&[Some(7)]])).await.unwrap();
    assert_eq!(other, [Some(1)], "others share nothing with it");
}

#[tokio::test]
async fn nulls_are_left_out_where_that_is_asked_for() {
    let house = house();
    let mut skipping = function("def main(x, y):\n    return x + y\n", &["x", "y"]);
    let rows = || numbers(&[&[Some(1), None, Some(3)], &[Some(1), Some(2), None]]);
    let error = called(&house, &skipping, rows()).await.unwrap_err();
    assert!(error.to_string().contains("TypeError"), "{error}");
    skipping.nulls = NullInput::Skip;
    assert_eq!(called(&house, &skipping, rows()).await.unwrap(), [Some(2), None, None]);
}

#[tokio::test]
async fn a_function_may_take_nothing_and_find_the_modules_of_the_project() {
    let house = house();
    std::fs::write(house.folder.path().join("rates.py"), "usual = 20\n").unwrap();
    let function = function("from rates import usual\n\ndef main():\n    return usual\n", &[]);
    let options = RecordBatchOptions::new().with_row_count(Some(3));
    let none = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options);
    let found = called(&house, &function, none.unwrap()).await.unwrap();
    assert_eq!(found, [Some(20), Some(20), Some(20)]);
}

#[tokio::test]
async fn large_texts_go_in_pieces() {
    let house = house();
    let code = "
import pyarrow as pa

def main(x: pa.Array) -> pa.Array:
    return x
";
    let function = function(code, &["x"]);
    let wide = "x".repeat(1 << 20);
    let texts: ArrayRef = Arc::new(StringArray::from(vec![wide.as_str(); 100]));
    let rows = RecordBatch::try_from_iter([("x", Arc::clone(&texts))]).unwrap();
    let found = open(&house, &function, &DataType::Utf8).await.call(rows).await.unwrap();
    assert_eq!((found.len(), found.to_data()), (100, texts.to_data()));
}

#[tokio::test]
async fn what_is_wrong_with_a_result_is_said_with_its_place() {
    for (code, problem) in [
        (
            "\ndef main(x):\n    return 'one'\n",
            "2: `main` returned 'one' of type str, and is declared to give int64",
        ),
        ("def main(x):\n    return 1.5\n", "1: `main` returned 1.5 of type float"),
        (
            "import pyarrow as pa\n\ndef main(x: pa.Array):\n    return x[:1]\n",
            "3: `main` returned 1 values for 2 rows",
        ),
        (
            "import pyarrow as pa\n\ndef main(x: pa.Array):\n    return pa.array(['a', 'b'])\n",
            "3: `main` returned a column of string",
        ),
        ("def main():\n    return 1\n", "1: `main` cannot be called with 1 arguments"),
    ] {
        let error = refused(code).await;
        assert_eq!((error.code(), error.fault()), ("python.wrong_result", Fault::User), "{error}");
        assert!(error.to_string().starts_with(&format!("functions/f.py:{problem}")), "{error}");
    }
}

#[tokio::test]
async fn exceptions_and_missing_functions_are_said_with_their_place() {
    let error =
        refused("def part(x):\n    return x / 0\n\ndef main(x):\n    return part(x)\n").await;
    assert_eq!(error.code(), "python.raised");
    let text = error.to_string();
    assert!(text.starts_with("functions/f.py:2: ZeroDivisionError"), "{text}");
    assert!(text.contains("line 5, in main") && !text.contains("_millstream"), "{text}");
    let error = refused("def other(x):\n    return x\n").await;
    assert!(error.to_string().contains("defines no function `main`"), "{error}");
    let error = refused("def main(x)\n    return x\n").await;
    assert!(error.to_string().starts_with("functions/f.py:1: "), "{error}");
}

#[tokio::test]
async fn processes_that_end_hang_or_take_too_much_fail_alone() {
    let house = house();
    let rows = || numbers(&[&[Some(1)]]);
    let code = "import os, signal\n\ndef main(x):\n    os.kill(os.getpid(), signal.SIGKILL)\n";
    let error = called(&house, &function(code, &["x"]), rows()).await.unwrap_err();
    assert_eq!(error.code(), "python.killed", "{error}");
    let mut hanging = function("import time\n\ndef main(x):\n    time.sleep(1000)\n", &["x"]);
    hanging.limits.timeout = Some(Duration::from_secs(1));
    let error = called(&house, &hanging, rows()).await.unwrap_err();
    assert_eq!(error.to_string(), "functions/f.py: it took longer than 1 s");
    let mut large = function("def main(x):\n    return len(bytearray(1 << 30))\n", &["x"]);
    assert_eq!(called(&house, &large, rows()).await.unwrap(), [Some(1 << 30)]);
    large.limits.memory_bytes = Some(256 << 20);
    let error = called(&house, &large, rows()).await.unwrap_err();
    assert_eq!(error.code(), "python.memory", "{error}");
    assert!(error.to_string().starts_with("functions/f.py:2: MemoryError"), "{error}");
    let fine = function("def main(x):\n    return x + 1\n", &["x"]);
    assert_eq!(called(&house, &fine, rows()).await.unwrap(), [Some(2)]);
}

#[tokio::test]
async fn results_are_not_trusted() {
    let house = house();
    for (what, problem) in [
        ("pa.array(['a'])", "results of another type"),
        ("pa.array([1, 2], pa.int64())", "more results than rows"),
        ("pa.array([], pa.int64())", "fewer results than rows"),
    ] {
        let code = format!(
            "

import pyarrow as pa
import _millstream_result as result
import _millstream_calls as calls

def main(x):
    pass

calls.Calls.results = lambda *_: {what}
real = pa.RecordBatch.from_arrays
"
        );
        let lying = "
class Lying:
    @staticmethod
    def from_arrays(arrays, schema):
        return real(arrays, names=['result'])

import _millstream_function as function
function.pa = type('pa', (), {'ipc': pa.ipc, 'py_buffer': pa.py_buffer, 'RecordBatch': Lying})
";
        let function = function(&format!("{code}{lying}"), &["x"]);
        let error = called(&house, &function, numbers(&[&[Some(1)]])).await.unwrap_err();
        assert_eq!(error.code(), "python.nonsense", "{error}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[tokio::test]
async fn a_million_rows_pass_batch_by_batch() {
    const ROWS: i64 = 1_000_000;
    const BATCH: i64 = 8192;
    let house = house();
    let code = "
import pyarrow as pa
import pyarrow.compute as pc

def main(x: pa.Array) -> pa.Array:
    return pc.add(x, 1)
";
    let mut calls = open(&house, &function(code, &["x"]), &DataType::Int64).await;
    let mut sum = 0;
    for start in (0..ROWS).step_by(BATCH as usize) {
        let values = Int64Array::from_iter_values(start..ROWS.min(start + BATCH));
        let rows = RecordBatch::try_from_iter([("x", Arc::new(values) as ArrayRef)]).unwrap();
        let results = calls.call(rows).await.unwrap();
        let results = results.as_any().downcast_ref::<Int64Array>().unwrap();
        sum += results.values().iter().sum::<i64>();
    }
    assert_eq!(sum, ROWS * (ROWS + 1) / 2);
}
