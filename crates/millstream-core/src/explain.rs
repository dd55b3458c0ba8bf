//! The pages behind `millstream explain CODE`. Every crate lists its own.

/// What an error code means, in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The code, `area.reason`.
    pub code: &'static str,
    /// One line.
    pub title: &'static str,
    /// What happened, what stays as it was, and what to do.
    pub text: &'static str,
}
