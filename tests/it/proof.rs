//! Pages as evidence: fetched, searched for the quote, looked at again.

use accolade::endorsements::fetch_due;
use accolade::platform::fetch::Rules;
use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use crate::support::TestApp;
use crate::support::pages::{Pages, page};

/// A server that may fetch from these pages.
async fn app_of(pages: &Pages) -> TestApp {
    let hosts = vec![pages.place.clone()];
    let app = TestApp::start_set(|config| {
        config.fetch = Some(Rules {
            hosts,
            ..Rules::default()
        });
    })
    .await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    app.outlet("Ridge", json!({})).await;
    app
}

impl TestApp {
    /// A draft with a quote, said at a page.
    async fn win(&self, quote: Option<&str>, source: Option<&str>) -> Json {
        let found = self.query("{ outlets { nodes { id } } }").await;
        let input = json!({
            "brand": "north", "title": "Win", "outlet": found["outlets"]["nodes"][0]["id"], "kind": "QUOTE",
            "publishedOn": "2026-05-01", "sourceUrl": source, "channels": ["site"],
            "wording": { "statements": [{ "locale": "en", "headline": "Best", "quote": quote }] },
        });
        let made = self.mutate("createEndorsement", input, "endorsement { id }");
        made.await["endorsement"]["id"].clone()
    }

    async fn fetch(&self) -> usize {
        fetch_due(&self.app).await.unwrap()
    }

    /// The first evidence of an endorsement.
    async fn proof(&self, endorsement: &Json) -> Json {
        let query = "query($id: ID!) { node(id: $id) { ... on Endorsement { recheckDueAt evidence { id url state
            error capturedAt checkedAt containsQuote note file { sha256 mediaType filename bytes url } } } } }";
        let found = self.ask(&self.admin, query, json!({ "id": endorsement }));
        let mut found = found.await.data()["node"].take();
        let mut proof = found["evidence"][0].take();
        proof["due"] = found["recheckDueAt"].take();
        proof
    }

    async fn lacks_proof(&self, endorsement: &Json) -> bool {
        let holds = self.holds(endorsement.as_str().unwrap(), "site").await;
        holds.contains(&"EVIDENCE_MISSING".to_owned())
    }
}

fn seen(proof: &Json) -> (&str, Option<bool>) {
    (
        proof["state"].as_str().unwrap(),
        proof["containsQuote"].as_bool(),
    )
}

#[tokio::test]
async fn a_source_becomes_evidence_once_it_is_fetched() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    let html = "<title>Lamps</title><style>p{}</style><p>They say: “It&nbsp;<b>lasts</b>\n all&hellip; night”.";
    pages.says(
        "/end",
        page("200 OK", "text/html; charset=utf-8", html.as_bytes()),
    );
    pages.says(
        "/review",
        b"HTTP/1.1 301 Moved\r\nLocation: end\r\nContent-Length: 0\r\n\r\n".to_vec(),
    );
    let url = pages.url("/review");
    let win = app.win(Some("\"It lasts all... night\""), Some(&url)).await;
    let before = app.proof(&win).await;
    assert_eq!(
        (seen(&before), &before["url"]),
        (("PENDING", None), &json!(url))
    );
    assert_eq!((&before["file"], pages.asked()), (&Json::Null, 0));
    assert!(app.lacks_proof(&win).await);

    assert_eq!(app.fetch().await, 1);
    let after = app.proof(&win).await;
    assert_eq!(seen(&after), ("CURRENT", Some(true)), "{after}");
    assert_eq!(after["file"]["mediaType"], "text/html");
    assert_eq!(after["file"]["bytes"], json!(html.len()));
    assert_eq!(after["capturedAt"], json!(TestApp::day(0)));
    assert!(!app.lacks_proof(&win).await);
    let file = app.http.get(after["file"]["url"].as_str().unwrap());
    let file = file.send().await.unwrap();
    let head = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
    assert!(head("content-disposition").starts_with("attachment"));
    assert!(head("content-security-policy").contains("sandbox"));
    assert_eq!(file.text().await.unwrap(), html);
    assert_eq!(app.fetch().await, 0);
    assert_eq!(pages.asked(), 2);
    let log =
        "query($id: ID!) { node(id: $id) { ... on Endorsement { history { nodes { action } } } } }";
    let log = app.ask(&app.admin, log, json!({ "id": win })).await.data();
    assert_eq!(
        log["node"]["history"]["nodes"][0]["action"],
        "checkEvidence"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_page_may_be_added_and_need_not_have_the_quote() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    let win = app.win(Some("这盏灯很亮"), None).await;
    pages.says(
        "/zh",
        page(
            "200 OK",
            "text/html; charset=gbk",
            b"<p>\xd5\xe2\xd5\xb5\xb5\xc6\n\xba\xdc\xc1\xc1",
        ),
    );
    pages.html("/other", "<p>这盏灯不亮<script>这盏灯很亮</script>");
    for (path, found) in [("/zh", true), ("/other", false)] {
        let input = json!({ "endorsement": win, "url": pages.url(path), "note": "seen" });
        let made = app
            .mutate("addEvidence", input, "evidence { id state note }")
            .await;
        assert_eq!(made["evidence"]["state"], "PENDING");
        assert_eq!(app.fetch().await, 1);
        let query = "query($id: ID!) { node(id: $id) { ... on Evidence { state containsQuote } } }";
        let variables = json!({ "id": made["evidence"]["id"] });
        let node = app.ask(&app.admin, query, variables).await.data()["node"].take();
        assert_eq!(
            node,
            json!({ "state": "CURRENT", "containsQuote": found }),
            "{path}"
        );
    }
    let silent = app.win(None, Some(&pages.url("/zh"))).await;
    app.fetch().await;
    assert_eq!(seen(&app.proof(&silent).await), ("CURRENT", None));
    app.stop().await;
}

