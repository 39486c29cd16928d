//! A partial file that is appended to, beside the place where it will lie.
//!
//! Bytes are hashed and written in turns on a thread for blocking work, so that a slow sender holds none, and
//! the next bytes come in meanwhile. The file is locked while it is written to: the kernel gives the lock
//! back when a process dies, and a writer that was thought dead cannot write beside its successor.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::growing::{Growth, Hashes, Saving};
use crate::error::{Error, Result};

/// What marks a file as partial: a name that the store never lists.
const PARTIAL: &str = "#0";
/// Bytes that are gathered for one turn of hashing and writing.
const TURN: usize = 1024 * 1024;

/// Makes a folder, and those above it, whose names survive a power cut. It is not enough to find one: whoever made it
/// may have been killed before its name was written through.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return Ok(()),
    };
    if !above.is_dir() {
        make_folder(above)?;
    }
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
    }
    match File::open(above) {
        Ok(above) => above.sync_all(),
        // Of a folder that may not be read nothing can be written through; what lies in it was there before us.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

fn partial(root: &Path, key: &str) -> PathBuf {
    root.join(format!("{key}{PARTIAL}"))
}

/// A partial file that is open for writing.
pub(super) struct FileGrowth {
    /// As it was saved last, or when it was opened.
    growth: Growth,
    state: State,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
}

enum State {
    Idle(Box<Writer>),
    Busy(JoinHandle<(Box<Writer>, io::Result<()>)>),
    /// A turn has failed: what the file holds behind the last save is not known.
    Broken,
}

struct Writer {
    file: Arc<File>,
    hashes: Hashes,
    written: u64,
}

impl Writer {
    fn turn(&mut self, gathered: &[Bytes]) -> io::Result<()> {
        for bytes in gathered {
            self.hashes.update(bytes);
            (&*self.file).write_all(bytes)?;
            self.written += bytes.len() as u64;
        }
        Ok(())
    }
}

impl FileGrowth {
    /// Opens the partial file and cuts off what is not known to be good; none where it is written to.
    pub(super) async fn open(
        root: PathBuf,
        growth: Growth,
        hashes: Hashes,
    ) -> Result<Option<Self>> {
        let (key, bytes) = (growth.key.clone(), growth.bytes);
        let file = blocking(move || open(&root, &key, bytes)).await?;
        Ok(file.map(|file| Self {
            state: State::Idle(Box::new(Writer {
                file: Arc::new(file),
                hashes,
                written: growth.bytes,
            })),
            growth,
            gathered: Vec::new(),
            gathered_bytes: 0,
        }))
    }

    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.gathered_bytes += bytes.len();
        self.gathered.push(bytes);
        let is_idle = match &self.state {
            State::Idle(_) => true,
            State::Busy(turn) => turn.is_finished(),
            State::Broken => false,
        };
        if is_idle || self.gathered_bytes >= TURN {
            self.begin_turn().await?;
        }
        Ok(())
    }

    /// Waits for the turn under way, and begins the next with what was gathered.
    async fn begin_turn(&mut self) -> Result<()> {
        let mut writer = self.idle().await?;
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.state = State::Busy(spawn_blocking(move || {
            let done = writer.turn(&gathered);
            (writer, done)
        }));
        Ok(())
    }

    /// Takes the writer out, once its turn is over.
    async fn idle(&mut self) -> Result<Box<Writer>> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Idle(writer) => Ok(writer),
            State::Busy(turn) => {
                let (writer, done) = turn.await.map_err(Error::internal)?;
                done?;
                Ok(writer)
            }
            State::Broken => Err(Error::internal(
                "a partial file is written to after a fault",
            )),
        }
    }

    /// The writer with nothing left to write.
    async fn settled(&mut self) -> Result<&Writer> {
        if !self.gathered.is_empty() {
            self.begin_turn().await?;
        }
        let writer = self.idle().await?;
        self.state = State::Idle(writer);
        match &self.state {
            State::Idle(writer) => Ok(writer),
            _ => Err(Error::internal("a partial file has no writer")),
        }
    }

    pub(super) async fn hashes(&mut self) -> Result<&Hashes> {
        Ok(&self.settled().await?.hashes)
    }

    pub(super) async fn save(&mut self) -> Result<Saving> {
        let writer = self.settled().await?;
        let (file, written) = (Arc::clone(&writer.file), writer.written);
        let hash_state = writer.hashes.whole.state();
        let growth = Growth {
            bytes: written,
            hash_state,
            ..self.growth.clone()
        };
        self.growth = growth.clone();
        Ok(Box::pin(async move {
            blocking(move || file.sync_data()).await?;
            Ok(growth)
        }))
    }
}

fn open(root: &Path, key: &str, bytes: u64) -> io::Result<Option<File>> {
    let path = partial(root, key);
    let folder = path.parent().unwrap_or(root);
    if bytes == 0 {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(bytes == 0)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let size = file.metadata()?.len();
    if size < bytes {
        let text = format!(
            "the partial file {} has {size} bytes of {bytes}",
            path.display()
        );
        return Err(io::Error::other(text));
    }
    if size > bytes {
        file.set_len(bytes)?;
    }
    file.seek(SeekFrom::Start(bytes))?;
    if bytes == 0 {
        // The name of a new file, and of its folder, must survive with the bytes that come into it.
        File::open(folder)?.sync_all()?;
        File::open(root)?.sync_all()?;
    }
    Ok(Some(file))
}

/// What is read of a file at a time.
const CHUNK: u64 = 128 * 1024;

/// A part of a file as it is read, chunk by chunk, on threads for blocking work.
pub(super) fn read(
    file: File,
    range: std::ops::Range<u64>,
) -> impl Stream<Item = Result<Bytes, object_store::Error>> + Send {
    futures::stream::try_unfold((file, range), |(mut file, mut left)| async move {
        if left.is_empty() {
            return Ok(None);
        }
        let read = spawn_blocking(move || {
            let wanted = (left.end - left.start).min(CHUNK);
            file.seek(SeekFrom::Start(left.start))?;
            let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
            let found = Read::by_ref(&mut file)
                .take(wanted)
                .read_to_end(&mut chunk)?;
            if found as u64 != wanted {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            left.start += wanted;
            Ok((Bytes::from(chunk), (file, left)))
        });
        let read = read.await.map_err(io::Error::other).flatten();
        read.map(Some)
            .map_err(|error| object_store::Error::Generic {
                store: "folder",
                source: error.into(),
            })
    })
}

/// Renames the partial file into place, unless that was done before.
pub(super) async fn complete(root: PathBuf, growth: &Growth) -> Result<()> {
    let key = growth.key.clone();
    blocking(move || {
        let (from, to) = (partial(&root, &key), root.join(&key));
        let folder = to.parent().unwrap_or(&root);
        match File::open(&from) {
            Ok(file) => {
                file.sync_all()?;
                fs::rename(&from, &to)?;
            }
            // Whoever did it may have been killed before the name was written through.
            Err(error) if error.kind() == ErrorKind::NotFound && to.exists() => {}
            Err(error) => return Err(error),
        }
        File::open(folder)?.sync_all()
    })
    .await
}

/// Removes the partial file, if there is one.
pub(super) async fn forget(root: PathBuf, growth: &Growth) -> Result<()> {
    let path = partial(&root, &growth.key);
    blocking(move || match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    Ok(spawn_blocking(work).await.map_err(Error::internal)??)
}
