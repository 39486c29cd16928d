//! A table on the disk while it is imported.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::accounts::OpContext;
use crate::error::{Error, Result};
use crate::platform::ids::UploadId;
use crate::uploads;

/// A table that lies in a file of our own, to be read from its beginning as often as need be.
#[derive(Clone)]
pub(super) struct Spool(Arc<File>);

impl Spool {
    /// Brings an upload onto the disk: nothing is fetched while it is written. None where it is not there any more.
    pub(super) async fn of(cx: &OpContext, upload: UploadId) -> Result<Option<Self>> {
        let Some(file) = uploads::finished(cx, upload).await? else {
            return Ok(None);
        };
        let (blobs, runtime) = (cx.app.blobs.clone(), Handle::current());
        let folder = cx.app.config.data_dir.clone();
        let size = u64::try_from(file.bytes).map_err(Error::internal)?;
        let copying = tokio::task::spawn_blocking(move || {
            let mut from = blobs.open_blocking(&file.store_key, size, runtime)?;
            let mut spool: File = if folder.is_dir() {
                tempfile::tempfile_in(folder)?
            } else {
                tempfile::tempfile()?
            };
            std::io::copy(&mut from, &mut spool)?;
            spool.flush()?;
            std::io::Result::Ok(spool)
        });
        let spool = copying.await.map_err(Error::internal)??;
        Ok(Some(Self(Arc::new(spool))))
    }

    pub(super) fn read(&self) -> BufReader<Reading> {
        let reading = Reading {
            file: Arc::clone(&self.0),
            at: 0,
        };
        BufReader::with_capacity(64 * 1024, reading)
    }
}

/// Reads with a place of its own: who else reads the same file does not move it.
pub(super) struct Reading {
    file: Arc<File>,
    at: u64,
}

impl Read for Reading {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
