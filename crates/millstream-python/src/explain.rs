//! The pages behind `millstream explain` for programs in Python.

use millstream_core::explain::Explanation;

/// One page for every code that this crate can produce.
pub const EXPLANATIONS: &[Explanation] = &[
    page(
        "python.no_interpreter",
        "Python cannot be started",
        "A model is written in Python. It runs in the interpreter that MILLSTREAM_PYTHON names, \
         else in `.venv/bin/python` of the project, else in `python3`. That could not be started. \
         The last version of the table stays in place.",
    ),
    page(
        "python.too_old",
        "The interpreter is too old",
        "Models need Python 3.9 or newer. Name another interpreter with MILLSTREAM_PYTHON, or \
         make a virtual environment `.venv` in the project's folder.",
    ),
    page(
        "python.no_pyarrow",
        "The interpreter has no usable pyarrow",
        "Rows go to models and come from them in Arrow's format, so that the interpreter needs \
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
        "A model raised an exception",
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
        "python.killed",
        "The process of a model was ended by a signal",
        "Signal 9 is mostly the system, when memory is short; 11 is a fault in a library. The \
         message has what the model printed last. The step is tried again.",
    ),
    page(
        "python.exited",
        "The process of a model ended before the model did",
        "Something called `os._exit`. The message has what the model printed last.",
    ),
    page(
        "python.timed_out",
        "A model took too long",
        "It took longer than the seconds that `timeout` in its configuration allows. Its process, \
         and all that it started, was ended. The last version of the table stays in place.",
    ),
    page(
        "python.nonsense",
        "The process of a model sent nonsense",
        "Something wrote into the socket of the model's process, or a library damaged its memory. \
         Nothing of it was kept. If the model does nothing unusual, please report it.",
    ),
    page(
        "python.too_large",
        "A row is too large for a model",
        "Rows go to models in pieces of at most 64 MiB, and one row alone is larger.",
    ),
    page(
        "python.lost",
        "The process of a model cannot be reached",
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