#[tokio::test]
async fn files_behind_a_url_are_kept_without_text() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    let png = crate::support::png(20, 20, 3);
    pages.says("/shot.png", page("200 OK", "image/png", &png));
    let win = app
        .win(Some("It lasts"), Some(&pages.url("/shot.png")))
        .await;
    app.fetch().await;
    let proof = app.proof(&win).await;
    assert_eq!(seen(&proof), ("CURRENT", None));
    assert_eq!(proof["file"]["mediaType"], "image/png");
    assert_eq!(proof["file"]["filename"], "shot.png");
    app.stop().await;
}

#[tokio::test]
async fn a_page_that_cannot_be_had_says_what_to_do() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.says("/secret", page("403 Forbidden", "text/html", b"no"));
    pages.says("/empty", page("200 OK", "text/html", b""));
    pages.says(
        "/odd",
        page("200 OK", "application/octet-stream", b"MZ junk"),
    );
    pages.says(
        "/away",
        b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
    );
    for path in ["/none", "/secret", "/empty", "/odd", "/away"] {
        let win = app.win(Some("It lasts"), Some(&pages.url(path))).await;
        app.fetch().await;
        let proof = app.proof(&win).await;
        assert_eq!(seen(&proof), ("FAILED", None), "{path}");
        let error = proof["error"].as_str().unwrap();
        assert!(error.ends_with("Add a file instead."), "{path}: {error}");
        assert!(app.lacks_proof(&win).await);
    }
    let asked = pages.asked();
    app.advance(TimeDelta::days(30));
    assert_eq!((app.fetch().await, pages.asked()), (0, asked));
    app.stop().await;
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_three_times() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.says("/a", page("503 Busy", "text/html", b"later"));
    let win = app.win(Some("It lasts"), Some(&pages.url("/a"))).await;
    for (minutes, asked, state) in [
        (0, 1, "PENDING"),
        (1, 2, "PENDING"),
        (4, 2, "PENDING"),
        (1, 3, "FAILED"),
    ] {
        app.advance(TimeDelta::minutes(minutes));
        app.fetch().await;
        let proof = app.proof(&win).await;
        assert_eq!(
            (pages.asked(), seen(&proof).0),
            (asked, state),
            "after {minutes}"
        );
    }
    let again = app.win(Some("It lasts"), Some(&pages.url("/a"))).await;
    app.fetch().await;
    pages.html("/a", "It lasts");
    app.advance(TimeDelta::minutes(1));
    app.fetch().await;
    assert_eq!(seen(&app.proof(&again).await), ("CURRENT", Some(true)));
    app.stop().await;
}

#[tokio::test]
async fn a_page_is_fetched_by_one_and_taken_over_from_the_dead() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.html("/a", "It lasts");
    let first = app.win(Some("It lasts"), Some(&pages.url("/a"))).await;
    let both = tokio::join!(app.fetch(), app.fetch());
    assert_eq!((both.0 + both.1, pages.asked()), (1, 1));
    assert_eq!(seen(&app.proof(&first).await), ("CURRENT", Some(true)));
    // One that took the page and died.
    let second = app.win(Some("It lasts"), Some(&pages.url("/a"))).await;
    let until = app.app.clock.now().plus_ms(120_000).0;
    let sql = format!(
        "UPDATE evidence SET attempts = 1, claimed_until = {until} WHERE state = 'PENDING'"
    );
    app.behind(&sql).await;
    assert_eq!(app.fetch().await, 0);
    app.advance(TimeDelta::minutes(2));
    assert_eq!(app.fetch().await, 1);
    assert_eq!(seen(&app.proof(&second).await), ("CURRENT", Some(true)));
    app.stop().await;
}

