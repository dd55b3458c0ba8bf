//! Kills of a run, and whether what they leave is the same as if nobody had disturbed it.
//!
//! A [`Picture`] is what an environment holds, as named facts about each asset. Undisturbed runs
//! make the [`Reference`]: the facts on which they agree. What they do not agree on is made of the
//! clock or of chance, and is compared with nothing.
//!
//! Reading order: `luck` says when and whom; `processes` finds and kills; `rows` and `picture` are
//! what is compared, `reference` compares.

mod luck;
mod picture;
mod processes;
mod reference;
mod rows;

pub use luck::Luck;
pub use picture::Picture;
pub use processes::{Found, Victim, below, kill};
pub use reference::{Difference, Reference};
pub use rows::Rows;
