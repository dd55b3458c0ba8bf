//! What models read, and what surrounds them.

use arrow::array::RecordBatch;

use super::house::{house, program};

#[tokio::test]
async fn a_model_reads_and_returns_rows() {
    let house = house();
    let code = "
import pandas as pd

def model(dbt, session):
    numbers = dbt.ref('3').df()
    assert isinstance(numbers, pd.DataFrame)
    numbers['n'] = numbers['n'] * 2
    return numbers
";
    assert_eq!(house.numbers(code).await, [0, 2, 4]);
}

#[tokio::test]
async fn every_way_to_read_gives_the_same() {
    let house = house();
    let code = "
import pyarrow as pa

def model(dbt, session):
    two = session.sql('select 2')
    assert two.columns == ['n']
    assert two.fetchall() == [(0,), (1,)]
    assert two.fetchone() == (0,)
    assert two.arrow().to_pydict() == {'n': [0, 1]}
    assert pa.table(two) == two.arrow()
    assert two.pl()['n'].to_list() == [0, 1]
    assert two.to_pandas()['n'].tolist() == [0, 1]
    assert two.filter('n > 0')._sql == 'select * from (select 2\\n) as relation where n > 0'
    assert two.select('n', 'n + 1')._sql.startswith('select n, n + 1 from')
    assert sum(batch.num_rows for batch in session.table('5000').fetch_record_batch()) == 5000
    return pa.table({'n': [7]})
";
    assert_eq!(house.numbers(code).await, [7]);
}

#[tokio::test]
async fn queries_are_read_at_the_same_time_from_several_threads() {
    let house = house();
    let code = "
from concurrent.futures import ThreadPoolExecutor
import pyarrow as pa

def model(dbt, session):
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda n: session.table(n).arrow().num_rows, [3000] * 16))
    pairs = zip(session.table('2000').fetch_record_batch(), session.table('3000').fetch_record_batch())
    sizes.append(sum(a.num_rows + b.num_rows for a, b in pairs))
    return pa.table({'n': [sum(sizes)]})
";
    assert_eq!(house.numbers(code).await, [16 * 3000 + 4000]);
}

#[tokio::test]
async fn a_refused_query_can_be_caught() {
    let house = house();
    let caught = "
import pyarrow as pa

def model(dbt, session):
    try:
        session.sql('select x').arrow()
    except Exception as error:
        return pa.table({'n': [len(error.code)]})
";
    assert_eq!(house.numbers(caught).await, ["sql.unknown_table".len() as i64]);
    let error = house.error("def model(dbt, session):\n    return dbt.ref('x').df()\n").await;
    assert_eq!(error.code(), "python.query");
    assert!(error.to_string().starts_with("models/a.py:2: QueryError: no table in `"), "{error}");
    assert_eq!(error.hint().as_deref(), Some("name a number"));
}

#[tokio::test]
async fn what_is_printed_is_told() {
    let house = house();
    let code = "
import os, pyarrow as pa

def model(dbt, session):
    print('by Python')
    os.system('echo by another process')
    print('without an end', end='')
    return pa.table({'n': [1]})
";
    house.numbers(code).await;
    let lines = house.lines.lock().unwrap().clone();
    assert_eq!(lines, ["by Python", "by another process", "without an end"]);
}

#[tokio::test]
async fn models_share_nothing_but_what_is_warm() {
    let house = house();
    let code = "
import numpy, random, pyarrow as pa

def model(dbt, session):
    assert not hasattr(pa, 'mark')
    pa.mark = True
    return pa.table({'n': [numpy.random.randint(1 << 60), random.randrange(1 << 60)]})
";
    let [first, second] = [house.numbers(code).await, house.numbers(code).await];
    assert!(first.iter().all(|number| !second.contains(number)), "{first:?} {second:?}");
}

/// The first one looks until the warm process has another child: the second is that one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_next_model_runs_in_a_process_that_has_come_in_before() {
    let house = house();
    let waiting = "
import os

import pyarrow as pa

def model(dbt, session):
    warm, others = os.getppid(), []
    while not others:
        with open(f'/proc/{warm}/task/{warm}/children') as children:
            others = [int(pid) for pid in children.read().split() if int(pid) != os.getpid()]
    return pa.table({'n': others})
";
    let own = "
import os

import pyarrow as pa

def model(dbt, session):
    return pa.table({'n': [os.getpid()]})
";
    let [spare, second] = [house.numbers(waiting).await, house.numbers(own).await];
    assert_eq!(spare, second);
    assert_ne!(house.numbers(own).await, second, "each process has one task");
}

#[tokio::test]
async fn many_models_run_at_the_same_time() {
    let house = house();
    let code = "def model(dbt, session):\n    return dbt.ref('2000').arrow()\n";
    let program = program(code);
    let runs = (0..100).map(|_| house.run(&program));
    for batches in futures::future::join_all(runs).await {
        let rows: usize = batches.unwrap().iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 2000);
    }
}
