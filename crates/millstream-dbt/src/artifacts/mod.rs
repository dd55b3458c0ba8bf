//! Writes what dbt's own tools read.
