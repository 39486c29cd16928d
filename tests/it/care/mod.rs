//! What is stored stays what was stored, what nothing refers to goes, and copies can be put back.

mod backup;
mod gc;
mod verifying;

use std::path::PathBuf;

use accolade::accounts::OpContext;
use accolade::platform::blob::StoreConfig;
use accolade::platform::db::{Sql, fetch_one, run};
use sea_orm::FromQueryResult;
use serde_json::{Value as Json, json};

use crate::support::TestApp;

/// A picture of an asset.
#[derive(Clone, Debug)]
struct Picture {
    sha256: String,
    url: String,
}

async fn upload(app: &TestApp, bytes: Vec<u8>) -> Json {
    let input = json!({ "brand": "north", "title": "Picture", "file": { "upload": null } });
    let answer = app
        .send_upload(
            &app.admin,
            "createAsset",
            input,
            "asset { latestVersion { ... on AssetVersion { file { url sha256 } } } }",
            "file.upload",
            ("a.png", bytes),
        )
        .await;
    answer.body
}

async fn picture(app: &TestApp, bytes: Vec<u8>) -> Picture {
    let body = upload(app, bytes).await;
    let file = &body["data"]["createAsset"]["asset"]["latestVersion"]["file"];
    let text = |name: &str| {
        file[name]
            .as_str()
            .unwrap_or_else(|| panic!("{body:#}"))
            .to_owned()
    };
    Picture {
        sha256: text("sha256"),
        url: text("url"),
    }
}

#[derive(FromQueryResult)]
struct Key {
    store_key: String,
}

async fn key_of(app: &TestApp, sha256: &str) -> Option<String> {
    let sql = Sql::new("SELECT store_key FROM files WHERE sha256 = ").bind(sha256);
    let row: Option<Key> = fetch_one(app.app.db.read(), sql).await.unwrap();
    row.map(|row| row.store_key)
}

/// Where a file's object lies.
async fn place_of(app: &TestApp, sha256: &str) -> PathBuf {
    let StoreConfig::Folder(folder) = &app.app.config.store else {
        panic!("not in a folder");
    };
    folder.join(key_of(app, sha256).await.unwrap())
}

/// Has the versions that show one file show another: nothing refers to the first any more.
async fn let_go(app: &TestApp, sha256: &str, instead: &str) {
    OpContext::system(&app.app)
        .write((sha256.to_owned(), instead.to_owned()), |tx, (old, new)| {
            Box::pin(async move {
                let sql = Sql::update("asset_versions", [("sha256", new.clone().into())])
                    .push(" WHERE sha256 = ")
                    .bind(old.clone());
                run(&**tx, sql).await.map(|_| ())
            })
        })
        .await
        .unwrap();
}

async fn status(app: &TestApp, url: &str) -> u16 {
    app.http.get(url).send().await.unwrap().status().as_u16()
}
