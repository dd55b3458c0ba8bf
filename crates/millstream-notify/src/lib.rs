//! Tells people what happened: once for one root cause, and again when it is over.
//!
//! `observe` reads what happened from the ledger's changes, `decide` says what follows from it for
//! whom, and the ledger keeps both decision and messages in one transaction. `notifier` is the loop
//! around that: it takes messages, has `channel` send them, and marks what became of them. A process
//! that dies in between leaves the message waiting, so that it comes again, under the same name.
//!
//! Reading order: `incident`, `question`, `happening`, `decide`, `message`, `text`, `observe`,
//! `channel`, `notifier`.

mod channel;
mod decide;
mod error;
mod explain;
mod happening;
mod incident;
mod message;
mod notifier;
mod observe;
mod question;
mod text;

pub use channel::{Secrets, trusting_the_system};
pub use error::NotifyError;
pub use explain::EXPLANATIONS;
pub use happening::LateAsset;
pub use incident::{Cause, Incident};
pub use message::{Message, MessageKind};
pub use notifier::{Lateness, Left, Notifier, NotifierConfig};
pub use question::Question;
