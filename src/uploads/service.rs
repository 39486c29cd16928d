//! Making uploads, adding to them, using them and clearing them away.

use std::sync::Arc;

use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::intake::{self, Measured, Refused, check_room, measure};
use super::model::{Body, Fault, Lock, NewUpload, Piece, Upload, write_outcome};
use super::session::{IDLE, Session, expiry};
use super::store;
use crate::accounts::{OpContext, Scope};
use crate::app::App;
use crate::error::{Error, Result};
use crate::platform::blob::{Blobs, Growth};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::UploadId;
use crate::platform::tasks;

/// Uploads that one turn of the sweep clears away.
const SWEEP_BATCH: i64 = 100;
/// How long it is remembered that an upload has ended, in days.
const REMEMBERED_DAYS: i64 = 7;

/// Makes an upload of which nothing has arrived.
pub(crate) async fn create(cx: &OpContext, new: NewUpload) -> Result<Upload> {
    cx.viewer.require(Scope::Write)?;
    check_room(&cx.app, new.length).await?;
    let at = cx.at();
    let key = Blobs::new_key(cx.app.ids.uuid(at));
    let upload = Upload {
        id: cx.app.ids.make(at),
        growth: Growth::new(key, new.length),
        filename: intake::clean_filename(&new.filename),
        metadata: new.metadata,
        expires_at: expiry(cx, at),
        lock: Lock {
            epoch: 0,
            until: None,
        },
        outcome: None,
        is_used: false,
        is_ended: false,
    };
    cx.write(upload.clone(), |tx, upload| {
        Box::pin(async move {
            let holder = tx.op.actor.key();
            store::insert(&**tx, upload, &holder, tx.op.at).await
        })
    })
    .await?;
    if upload.is_whole() {
        finish(cx, &upload).await?;
    }
    Ok(upload)
}

/// An upload of the viewer's that has neither expired nor ended.
pub(crate) async fn find(cx: &OpContext, id: UploadId) -> Result<Upload, Fault> {
    cx.viewer.require(Scope::Write)?;
    let holder = cx.viewer.actor.key();
    let found = store::find(cx.app.db.read(), &holder, id).await?;
    let upload = found.ok_or(Error::NotFound)?;
    if upload.lives(cx.at()) {
        Ok(upload)
    } else {
        Err(Fault::Gone)
    }
}

/// Adds a piece; the upload as it stands then.
pub(crate) async fn append(cx: &OpContext, id: UploadId, piece: Piece) -> Result<Upload, Fault> {
    let upload = find(cx, id).await?;
    if upload.offset() != piece.offset {
        return Err(Fault::WrongOffset);
    }
    let rest = upload.length() - upload.offset();
    if piece.announced.is_some_and(|bytes| bytes > rest) {
        return Err(Fault::TooLong);
    }
    if upload.is_whole() {
        return add_nothing(cx, upload, piece.body).await;
    }
    if upload.lock.is_held(cx.at()) {
        return Err(Fault::Locked);
    }
    check_room(&cx.app, 0).await?;
    let session = Session::begin(cx.clone(), upload, piece.checksum).await?;
    let body = piece.body;
    // A task of its own: if the sender goes away, what came is saved all the same.
    let cx = cx.clone();
    let task = tasks::spawn("upload", async move {
        let upload = session.run(body).await?;
        if upload.is_whole()
            && let Err(error) = finish(&cx, &upload).await
        {
            // All of it is there and acknowledged: whoever uses it finishes it.
            tracing::warn!(error = %error, upload.id = %upload.id, "an upload is finished later");
        }
        Ok(upload)
    });
    task.await.map_err(Error::internal)?
}

/// A whole upload takes no more bytes, and may be told so once more.
async fn add_nothing(cx: &OpContext, upload: Upload, mut body: Body) -> Result<Upload, Fault> {
    let more = async {
        while let Some(bytes) = body.next().await {
            if !bytes.map_err(|_| Fault::Broken)?.is_empty() {
                return Err(Fault::TooLong);
            }
        }
        Ok(())
    };
    timeout(IDLE, more).await.map_err(|_| Fault::TooSlow)??;
    if upload.outcome.is_none() && !upload.lock.is_held(cx.at()) {
        finish(cx, &upload).await?;
    }
    Ok(upload)
}

