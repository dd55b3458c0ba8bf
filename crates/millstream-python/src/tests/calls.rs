//! What steps call.

use std::collections::BTreeMap;

use millstream_core::error::Coded as _;
use millstream_core::log::AttemptLog;
use millstream_core::secret::Secret;
use serde_json::{Map, Value, json};

use super::house::{House, bare_house};
use crate::call::{Called, Caller, PythonCall};
use crate::error::PythonError;

impl House {
    async fn call(&self, code: &str, given: Value, offered: Value) -> Result<Called, PythonError> {
        let map = |value: Value| -> Map<String, Value> { serde_json::from_value(value).unwrap() };
        let caller = Caller::begin(&self.host, code).await?;
        let call = PythonCall {
            file: "scripts/a.py",
            code,
            entry_point: "main",
            given: map(given),
            offered: map(offered),
            variables: BTreeMap::from([("SHOP".to_owned(), "north".to_owned())]),
            secrets: vec![Secret::new("s3cret")],
            log: AttemptLog::default(),
        };
        caller.call(call).await
    }

    async fn returned(&self, code: &str, given: Value, offered: Value) -> Value {
        match self.call(code, given, offered).await.unwrap() {
            Called::Returned(value) => value,
            Called::Exited(status) => panic!("ended with status {status}"),
        }
    }

    async fn refused(&self, code: &str) -> PythonError {
        self.call(code, json!({}), json!({})).await.unwrap_err()
    }
}

#[tokio::test]
async fn a_function_is_given_what_is_meant_for_it_and_what_it_asks_for() {
    let house = bare_house();
    let code = "
import os

def main(year, item=None, *, load, none=3):
    print('year', year, os.environ['SHOP'])
    return {'year': year, 'rows': load['rows'], 'item': item, 'none': none}
";
    let given = json!({"year": 2026});
    let offered = json!({"load": {"rows": 7}, "other": 1, "none": null});
    let returned = house.returned(code, given, offered).await;
    assert_eq!(returned, json!({"year": 2026, "rows": 7, "item": null, "none": null}));
    assert_eq!(*house.lines.lock().unwrap(), ["year 2026 north"]);
}

#[tokio::test]
async fn what_is_given_wins_and_what_nobody_asks_for_is_refused() {
    let house = bare_house();
    let all = "def main(**all):\n    return all\n";
    let returned = house.returned(all, json!({"a": 1}), json!({"b": 2})).await;
    assert_eq!(returned, json!({"a": 1}));
    let one = "def main(a):\n    return a\n";
    assert_eq!(house.returned(one, json!({"a": 1}), json!({"a": 2})).await, json!(1));
    let error = house.call(one, json!({"a": 1, "b": 2}), json!({})).await.unwrap_err();
    assert!(error.to_string().contains("unexpected keyword argument 'b'"), "{error}");
}

#[tokio::test]
async fn a_coroutine_is_awaited() {
    let code = "
import asyncio

async def main():
    await asyncio.sleep(0)
    return [1, 'a', None]
";
    let returned = bare_house().returned(code, json!({}), json!({})).await;
    assert_eq!(returned, json!([1, "a", null]));
}

#[tokio::test]
async fn a_status_is_told_however_it_is_given() {
    let house = bare_house();
    for (code, status) in [
        ("import sys\n\ndef main():\n    sys.exit(99)\n", 99),
        ("import sys\n\ndef main():\n    sys.exit()\n", 0),
        ("import sys\n\ndef main():\n    sys.exit('no rows')\n", 1),
        ("raise SystemExit(75)\n", 75),
        ("import os\n\ndef main():\n    os._exit(3)\n", 3),
    ] {
        let called = house.call(code, json!({}), json!({})).await.unwrap();
        assert_eq!(called, Called::Exited(status), "{code}");
    }
    assert_eq!(*house.lines.lock().unwrap(), ["no rows"]);
}

#[tokio::test]
async fn what_goes_wrong_has_its_line_and_no_secret() {
    let house = bare_house();
    let error =
        house.refused("def main():\n    print('s3cret')\n    raise KeyError('s3cret')\n").await;
    assert_eq!(error.code(), "python.raised");
    let text = error.to_string();
    assert!(text.starts_with("scripts/a.py:3: KeyError: '***'"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(*house.lines.lock().unwrap(), ["***"]);
    let error = house.refused("def other():\n    pass\n").await;
    assert!(error.to_string().contains("defines no function `main`"), "{error}");
    let error = house.refused("def main(:\n").await;
    let text = error.to_string();
    assert!(text.starts_with("scripts/a.py:1: ") && text.contains("SyntaxError"), "{text}");
}

#[tokio::test]
async fn a_result_is_json() {
    let house = bare_house();
    for code in [
        "def main():\n    return {1, 2}\n",
        "def main():\n    return float('nan')\n",
        "def main():\n    a = []\n    a.append(a)\n    return a\n",
    ] {
        let error = house.refused(code).await;
        assert_eq!(error.code(), "python.not_json", "{error}");
        assert!(error.to_string().contains("what is no JSON"), "{error}");
    }
}

#[tokio::test]
async fn a_process_lives_as_long_as_somebody_keeps_it() {
    let house = bare_house();
    let code = "import time\n\ndef main():\n    print('works')\n    time.sleep(600)\n";
    let caller = Caller::begin(&house.host, code).await.unwrap();
    let (number, keeper) = (caller.number().unwrap(), caller.keeper());
    let stat = format!("/proc/{number}/stat");
    let call = PythonCall {
        file: "scripts/a.py",
        code,
        entry_point: "main",
        given: Map::new(),
        offered: Map::new(),
        variables: BTreeMap::new(),
        secrets: Vec::new(),
        log: AttemptLog::default(),
    };
    let mut working = Box::pin(caller.call(call));
    while house.lines.lock().unwrap().is_empty() {
        assert!(futures::poll!(&mut working).is_pending());
        tokio::task::yield_now().await;
    }
    drop(working);
    assert!(std::fs::exists(&stat).unwrap());
    drop(keeper);
    while std::fs::exists(&stat).unwrap() {
        tokio::task::yield_now().await;
    }
}
