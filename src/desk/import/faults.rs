//! What is wrong with a table or a folder, as its sender is told.

use std::path::Path;

use anyhow::bail;

use crate::desk::bar::{grouped, write};

/// Most faults that are told.
const MOST: usize = 100;

/// What the lines of a table are called.
#[derive(Clone, Copy)]
pub(super) enum Place<'p> {
    /// By the file and their number.
    Table(&'p Path),
    /// By the path of the file that a line was made for, which is its key.
    Folder(&'p Path),
}

impl Place<'_> {
    pub(super) fn of(self, (line, key): (u64, &str)) -> String {
        match self {
            Self::Table(path) => format!("{}:{line}", path.display()),
            Self::Folder(path) => path.join(key).display().to_string(),
        }
    }
}

/// The first faults, and how many there are.
pub(super) struct Faults<'p> {
    place: Place<'p>,
    lines: Vec<String>,
    pub count: u64,
}

impl<'p> Faults<'p> {
    pub(super) fn new(place: Place<'p>) -> Self {
        Self {
            place,
            lines: Vec::new(),
            count: 0,
        }
    }

    /// Notes a fault of the row at a line, or with a key.
    pub(super) fn add(&mut self, row: (u64, &str), column: Option<&str>, message: &str) {
        self.count += 1;
        if self.lines.len() < MOST {
            let column = column.map(|column| format!("{column}: "));
            let column = column.unwrap_or_default();
            self.lines
                .push(format!("{}: {column}{message}", self.place.of(row)));
        }
    }

    /// Tells what was found, and then is an error.
    pub(super) fn check(mut self) -> anyhow::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let told = self.lines.len() as u64;
        if self.count > told {
            let rest = grouped(self.count - told);
            self.lines.push(format!("… and {rest} more"));
        }
        write(&format!("{}\n", self.lines.join("\n")));
        bail!("nothing was imported")
    }
}
