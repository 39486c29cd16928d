//! Tables as comma-separated text (RFC 4180): read strictly, with the line of whatever is wrong, and written so
//! that no spreadsheet takes a cell for a formula.
//!
//! What is read is bounded, whatever the file: a quote that is never closed ends at the longest cell, not at the
//! end of the file.

use std::io::{BufRead, Write};

/// Most columns of a table.
pub const MAX_COLUMNS: usize = 500;
/// Longest cell, in bytes: the longest text of the API in any script, and room.
const MAX_CELL: usize = 64 * 1024;
/// Longest record, in bytes.
const MAX_RECORD: usize = 1024 * 1024;
/// What may stand between cells; the header says which.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

/// Why a table cannot be read any further.
#[derive(Debug)]
pub struct Fault {
    /// Counted from 1.
    pub line: u64,
    pub message: String,
}

/// What speaks against going on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("line {}: {}", .0.line, .0.message)]
    Table(Fault),
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
}

/// The cells of a line, or of several where a cell has line ends in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it begins, counted from 1.
    pub line: u64,
    pub cells: Vec<String>,
}

/// Reads records one by one.
pub struct Reader<R> {
    input: R,
    line: u64,
    separator: u8,
    started: bool,
}

/// Where in a cell the reader is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or the first of two.
    Quote,
}

impl<R: BufRead> Reader<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: 1,
            separator: b',',
            started: false,
        }
    }

    fn fault<T>(line: u64, message: impl Into<String>) -> Result<T, ReadError> {
        Err(ReadError::Table(Fault {
            line,
            message: message.into(),
        }))
    }

    /// Looks at how the file begins: what it is, and what stands between its cells.
    fn start(&mut self) -> Result<(), ReadError> {
        self.started = true;
        let head = self.input.fill_buf()?;
        if head.starts_with(b"PK\x03\x04") {
            return Self::fault(
                1,
                "This is a workbook or an archive. Save it as “CSV UTF-8”.",
            );
        }
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Self::fault(1, "This is UTF-16. Save it as “CSV UTF-8”.");
        }
        let bom = if head.starts_with("\u{feff}".as_bytes()) {
            3
        } else {
            0
        };
        let first = head[bom..].split(|b| matches!(b, b'\n' | b'\r')).next();
        let first = first.unwrap_or_default();
        // The one that is there, in this order: a name of a column has none of them.
        let found = SEPARATORS.into_iter().find(|s| first.contains(s));
        self.separator = found.unwrap_or(b',');
        self.input.consume(bom);
        Ok(())
    }

    /// The next record that is not an empty line; none at the end.
    pub fn read(&mut self) -> Result<Option<Record>, ReadError> {
        if !self.started {
            self.start()?;
        }
        loop {
            let Some(record) = self.record()? else {
                return Ok(None);
            };
            if record.cells.iter().any(|cell| !cell.is_empty()) {
                return Ok(Some(record));
            }
        }
    }

    fn record(&mut self) -> Result<Option<Record>, ReadError> {
        let line = self.line;
        let mut cells: Vec<String> = Vec::new();
        let mut cell: Vec<u8> = Vec::new();
        let (mut at, mut total, mut opened) = (At::Start, 0_usize, line);
        let mut any = false;
        loop {
            let Some(byte) = self.byte()? else {
                if at == At::Quoted {
                    return Self::fault(
                        opened,
                        "The quotation mark that begins here is never closed.",
                    );
                }
                if !any {
                    return Ok(None);
                }
                cells.push(self.text(cell)?);
                return Ok(Some(Record { line, cells }));
            };
            any = true;
            total += 1;
            if byte == 0 {
                return Self::fault(
                    self.line,
                    "There is a NUL character: this is UTF-16 or no text. Save it as “CSV UTF-8”.",
                );
            }
            if cell.len() >= MAX_CELL || total > MAX_RECORD {
                return Self::fault(
                    if at == At::Quoted { opened } else { self.line },
                    "A cell or line is too long. Look for a quotation mark that is never closed.",
                );
            }
            match (at, byte) {
                (At::Start, b'"') => (at, opened) = (At::Quoted, self.line),
                (At::Quoted, b'"') => at = At::Quote,
                (At::Quoted, b'\n') => {
                    self.line += 1;
                    cell.push(byte);
                }
                (At::Quoted, _) => cell.push(byte),
                (At::Quote, b'"') => {
                    cell.push(byte);
                    at = At::Quoted;
                }
                (_, b'\n') => {
                    cells.push(self.text(cell)?);
                    self.line += 1;
                    return Ok(Some(Record { line, cells }));
                }
                // Before a line feed it belongs to the line's end; alone it is one (old spreadsheets).
                (_, b'\r') => {
                    if self.input.fill_buf()?.first() != Some(&b'\n') {
                        cells.push(self.text(cell)?);
                        self.line += 1;
                        return Ok(Some(Record { line, cells }));
                    }
                }
                (_, byte) if byte == self.separator => {
                    cells.push(self.text(std::mem::take(&mut cell))?);
                    if cells.len() >= MAX_COLUMNS {
                        return Self::fault(
                            self.line,
                            format!("There are more than {MAX_COLUMNS} columns."),
                        );
                    }
                    at = At::Start;
                }
                (At::Quote, _) => {
                    return Self::fault(
                        self.line,
                        "Text follows a closing quotation mark. Write a quotation mark within a cell twice.",
                    );
                }
                (At::Start | At::Plain, _) => {
                    cell.push(byte);
                    at = At::Plain;
                }
            }
        }
    }

    fn byte(&mut self) -> Result<Option<u8>, ReadError> {
        let byte = self.input.fill_buf()?.first().copied();
        if byte.is_some() {
            self.input.consume(1);
        }
        Ok(byte)
    }

    fn text(&self, cell: Vec<u8>) -> Result<String, ReadError> {
        match String::from_utf8(cell) {
            Ok(text) => Ok(disarmed(text)),
            Err(_) => Self::fault(self.line, "This is not UTF-8. Save it as “CSV UTF-8”."),
        }
    }
}

