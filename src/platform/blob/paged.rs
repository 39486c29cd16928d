//! Small bytes that also lie in a file of the kernel's memory: a connection sends its pages as they are, where it
//! would copy the bytes for each answer.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes, and the same in a file that nobody can change.
#[derive(Debug)]
pub struct Paged {
    bytes: Bytes,
    file: File,
    /// One of the files that may be open at the same time.
    _permit: OwnedSemaphorePermit,
}

impl Paged {
    /// Below it a copy costs less than another call.
    pub(super) const LEAST: usize = 32 * 1024;

    /// Puts the bytes into a file, which lives as long as this.
    pub(super) fn new(bytes: Bytes, permit: OwnedSemaphorePermit) -> io::Result<Self> {
        Ok(Self {
            file: sealed(&bytes)?,
            bytes,
            _permit: permit,
        })
    }

    /// Where in the bytes a slice begins, if it is a part of these very bytes: not of others that are like them.
    pub fn place_of(&self, slice: &[u8]) -> Option<u64> {
        let start = slice
            .as_ptr()
            .addr()
            .checked_sub(self.bytes.as_ptr().addr())?;
        let is_within = start + slice.len() <= self.bytes.len();
        u64::try_from(start).ok().filter(|_| is_within)
    }

    /// Sends up to `length` bytes from `place` into a socket, as many as it takes now.
    pub fn send(&self, socket: impl AsFd, place: u64, length: usize) -> io::Result<usize> {
        send(&self.file, socket, place, length)
    }
}

#[cfg(test)]
impl Paged {
    /// Bytes with a file of others, so that what is sent tells where it is from.
    pub(crate) fn unlike(bytes: Bytes, in_file: &[u8]) -> Self {
        let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        Self {
            bytes,
            file: sealed(in_file).unwrap(),
            _permit: permits.try_acquire_owned().unwrap(),
        }
    }
}

#[cfg(target_os = "linux")]
fn sealed(bytes: &[u8]) -> io::Result<File> {
    use std::io::Write;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(memfd_create("accolade-delivery", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file)
}

#[cfg(target_os = "linux")]
fn send(file: &File, socket: impl AsFd, mut place: u64, length: usize) -> io::Result<usize> {
    Ok(rustix::fs::sendfile(
        socket,
        file,
        Some(&mut place),
        length,
    )?)
}

#[cfg(not(target_os = "linux"))]
fn sealed(_: &[u8]) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn send(_: &File, _: impl AsFd, _: u64, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn paged(bytes: &Bytes) -> Paged {
        Paged::unlike(bytes.clone(), bytes)
    }

    #[test]
    fn only_its_own_bytes_have_a_place() {
        let bytes = Bytes::from(vec![7; 100]);
        let paged = paged(&bytes);
        assert_eq!(paged.place_of(&bytes), Some(0));
        assert_eq!(paged.place_of(&bytes[40..60]), Some(40));
        assert_eq!(paged.place_of(&bytes[100..]), Some(100));
        assert_eq!(paged.place_of(&[7; 100]), None);
        let around = Bytes::from(vec![7; 300]);
        let within = self::paged(&around.slice(100..200));
        assert_eq!(within.place_of(&around), None);
        assert_eq!(within.place_of(&around[100..]), None);
        assert_eq!(within.place_of(&around[150..200]), Some(50));
    }

    #[test]
    fn its_file_cannot_be_changed() {
        let mut paged = paged(&Bytes::from_static(b"as they are"));
        assert!(paged.file.write_all(b"x").is_err());
        assert!(paged.file.set_len(0).is_err());
    }
}
