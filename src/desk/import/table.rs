//! A table of assets whose column `file` holds paths: it becomes one that names bytes by their hashes, line by line.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use tempfile::NamedTempFile;

use super::faults::Faults;
use super::files::{Listed, Note, Notes, below, look};
use crate::desk::bar::Bar;
use crate::platform::csv::{ReadError, Reader, write_record};

/// Writes a table so that each row begins where its model did: what the server says of a line is said of the
/// sender's.
pub(super) struct Lines {
    out: BufWriter<NamedTempFile>,
    /// The next line.
    line: u64,
}

impl Lines {
    pub(super) fn new() -> std::io::Result<Self> {
        let out = BufWriter::new(NamedTempFile::new()?);
        Ok(Self { out, line: 1 })
    }

    pub(super) fn write<'c>(
        &mut self,
        line: u64,
        cells: impl Iterator<Item = &'c str> + Clone,
    ) -> std::io::Result<()> {
        while self.line < line {
            self.out.write_all(b"\r\n")?;
            self.line += 1;
        }
        let within = cells.clone().map(|cell| cell.matches('\n').count() as u64);
        self.line += 1 + within.sum::<u64>();
        write_record(&mut self.out, cells)
    }

    pub(super) fn end(self) -> anyhow::Result<NamedTempFile> {
        Ok(self.out.into_inner()?)
    }
}

/// Where what matters stands in a header.
struct Columns {
    names: Vec<String>,
    file: usize,
    key: Option<usize>,
    sha256: Option<usize>,
    filename: Option<usize>,
}

impl Columns {
    fn of(header: &[String]) -> Option<Self> {
        let names = header.iter().map(|cell| {
            let name = cell.trim().to_lowercase();
            name.replace([' ', '-'], "_")
        });
        let names: Vec<String> = names.collect();
        let find = |name: &str| names.iter().position(|known| known == name);
        Some(Self {
            file: find("file")?,
            key: find("key"),
            sha256: find("sha256"),
            filename: find("filename"),
            names,
        })
    }
}

/// Looks at all files that a table names; none where it has no column for them. What is wrong is among the faults.
pub(super) fn list(
    path: &Path,
    dry_run: bool,
    faults: &mut Faults<'_>,
    bar: &mut Bar,
) -> anyhow::Result<Option<Listed>> {
    let opened = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let folder = path.canonicalize()?;
    let root = folder.parent().unwrap_or(&folder).to_owned();
    let mut reader = Reader::new(BufReader::new(opened));
    let header = match reader.read() {
        Ok(Some(header)) => header,
        // The server says what is wrong with it.
        Ok(None) | Err(ReadError::Table(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let Some(columns) = Columns::of(&header.cells) else {
        return Ok(None);
    };
    let (mut lines, mut files) = (Lines::new()?, Notes::new()?);
    let own = columns.names.iter().enumerate();
    let own = own.filter(|(i, _)| *i != columns.file);
    let own = own.map(|(i, _)| header.cells[i].as_str());
    let more = [
        columns.sha256.is_none().then_some("sha256"),
        columns.filename.is_none().then_some("filename"),
        dry_run.then_some("to_send"),
    ];
    lines.write(header.line, own.chain(more.into_iter().flatten()))?;
    let mut read = 0;
    loop {
        let mut record = match reader.read() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(ReadError::Table(fault)) => {
                faults.add((fault.line, ""), None, &fault.message);
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let (has, wants) = (record.cells.len(), columns.names.len());
        if has != wants {
            let text = format!("This row has {has} cells where there are {wants} columns.");
            faults.add((record.line, ""), None, &text);
            continue;
        }
        let cell = |at: Option<usize>| at.map_or("", |at| record.cells[at].trim());
        let mut said = (
            cell(columns.sha256).to_owned(),
            cell(columns.filename).to_owned(),
        );
        let mut media_type = String::new();
        let named = portable(&root, cell(Some(columns.file)));
        if !named.is_empty() {
            let found = below(&root, &named).and_then(|path| {
                look(&path, |bytes| {
                    read += bytes;
                    bar.tell("reading", "bytes", read, 0);
                })
            });
            match found {
                Err(message) => faults.add((record.line, ""), Some("file"), &message),
                Ok(found) if !said.0.is_empty() && said.0 != found.sha256 => {
                    let text = "The file is not the one that sha256 names. Empty one of the two.";
                    faults.add((record.line, ""), Some("file"), text);
                }
                Ok(found) => {
                    files.add(&Note {
                        line: record.line,
                        key: cell(columns.key).to_owned(),
                        path: named.clone(),
                        sha256: found.sha256.clone(),
                        bytes: found.bytes,
                    })?;
                    if said.1.is_empty() {
                        let name = named.rsplit('/').next().unwrap_or(&named);
                        name.clone_into(&mut said.1);
                    }
                    (said.0, media_type) = (found.sha256, found.media_type);
                }
            }
        }
        if let Some(at) = columns.sha256 {
            said.0.clone_into(&mut record.cells[at]);
        }
        if let Some(at) = columns.filename {
            said.1.clone_into(&mut record.cells[at]);
        }
        let own = record.cells.iter().enumerate();
        let own = own.filter(|(i, _)| *i != columns.file);
        let more = [
            columns.sha256.is_none().then_some(said.0.as_str()),
            columns.filename.is_none().then_some(said.1.as_str()),
            dry_run.then_some(media_type.as_str()),
        ];
        let own = own.map(|(_, cell)| cell.as_str());
        lines.write(record.line, own.chain(more.into_iter().flatten()))?;
    }
    let table = lines.end()?;
    Ok(Some(Listed { root, table, files }))
}

/// A path as it is written on other desks: with `\\` between its parts.
fn portable(root: &Path, cell: &str) -> String {
    if cell.contains('\\') && !root.join(cell).exists() {
        cell.replace('\\', "/")
    } else {
        cell.to_owned()
    }
}

/// The keys of the rows that begin at these lines, as far as they have any.
pub(super) fn keys_at(path: &Path, lines: &BTreeSet<u64>) -> anyhow::Result<BTreeMap<u64, String>> {
    let mut reader = Reader::new(BufReader::new(File::open(path)?));
    let mut keys = BTreeMap::new();
    let mut at = None;
    // What cannot be read has been told.
    while let Ok(Some(mut record)) = reader.read() {
        let Some(at) = at else {
            at = record
                .cells
                .iter()
                .position(|c| c.trim().eq_ignore_ascii_case("key"));
            if at.is_none() {
                break;
            }
            continue;
        };
        if lines.contains(&record.line) && at < record.cells.len() {
            keys.insert(record.line, record.cells.swap_remove(at));
        }
    }
    Ok(keys)
}
