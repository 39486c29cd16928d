//! Room on the disk: new bytes are refused while there is still enough of it for everything else.

use std::path::Path;

use crate::error::{Error, NoRoom, Result};

/// What stays free of new bytes, so that what is small and matters more can still be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    pub bytes: u64,
    /// Of the whole file system.
    pub percent: u8,
}

impl Reserve {
    fn is_kept(self, free: u64, size: u64) -> bool {
        free >= self.bytes && u128::from(free) * 100 >= u128::from(size) * u128::from(self.percent)
    }

    /// Fails with [`NoRoom`] where the file system of a folder has less left than this, or would have once it
    /// took `bytes` more. A folder that is not there takes no bytes.
    pub fn check(self, folder: &Path, bytes: u64) -> Result<()> {
        let Ok(disk) = rustix::fs::statvfs(folder) else {
            return Ok(());
        };
        let (free, size) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        if free >= bytes && self.is_kept(free - bytes, size) {
            return Ok(());
        }
        let text = format!("the disk of {} is nearly full", folder.display());
        Err(Error::Unavailable(
            anyhow::Error::new(NoRoom { free }).context(text),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_bytes_and_the_share_must_stay_free() {
        let reserve = Reserve {
            bytes: 100,
            percent: 5,
        };
        let table = [
            (100, 2_000, true),
            (99, 1_000, false),
            (100, 2_001, false),
            (u64::MAX, u64::MAX, true),
            (0, 0, false),
        ];
        for (free, size, kept) in table {
            assert_eq!(reserve.is_kept(free, size), kept, "{free} of {size}");
        }
        let none = Reserve {
            bytes: 0,
            percent: 0,
        };
        assert!(none.is_kept(0, 1_000));
    }
}
