//! `notifications/*.yml`: who is told what, and how.
//!
//! Reading order: `spec` is the shape of the files, `read` makes [`Notifications`] of them with
//! `channel` and `rule` below it; `declared` is what they are then, and `quiet` the hours of a rule.

mod channel;
mod declared;
mod quiet;
mod read;
mod rule;
pub(crate) mod spec;

pub use declared::{
    Address, Channel, ChannelKind, Email, Encryption, Notifications, PagerDuty, Rate, Rule,
    SignedWebhook,
};
pub use quiet::Quiet;
pub(crate) use read::read;
pub use spec::{Event, Severity};
