//! A server's API as a client has it, over lines that break.

use std::time::Duration;

use anyhow::{anyhow, bail};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value as Json, json};

use super::Server;

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
pub(super) enum Trouble {
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

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
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
}

pub(super) fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// The response, unless it refuses.
pub(super) async fn good(response: Response) -> Result<Response, Trouble> {
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
pub(super) async fn again<T>(
    mut step: impl AsyncFnMut() -> Result<T, Trouble>,
) -> anyhow::Result<T> {
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
