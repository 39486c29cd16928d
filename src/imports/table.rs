//! A table with a header: its columns have names that are known, its rows have as many cells.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::model::Faults;
use crate::error::{Error, Result};
use crate::platform::csv::{ReadError, Reader};
use crate::platform::locale;

/// The column by which a row is known again.
pub(super) const KEY: &str = "key";

/// The columns that a table of a kind may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub all: &'static [&'static str],
    /// Those that also come with a language behind a colon: `quote:de`.
    pub by_language: &'static [&'static str],
    pub required: &'static [&'static str],
}

/// The cells of a row by the names of their columns.
pub(super) type Cells = BTreeMap<Arc<str>, String>;

/// Writes a cell; nothing is an empty one.
pub(super) fn set(cells: &mut Cells, name: &str, value: Option<String>) {
    cells.insert(name.into(), value.unwrap_or_default());
}

/// A row of a table.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Where it begins, counted from 1.
    pub line: u64,
    pub cells: Cells,
}

impl Row {
    /// What the row says; empty cells say nothing.
    pub(super) fn hash(&self) -> Vec<u8> {
        let mut hash = Sha256::new();
        for (name, cell) in self.cells.iter().filter(|(_, cell)| !cell.is_empty()) {
            for part in [name.as_bytes(), cell.as_bytes()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        hash.finalize().to_vec()
    }
}

/// Bytes of cells that are looked at together, and a row more.
const MAX_BATCH: usize = 1 << 20;
/// Longest key, in characters.
const MAX_KEY: usize = 500;

/// The keys of rows. One that is missing or no key is a fault.
pub(super) fn keys_of(rows: &[Row], faults: &mut Faults) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for row in rows {
        let key = row.cells.get(KEY).map(String::as_str).unwrap_or_default();
        if key.is_empty() {
            let text = "Give the row a key of your own, such as its number in your list: by it the row is known again.";
            faults.add(row.line, Some(KEY), text);
        } else if key.chars().count() > MAX_KEY || key.chars().any(char::is_control) {
            let text = format!("A key has at most {MAX_KEY} characters, none of control.");
            faults.add(row.line, Some(KEY), text);
        } else {
            keys.insert(key.to_owned());
        }
    }
    keys
}

/// A table that is being read.
pub(super) struct Table<R> {
    reader: Reader<R>,
    names: Vec<Arc<str>>,
    rows: u64,
}

/// Rows that were read together.
pub(super) struct Batch {
    pub rows: Vec<Row>,
    /// Whether there may be more.
    pub goes_on: bool,
}

impl<R: BufRead> Table<R> {
    /// Reads the header; none where it is at fault.
    pub(super) fn open(input: R, columns: Columns, faults: &mut Faults) -> Result<Option<Self>> {
        let mut reader = Reader::new(input);
        let header = match reader.read() {
            Ok(Some(header)) => header,
            Ok(None) => {
                faults.add(1, None, "The table is empty.");
                return Ok(None);
            }
            Err(error) => return told(error, faults).map(|()| None),
        };
        let mut names: Vec<Arc<str>> = Vec::with_capacity(header.cells.len());
        for cell in &header.cells {
            let Some(name) = columns.find(cell) else {
                let (known, hint) = (columns.all.join(", "), columns.hint());
                let text = format!(
                    "There is no column “{}”. There are {known}{hint}.",
                    short(cell)
                );
                faults.add(header.line, Some(&short(cell)), text);
                continue;
            };
            let name: Arc<str> = name.into();
            if names.contains(&name) {
                faults.add(header.line, Some(&name), "This column is there twice.");
            }
            names.push(name);
        }
        for name in columns.required {
            if !names.iter().any(|n| &**n == *name) && header.cells.len() == names.len() {
                faults.add(
                    header.line,
                    Some(name),
                    format!("The column “{name}” is missing."),
                );
            }
        }
        Ok(faults.is_empty().then_some(Self {
            reader,
            names,
            rows: 0,
        }))
    }

    /// The next rows, so many of so many that there may be in all. A row with more or fewer cells than there are columns is a fault, and so is whatever ends
    /// the reading.
    pub(super) fn batch(
        &mut self,
        (most, all): (usize, u64),
        faults: &mut Faults,
    ) -> Result<Batch> {
        let mut rows = Vec::with_capacity(most);
        let mut bytes = 0;
        while rows.len() < most && bytes < MAX_BATCH {
            let record = match self.reader.read() {
                Ok(Some(record)) => record,
                Ok(None) => {
                    return Ok(Batch {
                        rows,
                        goes_on: false,
                    });
                }
                Err(error) => {
                    told(error, faults)?;
                    return Ok(Batch {
                        rows,
                        goes_on: false,
                    });
                }
            };
            self.rows += 1;
            bytes += record.cells.iter().map(String::len).sum::<usize>();
            if self.rows > all {
                let text = format!("There are more than {all} rows. Split the table.");
                faults.add(record.line, None, text);
                return Ok(Batch {
                    rows,
                    goes_on: false,
                });
            }
            if record.cells.len() != self.names.len() {
                let (has, wants) = (record.cells.len(), self.names.len());
                let text = format!("This row has {has} cells where there are {wants} columns.");
                faults.add(record.line, None, text);
                continue;
            }
            let cells = record.cells.into_iter().map(|cell| match cell.trim() {
                trimmed if trimmed.len() == cell.len() => cell,
                trimmed => trimmed.to_owned(),
            });
            rows.push(Row {
                line: record.line,
                cells: self.names.iter().cloned().zip(cells).collect(),
            });
        }
        Ok(Batch {
            rows,
            goes_on: true,
        })
    }
}

/// A fault of the table is noted; one of the disk ends the work.
fn told(error: ReadError, faults: &mut Faults) -> Result<()> {
    match error {
        ReadError::Table(fault) => {
            faults.add(fault.line, None, fault.message);
            Ok(())
        }
        ReadError::Io(cause) => Err(Error::from(cause)),
    }
}

/// A cell as a message quotes it.
pub(super) fn short(cell: &str) -> String {
    const MOST: usize = 60;
    let mut text: String = cell
        .chars()
        .take(MOST)
        .filter(|c| !c.is_control())
        .collect();
    if cell.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}

impl Columns {
    /// The column that a header names: capitals, blanks and hyphens do not count.
    fn find(self, cell: &str) -> Option<String> {
        let (name, language) = match cell.split_once(':') {
            Some((name, language)) => (name, Some(locale::canonical(language.trim())?)),
            None => (cell, None),
        };
        let name = name.trim().to_lowercase().replace([' ', '-'], "_");
        let list = if language.is_some() {
            self.by_language
        } else {
            self.all
        };
        let known = list.iter().find(|known| **known == name)?;
        Some(language.map_or_else(|| (*known).to_owned(), |l| format!("{known}:{l}")))
    }

    /// What is said of the columns with a language.
    fn hint(self) -> String {
        match self.by_language.first() {
            Some(first) => {
                let all = self.by_language.join(", ");
                format!("; {all} also with a language behind them, such as {first}:de")
            }
            None => String::new(),
        }
    }
}
