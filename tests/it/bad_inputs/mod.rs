//! Inputs that must be refused with a clear error, after which the server goes on as if nothing had been.

mod connections;
mod documents;
mod early;
mod files;
mod limits;
mod steps;
mod values;
mod waiting;

use serde_json::{Value as Json, json};

use crate::support::{Answer, TestApp};

const MIB: usize = 1024 * 1024;

impl TestApp {
    /// Sends a body as it is.
    async fn raw(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .bearer_auth(&self.admin)
            .header("content-type", content_type)
            .header("GraphQL-Require-Preflight", "1")
            .body(body);
        answer(request).await
    }

    /// Asserts that a document is refused, and how.
    async fn bad_query(&self, query: &str, code: &str) -> String {
        let answer = self.ask(&self.admin, query, json!({})).await;
        let short: String = query.chars().take(200).collect();
        assert_eq!(answer.code(), code, "{short}: {:#}", answer.body);
        answer.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Asserts that a mutation's input is refused before the mutation runs.
    async fn bad_input(&self, name: &str, input: Json) {
        let answer = self.answer_as(&self.admin, name, input.clone(), "").await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{input}: {:#}", answer.body);
        assert!(answer.body["data"].is_null(), "{:#}", answer.body);
    }

    /// The code and field with which a mutation is refused, as one text, and the message.
    async fn refusal(&self, token: &str, name: &str, input: Json) -> (String, String) {
        let payload = self.mutate_as(token, name, input, "").await;
        let error = &payload["userErrors"][0];
        let field: Vec<&str> = error["field"]
            .as_array()
            .unwrap_or_else(|| panic!("{name} was not refused: {payload}"))
            .iter()
            .map(|f| f.as_str().unwrap())
            .collect();
        let code = error["code"].as_str().unwrap();
        let message = error["message"].as_str().unwrap().to_owned();
        (format!("{code} {}", field.join(".")), message)
    }

    async fn assert_refused(&self, name: &str, input: Json, expected: &str) {
        let (given, _) = self.refusal(&self.admin, name, input.clone()).await;
        let input: String = input.to_string().chars().take(200).collect();
        assert_eq!(given, expected, "{name} {input}");
    }

    /// After what was bad, the next good request works; what it counts has not changed.
    async fn assert_still_works(&self, assets: i64) {
        let found = self.query("{ assets { totalCount } }").await;
        assert_eq!(found["assets"]["totalCount"], assets);
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    Answer {
        status,
        body: response.json().await.unwrap(),
    }
}
