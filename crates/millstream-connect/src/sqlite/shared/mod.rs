//! What the connectors that read typed records share: settings, columns, refusals, the hand
//! over from a producing thread, and raw records. The shop and PostgreSQL use it as well.

pub(crate) mod checkpoint;
pub(crate) mod empty;
pub(crate) mod error;
pub(crate) mod fit;
pub(crate) mod flow;
pub(crate) mod keep;
pub(crate) mod settings;
#[cfg(test)]
pub(crate) mod testing;
