"""The tasks of `cargo xtask bench tasks` for Dagster: a chain of 40, and 1,000 that need nothing.

usage: dagster job execute -f tasks_dagster.py -j chain_in_process|chain|wide_in_process
"""

from dagster import (
    Definitions,
    In,
    Nothing,
    in_process_executor,
    job,
    multiprocess_executor,
    op,
)


def fibonacci(n):
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)


@op
def first():
    fibonacci(10)


@op(ins={"before": In(Nothing)})
def following():
    fibonacci(10)


def chain():
    last = first()
    for number in range(1, 40):
        last = following.alias(f"task_{number}")(before=last)


def wide():
    for number in range(1000):
        first.alias(f"task_{number}")()


tasks = Definitions(
    jobs=[
        job(name="chain_in_process", executor_def=in_process_executor)(chain),
        job(name="chain", executor_def=multiprocess_executor)(chain),
        job(name="wide_in_process", executor_def=in_process_executor)(wide),
    ]
)
