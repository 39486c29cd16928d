//! `/uploads`: files in pieces, by the tus protocol 1.0.0 with creation (also with bytes), checksums, expiration
//! and termination. Thin: what an upload is and who may write to it is the slice's to say.

mod headers;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, HeaderMap, HeaderValue as Value, LOCATION, RETRY_AFTER,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http_body::Body as _;

use super::Server;
use super::auth;
use super::refusal::Refusal;
use super::request::current_id;
use crate::accounts::OpContext;
use crate::error::Error;
use crate::platform::ids::UploadId;
use crate::uploads::{self, Fault, NewUpload, Piece, Upload};
use headers::{
    EXTENSIONS, TUS_CHECKSUM_ALGORITHM, TUS_EXTENSION, TUS_MAX_SIZE, TUS_RESUMABLE, TUS_VERSION,
    UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA, UPLOAD_OFFSET, VERSION, http_date,
};

type Answer = Result<Response, Refusal>;

/// `/uploads`.
pub(super) async fn all(State(server): State<Arc<Server>>, request: Request) -> Response {
    let answer = match headers::method(&request) {
        Method::OPTIONS => return options(&server),
        Method::POST => create(&server, request).await,
        _ => Err(wrong_method("OPTIONS, POST")),
    };
    close(answer)
}

/// `/uploads/{id}`.
pub(super) async fn one(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let answer = match headers::method(&request) {
        Method::OPTIONS => return options(&server),
        Method::HEAD => look(&server, &id, request.headers()).await,
        Method::PATCH => add(&server, &id, request).await,
        Method::DELETE => end(&server, &id, request.headers()).await,
        _ => Err(wrong_method("OPTIONS, HEAD, PATCH, DELETE")),
    };
    close(answer)
}

fn close(answer: Answer) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(TUS_RESUMABLE, VERSION);
    response
}

fn wrong_method(allowed: &'static str) -> Refusal {
    let text = "This address does not take this method.";
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", text);
    refusal.with(ALLOW, allowed)
}

