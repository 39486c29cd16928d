//! Files in pieces (tus), going on where a broken line has left them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::client::{Client, Trouble, again, good, text_of};

/// Bytes that are sent at a time, and stand in memory.
const PIECE: u64 = 4 << 20;
/// What is said of a file that is not what it was.
const CHANGED: &str = "The file changed while it was sent. Run it again.";

/// A file to be sent.
pub(super) struct Sending<'s> {
    pub path: &'s Path,
    /// What the server is to call it.
    pub name: &'s str,
    pub media_type: Option<&'s str>,
    /// The hash that its bytes must have.
    pub sha256: Option<&'s str>,
}

impl Client {
    /// Sends a file in pieces: the upload's id. `tell` hears how many bytes of how many have arrived.
    pub(super) async fn upload(
        &self,
        sending: Sending<'_>,
        mut tell: impl FnMut(u64, u64),
    ) -> anyhow::Result<String> {
        let path = sending.path;
        let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let length = file.metadata()?.len();
        let id = self.begin_upload(&sending, length).await?;
        let address = format!("/uploads/{id}");
        let (mut offset, mut hash) = (0, Sha256::new());
        while offset < length {
            tell(offset, length);
            let piece = read_piece(&mut file, offset)?;
            let stands = self.send_piece(&address, offset, &piece).await?;
            let arrived = usize::try_from(stands - offset)?;
            let arrived = piece.get(..arrived).ok_or_else(|| anyhow!(CHANGED))?;
            hash.update(arrived);
            offset = stands;
        }
        tell(length, length);
        let sent = hex::encode(hash.finalize());
        if sending.sha256.is_some_and(|sha256| sha256 != sent) {
            // Nobody wants it. That this fails leaves it until it expires.
            let _ = self.tus(Method::DELETE, &address).send().await;
            bail!(CHANGED);
        }
        Ok(id)
    }

    async fn begin_upload(&self, sending: &Sending<'_>, length: u64) -> anyhow::Result<String> {
        let mut metadata = format!("filename {}", STANDARD.encode(sending.name));
        if let Some(media_type) = sending.media_type {
            metadata.push_str(",filetype ");
            metadata.push_str(&STANDARD.encode(media_type));
        }
        again(async || {
            let request = self.tus(Method::POST, "/uploads");
            let request = request
                .header("Upload-Length", length)
                .header("Upload-Metadata", &metadata);
            let response = good(request.send().await?).await?;
            let place = text_of(response.headers(), LOCATION.as_str());
            let id = place.and_then(|place| place.rsplit('/').next().map(str::to_owned));
            id.ok_or_else(|| Trouble::Final(anyhow!("the server does not say where the upload is")))
        })
        .await
    }

    /// Sends a piece until some of it has arrived: where the upload stands then.
    async fn send_piece(
        &self,
        address: &str,
        from: u64,
        piece: &bytes::Bytes,
    ) -> anyhow::Result<u64> {
        again(async || {
            let request = self.tus(Method::PATCH, address);
            let request = request
                .header(CONTENT_TYPE, "application/offset+octet-stream")
                .header("Upload-Offset", from)
                .body(piece.clone());
            let sent = request.send().await;
            match sent {
                Ok(response) if response.status() != StatusCode::CONFLICT => {
                    offset_of(&good(response).await?)
                }
                // It may have arrived, or a part of it: the server knows.
                sent => {
                    let head = self.tus(Method::HEAD, address).send().await?;
                    let stands = offset_of(&good(head).await?)?;
                    if stands > from {
                        return Ok(stands);
                    }
                    Err(match sent {
                        Ok(_) => Trouble::Passing(anyhow!("the upload stands elsewhere"), None),
                        Err(error) => error.into(),
                    })
                }
            }
        })
        .await
    }

    fn tus(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("Tus-Resumable", "1.0.0")
    }
}

fn read_piece(file: &mut File, from: u64) -> anyhow::Result<bytes::Bytes> {
    let mut piece = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(PIECE).read_to_end(&mut piece)?;
    if piece.is_empty() {
        bail!(CHANGED);
    }
    Ok(piece.into())
}

fn offset_of(response: &Response) -> Result<u64, Trouble> {
    let offset = text_of(response.headers(), "upload-offset").and_then(|text| text.parse().ok());
    offset.ok_or_else(|| Trouble::Final(anyhow!("the server does not say how much has arrived")))
}
