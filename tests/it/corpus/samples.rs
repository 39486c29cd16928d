//! Every sample, from its upload to its rendition.

use std::collections::BTreeMap;
use std::net::TcpListener;

use reqwest::Response;
use serde_json::{Value as Json, json};

use super::jobs::{Watch, children, is_alive, started, within_a_minute};
use super::{Expect, Rows, Sample, manifest, objects, others, pictures, text};
use crate::support::{Home, Server, TestApp, mutation};
use crate::tus::OCTETS;

/// Larger samples come in pieces.
const BY_MULTIPART: usize = 512 * 1024;
/// The longer edge of the presets, in pixels.
const EDGE: u32 = 800;
/// How much two drawings of one picture may differ, of 255.
const ALIKE: u32 = 8;

const SELECT: &str = "asset { id latestVersion { ... on AssetVersion {
    file { sha256 bytes mediaType width height url downloadUrl }
    renditions { preset state url mediaType width height error } } } }";
const RENDITIONS: &str =
    "query($id: ID!) { node(id: $id) { ... on Asset { latestVersion { ... on AssetVersion {
    renditions { preset state url mediaType width height error } } } } } }";

/// Types of which pictures are drawn. A PSD is a working file, and never goes out.
const DRAWN: [&str; 8] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/tiff",
    "image/bmp",
    "image/svg+xml",
    "application/pdf",
];
/// Types that a browser shows where they lie.
const SHOWN: [&str; 3] = ["image/", "video/", "audio/"];

struct Corpus {
    server: Server,
    rows: Rows,
    home: Home,
    wrong: Vec<String>,
    /// The brightness of what was drawn, by sample.
    looks: BTreeMap<String, Vec<u8>>,
    drawn: usize,
    undrawn: usize,
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

/// The code that a refusal has in the API.
fn code(refusal: &str) -> &str {
    match refusal {
        "TooLarge" => "TOO_LARGE",
        "Unsupported" => "UNSUPPORTED_MEDIA",
        _ => "INVALID",
    }
}

impl Corpus {
    async fn new() -> Self {
        let home = Home::new().await;
        let server = home.serve().await;
        let brand = json!({ "name": "north", "slug": "north" });
        server.mutate("createBrand", brand, "").await.unwrap();
        let preset = |name: &str, media_type: &str| {
            json!({ "name": name, "width": EDGE, "height": EDGE,
            "fit": "INSIDE", "mediaType": media_type })
        };
        let channel = json!({ "slug": "site", "name": "site", "kind": "SITE",
            "presets": [preset("photo", "image/jpeg"), preset("exact", "image/png")] });
        server.mutate("createChannel", channel, "").await.unwrap();
        Self {
            rows: Rows::of(&home).await,
            server,
            home,
            wrong: Vec::new(),
            looks: BTreeMap::new(),
            drawn: 0,
            undrawn: 0,
        }
    }

    /// Uploads a file, in pieces if it is large, and makes an asset of it: the payload.
    async fn make(&self, name: &str, bytes: Vec<u8>) -> Json {
        let input = |file: Json| json!({ "brand": "north", "title": name, "channels": ["site"], "file": file });
        if bytes.len() <= BY_MULTIPART {
            let input = input(json!({ "upload": null }));
            let made =
                self.server
                    .upload("createAsset", input, SELECT, "file.upload", (name, bytes));
            return made.await.unwrap();
        }
        let request = self
            .server
            .http
            .post(format!("{}/uploads", self.server.url))
            .bearer_auth(&self.server.token)
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Length", bytes.len())
            .header("Content-Type", OCTETS)
            .body(bytes);
        let taken = request.send().await.unwrap();
        assert_eq!(taken.status(), 201, "{name}");
        let id = header(&taken, "location").rsplit('/').next().unwrap();
        let input = json!({ "input": input(json!({ "tus": id })) });
        let query = mutation("createAsset", SELECT);
        self.server.ask(&query, input).await.unwrap()["createAsset"].clone()
    }

    async fn get(&self, url: &Json) -> Response {
        self.server.http.get(text(url)).send().await.unwrap()
    }

    fn say(&mut self, sample: &Sample, what: impl std::fmt::Display) {
        self.wrong.push(format!("{}: {what}", sample.path));
    }

