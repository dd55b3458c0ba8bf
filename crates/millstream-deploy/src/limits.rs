//! The limits of this room.

use std::time::Duration;

/// Rows that one request may bring.
pub const REQUEST_ROWS_MAX: usize = 8192;
/// Rows that are scored on the thread of the request; more go to a thread that may block.
pub const INLINE_ROWS_MAX: usize = 16;
/// Bytes of the inputs up to which they are scored on the thread of the request.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;
/// The longest event id that a client may give, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 128;
/// Versions asked for by number that a deployment keeps besides the one of its alias.
pub const PINNED_VERSIONS_MAX: usize = 4;
/// How long a version that could not be loaded is left alone before it is tried again.
pub const RELOAD_PAUSE: Duration = Duration::from_secs(2);
/// Batches of a relation that are scored at the same time.
pub const SCORING_BATCHES_MAX: usize = 2;
/// Event ids of the last scoring that are kept in memory to leave out what is recorded already;
/// beyond it every event is appended again, and readers tell them apart by their ids.
pub const KNOWN_EVENTS_MAX: usize = 2_000_000;
/// Events appended to a topic at a time when a scoring is published.
pub const APPEND_EVENTS_MAX: usize = 8192;
/// Bytes appended to a topic at a time when a scoring is published.
pub const APPEND_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest event of a scoring that is read back, in bytes.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
