//! What a run and its parts are called where traces are collected: W3C Trace Context, level 1.
//!
//! All of it follows from ids that the ledger has, so that whoever tells of a run, and whenever,
//! tells of the same trace. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::asset::AssetKey;
use crate::hash::ContentHash;
use crate::id::{AttemptId, RunId};

/// The name of a trace: 32 hexadecimal digits, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The name of a span within a trace: 16 hexadecimal digits, not all of them zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

/// A span to which others belong, as the header and the variable `traceparent` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The span.
    pub span: SpanId,
}

/// The text names no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no `traceparent` such as 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
pub struct BadTraceParent;

impl TraceId {
    /// That of a run which belongs to no other: its own id.
    pub fn of_run(run: RunId) -> Self {
        // An id has 32 digits, of which those of its version are never zero.
        Self(u128::from_str_radix(&run.to_string(), 16).unwrap_or(1))
    }

    /// That of a run which may belong to another trace.
    pub fn of(run: RunId, parent: Option<TraceParent>) -> Self {
        parent.map_or_else(|| Self::of_run(run), |parent| parent.trace)
    }
}

impl SpanId {
    /// That of a run.
    pub fn of_run(run: RunId) -> Self {
        Self::hashed(["run", &run.to_string()])
    }

    /// That of a step of a run.
    pub fn of_step(run: RunId, asset: &AssetKey) -> Self {
        Self::hashed(["step", &format!("{run} {asset}")])
    }

    /// That of an attempt.
    pub fn of_attempt(attempt: AttemptId) -> Self {
        Self::hashed(["attempt", &attempt.to_string()])
    }

    fn hashed(parts: [&str; 2]) -> Self {
        let hash = ContentHash::of_parts(parts);
        let bytes = hash.as_bytes();
        let number = bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self(number.max(1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What is told is kept: it is always marked as sampled.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.trace, self.span)
    }
}

impl FromStr for TraceParent {
    type Err = BadTraceParent;

    fn from_str(text: &str) -> Result<Self, BadTraceParent> {
        let mut parts = text.trim().split('-');
        let mut next = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits).ok_or(BadTraceParent)?;
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if !part.bytes().all(is_digit) {
                return Err(BadTraceParent);
            }
            u128::from_str_radix(part, 16).map_err(|_| BadTraceParent)
        };
        let (version, trace, span, _flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
        // Later versions may say more behind this; 255 is none.
        let is_whole = match version {
            0 => parts.next().is_none(),
            version => version < 255,
        };
        let span = u64::try_from(span).map_err(|_| BadTraceParent)?;
        if !is_whole || trace == 0 || span == 0 {
            return Err(BadTraceParent);
        }
        Ok(Self { trace: TraceId(trace), span: SpanId(span) })
    }
}

impl TryFrom<String> for TraceParent {
    type Error = BadTraceParent;

    fn try_from(text: String) -> Result<Self, BadTraceParent> {
        text.parse()
    }
}

impl From<TraceParent> for String {
    fn from(parent: TraceParent) -> Self {
        parent.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_parent_is_read_as_the_standard_says() {
        let parent: TraceParent = PARENT.parse().unwrap();
        assert_eq!(parent.to_string(), PARENT);
        assert_eq!(parent.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more";
        assert_eq!(later.parse::<TraceParent>().map(|it| it.span), Ok(parent.span));
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(BadTraceParent), "{wrong}");
        }
    }

    #[test]
    fn a_run_is_its_own_trace_and_all_of_its_parts_have_names_of_their_own() {
        let run = RunId::new();
        assert_eq!(TraceId::of(run, None).to_string(), run.to_string());
        let parent: TraceParent = PARENT.parse().unwrap();
        assert_eq!(TraceId::of(run, Some(parent)), parent.trace);
        let asset: AssetKey = "table:main.orders".parse().unwrap();
        assert_eq!(SpanId::of_step(run, &asset), SpanId::of_step(run, &asset));
        assert_ne!(SpanId::of_step(run, &asset), SpanId::of_step(RunId::new(), &asset));
        assert_ne!(
            SpanId::of_run(run).to_string(),
            SpanId::of_attempt(AttemptId::new()).to_string()
        );
        assert_eq!(SpanId::of_run(run).to_string().len(), 16);
    }
}