/// Completes the object of a whole upload and measures it. To do it again does no harm.
async fn finish(cx: &OpContext, upload: &Upload) -> Result<()> {
    let app = &cx.app;
    let (key, length) = (upload.growth.key.clone(), upload.length());
    let outcome = if length == 0 {
        measure(|| Ok(std::io::Cursor::new(Vec::new()))).await?
    } else if upload.is_table() {
        app.blobs.complete(&upload.growth).await?;
        Ok(Measured::of_type(intake::TABLE))
    } else {
        app.blobs.complete(&upload.growth).await?;
        let (blobs, key, runtime) = (app.blobs.clone(), key.clone(), Handle::current());
        measure(move || blobs.open_blocking(&key, length, runtime)).await?
    };
    let facts = (
        upload.id,
        upload.growth.hash()?.hex(),
        write_outcome(&outcome)?,
        expiry(cx, app.clock.now()),
    );
    // Whatever becomes of the call that needs it, so not under that call's key.
    let apart = cx.clone().with_idempotency(None);
    let kept = apart.write(facts, |tx, (id, sha256, outcome, expires_at)| {
        Box::pin(async move { store::finish(&**tx, *id, (sha256, outcome), *expires_at).await })
    });
    kept.await?;
    if outcome.is_err() {
        remove_object(app, &key).await;
    }
    Ok(())
}

/// Removes an object that nothing refers to. That this fails leaves it to the sweep.
async fn remove_object(app: &App, key: &str) {
    if let Err(error) = app.blobs.delete(key).await {
        tracing::warn!(error = %error, blob.key = key, "an object was not removed");
    }
}

/// Ends an upload of the viewer's, whoever writes to it.
pub(crate) async fn end(cx: &OpContext, id: UploadId) -> Result<(), Fault> {
    find(cx, id).await?;
    cx.write(id, |tx, id| {
        Box::pin(async move { store::end(&**tx, *id, tx.op.at).await })
    })
    .await?;
    // As it stood when it ended, which its writer may have moved since it was looked at.
    let holder = cx.viewer.actor.key();
    if let Some(upload) = store::find(cx.app.db.read(), &holder, id).await?
        && let Err(error) = clear(cx, &upload).await
    {
        tracing::warn!(error = %error, upload.id = %id, "an ended upload is cleared away later");
    }
    Ok(())
}

/// Removes what an ended upload has in the store, unless a file lies there now.
async fn clear(cx: &OpContext, upload: &Upload) -> Result<()> {
    let app = &cx.app;
    app.blobs.forget(&upload.growth).await?;
    if !store::is_kept(app.db.read(), &upload.growth.key).await? {
        app.blobs.delete(&upload.growth.key).await?;
    }
    cx.write(upload.id, |tx, id| {
        Box::pin(async move { store::set_cleared(&**tx, *id, tx.op.at).await })
    })
    .await
}

/// A whole upload, for whoever may use it.
pub(crate) struct Finished {
    pub sha256: String,
    pub store_key: String,
    pub bytes: i64,
    pub filename: String,
    pub outcome: Result<Measured, Refused>,
    /// Whether a mutation has used it before.
    pub is_used: bool,
}

/// A whole upload of the viewer's; none where it is not whole, not there, or not theirs.
pub(crate) async fn finished(cx: &OpContext, id: UploadId) -> Result<Option<Finished>> {
    let holder = cx.viewer.actor.key();
    let find = || store::find(cx.app.db.read(), &holder, id);
    let usable = |upload: &Upload| upload.is_whole() && upload.lives(cx.at());
    let Some(mut upload) = find().await?.filter(usable) else {
        return Ok(None);
    };
    if upload.outcome.is_none() {
        finish(cx, &upload).await?;
        let Some(again) = find().await?.filter(usable) else {
            return Ok(None);
        };
        upload = again;
    }
    finished_of(upload)
}

