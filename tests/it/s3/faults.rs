//! Each kind of call to a bucket goes wrong: once, and then it is made again; for good, and then whoever waits
//! is told. Nothing that was acknowledged is lost, and nothing of the rest stays.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use accolade::care::gc;
use accolade::platform::db::{Sql, fetch};
use chrono::TimeDelta;
use futures::future::join_all;
use hyper::{Method, Request};
use reqwest::Response;
use sea_orm::FromQueryResult;
use serde_json::{Value as Json, json};

use super::{fetch as fetch_url, keys, parts, picture, start};
use crate::support::{Answer, TestApp, noise, upload_form};

/// What is asked of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Put,
    Get,
    Head,
    Delete,
    List,
    Begin,
    Part,
    Complete,
    Abort,
}

const CALLS: [Call; 9] = [
    Call::Put,
    Call::Get,
    Call::Head,
    Call::Delete,
    Call::List,
    Call::Begin,
    Call::Part,
    Call::Complete,
    Call::Abort,
];

impl Call {
    fn of<B>(request: &Request<B>) -> Self {
        let query = request.uri().query().unwrap_or("");
        let has = |name: &str| {
            query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        match *request.method() {
            Method::PUT if has("partNumber") => Self::Part,
            Method::PUT => Self::Put,
            Method::POST if has("uploads") => Self::Begin,
            Method::POST if has("uploadId") => Self::Complete,
            Method::DELETE if has("uploadId") => Self::Abort,
            Method::DELETE | Method::POST => Self::Delete,
            Method::GET if has("list-type") => Self::List,
            Method::HEAD => Self::Head,
            _ => Self::Get,
        }
    }
}

/// What goes wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is answered 503.
    Refused,
    /// The line breaks before it is done.
    Reset,
    /// It is done, and the line breaks before that is said.
    Lost,
    /// It is never answered.
    Silent,
}

/// What shall go wrong with requests.
#[derive(Default)]
pub(super) struct Faults(Mutex<Plan>);

#[derive(Default)]
struct Plan {
    /// Every so-many-th request is refused; none for 0.
    every: u64,
    /// So many more calls of this kind go wrong.
    rule: Option<(Call, Fault, u64)>,
    requests: u64,
    struck: u64,
}

