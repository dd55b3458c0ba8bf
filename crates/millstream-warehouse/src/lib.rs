//! Remote warehouses in which SQL runs as it is written.
//!
//! Each module is one kind of warehouse behind [`millstream_core::sql::SqlWarehouse`].

mod explain;
pub mod postgres;

pub use explain::EXPLANATIONS;
