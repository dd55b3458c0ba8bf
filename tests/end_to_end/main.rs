//! End-to-end tests: the real binary on real projects.

mod bad_input;
mod chaos;
mod command_line;
mod labeled;
mod readers;
mod serving;
mod sharing;
mod shop;
