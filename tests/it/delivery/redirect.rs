//! Redirects to the bucket: who may have a file is led to an address of the bucket, for a few seconds.

use std::sync::Arc;

use accolade::config::{Config, Delivery, Settings};
use accolade::platform::blob::StoreConfig;
use accolade::platform::clock::Timestamp;
use chrono::TimeDelta;
use reqwest::Response;
use reqwest::redirect::Policy;
use serde_json::{Value as Json, json};
use url::Url;

use super::{Shown, asked, header, kept_for, send};
use crate::s3::Bucket;
use crate::support::{START, TestApp, noise};

/// What is shown, in a bucket, and a client that goes where it is led only if it wants to.
struct Led {
    shown: Shown,
    bucket: Bucket,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Led {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bucket = Bucket::start(folder.path().to_owned());
        let store = StoreConfig::S3(bucket.settings());
        let set = |config: &mut Config| {
            config.store = store;
            config.delivery = Delivery::Redirect;
        };
        let http = reqwest::Client::builder().no_proxy();
        Self {
            shown: Shown::on(TestApp::start_set(set).await).await,
            bucket,
            http: http.redirect(Policy::none()).build().unwrap(),
            _folder: folder,
        }
    }

    async fn get(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.http.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// The bucket's address that a request is led to.
    async fn led(&self, url: &str, headers: &[(&str, &str)]) -> Url {
        let response = self.get(url, headers).await;
        assert_eq!(response.status(), 302, "{url} {headers:?}");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(header(&response, "content-length"), "0");
        let place = header(&response, "location");
        let endpoint = self.bucket.settings().endpoint.unwrap();
        assert!(place.starts_with(&format!("{endpoint}/")), "{place}");
        place.parse().unwrap()
    }

    /// The same answer from the server itself: who shows a token is not sent to another host with it.
    async fn streamed(&self, url: &str, headers: &[(&str, &str)]) -> Response {
        let bearer = format!("Bearer {}", self.shown.token);
        let mut all = headers.to_vec();
        all.push(("authorization", &bearer));
        self.get(url, &all).await
    }

    /// That the bucket answers as the server would.
    async fn check_same(&self, url: &str, headers: &[(&str, &str)]) {
        let place = self.led(url, headers).await;
        assert_eq!(life(&place), 5_000, "{place}");
        let theirs = self.get(place.as_str(), headers).await;
        let ours = self.streamed(url, headers).await;
        assert_eq!(theirs.status(), ours.status(), "{url} {headers:?}");
        for name in [
            "content-type",
            "content-disposition",
            "content-length",
            "content-range",
        ] {
            assert_eq!(header(&theirs, name), header(&ours, name), "{name}: {url}");
        }
        assert!(header(&theirs, "content-disposition").contains("filename="));
        assert_eq!(header(&theirs, "cache-control"), "no-store", "{url}");
        assert_eq!(theirs.bytes().await.unwrap(), ours.bytes().await.unwrap());
    }

    async fn stop(self) {
        self.shown.stop().await;
    }
}

/// How many milliseconds an address lives from the instant at which it was signed.
fn life(place: &Url) -> i64 {
    let (_, seconds) = place
        .query_pairs()
        .find(|(name, _)| name == "X-Amz-Expires")
        .unwrap();
    seconds.parse::<i64>().unwrap() * 1_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bucket_hands_out_what_the_server_would() {
    let led = Led::new().await;
    let app = &led.shown.app;
    let mut urls = led.shown.addresses().await.to_vec();
    // A name with all that an address could stumble over, and a file larger than what is checked first.
    let input = json!({ "brand": "north", "title": "Large", "file": { "upload": null } });
    let select = "asset { latestVersion { ... on AssetVersion { file { url downloadUrl } } } }";
    let name = "win \u{1f3c6} \"100%\"+a&b=c;d.png";
    let file = (name, noise(400, 300, 5));
    assert!(file.1.len() > 300 * 1024);
    let made = app
        .upload_as(
            &app.admin,
            "createAsset",
            input,
            select,
            "file.upload",
            file,
        )
        .await;
    let file = &made["asset"]["latestVersion"]["file"];
    urls.extend([&file["url"], &file["downloadUrl"]].map(|url| url.as_str().unwrap().to_owned()));
    for url in &urls {
        led.check_same(url, &[]).await;
        led.check_same(url, &[("range", "bytes=10-19")]).await;
        led.check_same(url, &[("range", "bytes=-7")]).await;
        // Who is led there follows by itself.
        let followed = app.http.get(url).send().await.unwrap();
        assert_eq!(followed.status(), 200, "{url}");
        let etag = header(&led.streamed(url, &[]).await, "etag").to_owned();
        for (ask, status) in asked(&etag).iter().zip([302, 200, 304, 304, 302, 206, 416]) {
            let response = send(&led.http, url, ask).await;
            assert_eq!(response.status(), status, "{url} {ask:?}");
            assert_eq!(response.headers().contains_key("location"), status == 302);
        }
        for other in [
            ("if-match", &*etag),
            ("if-range", "\"another\""),
            ("if-modified-since", "Sun, 22 Nov 2037 00:00:00 GMT"),
        ] {
            assert_eq!(led.get(url, &[other]).await.status(), 200, "{other:?}");
        }
        let policy = "cross-origin-resource-policy";
        let redirect = led.get(url, &[]).await;
        let streamed = led.streamed(url, &[]).await;
        assert_eq!(header(&redirect, policy), header(&streamed, policy));
        assert_ne!(header(&redirect, policy), "");
    }
    led.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_signed_cannot_be_changed() {
    let led = Led::new().await;
    for url in led.shown.addresses().await {
        let place = led.led(&url, &[]).await;
        let changed = |name: &str, value: &str| {
            let mut place = place.clone();
            let pairs: Vec<_> = place.query_pairs().into_owned().collect();
            let mut query = place.query_pairs_mut();
            query.clear();
            for (key, old) in &pairs {
                query.append_pair(key, if key == name { value } else { old });
            }
            drop(query);
            assert_ne!(place.query_pairs().into_owned().collect::<Vec<_>>(), pairs);
            place
        };
        for other in [
            changed("X-Amz-Expires", "86400"),
            changed("response-content-type", "text/html"),
            changed("response-content-disposition", "inline"),
            changed("response-cache-control", "public, max-age=86400"),
        ] {
            let response = led.get(other.as_str(), &[]).await;
            assert_eq!(response.status(), 403, "{other}");
        }
        let mut elsewhere = place.clone();
        elsewhere.set_path("/accolade/brand/assets/00/another");
        assert_eq!(led.get(elsewhere.as_str(), &[]).await.status(), 403);
        let put = led.http.put(place.as_str()).body("other");
        assert_eq!(put.send().await.unwrap().status(), 403);
    }
    led.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_of_the_bucket_outlives_the_lease() {
    let led = Led::new().await;
    let app = &led.shown.app;
    let end = START.plus_ms(600_000);
    let lease = json!({ "channels": ["site"], "endsAt": end.to_rfc3339() });
    app.lease(&[&led.shown.asset], lease).await;
    let urls = led.shown.addresses().await;
    let mut at = START;
    // What is left in milliseconds, and for how many an address is given; none: the bytes come from here.
    for (left, given) in [
        (600_000, Some(5_000)),
        (5_000, Some(5_000)),
        (4_999, Some(4_000)),
        (2_000, Some(2_000)),
        (1_999, None),
        (1, None),
    ] {
        let now = Timestamp(end.0 - left);
        app.advance(TimeDelta::milliseconds(now.0 - at.0));
        at = now;
        for url in &urls {
            if let Some(given) = given {
                let place = led.led(url, &[]).await;
                assert_eq!(life(&place), given, "{left} ms are left: {url}");
                let followed = led.get(place.as_str(), &[]).await;
                assert_eq!(followed.status(), 200, "{left} ms are left: {url}");
            } else {
                let response = led.get(url, &[]).await;
                assert_eq!(response.status(), 200, "{left} ms are left: {url}");
                assert!(kept_for(&response) <= left, "{left} ms are left: {url}");
            }
        }
    }
    app.advance(TimeDelta::milliseconds(1));
    for url in &urls {
        for ask in asked("\"a\"") {
            let response = send(&led.http, url, &ask).await;
            assert_eq!(response.status(), 410, "{url} {ask:?}");
            assert_eq!(header(&response, "location"), "");
        }
    }
    led.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn addresses_end_with_the_lease_while_the_clock_runs() {
    let led = Arc::new(Led::new().await);
    let app = &led.shown.app;
    let end = START.plus_ms(60_000);
    let lease = json!({ "channels": ["site"], "endsAt": end.to_rfc3339() });
    app.lease(&[&led.shown.asset], lease).await;
    let urls = Arc::new(led.shown.addresses().await);
    for url in urls.iter() {
        led.led(url, &[]).await;
    }
    app.advance(TimeDelta::milliseconds(60_000 - 8_000));
    let clients = (0..16).map(|client| {
        let (led, urls) = (Arc::clone(&led), Arc::clone(&urls));
        accolade::platform::tasks::spawn("client", async move {
            let clock = &led.shown.app.app.clock;
            let mut seen = [0; 3];
            for turn in client.. {
                let sent = clock.now();
                let response = led.get(&urls[turn % urls.len()], &[]).await;
                let kind = match response.status().as_u16() {
                    302 => 0,
                    200 => 1,
                    410 => 2,
                    other => panic!("{other}"),
                };
                seen[kind] += 1;
                assert!(kind == 2 || sent < end, "after the end");
                if kind == 0 {
                    // It was signed after it was asked for.
                    let place = header(&response, "location").parse().unwrap();
                    assert!(life(&place) <= end.0 - sent.0, "it outlives the lease");
                }
                if turn % 4 == 0 {
                    clock.advance(TimeDelta::milliseconds(20));
                }
                if seen[2] > 8 {
                    return seen;
                }
            }
            seen
        })
    });
    let mut seen = [0; 3];
    for client in futures::future::join_all(clients).await {
        for (all, one) in seen.iter_mut().zip(client.unwrap()) {
            *all += one;
        }
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
    Arc::into_inner(led).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_led_to_what_is_wrong_or_withdrawn() {
    let led = Led::new().await;
    let app = &led.shown.app;
    let urls = led.shown.addresses().await;
    for url in &urls {
        led.led(url, &[]).await;
    }
    let wrong = format!("UPDATE files SET wrong_since = {}", START.0);
    app.behind(&wrong).await;
    app.advance(TimeDelta::seconds(1));
    for url in &urls {
        assert_eq!(led.get(url, &[]).await.status(), 500, "{url}");
    }
    app.behind("UPDATE files SET wrong_since = NULL").await;
    let recall = json!({ "id": led.shown.asset, "reason": "A wrong claim" });
    app.mutate("withdrawContent", recall, "").await;
    for url in &urls {
        assert_eq!(led.get(url, &[]).await.status(), 410, "{url}");
    }
    led.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_not_sent_to_another_host() {
    let led = Led::new().await;
    let app = &led.shown.app;
    let input = json!({ "channel": "site", "public": false });
    app.mutate("updateChannel", input, "").await;
    let stable = &led.shown.addresses().await[3];
    assert_eq!(led.get(stable, &[]).await.status(), 401);
    let response = led.streamed(stable, &[]).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "location"), "");
    led.stop().await;
}

#[test]
fn a_folder_cannot_be_redirected_to() {
    let load = |store: Option<&str>, delivery| {
        let settings = Settings {
            store_url: store.map(str::to_owned),
            delivery,
            ..Settings::default()
        };
        Config::load(None, &settings)
    };
    let redirect = Some(Delivery::Redirect);
    for folder in [None, Some("file:///srv/files")] {
        let error = load(folder, redirect).unwrap_err().to_string();
        assert!(error.contains("store_url"), "{error}");
        assert_eq!(load(folder, None).unwrap().delivery, Delivery::Stream);
    }
    let bucket = load(Some("s3://bucket"), redirect).unwrap();
    assert_eq!(bucket.delivery, Delivery::Redirect);
    let read: Json = serde_json::to_value(Delivery::Redirect).unwrap();
    assert_eq!(read, "redirect");
}