#[tokio::test]
async fn a_page_that_lost_the_quote_asks_again_and_what_it_said_is_kept() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.html("/a", "<p>It lasts.</p><p>Weather: sun</p>");
    let win = app.win(Some("It lasts."), Some(&pages.url("/a"))).await;
    app.fetch().await;
    let first = app.proof(&win).await;
    assert_eq!(first["due"], Json::Null);

    // The rest of the page is not the quote's.
    pages.html("/a", "<p>It lasts.</p><p>Weather: rain</p>");
    app.advance(TimeDelta::days(6));
    assert_eq!(app.fetch().await, 0);
    app.advance(TimeDelta::days(1));
    assert_eq!(app.fetch().await, 1);
    let same = app.proof(&win).await;
    assert_eq!(
        (seen(&same), &same["due"]),
        (("CURRENT", Some(true)), &Json::Null)
    );
    assert_eq!(same["checkedAt"], json!(TestApp::day(7)));

    pages.html("/a", "<p>It broke.</p>");
    app.advance(TimeDelta::days(7));
    app.fetch().await;
    let changed = app.proof(&win).await;
    assert_eq!(seen(&changed), ("CHANGED", Some(false)));
    assert_eq!(changed["due"], json!(TestApp::day(14)));
    assert_eq!(changed["file"]["sha256"], first["file"]["sha256"]);
    assert_eq!(changed["capturedAt"], first["capturedAt"]);
    assert!(!app.lacks_proof(&win).await);

    // Somebody has seen it: it does not ask again by itself, but it is looked at at once.
    let input = json!({ "endorsement": win, "stillSaid": true });
    app.mutate("recheckEndorsement", input, "").await;
    assert_eq!(app.fetch().await, 1);
    let seen_to = app.proof(&win).await;
    assert_eq!(
        (seen(&seen_to).0, &seen_to["due"]),
        ("CHANGED", &Json::Null)
    );

    pages.says("/a", page("410 Gone", "text/html", b"gone"));
    app.advance(TimeDelta::days(7));
    app.fetch().await;
    let gone = app.proof(&win).await;
    assert_eq!(
        (seen(&gone).0, &gone["due"]),
        ("GONE", &json!(TestApp::day(21)))
    );
    assert_eq!(gone["file"]["sha256"], first["file"]["sha256"]);
    assert!(app.lacks_proof(&win).await);

    pages.html("/a", "<p>“It lasts.”</p>");
    app.advance(TimeDelta::days(7));
    app.fetch().await;
    assert_eq!(seen(&app.proof(&win).await), ("CURRENT", Some(true)));
    app.stop().await;
}

#[tokio::test]
async fn what_a_page_said_first_and_what_it_said_last_are_both_there() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    let win = app.win(Some("It lasts."), Some(&pages.url("/a"))).await;
    let captures = async || {
        let query = "query($id: ID!) { node(id: $id) { ... on Endorsement { evidence { file { sha256 } captures {
            url status capturedAt containsQuote headers { name value } file { sha256 filename url }
            text { mediaType filename bytes url } } } } } }";
        let found = app.ask(&app.admin, query, json!({ "id": win })).await;
        found.data()["node"]["evidence"][0].take()
    };
    assert_eq!(captures().await["captures"], json!([]));
    for (week, word) in (0..).zip(["lasts", "broke", "melted"]) {
        pages.html("/a", &format!("<p>It {word}.<p>Drücken: 灯"));
        app.advance(TimeDelta::days(if week == 0 { 0 } else { 7 }));
        app.fetch().await;
        let proof = captures().await;
        let kept = proof["captures"].as_array().unwrap();
        assert_eq!(kept.len(), usize::from(week > 0) + 1);
        assert_eq!(kept[0]["file"]["sha256"], proof["file"]["sha256"]);
        assert_eq!(kept[0]["containsQuote"], true);
        let last = kept.last().unwrap();
        assert_eq!(last["containsQuote"], week == 0);
        assert_eq!(last["capturedAt"], json!(TestApp::day(7 * week)));
        assert_eq!(
            (&last["url"], &last["status"]),
            (&json!(pages.url("/a")), &json!(200))
        );
        let kind = json!({ "name": "content-type", "value": "text/html; charset=utf-8" });
        assert!(
            last["headers"].as_array().unwrap().contains(&kind),
            "{last:#}"
        );
        let text = &last["text"];
        assert_eq!(text["mediaType"], "text/plain");
        let name = last["file"]["filename"].as_str().unwrap();
        assert_eq!(text["filename"], format!("{name}.txt"));
        let read = async |file: &Json| {
            let answer = app.http.get(file["url"].as_str().unwrap()).send().await;
            answer.unwrap().text().await.unwrap()
        };
        let said = read(text).await;
        let words: Vec<&str> = said.split_whitespace().collect();
        assert_eq!(words.join(" "), format!("It {word}. Drücken: 灯"));
        assert_eq!(text["bytes"], said.len());
        let html = read(&last["file"]).await;
        assert_eq!(html, format!("<p>It {word}.<p>Drücken: 灯"));
    }
    app.stop().await;
}

