//! Stored bytes as the bodies of answers: checked on their way, so that wrong ones never arrive as a whole.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::assets::grants::GrantedFile;
use crate::care::verify;
use crate::error::{Error, Result};
use crate::platform::blob::{Download, Paged, Whole};
use crate::platform::tasks;

/// Files up to this size are checked before the first byte goes out.
const CHECKED_FIRST: u64 = 256 * 1024;

/// A body, and with it the file that its bytes can be sent from, for the connection (`http/sending.rs`).
pub(super) type Sent = (Option<Extension<Arc<Paged>>>, Body);

/// Opens the object, which must be as long as its row says.
async fn open(
    app: &App,
    file: &GrantedFile,
    size: u64,
    range: Option<std::ops::Range<u64>>,
) -> Result<Download> {
    let download = app.blobs.read(&file.store_key, range).await?;
    if download.size == size {
        return Ok(download);
    }
    Err(wrong_size(file, download.size))
}

fn wrong_size(file: &GrantedFile, found: u64) -> Error {
    let (sha256, bytes) = (&file.sha256, file.bytes);
    Error::internal(format!(
        "the stored object of {sha256} has {found} bytes, not {bytes}"
    ))
}

/// The whole file, whose bytes are checked on their way: a small one before anything is said, a large one
/// before its end is sent, so that wrong bytes never arrive as a complete answer.
pub(super) async fn whole(app: &Arc<App>, file: &GrantedFile, size: u64) -> Result<Sent> {
    if size <= CHECKED_FIRST {
        let (bytes, paged) = small(app, file).await?;
        return Ok((paged.map(Extension), Body::from(bytes)));
    }
    let download = Box::pin(open(app, file, size, None)).await?;
    let bytes = checked(download.bytes, noting(app, file));
    Ok((None, Body::from_stream(bytes)))
}

/// A part of a file. That of a small one is cut out of the whole, which is checked; of a large one what is
/// known is what the last reading of all of it has found (`care/scrub.rs`).
pub(super) async fn part(
    app: &Arc<App>,
    file: &GrantedFile,
    size: u64,
    range: std::ops::Range<u64>,
) -> Result<Sent> {
    if size > CHECKED_FIRST {
        let download = Box::pin(open(app, file, size, Some(range))).await?;
        return Ok((None, Body::from_stream(download.bytes)));
    }
    let place = |at: u64| usize::try_from(at).map_err(Error::internal);
    let (bytes, paged) = small(app, file).await?;
    let part = bytes.slice(place(range.start)?..place(range.end)?);
    Ok((paged.map(Extension), Body::from(part)))
}

/// All bytes of a small file, which are the right ones.
async fn small(app: &Arc<App>, file: &GrantedFile) -> Result<(Bytes, Option<Arc<Paged>>)> {
    let size = u64::try_from(file.bytes).unwrap_or(0);
    match app.blobs.whole(&file.store_key, size, &file.sha256).await? {
        Whole::Right(bytes, paged) => Ok((bytes, paged)),
        Whole::Wrong => Err(noting(app, file).refuse()),
        Whole::Sized(found) => Err(wrong_size(file, found)),
    }
}

/// Whose hash stored bytes should have, and who is told if they do not.
struct Checked {
    sha256: String,
    wrong: Box<dyn FnOnce() + Send>,
}

impl Checked {
    /// Tells whom it concerns that the bytes are wrong.
    fn refuse(self) -> Error {
        tracing::error!(
            file.sha256 = self.sha256,
            "stored bytes do not have their hash and are not delivered"
        );
        (self.wrong)();
        Error::internal("the stored bytes do not have their hash")
    }
}

/// Notes wrong bytes, so that no part of them is delivered from then on.
fn noting(app: &Arc<App>, file: &GrantedFile) -> Checked {
    let (app, sha256, key) = (Arc::clone(app), file.sha256.clone(), file.store_key.clone());
    Checked {
        sha256: sha256.clone(),
        wrong: Box::new(move || {
            tasks::spawn("note_wrong", async move {
                let what = "found while it was delivered";
                if let Err(error) = verify::note_wrong(&app, &sha256, &key, what).await {
                    tracing::error!(error = %error, file.sha256 = sha256, "a wrong file was not noted");
                }
            });
        }),
    }
}

/// The same bytes, each chunk held back until the next is there, and the last until the hash is known.
fn checked(
    bytes: BoxStream<'static, Result<Bytes, object_store::Error>>,
    wanted: Checked,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    let start = (bytes, Sha256::new(), None::<Bytes>, wanted);
    futures::stream::try_unfold(Some(start), |state| async move {
        let Some((mut bytes, mut hash, mut held, wanted)) = state else {
            return Ok(None);
        };
        loop {
            let next = bytes
                .next()
                .await
                .transpose()
                .map_err(std::io::Error::other)?;
            let Some(chunk) = next else { break };
            hash.update(&chunk);
            if let Some(ready) = held.replace(chunk) {
                return Ok(Some((ready, Some((bytes, hash, held, wanted)))));
            }
        }
        if hex::encode(hash.finalize()) == wanted.sha256 {
            return Ok(held.map(|last| (last, None)));
        }
        Err(std::io::Error::other(wanted.refuse().to_string()))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn wrong_bytes_never_arrive_whole() {
        let told = Arc::new(AtomicBool::new(false));
        let send = |sha256: String| {
            let chunks = ["ab", "cd", "e"].map(|c| Ok(Bytes::from_static(c.as_bytes())));
            let told = Arc::clone(&told);
            let wrong = Box::new(move || told.store(true, Ordering::Relaxed));
            checked(
                futures::stream::iter(chunks).boxed(),
                Checked { sha256, wrong },
            )
        };
        let good: Vec<Bytes> = send(hex::encode(Sha256::digest("abcde")))
            .try_collect()
            .await
            .unwrap();
        assert_eq!(good.concat(), b"abcde");
        assert!(!told.load(Ordering::Relaxed));
        let bad: Vec<_> = send(hex::encode(Sha256::digest("other"))).collect().await;
        assert!(bad.last().unwrap().is_err());
        assert_eq!(bad.iter().flatten().map(Bytes::len).sum::<usize>(), 4);
        assert!(told.load(Ordering::Relaxed));
    }
}
