"""Fills a ledger with the past: copies of its newest run, steps and attempts included.

usage: history.py LEDGER RUNS
"""

import sqlite3
import sys

# Between the beginnings of two runs.
APART_MICROS = 60_000_000
# Runs of one transaction.
GROUP = 10_000
# Of so many runs, one failed and one had something to do, so that its steps have attempts.
FAILED_OF, BUSY_OF = 97, 10


def main(ledger, runs):
    db = sqlite3.connect(ledger, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    run = newest(db, "runs", "1 = 1 ORDER BY run DESC LIMIT 1")[0]
    its = f"run = '{run['run']}'"
    steps, attempts = newest(db, "steps", its), newest(db, "attempts", its)
    for first in range(1, runs + 1, GROUP):
        copies = [copy_of(run, back) for back in range(first, min(first + GROUP, runs + 1))]
        db.execute("BEGIN")
        insert(db, "runs", [copy for _, copy in copies])
        insert(db, "steps", [moved(step, copy) for _, copy in copies for step in steps])
        busy = [(back, copy) for back, copy in copies if back % BUSY_OF == 0]
        insert(db, "attempts", [attempt_of(each, copy, back) for back, copy in busy for each in attempts])
        db.execute("COMMIT")
    for _, sql in triggers:
        db.execute(sql)
    db.execute("ANALYZE")
    print(*(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("runs", "steps")))


def newest(db, table, condition):
    rows = db.execute(f"SELECT * FROM {table} WHERE {condition}")
    names = [column[0] for column in rows.description]
    return [dict(zip(names, row)) for row in rows]


def copy_of(run, back):
    """The same run, some minutes earlier; its id says when it began, as those of UUID version 7."""
    earlier = back * APART_MICROS
    millis = (run["started_at"] - earlier) // 1000
    new = f"{millis:012x}70008000{back:012x}"
    state = "failed" if back % FAILED_OF == 0 else run["state"]
    return back, {
        **run,
        "run": new,
        "state": state,
        "started_at": run["started_at"] - earlier,
        "ended_at": run["ended_at"] - earlier,
    }


def moved(step, run):
    return {**step, "run": run["run"], "at": run["ended_at"]}


def attempt_of(attempt, run, back):
    new = f"{run['run'][:16]}8000{back:06x}{attempt['attempt'][-6:]}"
    return {**attempt, "attempt": new, "run": run["run"], "claimed_at": run["started_at"],
            "ended_at": run["ended_at"]}


def insert(db, table, rows):
    if rows:
        names = ", ".join(rows[0])
        places = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", (tuple(row.values()) for row in rows))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