/// What makes a spreadsheet take a cell for a formula, at its beginning.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a text is a formula, but for apostrophes before it.
fn is_armed(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// The text of a cell that [`write_record`] has made harmless; others as they are.
fn disarmed(mut cell: String) -> String {
    if cell.starts_with('\'') && is_armed(&cell) {
        cell.remove(0);
    }
    cell
}

/// Writes a record. A cell that a spreadsheet would run has an apostrophe before it, which [`Reader`] takes off.
pub fn write_record<'c>(
    out: &mut impl Write,
    cells: impl IntoIterator<Item = &'c str>,
) -> std::io::Result<()> {
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        let armed = is_armed(cell);
        let quoted =
            armed || cell.contains(['"', ',', ';', '\t', '\n', '\r']) || cell.trim() != cell;
        if !quoted {
            out.write_all(cell.as_bytes())?;
            continue;
        }
        out.write_all(if armed { b"\"'" } else { b"\"" })?;
        out.write_all(cell.replace('"', "\"\"").as_bytes())?;
        out.write_all(b"\"")?;
    }
    out.write_all(b"\r\n")
}

/// The items of a list in a cell: `|` between them; within an item it is written `\|`, and `\` is written `\\`.
#[must_use]
pub fn split_list(cell: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        let last = items.len() - 1;
        match c {
            '|' => items.push(String::new()),
            '\\' => items[last].push(chars.next().unwrap_or('\\')),
            c => items[last].push(c),
        }
    }
    let items = items.into_iter().map(|item| item.trim().to_owned());
    items.filter(|item| !item.is_empty()).collect()
}