impl Faults {
    fn plan<T>(&self, change: impl FnOnce(&mut Plan) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn every(&self, nth: u64) {
        self.plan(|plan| plan.every = nth);
    }

    pub(super) fn fail(&self, call: Call, fault: Fault, times: u64) {
        self.plan(|plan| plan.rule = (times > 0).then_some((call, fault, times)));
    }

    pub(super) fn struck(&self) -> u64 {
        self.plan(|plan| plan.struck)
    }

    /// What goes wrong with this request, if anything.
    pub(super) fn strike<B>(&self, request: &Request<B>) -> Option<Fault> {
        self.plan(|plan| {
            plan.requests += 1;
            let mut fault = (plan.every > 0 && plan.requests.is_multiple_of(plan.every))
                .then_some(Fault::Refused);
            if let Some((call, what, left)) = &mut plan.rule
                && *left > 0
                && *call == Call::of(request)
            {
                *left -= 1;
                fault = Some(*what);
            }
            plan.struck += u64::from(fault.is_some());
            fault
        })
    }
}

/// Larger than one part.
const LARGE: (u32, u32) = (1_700, 1_800);

/// Files whose keeping was acknowledged: the address and the bytes.
type Kept = Vec<(Json, Vec<u8>)>;

/// Whether bytes were taken; where not, it was said that they cannot be just now.
fn taken(what: &str, status: u16, good: u16) -> bool {
    assert!(status == good || status == 503, "{what}: {status}");
    status == good
}

/// Stores a file by multipart, if it can be.
async fn send(app: &TestApp, bytes: Vec<u8>, kept: &mut Kept) -> bool {
    let select = "asset { latestVersion { ... on AssetVersion { file { url } } } }";
    let file = ("picture.png", bytes.clone());
    let form = upload_form("createAsset", picture("T"), select, "file.upload", file);
    let request = app
        .http
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("GraphQL-Require-Preflight", "1")
        .multipart(form);
    let answered = request.send().await.unwrap();
    let answer = Answer {
        status: answered.status().as_u16(),
        body: answered.json().await.unwrap(),
    };
    if answer.code() == "UNAVAILABLE" {
        assert_eq!(answer.status, 503);
        return false;
    }
    let made = answer.data()["createAsset"].clone();
    assert_eq!(TestApp::outcome(&made), "OK", "{made:#}");
    let url = made["asset"]["latestVersion"]["file"]["url"].clone();
    kept.push((url, bytes));
    true
}

/// Sends what is missing of an upload in pieces and uses it, if it can be.
async fn go_on(app: &TestApp, url: &str, bytes: &[u8], kept: &mut Kept) -> bool {
    for end in [bytes.len() / 3, bytes.len()] {
        let at = app.offset(url).await;
        if at < end {
            let sent = app.piece(url, at, &bytes[at..end]).send().await.unwrap();
            if !taken("PATCH", sent.status().as_u16(), 204) {
                return false;
            }
        }
    }
    let id = url.rsplit('/').next().unwrap();
    let input = json!({ "brand": "north", "title": "T", "file": { "tus": id } });
    let select = "asset { latestVersion { ... on AssetVersion { file { url } } } }";
    let answer = app
        .answer_as(&app.admin, "createAsset", input, select)
        .await;
    if answer.code() == "UNAVAILABLE" {
        return false;
    }
    let made = answer.data()["createAsset"].clone();
    assert_eq!(TestApp::outcome(&made), "OK", "{made:#}");
    let url = made["asset"]["latestVersion"]["file"]["url"].clone();
    kept.push((url, bytes.to_vec()));
    true
}

async fn end(app: &TestApp, url: &str) -> bool {
    let ended = app.tus("DELETE", url).send().await.unwrap();
    // One that was ended is gone, whether its parts could be cleared away at once or not.
    ended.status() == 410 || taken("DELETE", ended.status().as_u16(), 204)
}

async fn read(app: &TestApp, (url, bytes): &(Json, Vec<u8>)) -> bool {
    let got: Response = fetch_url(app, url).await;
    if !taken("GET", got.status().as_u16(), 200) {
        return false;
    }
    // Where the line breaks on the way, the answer is visibly not whole.
    match got.bytes().await {
        Ok(got) => {
            assert!(got == *bytes, "other bytes");
            true
        }
        Err(_) => false,
    }
}

#[derive(FromQueryResult)]
struct Key {
    store_key: String,
}

/// All that a bucket is used for while calls of a kind go wrong, and again when they do not.
async fn one_kind(call: Call) -> u64 {
    let (database, bucket, app) = start().await;
    let mut kept = Kept::new();
    assert!(send(&app, noise(30, 20, 0), &mut kept).await);
    let cases = [
        (Fault::Refused, 1),
        (Fault::Reset, 1),
        (Fault::Lost, 1),
        (Fault::Refused, u64::MAX),
    ];
    let large = noise(LARGE.0, LARGE.1, 1);
    assert!(large.len() > 8 << 20, "{}", large.len());
    for (seed, (fault, times)) in (1_u64..).zip(cases) {
        let small = noise(30, 20, seed);
        // Other bytes each time, and the same picture.
        let mut by_form = large.clone();
        by_form.extend(seed.to_be_bytes());
        let mut by_pieces = by_form.clone();
        by_pieces.push(0);
        let whole = app.begin(by_pieces.len()).await;
        let given_up = app.begin(by_pieces.len()).await;
        let sent = app
            .piece(&given_up, 0, &by_pieces[..(8 << 20) + 1000])
            .send();
        assert_eq!(sent.await.unwrap().status(), 204);

        bucket.fail(call, fault, times);
        let done = [
            send(&app, small.clone(), &mut kept).await,
            // Bytes that are there already: their second object goes.
            send(&app, noise(30, 20, 0), &mut kept).await,
            send(&app, by_form.clone(), &mut kept).await,
            go_on(&app, &whole, &by_pieces, &mut kept).await,
            end(&app, &given_up).await,
            read(&app, &kept[0]).await,
        ];
        bucket.fail(call, fault, 0);
        if times == 1 && fault == Fault::Refused {
            assert_eq!(done, [true; 6], "{call:?} was not asked again");
        }
        // What was refused is done now.
        assert!(done[0] || send(&app, small, &mut kept).await);
        assert!(done[1] || send(&app, noise(30, 20, 0), &mut kept).await);
        assert!(done[2] || send(&app, by_form, &mut kept).await);
        assert!(done[3] || go_on(&app, &whole, &by_pieces, &mut kept).await);
        assert!(done[4] || end(&app, &given_up).await);
        for file in &kept {
            assert!(read(&app, file).await, "{call:?} {fault:?}");
        }
    }
    let struck = bucket.struck();

    // A day later nothing is there that no row points to.
    let tell = &mut |_: &gc::Step| {};
    for hours in [0, 25] {
        app.advance(TimeDelta::hours(hours));
        accolade::uploads::sweep(&app.app).await.unwrap();
        let order = gc::Order::default();
        gc::run(&app.app, order, tell).await.unwrap().unwrap();
    }
    let rows: Vec<Key> = fetch(app.app.db.read(), Sql::new("SELECT store_key FROM files"))
        .await
        .unwrap();
    let rows: BTreeSet<String> = rows.into_iter().map(|row| row.store_key).collect();
    let objects: BTreeSet<String> = keys(&app).await.into_iter().collect();
    let odd: Vec<_> = objects.symmetric_difference(&rows).collect();
    assert_eq!(odd, Vec::<&String>::new(), "{call:?}");
    let mut left = parts(&database);
    if call == Call::Begin {
        // A multipart upload whose name was lost on its way is known to nobody. It has no parts.
        left.retain(|path| path.display().to_string().contains(".part-"));
    }
    assert_eq!(left, Vec::<PathBuf>::new(), "{call:?}");
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!(report.faults, [], "{call:?}");
    app.stop().await;
    database.remove().await;
    struck
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_any_kind_that_goes_wrong_loses_nothing_and_leaves_nothing() {
    let struck = join_all(CALLS.map(one_kind)).await;
    for (call, struck) in CALLS.iter().zip(&struck) {
        eprintln!("{call:?}: {struck} went wrong");
    }
    assert!(struck.iter().all(|struck| *struck > 3), "{struck:?}");
}

/// A bucket takes calls of a kind and never answers.
async fn silent(call: Call) {
    let (database, bucket, app) = start().await;
    let mut kept = Kept::new();
    assert!(send(&app, noise(30, 20, 0), &mut kept).await);
    let file = kept[0].clone();
    let bytes = noise(30, 20, 1);
    let url = app.begin(bytes.len()).await;
    bucket.fail(call, Fault::Silent, u64::MAX);
    let (mut one, mut other) = (Kept::new(), Kept::new());
    let waited = if call == Call::Put {
        let (sent, gone_on) = tokio::join!(
            send(&app, noise(30, 20, 2), &mut one),
            go_on(&app, &url, &bytes, &mut other)
        );
        sent || gone_on
    } else {
        read(&app, &file).await
    };
    assert!(!waited, "{call:?} was answered");
    // The rest goes on meanwhile.
    app.copy("north", "A slogan needs no bucket").await;
    bucket.fail(call, Fault::Silent, 0);
    assert!(send(&app, noise(30, 20, 2), &mut kept).await);
    assert!(go_on(&app, &url, &bytes, &mut kept).await);
    for file in &kept {
        assert!(read(&app, file).await);
    }
    app.stop().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_silent_bucket_is_told_and_loses_nothing() {
    // Both at the same time: each waits until the client's patience ends.
    tokio::join!(silent(Call::Put), silent(Call::Get));
}
