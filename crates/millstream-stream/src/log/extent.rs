//! The bytes of which a topic is made up to a point of its history, for copies of it.

use std::path::PathBuf;

use millstream_core::effect::EffectId;
use millstream_core::error::Result;

use super::batch;
use super::error::LogError;
use super::files;
use super::segment::BatchReader;
use super::state::{Log, scan_error};

/// Where the durable part of a topic ended at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicMark {
    /// Base offset of the segment that grew.
    pub(super) segment: u64,
    /// Its durable bytes.
    pub(super) position: u64,
}

/// A segment, or its beginning. What else is in the folder is derived from the segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentExtent {
    /// The file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// How many of its bytes belong to the copy.
    pub bytes: u64,
    /// Whether the file will never change.
    pub sealed: bool,
}

impl Log {
    /// Where the durable part ends now.
    pub(super) fn mark(&self) -> Result<TopicMark, LogError> {
        self.refresh()?;
        let view = self.view();
        Ok(TopicMark { segment: view.base, position: view.position })
    }

    /// The segments up to the first effect behind `from` that does not belong to the copy; all of
    /// the log is looked at without a mark.
    pub(super) fn extent(
        &self,
        from: Option<TopicMark>,
        has_effect: &dyn Fn(&EffectId) -> Result<bool>,
    ) -> Result<Vec<SegmentExtent>> {
        self.refresh()?;
        let (segments, active, position) = {
            let view = self.view();
            (view.segments.clone(), view.base, view.position)
        };
        let mut extents = Vec::new();
        for base in segments {
            let path = files::segment_path(&self.folder, base);
            let io = |error| LogError::io(&path, error);
            let length = if base == active { position } else { path.metadata().map_err(io)?.len() };
            let start = match from {
                Some(mark) if base < mark.segment => length,
                Some(mark) if base == mark.segment => mark.position,
                _ => 0,
            };
            let bytes = self.known_bytes(base, start, length, has_effect)?;
            let name = format!("{base:020}.log");
            extents.push(SegmentExtent { path, name, bytes, sealed: base != active });
            if bytes < length {
                break;
            }
        }
        Ok(extents)
    }

    /// The bytes of a segment before the first effect that does not belong to the copy.
    fn known_bytes(
        &self,
        base: u64,
        start: u64,
        length: u64,
        has_effect: &dyn Fn(&EffectId) -> Result<bool>,
    ) -> Result<u64> {
        let path = files::segment_path(&self.folder, base);
        let mut reader =
            BatchReader::open(&path, start, length).map_err(|e| LogError::io(&path, e))?;
        loop {
            let at = reader.position();
            let found = reader.next().map_err(|error| scan_error(&path, at, error))?;
            let Some(found) = found else { return Ok(length) };
            let mark = batch::effect_mark(found.bytes, &found.header)
                .map_err(|bad| LogError::bad_batch(&path, at, bad))?;
            if let Some(mark) = mark
                && !has_effect(&mark.effect)?
            {
                return Ok(at);
            }
        }
    }
}
