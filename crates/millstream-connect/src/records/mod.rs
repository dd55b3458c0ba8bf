//! What the connectors that read typed records share: SQLite, PostgreSQL and the shop.
//!
//! A record's way: a thread reads it into a batch ([`gather`]) and gives that to an [`outlet`], which
//! keeps it as it is, fits it to the columns that the stream keeps ([`fit`]), and hands it over
//! ([`handover`]). [`replay`] goes
//! the same way from what was kept; a source that can make its records again keeps a [`recipe`].

pub(crate) mod checkpoint;
pub(crate) mod error;
pub(crate) mod fit;
pub(crate) mod gather;
pub(crate) mod handover;
pub(crate) mod outlet;
pub(crate) mod presence;
pub(crate) mod recipe;
pub(crate) mod replay;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use error::EXPLANATIONS;
