//! Plan and execute: claim, run, intent, publish, commit.
