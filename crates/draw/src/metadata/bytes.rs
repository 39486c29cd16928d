//! The bytes of a file, read here and there, a bounded number of times.

use std::io::{Read, SeekFrom};

use crate::Source;

/// Reads that a file may cost. A picture takes some dozens; a film or PNG in small pieces some thousands.
const MAX_READS: u32 = 20_000;

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: u64,
    pub(super) length: u64,
}

impl Region {
    pub(super) fn between(start: u64, end: u64) -> Self {
        Self {
            start,
            length: end.saturating_sub(start),
        }
    }

    /// What is left of it behind its first `count` bytes.
    pub(super) fn skip(self, count: u64) -> Self {
        Self::between(
            self.start.saturating_add(count),
            self.start.saturating_add(self.length),
        )
    }
}

/// A file from which single parts are read.
pub(super) struct Bytes<'a, S> {
    source: &'a mut S,
    length: u64,
    reads_left: u32,
}

impl<'a, S: Source> Bytes<'a, S> {
    /// `None` if the file cannot be read at all.
    pub(super) fn open(source: &'a mut S) -> Option<Self> {
        let length = source.seek(SeekFrom::End(0)).ok()?;
        Some(Self {
            source,
            length,
            reads_left: MAX_READS,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn whole(&self) -> Region {
        Region::between(0, self.length)
    }

    /// Whether something was not read because it would have been one read too many.
    pub(super) fn is_exhausted(&self) -> bool {
        self.reads_left == 0
    }

    /// At most `most` bytes from the start of the region; fewer where it or the file ends.
    pub(super) fn up_to(&mut self, region: Region, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        if region.start >= self.length || self.reads_left == 0 {
            return bytes;
        }
        self.reads_left -= 1;
        let count = region.length.min(most as u64);
        let read = self
            .source
            .seek(SeekFrom::Start(region.start))
            .and_then(|_| self.source.take(count).read_to_end(&mut bytes));
        if read.is_err() {
            bytes.clear();
        }
        bytes
    }

    /// The `N` bytes at `start`.
    pub(super) fn array<const N: usize>(&mut self, start: u64) -> Option<[u8; N]> {
        let region = Region {
            start,
            length: N as u64,
        };
        self.up_to(region, N).first_chunk().copied()
    }
}

/// The `N` bytes of `bytes` at `offset`.
pub(super) fn slice_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}
