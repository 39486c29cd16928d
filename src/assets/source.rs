//! Where a mutation's file comes from: bytes sent with the request, a finished upload of the caller's, or bytes
//! the caller stored before.
//!
//! Bytes first, rows second: [`resolve_source`] runs before the transaction and says what the bytes are,
//! [`super::keep`] writes their rows inside it. Of two uploads of the same bytes the first keeps its object; the
//! other's is never claimed, and [`super::discard_unclaimed`] removes it after the request.

use std::sync::Arc;

use async_graphql::{Context, ID, OneofObject};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::upload::StoredUpload;
use crate::error::{Error, Result, UserErrorCode};
use crate::graphql::context::{Request, input_id};
use crate::graphql::scalars::Sha256;
use crate::graphql::upload::Upload;
use crate::platform::db::{Sql, fetch};
use crate::platform::ids::UploadId;
use crate::uploads;

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

/// Bytes that a mutation may use. [`super::keep`] them in its transaction.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub sha256: String,
    /// What their sender called them.
    pub filename: String,
    pub media_type: String,
    pub bytes: i64,
    /// Present if their rows are still to be written.
    pub(super) upload: Option<Arc<StoredUpload>>,
    /// The upload they came with, and the field that names it.
    pub(super) finished: Option<(UploadId, String)>,
    /// The field that names bytes which were stored before.
    pub(super) stored: Option<String>,
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

pub(super) fn sent(upload: Arc<StoredUpload>, field: &str) -> Result<SourceFile> {
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
    Ok(held_of(db, holder, [sha256.to_owned()]).await?.pop())
}

/// Those of these bytes that this holder has stored. One statement.
pub(super) async fn held_of(
    db: &impl ConnectionTrait,
    holder: &str,
    hashes: impl IntoIterator<Item = String>,
) -> Result<Vec<SourceFile>> {
    let sql = Sql::new(
        "SELECT f.sha256, h.filename, f.media_type, f.bytes FROM file_holders h
         JOIN files f ON f.sha256 = h.sha256 WHERE h.holder = ",
    )
    .bind(holder)
    .push(" AND h.sha256 IN ")
    .list(hashes);
    stored(db, sql).await
}

/// Bytes that a statement selects.
pub(super) async fn stored(db: &impl ConnectionTrait, sql: Sql) -> Result<Vec<SourceFile>> {
    let rows: Vec<Held> = fetch(db, sql).await?;
    let found = rows.into_iter().map(|row| SourceFile {
        sha256: row.sha256,
        filename: row.filename,
        media_type: row.media_type,
        bytes: row.bytes,
        upload: None,
        finished: None,
        stored: None,
    });
    Ok(found.collect())
}