    /// A sample, all the way.
    async fn take(&mut self, sample: &Sample, bytes: Vec<u8>) {
        let before = (self.rows.of_contents().await, objects(&self.home));
        let made = self.make(sample.name(), bytes.clone()).await;
        let outcome = TestApp::outcome(&made).to_owned();
        let refused = outcome != "OK";
        match sample.expect {
            Expect::Refuse => {
                let expected = code(sample.refusal.as_deref().unwrap());
                if outcome != expected {
                    self.say(sample, format!("{outcome}, not {expected}: {made}"));
                }
            }
            Expect::Accept | Expect::Neutralise if refused => self.say(sample, &made),
            Expect::Survive | Expect::Accept | Expect::Neutralise => {}
        }
        if refused {
            let error = &made["userErrors"][0];
            if error["field"] != json!(["input", "file"]) || text(&error["message"]).is_empty() {
                self.say(sample, format!("refused with {error}"));
            }
            if (self.rows.of_contents().await, objects(&self.home)) != before {
                self.say(sample, "something of it was kept");
            }
            return;
        }
        let asset = &made["asset"];
        self.original(sample, &asset["latestVersion"]["file"], &bytes)
            .await;
        self.renditions(sample, asset).await;
    }

    /// The original: what was measured in it, and how it is handed out.
    async fn original(&mut self, sample: &Sample, file: &Json, bytes: &[u8]) {
        let kind = text(&file["mediaType"]).to_owned();
        let unlike = sample.media_type.as_ref().is_some_and(|t| *t != kind)
            || sample.width.is_some_and(|width| file["width"] != width)
            || sample.height.is_some_and(|height| file["height"] != height);
        if unlike {
            self.say(sample, format!("measured as {file}"));
        }
        let shown = kind != "image/svg+xml" && SHOWN.iter().any(|start| kind.starts_with(start));
        for (url, saved) in [(&file["url"], !shown), (&file["downloadUrl"], true)] {
            for range in [None, Some("bytes=0-")] {
                let mut request = self.server.http.get(text(url));
                if let Some(range) = range {
                    request = request.header("Range", range);
                }
                let got = request.send().await.unwrap();
                let disposition = header(&got, "content-disposition");
                let safe = got.status().is_success()
                    && header(&got, "content-type") == kind
                    && header(&got, "x-content-type-options") == "nosniff"
                    && header(&got, "content-security-policy") == "sandbox; default-src 'none'"
                    && (disposition.starts_with("attachment;") || !saved);
                if !safe {
                    self.say(sample, format!("is handed out with {:?}", got.headers()));
                }
                if got.bytes().await.unwrap() != bytes {
                    self.say(sample, "other bytes come back");
                }
            }
        }
    }

    /// The renditions: what is drawn, and why the others are not.
    async fn renditions(&mut self, sample: &Sample, asset: &Json) {
        let kind = text(&asset["latestVersion"]["file"]["mediaType"]).to_owned();
        let planned = asset["latestVersion"]["renditions"].as_array().unwrap();
        assert_eq!(planned.len(), 2, "{}", sample.path);
        for (i, planned) in planned.iter().enumerate() {
            let exact = planned["preset"] == "exact";
            // To compare what stands upright takes a type without loss; the other is enough for the rest.
            if exact && sample.orientation.is_none() {
                continue;
            }
            let got = if planned["url"].is_null() {
                None
            } else {
                Some(self.get(&planned["url"]).await)
            };
            let asked = json!({ "id": asset["id"] });
            let now = self.server.ask(RENDITIONS, asked).await.unwrap();
            let now = &now["node"]["latestVersion"]["renditions"][i];
            if now["state"] == "FAILED" {
                let reason = text(&now["error"]);
                // What a job may take is more than any sample needs.
                let ran_out = reason.contains("a job may");
                let may_fail = sample.expect == Expect::Survive || !DRAWN.contains(&kind.as_str());
                if !may_fail || reason.is_empty() || ran_out || !now["url"].is_null() {
                    self.say(sample, format!("not drawn: {now}"));
                }
                if got.is_some_and(|got| got.status() != 404) {
                    self.say(sample, "what failed is handed out");
                }
                self.undrawn += 1;
                continue;
            }
            let Some(got) = got else {
                self.say(sample, format!("it has no address: {now}"));
                continue;
            };
            let (status, made_as) = (got.status(), header(&got, "content-type").to_owned());
            let bytes = got.bytes().await.unwrap();
            if now["state"] != "READY" || status != 200 || now["mediaType"] != made_as.as_str() {
                let said = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
                self.say(sample, format!("{status} {made_as} {now} {said}"));
                continue;
            }
            let edge = |name: &str| u32::try_from(now[name].as_u64().unwrap()).unwrap();
            let size = (edge("width"), edge("height"));
            if let Some(what) = pictures::wrong(&bytes, &made_as, size) {
                self.say(sample, what);
            }
            if let Some(what) = unlike(sample, size) {
                self.say(sample, what);
            }
            if exact {
                let looks = pictures::fields(&bytes);
                self.looks.insert(sample.path.clone(), looks);
            }
            self.drawn += 1;
        }
    }

