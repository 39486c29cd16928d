//! Going through a table batch by batch: once to check it, once more to write it.

use std::collections::HashSet;
use std::io::BufReader;

use sha2::{Digest, Sha256};

use super::model::{Faults, Import, ImportKind, MAX_PLACEMENTS, MAX_ROWS};
use super::plan::Planned;
use super::spool::{Reading, Spool};
use super::table::{Columns, KEY, Row, Table};
use super::{assets, endorsements, placements};
use crate::accounts::OpContext;
use crate::error::{Error, Result};
use crate::platform::ids::BrandId;

/// Rows that are looked at together.
const BATCH: usize = 512;

/// The columns that a table may have.
pub(super) fn columns(kind: ImportKind) -> Columns {
    match kind {
        ImportKind::Assets => assets::COLUMNS,
        ImportKind::Endorsements => endorsements::COLUMNS,
        ImportKind::Placements => placements::COLUMNS,
    }
}

/// On the way through a table.
pub(super) struct Walk {
    cx: OpContext,
    brand: BrandId,
    kind: ImportKind,
    dry_run: bool,
    spool: Spool,
    /// None before the header was read, and behind the last row.
    table: Option<Table<BufReader<Reading>>>,
    is_over: bool,
    /// The keys so far, cut hashes: one comes once.
    keys: HashSet<[u8; 16]>,
    pub(super) faults: Faults,
}

impl Walk {
    /// `cx` is what the rows' maker may do and see.
    pub(super) fn begin(cx: OpContext, import: &Import, spool: Spool) -> Self {
        Self {
            cx,
            brand: import.brand,
            kind: import.kind,
            dry_run: import.dry_run,
            spool,
            table: None,
            is_over: false,
            keys: HashSet::new(),
            faults: Faults::default(),
        }
    }

    /// What is to become of the next rows; none behind the last. What is wrong is among the faults.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Planned>>> {
        if self.is_over {
            return Ok(None);
        }
        let mut rows = self.rows().await?;
        rows.retain(|row| self.is_new(row));
        let planned = match self.kind {
            ImportKind::Assets => {
                let of = (self.brand, self.dry_run);
                assets::plan(&self.cx, of, rows, &mut self.faults).await?
            }
            ImportKind::Endorsements => {
                endorsements::plan(&self.cx, self.brand, rows, &mut self.faults).await?
            }
            ImportKind::Placements => {
                placements::plan(&self.cx, self.brand, rows, &mut self.faults).await?
            }
        };
        Ok(Some(planned))
    }

    /// The next rows, read on a thread for blocking work.
    async fn rows(&mut self) -> Result<Vec<Row>> {
        let (table, spool) = (self.table.take(), self.spool.clone());
        let mut faults = std::mem::take(&mut self.faults);
        let columns = columns(self.kind);
        let most = match self.kind {
            ImportKind::Assets | ImportKind::Endorsements => MAX_ROWS,
            ImportKind::Placements => MAX_PLACEMENTS,
        };
        let reading = tokio::task::spawn_blocking(move || -> Result<_> {
            let table = match table {
                Some(table) => Some(table),
                None => Table::open(spool.read(), columns, &mut faults)?,
            };
            let Some(mut table) = table else {
                return Ok((None, Vec::new(), faults));
            };
            let batch = table.batch((BATCH, most), &mut faults)?;
            Ok((batch.goes_on.then_some(table), batch.rows, faults))
        });
        let (table, rows, faults) = reading.await.map_err(Error::internal)??;
        self.is_over = table.is_none();
        (self.table, self.faults) = (table, faults);
        Ok(rows)
    }

    /// Whether no row before has this row's key.
    fn is_new(&mut self, row: &Row) -> bool {
        let key = row.cells.get(KEY).map(String::as_str).unwrap_or_default();
        if key.is_empty() {
            return true;
        }
        let mut cut = [0; 16];
        cut.copy_from_slice(&Sha256::digest(key.as_bytes())[..16]);
        let is_new = self.keys.insert(cut);
        if !is_new {
            let text = "Another row before has this key. Give each row a key of its own.";
            self.faults.add(row.line, Some(KEY), text);
        }
        is_new
    }
}
