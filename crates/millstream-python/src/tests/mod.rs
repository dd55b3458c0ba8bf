//! Tests with a real interpreter, which has `tests/requirements.txt`.

mod endings;
mod house;
mod models;
mod results;
