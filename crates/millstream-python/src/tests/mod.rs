//! Tests with a real interpreter, which has `tests/requirements.txt`.

mod endings;
mod functions;
mod house;
mod models;
mod results;
