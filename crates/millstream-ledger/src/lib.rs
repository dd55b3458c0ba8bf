//! The book of record: runs, steps, attempts, effects, versions, leases.
