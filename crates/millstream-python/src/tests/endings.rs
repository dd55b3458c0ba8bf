//! How models can go wrong, and that nothing of them is left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use millstream_core::error::{Fault, Retry};
use millstream_core::program::Programs as _;

use super::house::{House, house, house_of, program};

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn an_exception_says_where_it_came_from() {
    let house = house();
    let code = "
def part(whole):
    return whole / 0

def model(dbt, session):
    return part(1)
";
    let error = house.error(code).await;
    assert_eq!((error.code(), error.fault()), ("python.raised", Fault::User));
    let text = error.to_string();
    assert!(text.starts_with("models/a.py:3: ZeroDivisionError: division by zero"), "{text}");
    assert!(text.contains("line 6, in model\n    return part(1)"), "{text}");
    assert!(!text.contains("_millstream"), "{text}");
    let error = house.error("def model(dbt, session)\n    pass\n").await;
    assert!(error.to_string().starts_with("models/a.py:1: "), "{error}");
    let error = house.error("import nowhere\n").await;
    assert!(error.to_string().contains("No module named 'nowhere'"), "{error}");
    let error = house.error("def model(dbt, session):\n    raise SystemExit(3)\n").await;
    assert_eq!(error.code(), "python.raised", "{error}");
}

#[tokio::test]
async fn a_process_that_ends_says_how() {
    let house = house();
    let ends = |how: &str| {
        format!(
            "import os, signal\n\ndef model(dbt, session):\n    print('last words', flush=True)\n    {how}\n"
        )
    };
    let error = house.error(&ends("os._exit(3)")).await;
    assert_eq!((error.code(), error.retry()), ("python.exited", Retry::Never));
    assert!(error.to_string().contains("status 3; it printed last:\nlast words"), "{error}");
    let error = house.error(&ends("os.kill(os.getpid(), signal.SIGKILL)")).await;
    assert_eq!((error.code(), error.retry()), ("python.killed", Retry::Backoff));
    assert!(error.hint().unwrap().contains("memory"));
    let error = house.error(&ends("os.kill(os.getpid(), signal.SIGSEGV)")).await;
    assert!(error.to_string().contains("signal 11"), "{error}");
}

#[tokio::test]
async fn nonsense_is_an_error() {
    let house = house();
    for bytes in ["b'nonsense' * 100", "b'\\0\\0\\0\\x02\\0\\0\\0\\0{}'", "b'\\xff' * 8"] {
        let code = format!(
            "
import os, socket, stat

def model(dbt, session):
    session._sock.sendall({bytes})
    while True:
        session._sock.recv(1)
"
        );
        let error = house.error(&code).await;
        assert_eq!(error.code(), "python.nonsense", "{error}");
        assert!(error.to_string().contains("models/a.py"), "{error}");
    }
    let broken = "
import _millstream_wire as wire

def model(dbt, session):
    wire.send(session._sock, {'op': 'result'}, b'no schema')
";
    assert_eq!(house.error(broken).await.code(), "python.nonsense");
}

#[tokio::test]
async fn a_model_that_hangs_is_ended_with_all_that_it_started() {
    let house = house();
    let code = "
import os, subprocess, time

def model(dbt, session):
    child = subprocess.Popen(['sleep', '1000'])
    print(os.getpid(), child.pid, flush=True)
    while True:
        time.sleep(1000)
";
    let mut hanging = program(code);
    hanging.limits.timeout = Some(Duration::from_secs(2));
    let error = house.run(&hanging).await.unwrap_err();
    assert_eq!(error.code(), "python.timed_out");
    assert_eq!(error.to_string(), "models/a.py: it took longer than 2 s");
    let pids = pids(&house).await;
    gone(&pids).await;
}

