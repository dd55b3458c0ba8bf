"""Runs a chain of 40 tasks in Airflow, as often as lines come in.

usage: tasks_airflow.py FOLDER
Starts `airflow standalone` in the folder, with SQLite and processes for tasks as it is shipped.
Prints `ready`; for each line of input runs the chain and prints the seconds from the request to
the end of the run; at the end of input prints the resident MiB of all its processes.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

DAG = '''
from datetime import datetime
from airflow.sdk import dag, task


def fibonacci(n):
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)


@dag(dag_id="chain", schedule=None, start_date=datetime(2026, 1, 1), catchup=False)
def chain():
    before = None
    for number in range(40):
        @task(task_id=f"task_{number}")
        def work():
            fibonacci(10)
        current = work()
        if before is not None:
            before >> current
        before = current


chain()
'''
URL = "http://localhost:8080"
LONGEST_START = 300
LONGEST_RUN = 600


def ask(path, body=None, token=None):
    request = urllib.request.Request(URL + path, data=body and json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    if token:
        request.add_header("authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def until(ends_at, found):
    while time.monotonic() < ends_at:
        try:
            if found():
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("Airflow took too long")


def run_chain(token):
    begun = time.monotonic()
    run = ask("/api/v2/dags/chain/dagRuns", {"logical_date": None}, token)["dag_run_id"]
    path = f"/api/v2/dags/chain/dagRuns/{run}"
    ended = lambda: ask(path, token=token)["state"] in ("success", "failed")
    until(begun + LONGEST_RUN, ended)
    assert ask(path, token=token)["state"] == "success"
    return time.monotonic() - begun


def resident_mib(top):
    """Of a process and all below it."""
    total = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(top) in ancestry(process):
                total += int((process / "statm").read_text().split()[1]) * 4096
        except (OSError, ValueError):
            continue
    return total / 2**20


def ancestry(process):
    """A process and all above it."""
    above, at = [], process
    while at.name not in ("0", "1"):
        above.append(at.name)
        parent = (at / "stat").read_text().rsplit(")", 1)[1].split()[1]
        at = pathlib.Path("/proc") / parent
    return above


folder = pathlib.Path(sys.argv[1])
(folder / "dags").mkdir(parents=True)
(folder / "dags/chain.py").write_text(DAG)
environment = dict(
    os.environ,
    AIRFLOW_HOME=str(folder),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
    AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
)
airflow = str(pathlib.Path(sys.executable).with_name("airflow"))
with open(folder / "log", "w") as log:
    server = subprocess.Popen(
        [airflow, "standalone"], env=environment, stdout=log, stderr=log, start_new_session=True
    )
try:
    ends_at = time.monotonic() + LONGEST_START
    until(ends_at, lambda: ask("/api/v2/monitor/health")["scheduler"]["status"] == "healthy")
    token = ask("/auth/token")["access_token"]
    until(ends_at, lambda: ask("/api/v2/dags/chain", token=token)["dag_id"] == "chain")
    print("ready", flush=True)
    for _ in sys.stdin:
        print(f"{run_chain(token):.3f}", flush=True)
    print(f"{resident_mib(server.pid):.0f}", flush=True)
finally:
    os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
