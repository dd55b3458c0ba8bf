//! The pages behind `millstream explain` for programs in Python.

use millstream_core::explain::Explanation;

/// One page for every code that this crate can produce.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "python.no_interpreter",
        "Python cannot be started",
        "A model or a function is written in Python. It runs in the interpreter that \
         MILLSTREAM_PYTHON names, else in the environment of the project's uv.lock, else in \
         `.venv/bin/python` of the project, else in `python3`. That could not be started. The last \
         version of the table stays in place.",
    ),
    page(
        "python.too_old",
        "The interpreter is too old",
        "Models and functions need Python 3.9 or newer. Name another interpreter with MILLSTREAM_PYTHON, or \
         make a virtual environment `.venv` in the project's folder.",
    ),
    page(
        "python.no_pyarrow",
        "The interpreter has no usable pyarrow",
        "Rows go to Python and come from there in Arrow's format, so that the interpreter needs \
         the package pyarrow; pandas or polars only where a model uses them. Install it in the \
         environment that the message names.",
    ),
    page(
        "python.not_ready",
        "The interpreter did not become ready",
        "It was started, and ended or said nothing while it imported pyarrow. The message has \
         what it printed. Try `python -c 'import pyarrow'` with the same interpreter.",
    ),
    page(
        "python.raised",
        "A model or function raised an exception",
        "The message has the file, the line, the exception and the calls that led to it. The last \
         version of the table stays in place.",
    ),
    page(
        "python.query",
        "A query of a model is refused",
        "What `session.sql`, `dbt.ref` or `dbt.source` reads cannot be read: the message says \
         why. The model did not catch that.",
    ),
    page(
        "python.not_rows",
        "A model returned no rows",
        "A model returns a DataFrame of pandas or polars, a table, batch or reader of pyarrow, \
         anything else with `__arrow_c_stream__`, or what `dbt.ref`, `dbt.source` or \
         `session.sql` gave. Columns of a DataFrame must have values of one type each.",
    ),
    page(
        "python.wrong_result",
        "A function gave what it is not declared to give",
        "A function in Python gives for each row one value of the SQL type that `returns` in its \
         file of properties says; one that works on whole columns gives a column as long as those \
         it was given. Values are converted where nothing is lost. The message has the place of \
         the function, and what it gave. The query has failed, and nothing else.",
    ),
    page(
        "python.not_json",
        "A function gave a step what is no JSON",
        "What a function returns that a step calls is the result of the step, which is kept in the \
         ledger and handed to other steps: `None`, or what `json.dumps` of Python takes, without \
         numbers that are none (`nan`). The step has failed; what the function did is done.",
    ),
    page(
        "python.memory",
        "A model or function took too much memory",
        "It asked for more memory than `limits: {memory: ...}` of its configuration allows, or \
         than the system gives. The message has the file, the line and the calls that led to it. \
         The last version of the table stays in place.",
    ),
    page(
        "python.no_uv",
        "uv is not installed",
        "The project has a pyproject.toml and a uv.lock, so that what it has in Python runs in \
         the environment which these describe. uv makes it, and is not on the path: install it, \
         or name it with MILLSTREAM_UV. With MILLSTREAM_PYTHON an interpreter is used as it is.",
    ),
    page(
        "python.unlocked",
        "uv cannot make the environment",
        "The message has what uv said: a package that cannot be reached, a lock that is damaged, \
         no Python of the version that is asked for. What was there before stays in place. \
         `millstream python sync` tries again, `millstream python lock` locks anew.",
    ),
    page(
        "python.no_project",
        "There is nothing to lock",
        "`millstream python lock` locks what `pyproject.toml` in the project's folder asks for, \
         and there is no such file.",
    ),
    page(
        "python.environment_unwritable",
        "The folder of the environment cannot be written",
        "Environments of Python lie in `.millstream/.python` of the project. The folder could not \
         be written: look at its rights and at the space on the disk.",
    ),
    page(
        "python.killed",
        "A process of Python was ended by a signal",
        "Signal 9 is mostly the system, when memory is short; 11 is a fault in a library. The \
         message has what it printed last. The step is tried again.",
    ),
    page(
        "python.exited",
        "A process of Python ended too early",
        "Something called `os._exit`. The message has what it printed last.",
    ),
    page(
        "python.timed_out",
        "A model or function took too long",
        "It took longer than the seconds that `timeout` in its configuration allows: a model for \
         all of its work, a function for one batch of rows (300 s unless it says otherwise). Its \
         process, and all that it started, was ended. The last version of the table stays in place.",
    ),
    page(
        "python.nonsense",
        "A process of Python sent nonsense",
        "Something wrote into the socket of the process, or a library damaged its memory. \
         Nothing of it was kept. If the program does nothing unusual, please report it.",
    ),
    page(
        "python.too_large",
        "A row is too large for Python",
        "Rows go to Python in pieces of at most 64 MiB, and one row alone is larger.",
    ),
    page(
        "python.lost",
        "A process of Python cannot be reached",
        "The system refused a socket, a folder for it or a process, or the warm process was \
         ended from outside. The step is tried again.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page() {
        let codes = include_str!("error.rs").split('"').filter(|text| text.starts_with("python."));
        let missing: Vec<&str> =
            codes.filter(|code| EXPLANATIONS.iter().all(|page| page.code != *code)).collect();
        assert!(missing.is_empty(), "codes without a page: {missing:?}");
    }
}
