//! An object of which some bytes are known. Whoever reads others is told which bytes to fetch first.

use std::{cell::Cell, collections::BTreeMap, ops::Range};

use bytes::{Bytes, BytesMut};

use self::Stop::{IsNot, Wants};

/// Bytes asked for at once. In between, as many as are known already: few objects need more than the first 64 KiB.
const LEAST_ASKED: u64 = 64 * 1024;
const MOST_ASKED: u64 = 1024 * 1024;

/// Reads that one look may make: more than any file needs that is not made to keep us busy. A rewrite of 16 MiB in the smallest
/// blocks that GIF encoders make takes half as many.
const MOST_READS: u32 = 300_000;

/// Why a look ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// These bytes come first.
    Wants(Range<u64>),
    IsNot,
}

pub(super) type Found<T> = Result<T, Stop>;

/// The bytes of an object that are known so far.
#[derive(Clone, Debug)]
pub struct PartialObject {
    size: u64,
    /// By offset. No two overlap or touch each other.
    pieces: BTreeMap<u64, Bytes>,
    reads: Cell<u32>,
}

impl PartialObject {
    /// An object of so many bytes, none of them known.
    pub fn new(size: u64) -> Self {
        Self { size, pieces: BTreeMap::new(), reads: Cell::new(0) }
    }

    /// An object that is known as a whole.
    pub fn whole(bytes: Bytes) -> Self {
        let mut object = Self::new(bytes.len() as u64);
        object.add(0, bytes);
        object
    }

    /// Adds known bytes at an offset. Bytes beyond the object's size are ignored.
    pub fn add(&mut self, offset: u64, mut bytes: Bytes) {
        bytes.truncate(usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        let neighbours: Vec<u64> =
            self.pieces.range(..=end).filter(|(at, piece)| end_of(**at, piece) >= offset).map(|(at, _)| *at).collect();
        let mut neighbours: Vec<(u64, Bytes)> =
            neighbours.into_iter().filter_map(|at| self.pieces.remove_entry(&at)).collect();
        if neighbours.is_empty() {
            self.pieces.insert(offset, bytes);
            return;
        }
        neighbours.push((offset, bytes));
        let start = neighbours.iter().map(|(at, _)| *at).min().unwrap_or(offset);
        let end = neighbours.iter().map(|(at, piece)| end_of(*at, piece)).max().unwrap_or(end);
        let mut merged = BytesMut::zeroed((end - start) as usize);
        for (at, piece) in neighbours {
            let at = (at - start) as usize;
            merged[at..at + piece.len()].copy_from_slice(&piece);
        }
        self.pieces.insert(start, merged.freeze());
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// All that is known from `at` on without a gap: one byte at least.
    pub(super) fn known(&self, at: u64) -> Found<Bytes> {
        self.bytes(at, 1)?;
        let piece = self.pieces.range(..=at).next_back();
        piece.map(|(start, piece)| piece.slice((at - start) as usize..)).ok_or(IsNot)
    }

    pub(super) fn bytes(&self, at: u64, length: u64) -> Found<Bytes> {
        self.reads.update(|reads| reads + 1);
        if self.reads.get() > MOST_READS {
            return Err(IsNot);
        }
        let end = at.checked_add(length).filter(|end| *end <= self.size).ok_or(IsNot)?;
        match self.pieces.range(..=at).next_back() {
            _ if length == 0 => Ok(Bytes::new()),
            Some((start, piece)) if end_of(*start, piece) >= end => {
                Ok(piece.slice((at - start) as usize..(end - start) as usize))
            }
            _ => Err(self.missing(at, length)),
        }
    }

    pub(super) fn array<const N: usize>(&self, at: u64) -> Found<[u8; N]> {
        let bytes = self.bytes(at, N as u64)?;
        bytes.first_chunk().copied().ok_or(IsNot)
    }

    /// Asks for the first unknown bytes at or behind `at`. Whoever reads on, or passes over little, gets as many as are known already.
    /// Whoever passes over much does not fetch it.
    fn missing(&self, at: u64, length: u64) -> Stop {
        let before = self.pieces.range(..=at).next_back().map_or(0, |(start, piece)| end_of(*start, piece));
        let start = at.max(before);
        let known_next = self.pieces.range(start..).next().map_or(self.size, |(start, _)| *start);
        let known = match start - before <= LEAST_ASKED {
            true => self.pieces.values().map(|piece| piece.len() as u64).sum(),
            false => 0,
        };
        let ahead = known.max(at.saturating_add(length).saturating_sub(start)).clamp(LEAST_ASKED, MOST_ASKED);
        let end = start.saturating_add(ahead).min(known_next);
        if start < end { Wants(start..end) } else { IsNot }
    }
}

fn end_of(at: u64, piece: &Bytes) -> u64 {
    at + piece.len() as u64
}