/// What is known of a whole upload; none where nobody has looked at it yet.
fn finished_of(upload: Upload) -> Result<Option<Finished>> {
    let Some((sha256, outcome)) = upload.outcome else {
        return Ok(None);
    };
    Ok(Some(Finished {
        sha256,
        outcome,
        bytes: i64::try_from(upload.growth.length).map_err(Error::internal)?,
        store_key: upload.growth.key,
        filename: upload.filename,
        is_used: upload.is_used,
    }))
}

/// Whole uploads of the viewer's with these hashes that nothing has used yet; of several the newest. What is in them
/// is found out first, where whoever was to do that was cut off.
pub(crate) async fn unused(
    cx: &OpContext,
    hashes: Vec<String>,
) -> Result<Vec<(UploadId, Finished)>> {
    let holder = cx.viewer.actor.key();
    for upload in store::unfinished(cx.app.db.read(), &holder, cx.at()).await? {
        if let Err(error) = finish(cx, &upload).await {
            tracing::info!(error = %error, upload.id = %upload.id, "an upload is finished later");
        }
    }
    let found = store::unused(cx.app.db.read(), &holder, hashes, cx.at()).await?;
    let found = found.into_iter().map(|upload| {
        let id = upload.id;
        Ok(finished_of(upload)?.map(|finished| (id, finished)))
    });
    found.filter_map(Result::transpose).collect()
}

/// Marks uploads as used by what this transaction writes, each with the field that names it; NOT_FOUND at the
/// first of these if one has ended since.
pub(crate) async fn claim(tx: &Tx, claimed: &[(UploadId, &str)]) -> Result<()> {
    let Some((_, field)) = claimed.first() else {
        return Ok(());
    };
    let ids = claimed.iter().map(|(id, _)| *id);
    if store::set_used(&**tx, ids, tx.op.at).await? == claimed.len() as u64 {
        Ok(())
    } else {
        Err(Error::not_found(field))
    }
}

/// Removes the objects of used uploads whose bytes had been stored before, once the request that used them is
/// over. What cannot be removed now goes when the upload expires.
pub(crate) async fn discard_duplicates(app: &Arc<App>, ids: &[UploadId]) {
    if ids.is_empty() {
        return;
    }
    match store::list_duplicates(app.db.read(), ids).await {
        Ok(uploads) => {
            for upload in uploads {
                remove_object(app, &upload.growth.key).await;
            }
        }
        Err(error) => {
            tracing::warn!(error = %error, "duplicate uploads were not looked for");
        }
    }
}

/// Clears away what has expired, and what had ended and could not be cleared away then. One that fails does
/// not keep the others.
pub async fn sweep(app: &Arc<App>) -> Result<()> {
    let cx = OpContext::system(app);
    let at = cx.at();
    loop {
        let past = store::list_past(app.db.read(), at, SWEEP_BATCH).await?;
        let count = past.len();
        let mut failed = 0;
        for upload in past {
            if let Err(error) = clear_past(&cx, upload, at).await {
                failed += 1;
                tracing::warn!(error = %error, "an upload that has expired is cleared away later");
            }
        }
        // Those that failed stand first again.
        if count < usize::try_from(SWEEP_BATCH).unwrap_or(0) || failed > 0 {
            break;
        }
    }
    let before = at.plus_days(-REMEMBERED_DAYS);
    loop {
        let forgotten = cx
            .write(before, |tx, before| {
                Box::pin(async move { store::delete_cleared(&**tx, *before, SWEEP_BATCH).await })
            })
            .await?;
        if forgotten == 0 {
            return Ok(());
        }
    }
}

async fn clear_past(cx: &OpContext, upload: Upload, at: Timestamp) -> Result<()> {
    if !upload.is_ended {
        let ended = cx
            .write((upload.id, at), |tx, (id, at)| {
                Box::pin(async move { store::end_expired(&**tx, *id, *at).await })
            })
            .await?;
        if !ended {
            return Ok(());
        }
    }
    clear(cx, &upload).await
}
