//! Where a mutation's file comes from: bytes sent with the request, a finished upload of the caller's, or bytes
//! the caller stored before.
//!
//! Bytes first, rows second: [`resolve_source`] runs before the transaction and says what the bytes are,
//! [`keep`] writes their rows inside it. Of two uploads of the same bytes the first keeps its object; the
//! other's is never claimed, and [`super::discard_unclaimed`] removes it after the request.

use std::sync::Arc;

use async_graphql::{Context, ID, OneofObject};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::upload::StoredUpload;
use super::uses;
use crate::error::{Error, Result, UserErrorCode};
use crate::graphql::context::{Request, input_id};
use crate::graphql::scalars::Sha256;
use crate::graphql::upload::Upload;
use crate::media;
use crate::platform::db::{Sql, Tx, fetch_one, run};
use crate::platform::ids::UploadId;
use crate::uploads::{self, Measured};

/// Which measurer the stored facts are of; counted up when it starts to measure something else.
const MEASURER_REVISION: i32 = 1;

/// Where a file comes from: exactly one of these.
#[derive(OneofObject, Clone, Debug)]
pub(crate) enum FileSource {
    /// A part of this multipart request.
    Upload(Upload),
    /// The id of a finished upload of yours: the last part of its address under `/uploads`.
    Tus(ID),
    /// The hash of bytes that you have stored before.
    Sha256(Sha256),
}

/// Bytes that a mutation may use. [`keep`] them in its transaction.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub sha256: String,
    /// What their sender called them.
    pub filename: String,
    pub media_type: String,
    pub bytes: i64,
    /// Present if their rows are still to be written.
    upload: Option<Arc<StoredUpload>>,
    /// The upload they came with, and the field that names it.
    finished: Option<(UploadId, String)>,
    /// The field that names bytes which were stored before.
    stored: Option<String>,
}

/// The bytes that an input's `field` names. An upload that is not of this request is a BAD_REQUEST; bytes
/// that were refused are its user error at `field`; an upload that is not whole, not there any more or not
/// the caller's is NOT_FOUND, and so is a hash of bytes that the caller never stored, whether or not somebody
/// else did.
pub(crate) async fn resolve_source(
    ctx: &Context<'_>,
    source: &FileSource,
    field: &str,
) -> Result<SourceFile> {
    match source {
        FileSource::Upload(nonce) => {
            let upload = ctx.uploads().get(nonce).ok_or_else(|| {
                Error::BadRequest(
                    "Send the file as a part of a multipart request (graphql-multipart-request-spec).".to_owned(),
                )
            })?;
            sent(upload, field)
        }
        FileSource::Tus(id) => {
            let field_of_id = format!("{field}.tus");
            let id: UploadId = input_id(id, &field_of_id)?;
            let upload = uploads::finished(ctx.cx(), id).await?;
            let upload = upload.ok_or_else(|| Error::not_found(&field_of_id))?;
            if upload.is_used {
                let holder = ctx.viewer().actor.key();
                let found = held(ctx.app().db.read(), &holder, &upload.sha256).await?;
                let found = found.ok_or_else(|| Error::not_found(&field_of_id))?;
                return Ok(SourceFile {
                    stored: Some(field_of_id),
                    ..found
                });
            }
            ctx.uploads().note_use_of(id);
            let stored = StoredUpload {
                sha256: upload.sha256,
                store_key: upload.store_key,
                bytes: upload.bytes,
                filename: upload.filename,
                outcome: upload.outcome,
            };
            Ok(SourceFile {
                finished: Some((id, field_of_id)),
                ..sent(Arc::new(stored), field)?
            })
        }
        FileSource::Sha256(Sha256(sha256)) => {
            let holder = ctx.viewer().actor.key();
            let found = held(ctx.app().db.read(), &holder, sha256).await?;
            let field = format!("{field}.sha256");
            let found = found.ok_or_else(|| Error::not_found(&field))?;
            Ok(SourceFile {
                stored: Some(field),
                ..found
            })
        }
    }
}

fn sent(upload: Arc<StoredUpload>, field: &str) -> Result<SourceFile> {
    match &upload.outcome {
        Ok(facts) if facts.media_type == uploads::TABLE => Err(Error::user(
            UserErrorCode::UnsupportedMedia,
            field,
            "This was sent as a table to be imported. Send a file of another type.",
        )),
        Ok(facts) => Ok(SourceFile {
            sha256: upload.sha256.clone(),
            filename: upload.filename.clone(),
            media_type: facts.media_type.clone(),
            bytes: upload.bytes,
            upload: Some(Arc::clone(&upload)),
            finished: None,
            stored: None,
        }),
        Err(refused) => Err(Error::user(refused.code, field, refused.message.clone())),
    }
}

#[derive(FromQueryResult)]
struct Held {
    sha256: String,
    filename: String,
    media_type: String,
    bytes: i64,
}

