"""The tasks of `cargo xtask bench tasks` for Prefect: a chain of 40, and 1,000 that need nothing.

usage: tasks_prefect.py chain|wide
"""

import sys

from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner


def fibonacci(n):
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)


@task
def first():
    return fibonacci(10)


@task
def following(before):
    return fibonacci(10)


@flow
def chain():
    last = first()
    for _ in range(1, 40):
        last = following(last)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def wide():
    for running in [first.submit() for _ in range(1000)]:
        running.result()


if __name__ == "__main__":
    {"chain": chain, "wide": wide}[sys.argv[1]]()
