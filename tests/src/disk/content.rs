//! The content of one file: what is durable, and what was done to it since.

use super::model::Losses;

/// What a disk writes whole or not at all.
const PAGE_BYTES: u64 = 4096;

/// A file's content.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    /// Bytes within one page.
    Page {
        at: u64,
        data: Vec<u8>,
    },
    Length(u64),
}

impl Content {
    /// A file that is wholly durable.
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes, pending: Vec::new() }
    }

    /// Writes, page by page.
    pub(super) fn write(&mut self, mut at: u64, mut data: &[u8]) {
        while !data.is_empty() {
            let room = (PAGE_BYTES - at % PAGE_BYTES) as usize;
            let (page, rest) = data.split_at(room.min(data.len()));
            self.pending.push(Change::Page { at, data: page.to_vec() });
            at += page.len() as u64;
            data = rest;
        }
    }

    /// Cuts or grows the file.
    pub(super) fn set_length(&mut self, length: u64) {
        self.pending.push(Change::Length(length));
    }

    /// Makes all changes durable.
    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// Forgets what was to be made durable and could not: the system takes it for written, so that
    /// a second sync says yes and writes nothing.
    pub(super) fn lose(&mut self) {
        self.pending.clear();
    }

    /// What a power cut leaves.
    pub(super) fn survivor(&self, losses: &mut Losses) -> Vec<u8> {
        let mut left = self.durable.clone();
        for change in self.pending.iter().filter(|_| losses.spares_one()) {
            change.apply(&mut left);
        }
        if losses.spares_length_alone() {
            left.resize(left.len().max(self.length()), 0);
        }
        left
    }

    /// The length with all changes.
    fn length(&self) -> usize {
        self.pending.iter().fold(self.durable.len(), |length, change| match change {
            Change::Page { at, data } => length.max(*at as usize + data.len()),
            Change::Length(length) => *length as usize,
        })
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Length(length) => bytes.resize(*length as usize, 0),
            Self::Page { at, data } => {
                let at = *at as usize;
                let end = at + data.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[at..end].copy_from_slice(data);
            }
        }
    }
}
