//! A server's API as a client has it: GraphQL, and files in pieces over lines that break.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value as Json, json};

use super::Server;

/// Bytes that are sent at a time.
const PIECE: u64 = 4 << 20;
/// How often a step is tried that a bad line or a busy server has spoiled.
const TRIES: u32 = 8;
/// Longest rest between two tries.
const LONGEST: Duration = Duration::from_secs(20);
/// Longest that an answer may take.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Longest that a table may take.
const LONG: Duration = Duration::from_hours(6);

pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// Why a step did not come off: for good, or so that it may come off if it is tried again.
enum Trouble {
    Final(anyhow::Error),
    Passing(anyhow::Error, Option<Duration>),
}

impl From<reqwest::Error> for Trouble {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() || error.is_redirect() {
            Self::Final(error.into())
        } else {
            Self::Passing(error.into(), None)
        }
    }
}

impl Client {
    pub(super) fn new(server: &Server) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent(concat!("accolade/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            base: server.url.as_str().trim_end_matches('/').to_owned(),
            token: server.token()?,
        })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.request(method, url).bearer_auth(&self.token)
    }

    /// Runs an operation until it is answered. A mutation needs a `clientMutationId`: it may be sent twice.
    pub(super) async fn ask(&self, query: &str, variables: &Json) -> anyhow::Result<Json> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        again(async || {
            let request = self.request(Method::POST, "/graphql");
            let request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
            let response = good(request.send().await?).await?;
            let text = response.text().await?;
            let answer: Json = serde_json::from_str(&text).map_err(|_| {
                Trouble::Final(anyhow!(
                    "this is no Accolade server: it answers with other than JSON"
                ))
            })?;
            match answer["errors"][0]["message"].as_str() {
                Some(message) => Err(Trouble::Final(anyhow!(message.to_owned()))),
                None => Ok(answer["data"].clone()),
            }
        })
        .await
    }

    /// Runs a mutation: its payload, or what is to be mended.
    pub(super) async fn mutate(
        &self,
        name: &str,
        query: &str,
        input: Json,
    ) -> anyhow::Result<Json> {
        let data = self.ask(query, &json!({ "input": input })).await?;
        let payload = data[name].clone();
        let errors = payload["userErrors"].as_array().into_iter().flatten();
        let told = errors.map(|error| {
            let field = error["field"].as_array().and_then(|path| path.last());
            let field = field.and_then(Json::as_str).unwrap_or(name);
            format!("{field}: {}", error["message"].as_str().unwrap_or_default())
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() {
            Ok(payload)
        } else {
            bail!(told.join("; "))
        }
    }

    /// Begins to fetch what may take as long as it wants.
    pub(super) async fn download(&self, path: &str) -> anyhow::Result<Response> {
        again(async || {
            let request = self.request(Method::GET, path).timeout(LONG);
            good(request.send().await?).await
        })
        .await
    }

    /// Sends a file in pieces, going on where a broken line has left it: the upload's id.
    pub(super) async fn upload(
        &self,
        path: &Path,
        media_type: Option<&str>,
        mut tell: impl FnMut(u64, u64),
    ) -> anyhow::Result<String> {
        let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let length = file.metadata()?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut metadata = format!("filename {}", STANDARD.encode(&*name));
        if let Some(media_type) = media_type {
            metadata.push_str(",filetype ");
            metadata.push_str(&STANDARD.encode(media_type));
        }
        let id = again(async || {
            let request = self.tus(Method::POST, "/uploads");
            let request = request
                .header("Upload-Length", length)
                .header("Upload-Metadata", &metadata);
            let response = good(request.send().await?).await?;
            let place = text_of(response.headers(), LOCATION.as_str());
            let id = place.and_then(|place| place.rsplit('/').next().map(str::to_owned));
            id.ok_or_else(|| Trouble::Final(anyhow!("the server does not say where the upload is")))
        })
        .await?;
        let address = format!("/uploads/{id}");
        let mut offset = 0;
        while offset < length {
            tell(offset, length);
            let from = offset;
            let piece = read_piece(&mut file, from)?;
            offset = again(async || {
                let request = self.tus(Method::PATCH, &address);
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
                        let head = self.tus(Method::HEAD, &address).send().await?;
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
            .await?;
        }
        tell(length, length);
        Ok(id)
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
        bail!("the file became shorter while it was sent");
    }
    Ok(piece.into())
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn offset_of(response: &Response) -> Result<u64, Trouble> {
    let offset = text_of(response.headers(), "upload-offset").and_then(|text| text.parse().ok());
    offset.ok_or_else(|| Trouble::Final(anyhow!("the server does not say how much has arrived")))
}

/// The response, unless it refuses.
async fn good(response: Response) -> Result<Response, Trouble> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let wait = text_of(response.headers(), RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
    let wait = wait.map(Duration::from_secs);
    let body = response.text().await.unwrap_or_default();
    let answer: Json = serde_json::from_str(&body).unwrap_or_default();
    let said = answer["errors"][0]["message"].as_str();
    let error = match said {
        Some(said) => anyhow!(said.to_owned()),
        None => anyhow!("the server answers with {status}"),
    };
    let is_passing = matches!(status.as_u16(), 408 | 423 | 425 | 429 | 500 | 502..=504);
    Err(if is_passing {
        Trouble::Passing(error, wait)
    } else {
        Trouble::Final(error)
    })
}

/// Tries a step again while there is hope.
async fn again<T>(mut step: impl AsyncFnMut() -> Result<T, Trouble>) -> anyhow::Result<T> {
    let mut tried = 0;
    loop {
        tried += 1;
        match step().await {
            Ok(done) => return Ok(done),
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(error, _)) if tried >= TRIES => {
                return Err(error.context("tried several times"));
            }
            Err(Trouble::Passing(_, wait)) => {
                let pause = Duration::from_millis(250 << tried.min(8));
                tokio::time::sleep(wait.unwrap_or(pause).min(LONGEST)).await;
            }
        }
    }
}