/// A list as [`split_list`] reads it.
#[must_use]
pub fn join_list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let escaped = items
        .into_iter()
        .map(|item| item.as_ref().replace('\\', "\\\\").replace('|', "\\|"));
    escaped.collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Record>, ReadError> {
        let mut reader = Reader::new(bytes);
        std::iter::from_fn(|| reader.read().transpose()).collect()
    }

    fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
        let records = read(bytes).unwrap().into_iter();
        records.map(|record| record.cells).collect()
    }

    fn fault(bytes: &[u8]) -> (u64, String) {
        match read(bytes) {
            Err(ReadError::Table(fault)) => (fault.line, fault.message),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tables_are_read_as_spreadsheets_write_them() {
        let table: [(&[u8], &[&[&str]]); 8] = [
            (b"a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]),
            (
                b"\xef\xbb\xbfa,b\r\n1,\"2\"\r\n",
                &[&["a", "b"], &["1", "2"]],
            ),
            (b"a;b\n1,5;2", &[&["a", "b"], &["1,5", "2"]]),
            (b"a\tb\n\"x\ty\"\t2", &[&["a", "b"], &["x\ty", "2"]]),
            (
                b"a,b\n\"one\ntwo\",\"say \"\"so\"\"\"",
                &[&["a", "b"], &["one\ntwo", "say \"so\""]],
            ),
            (b"a\n\n\n1\n", &[&["a"], &["1"]]),
            (b"a,b\r1,2\r", &[&["a", "b"], &["1", "2"]]),
            (b"", &[]),
        ];
        for (bytes, expected) in table {
            assert_eq!(cells(bytes), expected, "{bytes:?}");
        }
        let lines: Vec<u64> = read(b"a\n\"1\n2\"\n3")
            .unwrap()
            .iter()
            .map(|r| r.line)
            .collect();
        assert_eq!(lines, [1, 2, 4]);
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        let wide = vec![b','; MAX_COLUMNS + 1];
        let mut endless = b"a\nb\n\"".to_vec();
        endless.resize(MAX_CELL * 2, b'x');
        let table: [(&[u8], u64, &str); 9] = [
            (b"a\n1\n\"open\n\n", 3, "never closed"),
            (&endless, 3, "never closed"),
            (b"a\n\"x\"y\n", 2, "closing quotation mark"),
            (b"a\nb\0c", 2, "NUL"),
            (b"\xff\xfea\0", 1, "UTF-16"),
            (b"a\0,\0", 1, "NUL"),
            (b"PK\x03\x04rest", 1, "workbook"),
            (b"a\n\xe9t\xe9\n", 2, "not UTF-8"),
            (&wide, 1, "columns"),
        ];
        for (bytes, line, text) in table {
            let (at, message) = fault(bytes);
            assert!(at == line && message.contains(text), "{at}: {message}");
        }
    }

    #[test]
    fn no_cell_is_written_as_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''=x", "＝1"] {
            let mut out = Vec::new();
            write_record(&mut out, [cell, "b"]).unwrap();
            assert!(out.starts_with(b"\"'"), "{cell:?}");
            assert_eq!(cells(&out), [[cell, "b"]]);
        }
        // What is no formula is left as it is.
        assert_eq!(cells(b"'tis,'\n"), [["'tis", "'"]]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(rows in prop::collection::vec(
            prop::collection::vec("[-'=+@a\"',;|\\\\\r\n\tÄ文 ]{0,8}", 3), 1..5)) {
            let mut out = Vec::new();
            // A header: it says what stands between cells.
            write_record(&mut out, ["x", "y", "z"]).unwrap();
            for row in &rows {
                write_record(&mut out, row.iter().map(String::as_str)).unwrap();
            }
            let read = cells(&out);
            let kept: Vec<_> = rows.iter().filter(|row| row.iter().any(|c| !c.is_empty())).collect();
            prop_assert_eq!(read.iter().skip(1).collect::<Vec<_>>(), kept);
        }

        #[test]
        fn a_list_is_read_as_it_was_written(items in prop::collection::vec("[a|\\\\,]{1,5}", 0..5)) {
            prop_assert_eq!(split_list(&join_list(&items)), items);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