/// What this server speaks. Asks for nothing: whoever is to send a file must know it first.
fn options(server: &Server) -> Response {
    let headers = [
        (TUS_RESUMABLE, VERSION),
        (TUS_VERSION, VERSION),
        (TUS_EXTENSION, EXTENSIONS),
        (TUS_CHECKSUM_ALGORITHM, Value::from_static("sha1,sha256")),
        (TUS_MAX_SIZE, server.app.config.uploads.max_bytes.into()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Who asks, in the one version that is spoken.
async fn enter(server: &Server, headers: &HeaderMap) -> Result<OpContext, Refusal> {
    let caller = auth::bearer(&server.app, headers)
        .await
        .map_err(Refusal::from)?;
    headers::check_version(headers)?;
    let request_id = current_id().unwrap_or_default();
    Ok(OpContext::new(&server.app, caller.viewer, request_id))
}

async fn create(server: &Server, request: Request) -> Answer {
    let cx = enter(server, request.headers()).await?;
    let headers = request.headers();
    let length = headers::length(headers, server.app.config.uploads.max_bytes)?;
    let metadata = headers::metadata(headers)?;
    let checksum = headers::checksum(headers)?;
    let brings_bytes = headers::brings_bytes(headers);
    let announced = request.body().size_hint().exact();
    if !brings_bytes && announced != Some(0) {
        return Err(wrong_type());
    }
    if brings_bytes && announced.is_some_and(|bytes| bytes > length) {
        return Err(refuse(Fault::TooLong));
    }
    let new = NewUpload {
        length,
        filename: metadata.filename,
        metadata: metadata.raw,
    };
    let upload = uploads::create(&cx, new).await.map_err(Refusal::from)?;
    let place = format!(
        "{}/uploads/{}",
        server.app.config.public_url.as_str().trim_end_matches('/'),
        upload.id
    );
    let place = Value::from_str(&place).map_err(|e| Refusal::from(Error::internal(e)))?;
    let answered = if brings_bytes {
        let piece = Piece {
            offset: 0,
            announced,
            checksum,
            body: body(request),
        };
        uploads::append(&cx, upload.id, piece).await.map_err(refuse)
    } else {
        Ok(upload)
    };
    // Whoever is refused the first bytes has an upload all the same, and may send them again.
    let mut response = match answered {
        Ok(upload) => (StatusCode::CREATED, state(&upload)).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}

async fn look(server: &Server, id: &str, headers: &HeaderMap) -> Answer {
    let cx = enter(server, headers).await?;
    let upload = uploads::find(&cx, parse(id)?).await.map_err(refuse)?;
    let mut headers = state(&upload);
    headers.insert(UPLOAD_LENGTH, upload.length().into());
    headers.insert(CACHE_CONTROL, Value::from_static("no-store"));
    if !upload.metadata.is_empty() {
        let metadata = Value::from_str(&upload.metadata);
        headers.insert(
            UPLOAD_METADATA,
            metadata.map_err(|e| Refusal::from(Error::internal(e)))?,
        );
    }
    Ok((StatusCode::OK, headers).into_response())
}

async fn add(server: &Server, id: &str, request: Request) -> Answer {
    let cx = enter(server, request.headers()).await?;
    let headers = request.headers();
    if !headers::brings_bytes(headers) {
        return Err(wrong_type());
    }
    let piece = Piece {
        offset: headers::offset(headers)?,
        announced: request.body().size_hint().exact(),
        checksum: headers::checksum(headers)?,
        body: body(request),
    };
    let upload = uploads::append(&cx, parse(id)?, piece)
        .await
        .map_err(refuse)?;
    Ok((StatusCode::NO_CONTENT, state(&upload)).into_response())
}

async fn end(server: &Server, id: &str, headers: &HeaderMap) -> Answer {
    let cx = enter(server, headers).await?;
    uploads::end(&cx, parse(id)?).await.map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn parse(id: &str) -> Result<UploadId, Refusal> {
    id.parse().map_err(|_| Refusal::from(Error::NotFound))
}

/// Where an upload stands, and until when it is kept.
fn state(upload: &Upload) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([(UPLOAD_OFFSET, Value::from(upload.offset()))]);
    if let Ok(date) = Value::from_str(&http_date(upload.expires_at)) {
        headers.insert(UPLOAD_EXPIRES, date);
    }
    headers
}

fn body(request: Request) -> uploads::Body {
    let bytes = request.into_body().into_data_stream();
    bytes
        .map(|bytes| bytes.map_err(|_| Error::BadRequest("the body ended early".to_owned())))
        .boxed()
}

fn wrong_type() -> Refusal {
    let text = "Send the bytes as `Content-Type: application/offset+octet-stream`.";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Refusal::new(status, "BAD_REQUEST", text)
}

fn refuse(fault: Fault) -> Refusal {
    let no = |status, text: &str| Refusal::new(status, "BAD_REQUEST", text);
    match fault {
        Fault::Gone => Refusal::new(
            StatusCode::GONE,
            "NOT_FOUND",
            "This upload has expired or was ended. Begin a new one.",
        ),
        Fault::Locked => no(
            StatusCode::LOCKED,
            "Another request is writing to this upload. Try again in a few seconds.",
        )
        .with(RETRY_AFTER, "1"),
        Fault::WrongOffset => no(
            StatusCode::CONFLICT,
            "The upload stands at another offset. Ask for it with HEAD and go on from there.",
        ),
        Fault::TooLong => Refusal::too_large("These are more bytes than Upload-Length announced."),
        Fault::Mismatch => no(
            // The protocol's own status: none of HTTP's has this number.
            StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST),
            "The bytes do not have the hash in Upload-Checksum and were dropped. Send them again.",
        ),
        Fault::TooSlow => Refusal::too_slow(),
        Fault::Broken => Refusal::bad_request("The body ended early. Go on with the rest of it."),
        Fault::Stopping => Refusal::unavailable(
            "The server is about to stop. Go on in a moment; what came is kept.",
        ),
        Fault::Other(error) => error.into(),
    }
}
