//! Limits that several rooms share. A limit of one room is named in that room.

use std::time::Duration;

/// Rows of a batch that moves between rooms, unless a reader has a better size.
pub const BATCH_ROWS: usize = 8192;
/// The largest body of a request.
pub const REQUEST_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The longest a request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest file of a project.
pub const PROJECT_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