/// Bytes that this holder has stored, under the name that it last gave them.
async fn held(db: &impl ConnectionTrait, holder: &str, sha256: &str) -> Result<Option<SourceFile>> {
    let sql = Sql::new(
        "SELECT f.sha256, h.filename, f.media_type, f.bytes FROM file_holders h
         JOIN files f ON f.sha256 = h.sha256 WHERE h.holder = ",
    )
    .bind(holder)
    .push(" AND h.sha256 = ")
    .bind(sha256);
    let row: Option<Held> = fetch_one(db, sql).await?;
    Ok(row.map(|row| SourceFile {
        sha256: row.sha256,
        filename: row.filename,
        media_type: row.media_type,
        bytes: row.bytes,
        upload: None,
        finished: None,
        stored: None,
    }))
}

/// Begins to use bytes: no transaction may use any without this. Writes the rows of those that came with this
/// request, and that the caller holds them.
pub(crate) async fn keep(tx: &Tx, file: &SourceFile) -> Result<()> {
    let Some(upload) = &file.upload else {
        uses::begin(tx).await?;
        tx.write_last(uses::unmark(&file.sha256));
        // They may have been given up since they were looked for.
        return if uses::is_stored(tx, &file.sha256).await? {
            Ok(())
        } else {
            Err(Error::not_found(file.stored.as_deref().unwrap_or_default()))
        };
    };
    let Ok(facts) = &upload.outcome else {
        return Err(Error::internal("refused bytes were to be kept"));
    };
    if let Some((id, field)) = &file.finished {
        uploads::claim(tx, *id, field).await?;
    }
    keep_stored(
        tx,
        &StoredBytes {
            sha256: &upload.sha256,
            store_key: &upload.store_key,
            bytes: upload.bytes,
            facts,
            seen: false,
        },
    )
    .await?;
    let row = [
        ("holder", tx.op.actor.key().into()),
        ("sha256", upload.sha256.clone().into()),
        ("filename", upload.filename.clone().into()),
    ];
    let hold = Sql::insert("file_holders", row)
        .push(" ON CONFLICT (holder, sha256) DO UPDATE SET filename = excluded.filename");
    run(&**tx, hold).await?;
    Ok(())
}

/// An object of the store, and what was measured in it.
pub(crate) struct StoredBytes<'a> {
    pub sha256: &'a str,
    pub store_key: &'a str,
    pub bytes: i64,
    pub facts: &'a Measured,
    /// Whether nobody need look at them: they are our own, and say nothing of themselves.
    pub seen: bool,
}

/// Begins to use the bytes of an object: writes the rows of the file and of what was measured in it. Bytes that
/// are there already stay where they are, unless those have been found to be wrong: then these take their place.
pub(crate) async fn keep_stored(tx: &Tx, stored: &StoredBytes<'_>) -> Result<()> {
    let facts = stored.facts;
    uses::begin(tx).await?;
    tx.write_last(uses::unmark(stored.sha256));
    let sql = Sql::new(
        "INSERT INTO files (sha256, store_key, bytes, media_type, created_at) SELECT ",
    )
    .append(Sql::commas([
        Sql::default().bind(stored.sha256.to_owned()),
        Sql::default().bind(stored.store_key.to_owned()),
        Sql::default().bind(stored.bytes),
        Sql::default().bind(facts.media_type.clone()),
        Sql::default().bind(tx.op.at),
    ]))
    .push(" WHERE ")
    .append(uses::is_not_given_up(stored.store_key))
    .push(
        " ON CONFLICT (sha256) DO UPDATE SET store_key = excluded.store_key, wrong_since = NULL
             WHERE files.wrong_since IS NOT NULL",
    );
    if run(&**tx, sql).await? == 0 && !uses::is_stored(tx, stored.sha256).await? {
        return Err(Error::Unavailable(anyhow::anyhow!(
            "it took so long that its bytes were cleared away"
        )));
    }
    let row = [
        ("sha256", stored.sha256.to_owned().into()),
        ("measurer_revision", MEASURER_REVISION.into()),
        ("width", measured(facts.width).into()),
        ("height", measured(facts.height).into()),
        ("orientation", i32::from(facts.orientation).into()),
        ("has_alpha", facts.has_alpha.into()),
        ("color_space", facts.color_space.clone().into()),
        ("frames", measured(facts.frames).into()),
        (
            "duration_ms",
            facts
                .duration_ms
                .and_then(|ms| i64::try_from(ms).ok())
                .into(),
        ),
        ("pages", measured(facts.pages).into()),
        (
            "looked_revision",
            if stored.seen { media::REVISION } else { 0 }.into(),
        ),
    ];
    let insert = Sql::insert("media_facts", row).push(" ON CONFLICT (sha256) DO NOTHING");
    run(&**tx, insert).await?;
    Ok(())
}

/// A measured number as the database has it; one past its range counts as not measured.
fn measured(n: Option<u32>) -> Option<i32> {
    n.and_then(|n| i32::try_from(n).ok())
}
