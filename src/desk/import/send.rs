//! Sending what the server does not have.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use futures::TryStreamExt;
use futures::stream;
use serde_json::{Value as Json, json};

use super::faults::{Faults, Place};
use super::files::{Listed, Note, Notes, below};
use crate::desk::bar::Bar;
use crate::desk::client::Client;
use crate::desk::upload::Sending;

/// Hashes that are asked for at a time.
const TOGETHER: usize = 250;
/// Files that are on their way at the same time.
const AT_ONCE: usize = 4;

const STORED: &str = "query($brand: ID!, $sha256: [Sha256!]!) {
    storedBytes(brand: $brand, sha256: $sha256) }";

/// Files whose bytes the server does not have, each once.
pub(super) struct Missing {
    notes: Notes,
    pub files: u64,
    pub bytes: u64,
}

/// Asks which files the server does not have.
pub(super) async fn missing(
    client: &Client,
    brand: &str,
    listed: &mut Listed,
    bar: &mut Bar,
) -> anyhow::Result<Missing> {
    let mut missing = Missing {
        notes: Notes::new()?,
        files: 0,
        bytes: 0,
    };
    let mut seen: HashSet<[u8; 32]> = HashSet::new();
    let (mut notes, mut asked) = (listed.files.read()?, 0);
    loop {
        let some = notes.by_ref().take(TOGETHER);
        let some = some.collect::<anyhow::Result<Vec<Note>>>()?;
        if some.is_empty() {
            return Ok(missing);
        }
        asked += some.len() as u64;
        let hashes: Vec<&str> = some.iter().map(|note| note.sha256.as_str()).collect();
        let variables = json!({ "brand": brand, "sha256": hashes });
        let data = client.ask(STORED, &variables).await?;
        let stored = data["storedBytes"].as_array().into_iter().flatten();
        let stored: HashSet<&str> = stored.filter_map(Json::as_str).collect();
        for note in some.iter().filter(|note| !stored.contains(&*note.sha256)) {
            let mut hash = [0; 32];
            hex::decode_to_slice(&note.sha256, &mut hash)?;
            if seen.insert(hash) {
                missing.notes.add(note)?;
                missing.files += 1;
                missing.bytes += note.bytes;
            }
        }
        bar.tell("asking", "files", asked, 0);
    }
}

/// Sends them, a few at a time.
pub(super) async fn send(
    client: &Client,
    listed: &Listed,
    mut missing: Missing,
    place: Place<'_>,
    bar: &mut Bar,
) -> anyhow::Result<()> {
    if missing.files == 0 {
        return Ok(());
    }
    let all = missing.bytes;
    let progress = Mutex::new((0, &mut *bar));
    let more = |bytes: u64| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.0 += bytes;
        let done = progress.0;
        progress.1.tell("sending", "bytes", done, all);
    };
    let faults = Mutex::new(Faults::new(place));
    let notes = stream::iter(missing.notes.read()?);
    let sent = notes.try_for_each_concurrent(AT_ONCE, |note| {
        let (more, faults) = (&more, &faults);
        async move {
            let Err(error) = one(client, listed, &note, more).await else {
                return Ok(());
            };
            let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
            let message = format!("{error:#}");
            faults.add((note.line, &note.key), None, &message);
            Err(anyhow!("a file was not sent"))
        }
    });
    let sent = sent.await;
    bar.close();
    let faults = faults.into_inner();
    faults.unwrap_or_else(PoisonError::into_inner).check()?;
    sent
}

async fn one(
    client: &Client,
    listed: &Listed,
    note: &Note,
    more: &impl Fn(u64),
) -> anyhow::Result<()> {
    let path = below(&listed.root, &note.path).map_err(anyhow::Error::msg)?;
    let name = note.path.rsplit('/').next().unwrap_or(&note.path);
    let sending = Sending {
        path: &path,
        name,
        media_type: None,
        sha256: Some(&note.sha256),
    };
    let mut told = 0;
    let upload = client.upload(sending, |done, _| {
        more(done - told);
        told = done;
    });
    upload.await.map(|_| ())
}