#[tokio::test]
async fn a_model_that_is_not_waited_for_is_ended() {
    let house = house();
    let code = "
import os, time, pyarrow as pa

def model(dbt, session):
    print(os.getpid(), flush=True)
    def rows():
        yield pa.record_batch({'n': [1]})
        while True:
            time.sleep(1000)
    return pa.RecordBatchReader.from_batches(pa.schema({'n': pa.int64()}), rows())
";
    let rows = house.pool.run(&program(code)).await.unwrap();
    let pids = pids(&house).await;
    drop(rows);
    gone(&pids).await;
}

#[tokio::test]
async fn what_is_warm_is_started_again_when_it_ended() {
    let house = house();
    let parent = "
import os, signal, pyarrow as pa

def model(dbt, session):
    print(os.getppid(), flush=True)
    return pa.table({'n': [1]})
";
    house.numbers(parent).await;
    let kill = "
import os, signal

def model(dbt, session):
    os.kill(os.getppid(), signal.SIGKILL)
    while True:
        signal.pause()
";
    let error = house.error(kill).await;
    assert_eq!((error.code(), error.retry()), ("python.lost", Retry::Backoff), "{error}");
    house.numbers(parent).await;
    let parents = house.lines.lock().unwrap().clone();
    assert_ne!(parents[0], parents[1]);
}

#[tokio::test]
async fn everything_ends_with_the_pool() {
    let house = house();
    let code = "
import os, pyarrow as pa

def model(dbt, session):
    print(os.getppid(), flush=True)
    return pa.table({'n': [1]})
";
    house.numbers(code).await;
    let pids = pids(&house).await;
    drop(house);
    gone(&pids).await;
}

#[tokio::test]
async fn an_interpreter_that_cannot_be_used_says_why() {
    let error = house_of(PathBuf::from("no-such-python")).error("").await;
    assert_eq!(error.code(), "python.no_interpreter");
    assert!(error.hint().unwrap().contains("MILLSTREAM_PYTHON"));
    let error = house_of(PathBuf::from("false")).error("").await;
    assert_eq!(error.code(), "python.not_ready");
    let folder = tempfile::tempdir().unwrap();
    let bare = bare_python(folder.path());
    let error = house_of(bare).error("").await;
    assert_eq!(error.code(), "python.no_pyarrow", "{error}");
    assert!(error.hint().unwrap().contains("pip install pyarrow"));
}

/// An interpreter that has no packages.
fn bare_python(folder: &Path) -> PathBuf {
    let made = std::process::Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(folder.join("bare"))
        .status();
    assert!(made.unwrap().success());
    folder.join("bare/bin/python")
}

/// The processes that a model named in its first line.
async fn pids(house: &House) -> Vec<u32> {
    let begun = Instant::now();
    loop {
        if let Some(line) = house.lines.lock().unwrap().first() {
            return line.split(' ').map(|pid| pid.parse().unwrap()).collect();
        }
        assert!(begun.elapsed() < SOON, "the model printed nothing");
        tokio::task::yield_now().await;
    }
}

/// Waits until processes have ended.
async fn gone(pids: &[u32]) {
    let begun = Instant::now();
    let runs = |pid: &u32| {
        let status = std::process::Command::new("ps")
            .args(["-o", "stat=", "-p", &pid.to_string()])
            .output()
            .unwrap();
        let status = String::from_utf8_lossy(&status.stdout).trim().to_owned();
        !status.is_empty() && !status.starts_with('Z')
    };
    while pids.iter().any(runs) {
        assert!(begun.elapsed() < SOON, "{pids:?} still run");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_model_may_take_so_much_memory_and_no_more() {
    let house = house();
    let code = "
import pyarrow as pa

def model(dbt, session):
    return pa.table({'n': [len(bytearray(1 << 30))]})
";
    let mut large = program(code);
    large.limits.memory_bytes = Some(2 << 30);
    assert_eq!(house.run(&large).await.unwrap()[0].num_rows(), 1);
    large.limits.memory_bytes = Some(256 << 20);
    let error = house.run(&large).await.unwrap_err();
    assert_eq!((error.code(), error.fault()), ("python.memory", Fault::User), "{error}");
    assert!(error.to_string().starts_with("models/a.py:5: MemoryError"), "{error}");
}