    /// The seven pictures that lie on their sides and heads stand like the one that always stood.
    fn compare(&mut self) {
        let looks = |n: u8| {
            let found = self.looks.get(&format!("photos/orientation-{n}.jpg"));
            found.unwrap().clone()
        };
        let first = looks(2);
        let mirrored: Vec<u8> = first
            .chunks(8)
            .flat_map(|row| row.iter().rev())
            .copied()
            .collect();
        let upside_down: Vec<u8> = first.iter().rev().copied().collect();
        for other in [mirrored, upside_down] {
            assert!(pictures::difference(&first, &other) > 2 * ALIKE);
        }
        let unlike: Vec<String> = (3..=8)
            .map(|n| (n, pictures::difference(&first, &looks(n))))
            .filter(|(_, difference)| *difference > ALIKE)
            .map(|(n, difference)| format!("orientation {n} differs by {difference}"))
            .collect();
        self.wrong.extend(unlike);
    }
}

/// What is wrong with a rendition's size for what the manifest says of its sample.
fn unlike(sample: &Sample, (width, height): (u32, u32)) -> Option<String> {
    let (Some(w), Some(h)) = (sample.width, sample.height) else {
        return None;
    };
    let scaled = |edge: u32| f64::from(edge) * f64::from(width.max(height)) / f64::from(w.max(h));
    let near = |is: u32, should: f64| (f64::from(is) - should).abs() <= 1.0;
    let right = near(width, scaled(w)) && near(height, scaled(h));
    // Drawings have no pixels to run out of; of anything else none is made up.
    let longer = if sample.media_type.as_deref() == Some("image/svg+xml") {
        EDGE
    } else {
        EDGE.min(w.max(h))
    };
    let right = right && width.max(height) == longer;
    (!right).then(|| format!("drawn as {width} × {height} of {w} × {h}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sample_does_what_it_says() {
    let mut corpus = Corpus::new().await;
    let process = corpus.server.process();
    let born = started(process);
    let watch = Watch::over(process);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();

    let mut samples = manifest();
    assert!(samples.len() > 90, "{}", samples.len());
    samples.extend(others());
    for sample in &samples {
        let bytes = sample.bytes();
        corpus.take(sample, bytes.clone()).await;
        // What reaches for a host reaches for one that would notice.
        let words = String::from_utf8_lossy(&bytes);
        if words.contains("127.0.0.1:9/") {
            let called = words.replace("127.0.0.1:9/", &format!("{address}/"));
            corpus.take(sample, called.into_bytes()).await;
        }
    }
    corpus.compare();
    assert!(corpus.wrong.is_empty(), "{:#?}", corpus.wrong);
    assert!(corpus.drawn > 60 && corpus.undrawn > 10);
    assert!(listener.accept().is_err(), "somebody called");

    // It is the process that it was, and it lives.
    assert_eq!(started(process), born);
    let brands = corpus.server.ask("{ brands { slug } }", json!({}));
    assert_eq!(brands.await.unwrap()["brands"][0]["slug"], "north");
    let jobs = watch.end();
    eprintln!(
        "{} drawn, {} not; {} jobs seen at work: {:?} bytes and {:?} ticks at most",
        corpus.drawn,
        corpus.undrawn,
        jobs.len(),
        jobs.values().map(|job| job.peak).max(),
        jobs.values().map(|job| job.ticks).max(),
    );
    assert!(!jobs.is_empty(), "no job was seen at work");
    assert!(jobs.values().all(|job| job.is_within_bounds()), "{jobs:?}");

    let Corpus {
        mut server,
        rows,
        home,
        ..
    } = corpus;
    assert_eq!(objects(&home), rows.keys().await);
    rows.close().await;
    let mut left = children(process);
    server.tell_to_stop();
    assert!(server.end().await.success());
    // One that waits for a job hears of the end a moment after it.
    within_a_minute("a worker outlives its server", || {
        left.retain(|worker| is_alive(*worker));
        left.is_empty()
    })
    .await;
    let verified = home.run(&["verify"]);
    assert!(verified.status.success(), "{verified:?}");
    home.database.remove().await;
}
