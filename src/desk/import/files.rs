//! Files that are to be sent: looked at where they lie, before anything is sent, and noted on the disk, so that
//! their number costs no memory.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use accolade_media::{Limits, probe};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::platform::csv::{Reader, Record, write_record};
use crate::platform::text;

const LEAVES: &str = "The path leads out of the folder. Write one below it.";

/// A table that is ready to be sent, and the files that it names.
pub(super) struct Listed {
    /// What the paths of the files are below.
    pub root: PathBuf,
    pub table: NamedTempFile,
    pub files: Notes,
}

/// A file as it was found.
pub(super) struct Found {
    pub sha256: String,
    pub bytes: u64,
    pub media_type: String,
}

/// A file that a line names.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub line: u64,
    pub key: String,
    /// Below the root.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
}

/// Notes of files, on the disk.
pub(super) struct Notes(BufWriter<File>);

impl Notes {
    pub(super) fn new() -> std::io::Result<Self> {
        let mut notes = Self(BufWriter::new(tempfile::tempfile()?));
        // The first line says what stands between cells.
        write_record(&mut notes.0, ["line", "key", "path", "sha256", "bytes"])?;
        Ok(notes)
    }

    pub(super) fn add(&mut self, note: &Note) -> std::io::Result<()> {
        let (line, bytes) = (note.line.to_string(), note.bytes.to_string());
        let cells = [&line, &note.key, &note.path, &note.sha256, &bytes];
        write_record(&mut self.0, cells.map(String::as_str))
    }

    /// Reads them from the first.
    pub(super) fn read(
        &mut self,
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Note>> + use<>> {
        self.0.flush()?;
        let mut file = self.0.get_ref().try_clone()?;
        file.rewind()?;
        let mut reader = Reader::new(BufReader::new(file));
        reader.read()?;
        Ok(std::iter::from_fn(move || {
            let record = reader.read().transpose()?;
            Some(record.map_err(anyhow::Error::from).and_then(note))
        }))
    }
}

fn note(record: Record) -> anyhow::Result<Note> {
    let lost = || anyhow::anyhow!("a note of a file was lost");
    let [line, key, path, sha256, bytes] =
        <[String; 5]>::try_from(record.cells).map_err(|_| lost())?;
    Ok(Note {
        line: line.parse()?,
        key,
        path,
        sha256,
        bytes: bytes.parse()?,
    })
}

/// Where a path below a folder leads; an error in words where it is none, or leads out of it.
pub(super) fn below(root: &Path, path: &str) -> Result<PathBuf, String> {
    let parts = Path::new(path).components();
    let stays = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !parts.clone().all(stays) {
        return Err(LEAVES.to_owned());
    }
    let found = root
        .join(path)
        .canonicalize()
        .map_err(|error| words(&error))?;
    if found.starts_with(root) {
        Ok(found)
    } else {
        Err(LEAVES.to_owned())
    }
}

fn words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "There is no such file.".to_owned(),
        std::io::ErrorKind::PermissionDenied => "The file may not be read by you.".to_owned(),
        _ => text::sentence(&format!("it cannot be read: {error}")),
    }
}

/// Reads a file to its end and says what it is; an error in words where it is nothing to be sent. Its pieces pass
/// through memory one by one.
pub(super) fn look(path: &Path, mut tell: impl FnMut(u64)) -> Result<Found, String> {
    let state = |file: &File| -> std::io::Result<(u64, Option<SystemTime>)> {
        let metadata = file.metadata()?;
        Ok((metadata.len(), metadata.modified().ok()))
    };
    // A pipe would be waited for.
    if !path.metadata().map_err(|error| words(&error))?.is_file() {
        return Err("This is no file.".to_owned());
    }
    let mut file = File::open(path).map_err(|error| words(&error))?;
    let before = state(&file).map_err(|error| words(&error))?;
    if before.0 == 0 {
        return Err("The file is empty.".to_owned());
    }
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; 256 * 1024];
    loop {
        let read = file.read(&mut piece).map_err(|error| words(&error))?;
        if read == 0 {
            break;
        }
        hash.update(&piece[..read]);
        bytes += read as u64;
        tell(read as u64);
    }
    file.rewind().map_err(|error| words(&error))?;
    let probed = probe(BufReader::new(&file), &Limits::default());
    let after = state(&file).map_err(|error| words(&error))?;
    if before != after || bytes != after.0 {
        return Err("The file changed while it was read. Run it again.".to_owned());
    }
    let facts = probed.map_err(|refusal| text::sentence(&refusal.to_string()))?;
    Ok(Found {
        sha256: hex::encode(hash.finalize()),
        bytes,
        media_type: facts.media_type.to_owned(),
    })
}
