//! Tests with a real interpreter, which has `tests/requirements.txt`.

mod calls;
mod endings;
mod functions;
mod house;
mod models;
mod results;
