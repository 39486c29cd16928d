//! Tables that are imported as a whole or not at all, by their keys again and again.

mod assets;
mod endorsements;
mod export;
mod faults;
mod files;
mod killed;
mod placements;

use reqwest::Response;
use serde_json::{Value as Json, json};

use crate::support::TestApp;
use crate::tus::{OCTETS, base64, text};

const IMPORT: &str = "query($id: ID!) { node(id: $id) { ... on Import {
    id kind state dryRun filename rows done created updated unchanged errorCount errors { line column message }
    createdAt endedAt brand { slug } } } }";

impl TestApp {
    /// Sends a table in one piece.
    async fn send_table(&self, token: &str, table: &[u8]) -> Response {
        let metadata = format!(
            "filename {},filetype {}",
            base64("wins.csv"),
            base64("text/csv")
        );
        let request = self
            .tus_as(token, "POST", &self.uploads())
            .header("Upload-Length", table.len())
            .header("Upload-Metadata", metadata)
            .header("Content-Type", OCTETS)
            .body(table.to_vec());
        request.send().await.unwrap()
    }

    /// Sends a table: the upload's id.
    pub(crate) async fn table_as(&self, token: &str, table: &[u8]) -> String {
        let response = self.send_table(token, table).await;
        assert_eq!(response.status(), 201);
        let url = text(response.headers(), "location").unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    }

    /// Hands in a table of the brand north and has it imported: the import as its maker sees it then.
    async fn import_as(
        &self,
        token: &str,
        kind: &str,
        table: impl AsRef<[u8]>,
        dry_run: bool,
    ) -> Json {
        let upload = self.table_as(token, table.as_ref()).await;
        let input = json!({ "brand": "north", "kind": kind, "upload": upload, "dryRun": dry_run });
        let payload = self
            .mutate_as(token, "importFile", input, "import { id state }")
            .await;
        assert_eq!(payload["userErrors"], json!([]));
        assert_eq!(payload["import"]["state"], "WAITING");
        assert_eq!(accolade::imports::run_due(&self.app).await.unwrap(), 1);
        self.seen_import(token, &payload["import"]["id"]).await
    }

    /// An import as the bearer of a token sees it.
    async fn seen_import(&self, token: &str, id: &Json) -> Json {
        let answer = self.ask(token, IMPORT, json!({ "id": id })).await;
        answer.data()["node"].clone()
    }

    /// Imports endorsements as the administrator.
    async fn import(&self, table: impl AsRef<[u8]>) -> Json {
        self.import_as(&self.admin, "ENDORSEMENTS", table, false)
            .await
    }
}

/// What became of a table: created, updated, unchanged.
fn counts(import: &Json) -> (i64, i64, i64) {
    assert_eq!(import["state"], "DONE", "{import:#}");
    let count = |field: &str| import[field].as_i64().unwrap();
    (count("created"), count("updated"), count("unchanged"))
}

/// What is wrong with a table: line, column, and a part of the message.
fn faults(import: &Json) -> Vec<(i64, String, String)> {
    assert_eq!(import["state"], "REFUSED", "{import:#}");
    let errors = import["errors"].as_array().unwrap().iter();
    let told = errors.map(|error| {
        let words = |field: &str| error[field].as_str().unwrap_or("-").to_owned();
        (
            error["line"].as_i64().unwrap(),
            words("column"),
            words("message"),
        )
    });
    told.collect()
}
