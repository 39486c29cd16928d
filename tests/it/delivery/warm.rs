//! What a page asks for again and again costs the database next to nothing.

use accolade::platform::db::{Sql, fetch_count};
use chrono::TimeDelta;
use serde_json::json;

use super::{Shown, asked, header, send};
use crate::support::{TestApp, noise};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_stable_address_runs_no_statement_and_two_at_most() {
    let shown = Shown::new().await;
    let [_, _, rendition, stable] = shown.addresses().await;
    let app = &shown.app;
    // That these tokens were used is noted behind their requests.
    let used = "SELECT count(*) AS n FROM access_tokens WHERE last_used_at IS NULL";
    while fetch_count(app.app.db.read(), Sql::new(used))
        .await
        .unwrap()
        > 0
    {
        tokio::task::yield_now().await;
    }
    for url in [&stable, &rendition] {
        let first = app.http.get(url).send().await.unwrap();
        let etag = header(&first, "etag").to_owned();
        // To make it was a write, after which all is read again: once.
        let mut taken = Vec::new();
        for ask in asked(&etag) {
            let before = app.app.db.statements();
            let response = send(&app.http, url, &ask).await;
            assert!(response.status().as_u16() < 417, "{url} {ask:?}");
            taken.push(app.app.db.statements() - before);
        }
        assert!(taken[0] <= 2, "{url}: {taken:?}");
        assert_eq!(taken[1..], [0; 6], "{url}");
    }
    // Half a second later what may have changed is read: once.
    app.advance(TimeDelta::milliseconds(499));
    let count = async || {
        let before = app.app.db.statements();
        let response = app.http.get(&stable).send().await.unwrap();
        assert_eq!(response.status(), 200);
        app.app.db.statements() - before
    };
    assert_eq!(count().await, 0);
    app.advance(TimeDelta::milliseconds(1));
    assert_eq!((count().await, count().await), (2, 0));
    shown.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_instance_has_changed_is_in_force_at_once() {
    let shown = Shown::new().await;
    let stable = &shown.addresses().await[3];
    let app = &shown.app;
    let status = async || app.http.get(stable).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 200);
    for (rules, expected) in [
        (json!([{ "check": "MIN_WIDTH", "value": 900 }]), 410),
        (json!([]), 200),
    ] {
        let input = json!({ "channel": "site", "rules": rules });
        app.mutate("updateChannel", input, "").await;
        assert_eq!(status().await, expected);
    }
    let deny = json!({ "contents": [shown.asset], "access": "DENY", "channels": ["site"] });
    let lease = app.mutate("createLease", deny, "lease { id }").await;
    assert_eq!(status().await, 410);
    app.mutate("endLease", json!({ "lease": lease["lease"]["id"] }), "")
        .await;
    assert_eq!(status().await, 200);
    shown.stop().await;
}

/// From the second answer on they are sent from a file of the kernel's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_arrive_each_time() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let bytes = noise(200, 150, 3);
    assert!((32 * 1024..256 * 1024).contains(&bytes.len()));
    let input = json!({ "brand": "north", "title": "Lantern", "file": { "upload": null } });
    let file = ("lantern.png", bytes.clone());
    let selection = "asset { latestVersion { file { downloadUrl } } }";
    let made = app
        .upload_as(
            &app.admin,
            "createAsset",
            input,
            selection,
            "file.upload",
            file,
        )
        .await;
    let url = made["asset"]["latestVersion"]["file"]["downloadUrl"].clone();
    let url = url.as_str().unwrap();
    for _ in 0..4 {
        let whole = app.http.get(url).send().await.unwrap();
        assert_eq!(whole.status(), 200);
        assert!(whole.bytes().await.unwrap() == bytes);
        let part = app.http.get(url).header("range", "bytes=40000-49999");
        let part = part.send().await.unwrap();
        assert_eq!(part.status(), 206);
        assert!(part.bytes().await.unwrap() == bytes[40_000..50_000]);
    }
    app.stop().await;
}

/// A plain address is known by its form; one with a letter as its number goes by the routes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_spelt_otherwise_is_answered_alike() {
    let shown = Shown::new().await;
    let app = &shown.app;
    let [_, _, rendition, stable] = shown.addresses().await;
    let nobodys = format!("{}/d/{}/site/other", app.url, shown.asset);
    let forged = rendition.replace("/r/", "/r/x");
    let first = app.http.get(&stable).send().await.unwrap();
    let tag = header(&first, "etag").to_owned();
    for status in [200, 410] {
        for (url, expected) in [
            (&rendition, status),
            (&stable, status),
            (&nobodys, 404),
            (&forged, 404),
        ] {
            let (start, last) = url.split_at(url.len() - 1);
            let spelt = format!("{start}%{:02X}", last.as_bytes()[0]);
            for ask in asked(&tag) {
                let mut answers = Vec::new();
                for url in [url, &spelt] {
                    let answer = send(&app.http, url, &ask).await;
                    let mut headers = answer.headers().clone();
                    // Each answer has its own.
                    assert!(headers.remove("x-request-id").is_some(), "{url} {ask:?}");
                    headers.remove("date");
                    let status = answer.status().as_u16();
                    let mut body = answer.bytes().await.unwrap().to_vec();
                    if status >= 400 {
                        body.clear();
                        headers.remove("content-length");
                    }
                    answers.push((status, headers, body));
                }
                assert_eq!(answers[0], answers[1], "{url} {ask:?}");
                if ask == asked(&tag)[0] {
                    assert_eq!(answers[0].0, expected, "{url}");
                }
            }
        }
        if status == 200 {
            let recall = json!({ "id": shown.asset, "reason": "A wrong claim" });
            app.mutate("withdrawContent", recall, "").await;
        }
    }
    shown.stop().await;
}
