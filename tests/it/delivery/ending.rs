//! A right ends: from that instant nothing is handed out, whatever is asked and however many ask, and nothing
//! that was handed out before may be kept beyond it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

use accolade::platform::tasks;
use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::json;

use super::{Shown, asked, beside, header, kept_for, send};
use crate::support::START;

const CLIENTS: usize = 16;

/// What the clients of a race have seen, for each address and each way to ask.
#[derive(Default)]
struct Seen {
    handed_out: Vec<AtomicUsize>,
    refused: Vec<AtomicUsize>,
}

impl Seen {
    fn of(ways: usize) -> Self {
        let none = || (0..ways).map(|_| AtomicUsize::new(0)).collect();
        Self {
            handed_out: none(),
            refused: none(),
        }
    }

    fn check(&self) {
        for (way, (out, refused)) in self.handed_out.iter().zip(&self.refused).enumerate() {
            let counts = (out.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
            assert!(counts.0 > 0 && counts.1 > 0, "way {way}: {counts:?}");
        }
    }
}

/// The tags of what stands at these addresses, which is made by this if it was not there.
async fn tags(shown: &Shown, urls: &[String]) -> Vec<String> {
    let answers = urls.iter().map(|url| async move {
        let response = shown.app.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        header(&response, "etag").to_owned()
    });
    join_all(answers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_begins_after_the_lease_and_none_is_kept_beyond_it() {
    let shown = Arc::new(Shown::new().await);
    let end = START.plus_ms(600_000);
    let lease = json!({ "channels": ["site"], "endsAt": end.to_rfc3339() });
    shown.app.lease(&[&shown.asset], lease).await;
    let urls = Arc::new(shown.addresses().await);
    let tags = Arc::new(tags(&shown, &urls[..]).await);
    let ways = urls.len() * asked("").len();
    let seen = Arc::new(Seen::of(ways));
    let clock = shown.app.app.clock.clone();
    // A few seconds before the end. From here on the answers move the clock: across the end while other
    // requests are under way, and on until each way of asking was refused by each client.
    let before = i64::try_from(ways * CLIENTS / 16 * 100).unwrap();
    clock.advance(TimeDelta::milliseconds(end.0 - clock.now().0 - before));
    let answers = Arc::new(AtomicI64::new(0));
    let clients = (0..CLIENTS).map(|client| {
        let (urls, tags) = (Arc::clone(&urls), Arc::clone(&tags));
        let (seen, clock, answers) = (Arc::clone(&seen), clock.clone(), Arc::clone(&answers));
        tasks::spawn("client", async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut refused = 0;
            for turn in client.. {
                let way = turn % ways;
                let (url, kind) = (&urls[way % urls.len()], way / urls.len());
                let ask = &asked(&tags[way % urls.len()])[kind];
                let sent = clock.now();
                let response = send(&http, url, ask).await;
                let status = response.status().as_u16();
                let said = format!("{} {ask:?} {status} at {} of {}", url, sent.0, end.0);
                assert!([200, 206, 304, 410, 416].contains(&status), "{said}");
                assert!(status == 410 || sent < end, "after the end: {said}");
                let kept = kept_for(&response);
                assert!(kept == 0 || kept <= end.0 - sent.0, "kept {kept}: {said}");
                let counted = if status == 410 {
                    assert_eq!(kept, 0, "{said}");
                    refused += 1;
                    &seen.refused
                } else {
                    &seen.handed_out
                };
                counted[way].fetch_add(1, Ordering::SeqCst);
                let bytes = response.bytes().await.unwrap();
                if status == 410 && ask.0 == reqwest::Method::GET {
                    let told = serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
                    assert_eq!(told["errors"][0]["extensions"]["code"], "NOT_FOUND");
                }
                if answers.fetch_add(1, Ordering::SeqCst) % 16 == 0 {
                    clock.advance(TimeDelta::milliseconds(100));
                }
                if refused >= ways {
                    return;
                }
            }
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
    seen.check();
    // A clock that is set back opens nothing again.
    clock.advance(TimeDelta::hours(-1));
    for (url, tag) in urls.iter().zip(tags.iter()) {
        for ask in asked(tag) {
            let response = send(&shown.app.http, url, &ask).await;
            assert_eq!(response.status(), 410, "{url} {ask:?}");
        }
    }
    Arc::into_inner(shown).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_begins_after_a_recall_was_acknowledged() {
    let shown = Arc::new(Shown::new().await);
    let urls = Arc::new(shown.addresses().await);
    let tags = Arc::new(tags(&shown, &urls[..]).await);
    let ways = urls.len() * asked("").len();
    let seen = Arc::new(Seen::of(ways));
    let recalled = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicUsize::new(0));
    let clients = (0..CLIENTS).map(|client| {
        let (urls, tags, seen) = (Arc::clone(&urls), Arc::clone(&tags), Arc::clone(&seen));
        let (recalled, answers) = (Arc::clone(&recalled), Arc::clone(&answers));
        tasks::spawn("client", async move {
            let http = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut refused = 0;
            for turn in client.. {
                let way = turn % ways;
                let (url, kind) = (&urls[way % urls.len()], way / urls.len());
                let ask = &asked(&tags[way % urls.len()])[kind];
                let was_recalled = recalled.load(Ordering::SeqCst);
                let status = send(&http, url, ask).await.status().as_u16();
                assert!(status == 410 || !was_recalled, "{url} {ask:?}: {status}");
                let counted = if status == 410 {
                    refused += 1;
                    &seen.refused
                } else {
                    &seen.handed_out
                };
                counted[way].fetch_add(1, Ordering::SeqCst);
                answers.fetch_add(1, Ordering::SeqCst);
                if refused >= ways {
                    return;
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    // Once every way was answered a few times.
    while answers.load(Ordering::SeqCst) < 2 * ways * CLIENTS {
        tokio::task::yield_now().await;
    }
    let recall = json!({ "id": shown.asset, "reason": "A wrong claim" });
    shown.app.mutate("withdrawContent", recall, "").await;
    recalled.store(true, Ordering::SeqCst);
    for client in join_all(clients).await {
        client.unwrap();
    }
    seen.check();
    Arc::into_inner(shown).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_recalls_another_refuses_within_half_a_second() {
    let shown = Shown::new().await;
    let other = beside(shown.app.database(), START).await;
    let urls = shown.addresses_from(&other).await;
    let mut known = Vec::new();
    for url in &urls {
        let response = other.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        known.push((url, header(&response, "etag").to_owned()));
    }
    let recall = json!({ "id": shown.asset, "reason": "A wrong claim" });
    shown.app.mutate("withdrawContent", recall, "").await;
    other.advance(TimeDelta::milliseconds(500));
    for (url, tag) in &known {
        for ask in asked(tag) {
            let response = send(&other.http, url, &ask).await;
            assert_eq!(response.status(), 410, "{url} {ask:?}");
            assert_eq!(header(&response, "cache-control"), "no-store");
        }
    }
    other.stop().await;
    shown.stop().await;
}