#[tokio::test]
async fn without_a_quote_the_main_text_counts() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    let html = |main: &str, ad: &str| format!("<nav>{ad}</nav><main><h1>{main}</h1></main><p>{ad}");
    pages.html("/a", &html("First place", "x"));
    let win = app.win(None, Some(&pages.url("/a"))).await;
    app.fetch().await;
    for (main, ad, state) in [
        ("First\n  place", "y", "CURRENT"),
        ("Second place", "y", "CHANGED"),
        ("First place", "z", "CURRENT"),
    ] {
        pages.html("/a", &html(main, ad));
        app.advance(TimeDelta::days(7));
        app.fetch().await;
        assert_eq!(seen(&app.proof(&win).await), (state, None), "{main}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_page_that_is_away_for_now_stays_what_it_was() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.html("/a", "It lasts");
    let win = app.win(Some("It lasts"), Some(&pages.url("/a"))).await;
    app.fetch().await;
    pages.says("/a", page("500 Oh", "text/html", b"oh"));
    app.advance(TimeDelta::days(7));
    for _ in 0..3 {
        app.fetch().await;
        app.advance(TimeDelta::minutes(5));
    }
    let proof = app.proof(&win).await;
    assert_eq!(seen(&proof), ("CURRENT", Some(true)));
    assert!(
        proof["error"]
            .as_str()
            .unwrap()
            .starts_with("It could not be looked at again.")
    );
    assert_eq!(proof["checkedAt"], json!(TestApp::day(0)));
    pages.html("/a", "It lasts");
    app.advance(TimeDelta::days(7));
    app.fetch().await;
    assert_eq!(app.proof(&win).await["error"], Json::Null);
    app.stop().await;
}

#[tokio::test]
async fn another_wording_is_looked_for_anew() {
    let pages = Pages::start().await;
    let app = app_of(&pages).await;
    pages.html("/a", "It lasts, and it shines");
    let win = app.win(Some("It fails"), Some(&pages.url("/a"))).await;
    app.fetch().await;
    assert_eq!(seen(&app.proof(&win).await), ("CURRENT", Some(false)));
    let wording =
        json!({ "statements": [{ "locale": "en", "headline": "Best", "quote": "It … shines" }] });
    app.mutate(
        "addEndorsementVersion",
        json!({ "endorsement": win, "wording": wording }),
        "",
    )
    .await;
    assert_eq!(app.fetch().await, 1);
    assert_eq!(seen(&app.proof(&win).await), ("CURRENT", Some(true)));
    app.stop().await;
}

#[tokio::test]
async fn addresses_that_are_not_public_are_refused_and_nobody_connects() {
    let pages = Pages::start().await;
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let outlet = app.outlet("Ridge", json!({})).await;
    let win = app.win(None, None).await;
    let port = pages.place.rsplit(':').next().unwrap().to_owned();
    for place in [
        "http://127.0.0.1:80/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://①②⑦.0.0.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://10.1.2.3/",
        "http://169.254.169.254/",
        "http://100.64.0.1/",
        "http://localhost/",
        "http://localhost./",
        "http://a.localhost/",
        "http://printer.local/",
        "http://example.com:22/",
        "http://user:pass@example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "nonsense",
        "",
        &format!("http://127.0.0.1:{port}/"),
        &format!("https://localhost:{port}/"),
    ] {
        let input = json!({ "endorsement": win, "url": place });
        let refused = app.refused("addEvidence", input).await;
        assert_eq!(
            refused,
            ("INVALID".to_owned(), "input.url".to_owned()),
            "{place}"
        );
        let input = json!({
            "brand": "north", "title": "Win", "outlet": outlet, "kind": "QUOTE", "publishedOn": "2026-05-01",
            "sourceUrl": place, "wording": { "statements": [{ "locale": "en", "headline": "Best" }] },
        });
        let refused = app.refused("createEndorsement", input).await;
        assert_eq!(
            refused,
            ("INVALID".to_owned(), "input.sourceUrl".to_owned()),
            "{place}"
        );
    }
    assert_eq!((app.fetch().await, pages.asked()), (0, 0));
    let nothing = app
        .refused("addEvidence", json!({ "endorsement": win }))
        .await;
    assert_eq!(nothing, ("REQUIRED".to_owned(), "input.file".to_owned()));
    app.stop().await;
}
