//! Where the demo's people sit: they speak GraphQL to the application, without HTTP between.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use async_graphql::{Request, Variables};
use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream;
use serde_json::{Value as Json, json};

use crate::accounts::{OpContext, Viewer};
use crate::app::App;
use crate::assets;
use crate::demo::pictures;
use crate::graphql::Schema;
use crate::graphql::context::RequestData;
use crate::graphql::loader::{Loaders, request_loader};
use crate::graphql::upload::Uploads;
use crate::platform::clock::{Clock, Day, Timestamp};

/// What one call takes of the demo's day.
const CALL_MINUTES: i64 = 4;
/// When the demo's days begin, in UTC.
const MORNING_MS: i64 = 9 * 3_600_000;

/// The application at a desk with a calendar.
pub(in crate::demo) struct Desk {
    app: Arc<App>,
    schema: Schema,
    clock: Clock,
    today: Day,
}

impl Desk {
    /// `clock` is the application's, and fixed; `today` is the day of seeding.
    pub(super) fn new(app: Arc<App>, clock: Clock, today: Day) -> Self {
        Self {
            app,
            schema: crate::graphql::build(),
            clock,
            today,
        }
    }

    pub(super) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The morning of a day that is past.
    pub(super) fn morning(today: Day, days_ago: u32) -> Timestamp {
        let ago = i32::try_from(days_ago).unwrap_or(i32::MAX);
        Day(today.0.saturating_sub(ago)).start().plus_ms(MORNING_MS)
    }

    /// Goes on to the morning of this day, unless it is later already.
    pub(super) fn go_on_to(&self, days_ago: u32) {
        let ahead = Self::morning(self.today, days_ago).0 - self.clock.now().0;
        if ahead > 0 {
            self.clock.advance(TimeDelta::milliseconds(ahead));
        }
    }

    /// A day before or after the day of seeding, as a `Date`.
    pub(super) fn date(&self, in_days: i32) -> String {
        Day(self.today.0.saturating_add(in_days))
            .to_date()
            .to_string()
    }

    /// The beginning of a day before or after the day of seeding, as a `DateTime`.
    pub(super) fn instant(&self, in_days: i32) -> String {
        Day(self.today.0.saturating_add(in_days))
            .start()
            .to_rfc3339()
    }

    /// Runs a mutation for somebody and returns its payload, from which `selection` is asked. What must be
    /// mended is an error.
    pub(super) async fn call(
        &self,
        who: &Arc<Viewer>,
        mutation: &str,
        selection: &str,
        input: Json,
    ) -> anyhow::Result<Json> {
        self.run(who, mutation, selection, input, Uploads::default())
            .await
    }

    /// The same with a picture, which stands at `file` in the input.
    pub(super) async fn call_with_picture(
        &self,
        who: &Arc<Viewer>,
        mutation: &str,
        selection: &str,
        mut input: Json,
        picture: &str,
    ) -> anyhow::Result<Json> {
        let bytes = pictures::find(picture)
            .with_context(|| format!("the demo has no picture {picture}"))?;
        let name = picture.rsplit('/').next().unwrap_or(picture);
        let stream = stream::iter([Ok(Bytes::from_static(bytes))]);
        let stored = assets::receive(&self.app, name, bytes.len() as u64, stream).await?;
        if let Some(place) = input.as_object_mut() {
            place.insert("file".to_owned(), json!({ "upload": picture }));
        }
        let uploads = Uploads::new(HashMap::from([(picture.to_owned(), Arc::new(stored))]));
        let done = self
            .run(who, mutation, selection, input, uploads.clone())
            .await;
        uploads.tidy(&self.app).await;
        done
    }

    /// The revision of a content.
    pub(super) async fn revision(&self, who: &Arc<Viewer>, content: &str) -> anyhow::Result<Json> {
        let document = "query ($id: ID!) { node(id: $id) { ... on Content { revision } } }";
        let request =
            Request::new(document).variables(Variables::from_json(json!({ "id": content })));
        let data = execute(&self.app, &self.schema, who, request, Uploads::default()).await?;
        Ok(data["node"]["revision"].clone())
    }

    async fn run(
        &self,
        who: &Arc<Viewer>,
        mutation: &str,
        selection: &str,
        input: Json,
        uploads: Uploads,
    ) -> anyhow::Result<Json> {
        self.clock.advance(TimeDelta::minutes(CALL_MINUTES));
        let input_type = input_type(mutation);
        let document = format!(
            "mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ field message }} }} }}"
        );
        let variables = Variables::from_json(json!({ "input": input }));
        let request = Request::new(document).variables(variables);
        let mut data = execute(&self.app, &self.schema, who, request, uploads)
            .await
            .with_context(|| mutation.to_owned())?;
        let payload = data
            .get_mut(mutation)
            .map(Json::take)
            .with_context(|| format!("{mutation} answered without its payload"))?;
        match payload.get("userErrors").and_then(Json::as_array) {
            Some(errors) if errors.is_empty() => Ok(payload),
            errors => bail!("{mutation}: {}", sentences(errors)),
        }
    }
}

/// Runs an operation for somebody, as the HTTP layer does.
pub(in crate::demo) async fn execute(
    app: &Arc<App>,
    schema: &Schema,
    who: &Arc<Viewer>,
    request: Request,
    uploads: Uploads,
) -> anyhow::Result<Json> {
    let cx = OpContext::new(app, Arc::clone(who), "demo".to_owned());
    let (loader, batches) = request_loader(Loaders::new(&cx));
    let data = RequestData {
        cx,
        loader,
        uploads,
    };
    let run = batches.beside(schema.execute(request.data(data)));
    let response = Box::pin(run).await;
    if !response.errors.is_empty() {
        let texts: Vec<_> = response.errors.into_iter().map(|e| e.message).collect();
        return Err(anyhow!(texts.join(" ")));
    }
    Ok(response.data.into_json()?)
}

/// The mutation's name with a capital, `Input` behind it; but what takes a mere id shares its input.
fn input_type(mutation: &str) -> String {
    if mutation == "submitVersion" {
        return "VersionIdInput".to_owned();
    }
    let mut chars = mutation.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}Input", chars.as_str())
}

/// What must be mended, each with the field that it is about.
fn sentences(errors: Option<&Vec<Json>>) -> String {
    let one = |error: &Json| {
        let field: Vec<_> = error["field"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let message = error["message"].as_str().unwrap_or_default();
        format!("{}: {message}", field.join("."))
    };
    let all: Vec<_> = errors.into_iter().flatten().map(one).collect();
    all.join(" ")
}
