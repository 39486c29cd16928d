//! The bytes of one file with everything a format's reader needs: checked reads, skips that notice
//! a missing end, and the count of parts that bounds the time.

use std::io::{BufRead, Read, Seek, SeekFrom};

use crate::Refusal;

/// What a file is read from.
pub(crate) trait Input: BufRead + Seek {}

impl<T: BufRead + Seek + ?Sized> Input for T {}

/// A file, and the place in it where the next read begins.
pub(crate) struct Source<'a> {
    input: &'a mut (dyn Input + 'a),
    len: u64,
    position: u64,
    parts: u64,
    max_parts: u64,
}

/// Declares readers of numbers of a given width and byte order.
macro_rules! numbers {
    ($($name:ident: $type:ty, $from:ident;)*) => {
        $(
            #[doc = concat!("The next `", stringify!($type), "`, by `", stringify!($from), "`.")]
            pub(crate) fn $name(&mut self) -> Result<$type, Refusal> {
                Ok(<$type>::$from(self.array()?))
            }
        )*
    };
}

impl<'a> Source<'a> {
    /// Takes the length of `input` and goes to its start. At most `max_parts` parts may be walked.
    pub(crate) fn open(input: &'a mut (dyn Input + 'a), max_parts: u64) -> Result<Self, Refusal> {
        let len = input.seek(SeekFrom::End(0))?;
        input.rewind()?;
        Ok(Self {
            input,
            len,
            position: 0,
            parts: 0,
            max_parts,
        })
    }

    /// Length of the file in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Where the next read begins, in bytes from the start.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes from here to the end.
    pub(crate) fn remaining(&self) -> u64 {
        self.len.saturating_sub(self.position)
    }

    /// The reader itself, for a library that does its own reading. The position is not followed
    /// from here on.
    pub(crate) fn input(&mut self) -> &mut (dyn Input + 'a) {
        self.input
    }

    /// Counts one part of the file; every loop over what a file contains calls this.
    pub(crate) fn part(&mut self) -> Result<(), Refusal> {
        self.parts += 1;
        crate::limits::check("parts", self.parts, self.max_parts)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(refuse)?;
        self.position += N as u64;
        Ok(bytes)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Refusal> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    numbers! {
        u16_be: u16, from_be_bytes;
        u16_le: u16, from_le_bytes;
        u32_be: u32, from_be_bytes;
        u32_le: u32, from_le_bytes;
        u64_be: u64, from_be_bytes;
        u64_le: u64, from_le_bytes;
    }

    /// The next three bytes as a number, the lowest first.
    pub(crate) fn u24_le(&mut self) -> Result<u32, Refusal> {
        let [a, b, c] = self.array()?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    /// The next `count` bytes. The caller bounds `count`: so much memory is taken, though never
    /// more than there is file.
    pub(crate) fn take(&mut self, count: u64) -> Result<Vec<u8>, Refusal> {
        if count > self.remaining() {
            return Err(Refusal::truncated());
        }
        let mut bytes = Vec::new();
        let read = (&mut *self.input).take(count).read_to_end(&mut bytes)? as u64;
        self.position += read;
        if read < count {
            Err(Refusal::truncated())
        } else {
            Ok(bytes)
        }
    }

    /// Passes over `count` bytes, all of which must be there.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), Refusal> {
        if count > self.remaining() {
            return Err(Refusal::truncated());
        }
        match i64::try_from(count) {
            Ok(offset) => self.input.seek_relative(offset)?,
            Err(_) => return Err(Refusal::truncated()),
        }
        self.position += count;
        Ok(())
    }

    /// Goes to byte `to`, which must be in the file or just behind it.
    pub(crate) fn seek(&mut self, to: u64) -> Result<(), Refusal> {
        if to > self.len {
            return Err(Refusal::truncated());
        }
        if to >= self.position {
            return self.skip(to - self.position);
        }
        self.position = self.input.seek(SeekFrom::Start(to))?;
        Ok(())
    }

    /// Goes just behind the next `byte`, or to the end of the file if there is none; says how many
    /// bytes were passed.
    pub(crate) fn skip_past(&mut self, byte: u8) -> Result<u64, Refusal> {
        let passed = self.input.skip_until(byte)? as u64;
        self.position += passed;
        Ok(passed)
    }

    /// The last `count` bytes of the file, or all of it.
    pub(crate) fn tail(&mut self, count: u64) -> Result<Vec<u8>, Refusal> {
        let count = count.min(self.len);
        self.seek(self.len - count)?;
        self.take(count)
    }
}

/// Tells a file that ends too early from a reader that fails.
fn refuse(error: std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        Refusal::truncated()
    } else {
        Refusal::Unreadable(error)
    }
}

/// The `N` bytes of `bytes` at `offset`, if it has them.
pub(crate) fn slice_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn reads_skips_and_seeks_keep_the_position() {
        let mut input = Cursor::new([1_u8, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let mut source = Source::open(&mut input, 10).unwrap();
        assert_eq!(source.u16_be().unwrap(), 0x0102);
        assert_eq!(source.u24_le().unwrap(), 0x05_0403);
        source.skip(1).unwrap();
        assert_eq!((source.position(), source.remaining()), (6, 4));
        assert_eq!(source.take(2).unwrap(), [7, 8]);
        source.seek(1).unwrap();
        assert_eq!(source.skip_past(4).unwrap(), 3);
        assert_eq!(source.byte().unwrap(), 5);
        assert_eq!(source.tail(3).unwrap(), [8, 9, 10]);
        assert_eq!(source.tail(99).unwrap().len(), 10);
    }

    #[test]
    fn what_is_not_there_is_reported_as_a_file_cut_short() {
        let mut input = Cursor::new([0_u8; 4]);
        let mut source = Source::open(&mut input, 2).unwrap();
        for refusal in [
            source.skip(5).err(),
            source.seek(u64::MAX).err(),
            source.take(u64::MAX).err(),
            source.u64_be().err(),
        ] {
            assert!(
                matches!(refusal, Some(Refusal::Damaged { .. })),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn parts_are_counted_up_to_the_limit() {
        let mut input = Cursor::new([0_u8; 4]);
        let mut source = Source::open(&mut input, 2).unwrap();
        assert!(source.part().is_ok());
        assert!(source.part().is_ok());
        assert!(matches!(
            source.part(),
            Err(Refusal::TooLarge {
                actual: 3,
                limit: 2,
                ..
            })
        ));
    }
}
