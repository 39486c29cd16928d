//! Stored bytes that can be sought in, for what measures them: the file itself, or ranges of a bucket's object.
//!
//! A bucket's object is not copied to the disk first: most formats say what they are in a few places, and the
//! film of 50 GB of which somebody reads 100 KB need not be fetched, nor find room.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use tokio::runtime::Handle;

use super::{Blobs, Place};

/// What is asked for at first, and after each jump.
const FIRST: u64 = 64 * 1024;
/// What is asked for at most, when it is read on and on.
const MOST: u64 = 4 * 1024 * 1024;

/// What can be read here and there.
pub trait SeekRead: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> SeekRead for T {}

impl Blobs {
    /// Opens an object of `size` bytes for reading on a thread for blocking work.
    pub fn open_blocking(
        &self,
        key: &str,
        size: u64,
        runtime: Handle,
    ) -> io::Result<Box<dyn SeekRead>> {
        match &self.place {
            Place::Folder(root) => {
                let file = std::fs::File::open(root.join(key))?;
                Ok(Box::new(BufReader::new(file)))
            }
            Place::Bucket(_) => Ok(Box::new(Ranges {
                blobs: self.clone(),
                key: key.to_owned(),
                size,
                runtime,
                at: 0,
                block: Bytes::new(),
                begin: 0,
                next: FIRST,
            })),
        }
    }
}

/// An object that is fetched block by block.
struct Ranges {
    blobs: Blobs,
    key: String,
    size: u64,
    runtime: Handle,
    at: u64,
    block: Bytes,
    /// Where the block begins.
    begin: u64,
    /// How much is asked for next.
    next: u64,
}

impl Ranges {
    fn end(&self) -> u64 {
        self.begin + self.block.len() as u64
    }

    fn fetch(&mut self) -> io::Result<()> {
        self.next = if self.at == self.end() {
            (self.next * 2).min(MOST)
        } else {
            FIRST
        };
        let range = self.at..(self.at + self.next).min(self.size);
        let wanted = range.end - range.start;
        let block = self.runtime.block_on(async {
            let download = self
                .blobs
                .read(&self.key, Some(range))
                .await
                .map_err(io::Error::other)?;
            let mut block = BytesMut::new();
            let mut bytes = download.bytes;
            while let Some(more) = bytes.try_next().await.map_err(io::Error::other)? {
                block.extend_from_slice(&more);
            }
            Ok::<_, io::Error>(block)
        })?;
        if block.len() as u64 != wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.begin = self.at;
        self.block = block.freeze();
        Ok(())
    }
}

impl BufRead for Ranges {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.size {
            return Ok(&[]);
        }
        if !(self.begin..self.end()).contains(&self.at) {
            self.fetch()?;
        }
        let from = usize::try_from(self.at - self.begin).map_err(io::Error::other)?;
        Ok(&self.block[from..])
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for Ranges {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl Seek for Ranges {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
