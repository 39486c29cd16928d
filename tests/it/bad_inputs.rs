//! Inputs that must be refused with a clear error, after which the server goes on as if nothing had been.

use serde_json::{Value as Json, json};

use crate::support::{Answer, TestApp, png, png_of_header};

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

/// A query whose fields nest so deep.
fn nested(depth: usize) -> String {
    let steps = ["versions", "nodes", "content"];
    let mut fields = vec!["assets", "nodes"];
    fields.extend(steps.iter().cycle().take(depth - 3));
    let last = match fields.last() {
        Some(&"versions") => "totalCount",
        _ => "id",
    };
    format!("{{ {} {{ {last} {}", fields.join(" { "), "} ".repeat(depth))
}

#[tokio::test]
async fn a_document_that_nests_too_deep_is_refused() {
    let app = TestApp::start().await;
    for depth in [4, 11, 12] {
        app.query(&nested(depth)).await;
    }
    for depth in [13, 14, 20] {
        let message = app.bad_query(&nested(depth), "QUERY_TOO_DEEP").await;
        assert!(message.contains("12"), "{message}");
    }
    let braces = format!("{}{}", "{a".repeat(900), "}".repeat(900));
    app.bad_query(&braces, "QUERY_TOO_DEEP").await;
    let lists = format!(
        "{{ nodes(ids: {}{}) {{ id }} }}",
        "[".repeat(900),
        "]".repeat(900)
    );
    app.bad_query(&lists, "QUERY_TOO_DEEP").await;
    let chain = |n: usize| {
        let mut text = "{ assets { nodes { ...F0 } } }".to_owned();
        for i in 0..n {
            text.push_str(&format!("fragment F{i} on Asset{{...F{}}}", i + 1));
        }
        text + &format!("fragment F{n} on Asset{{id}}")
    };
    app.query(&chain(5)).await;
    for n in [150, 10_000] {
        let answer = app.ask(&app.admin, &chain(n), json!({})).await;
        let code = answer.code();
        assert!(
            matches!(code, "none" | "QUERY_TOO_DEEP" | "BAD_REQUEST"),
            "{code}"
        );
        assert!(n < 1_000 || code != "none");
    }
    for cycle in [
        "{ assets { nodes { ...A } } } fragment A on Asset { ...A }",
        "{ assets { nodes { ...A } } } fragment A on Asset { ...B } fragment B on Asset { brand { logo { ...A } } }",
        "{ ...Q } fragment Q on Query { ... { ...Q } }",
    ] {
        app.bad_query(cycle, "BAD_REQUEST").await;
    }
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn a_batch_of_operations_is_refused() {
    let app = TestApp::start().await;
    let batch = vec![json!({ "query": "{ __typename }" }); 10];
    for body in [
        json!(batch),
        json!([]),
        json!(null),
        json!("{ __typename }"),
        json!({ "query": 1 }),
    ] {
        let answer = app.raw("application/json", body.to_string()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "BAD_REQUEST"),
            "{body}"
        );
    }
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn a_page_has_at_most_a_hundred_rows_and_one_direction() {
    let app = TestApp::start().await;
    for list in ["assets", "endorsements"] {
        for n in [101, -1, i32::MAX, i32::MIN] {
            for argument in ["first", "last"] {
                let query =
                    format!("{{ {list}({argument}: {n}) {{ totalCount nodes {{ id }} }} }}");
                let message = app.bad_query(&query, "BAD_REQUEST").await;
                assert!(
                    message.contains(argument) && message.contains("100"),
                    "{message}"
                );
            }
        }
        let query = format!("{{ {list}(first: 1, last: 1) {{ nodes {{ id }} }} }}");
        let message = app.bad_query(&query, "BAD_REQUEST").await;
        assert!(
            message.contains("first") && message.contains("last"),
            "{message}"
        );
    }
    for list in ["products", "outlets", "channels", "auditLog", "reviewQueue"] {
        let query = format!("{{ {list}(first: 101) {{ nodes {{ id }} }} }}");
        let message = app.bad_query(&query, "BAD_REQUEST").await;
        assert!(
            message.contains("first") && message.contains("100"),
            "{message}"
        );
    }
    app.query("{ assets(first: 100) { nodes { id } } none: assets(first: 0) { nodes { id } } }")
        .await;
    app.stop().await;
}

#[tokio::test]
async fn mutations_are_posted_as_json_or_multipart() {
    let app = TestApp::start().await;
    let get = async |query: &str| {
        let address = format!("{}/graphql", app.url);
        let address = url::Url::parse_with_params(&address, [("query", query)]).unwrap();
        answer(app.http.get(address).bearer_auth(&app.admin)).await
    };
    let made = "mutation { createBrand(input: { name: \"north\" }) { brand { id } } }";
    let answer = get(made).await;
    assert_eq!((answer.status, answer.code()), (405, "BAD_REQUEST"));
    let both = format!("query A {{ __typename }} {made}").replace("mutation {", "mutation B {");
    assert_ne!(
        get(&both).await.status,
        405,
        "which operation is meant is not said"
    );
    assert_eq!(get("{ brands { id } }").await.data()["brands"], json!([]));
    let form = format!("query={}", made.replace(' ', "+"));
    for kind in [
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/graphql",
        "",
    ] {
        let answer = app.raw(kind, form.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (415, "BAD_REQUEST"),
            "{kind}"
        );
    }
    assert_eq!(app.query("{ brands { id } }").await["brands"], json!([]));
    app.stop().await;
}

#[tokio::test]
async fn a_body_is_small_shallow_and_says_everything_once() {
    let app = TestApp::start().await;
    let around = json!({ "query": "{ __typename }", "variables": { "a": "" } }).to_string();
    let padded =
        |n: usize| around.replace("\"\"", &format!("\"{}\"", "x".repeat(n - around.len())));
    let whole = app.raw("application/json", padded(MIB)).await;
    assert_eq!(whole.data()["__typename"], "Query");
    let answer = app.raw("application/json", padded(MIB + 1)).await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_REQUEST"));
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("1 MiB"), "{message}");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for bad in [
        format!("{{\"query\": \"{{ __typename }}\", \"variables\": {{\"a\": {deep}}}}}"),
        "{\"query\": \"{ __typename }\", \"query\": \"{ brands { id } }\"}".to_owned(),
        "{\"query\": \"{ __typename }\", \"variables\": {\"a\": 1, \"a\": 2}}".to_owned(),
        "{\"query\": \"{ __typename }\"".to_owned(),
        "{\"query\": \"{ __typename }\", \"variables\": {\"a\": NaN}}".to_owned(),
        "{\"query\": \"\\ud800\"}".to_owned(),
        String::new(),
    ] {
        let answer = app.raw("application/json", bad.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "BAD_REQUEST"),
            "{bad:.80}"
        );
    }
    let not_utf8 = b"{\"query\": \"{ __typename } #\xff\"}".to_vec();
    assert_eq!(app.raw("application/json", not_utf8).await.status, 400);
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn a_cursor_is_taken_only_where_it_was_given() {
    let app = TestApp::start().await;
    app.brand("north").await;
    for title in ["One", "Two", "Three"] {
        app.draft_asset("north", title, json!({})).await;
    }
    let page = app
        .query("{ assets(first: 1) { pageInfo { endCursor } } }")
        .await;
    let good = page["assets"]["pageInfo"]["endCursor"].as_str().unwrap();
    let next =
        |cursor: &str| format!("{{ assets(first: 1, after: {cursor:?}) {{ nodes {{ title }} }} }}");
    assert_eq!(
        app.query(&next(good)).await["assets"]["nodes"][0]["title"],
        "Two"
    );
    let middle = good.len() / 2;
    let mut tampered = good.to_owned();
    let other = if &good[middle..=middle] == "A" {
        "B"
    } else {
        "A"
    };
    tampered.replace_range(middle..=middle, other);
    for bad in [
        tampered.as_str(),
        &good[..good.len() - 2],
        &format!("{good}AA"),
        "",
        "junk",
        &"x".repeat(10_000),
    ] {
        let message = app.bad_query(&next(bad), "BAD_REQUEST").await;
        assert!(message.contains("`after`"), "{message}");
    }
    // Of this list in another order, with another filter, or of another list.
    for foreign in [
        format!("assets(first: 1, orderBy: TITLE, after: {good:?}) {{ nodes {{ id }} }}"),
        format!(
            "assets(first: 1, filter: {{ tags: [\"a\"] }}, after: {good:?}) {{ nodes {{ id }} }}"
        ),
        format!("endorsements(first: 1, after: {good:?}) {{ nodes {{ id }} }}"),
        format!("products(first: 1, after: {good:?}) {{ nodes {{ id }} }}"),
        format!("auditLog(first: 1, after: {good:?}) {{ nodes {{ id }} }}"),
    ] {
        let message = app
            .bad_query(&format!("{{ {foreign} }}"), "BAD_REQUEST")
            .await;
        assert!(message.contains("`after`"), "{message}");
    }
    app.assert_still_works(3).await;
    app.stop().await;
}

#[tokio::test]
async fn an_id_that_names_nothing_is_not_found_wherever_it_stands() {
    let app = TestApp::start().await;
    let brand = app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let long = "x".repeat(10_000);
    for id in [
        brand.as_str(),
        "junk",
        "",
        "asset_",
        "asset_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        "ASSET_01",
        "最",
        &long,
    ] {
        for (name, field) in [
            ("archiveContent", "id"),
            ("trashContent", "id"),
            ("submitVersion", "version"),
            ("endLease", "lease"),
            ("revokeAccessToken", "token"),
        ] {
            app.assert_refused(
                name,
                json!({ field: id }),
                &format!("NOT_FOUND input.{field}"),
            )
            .await;
        }
        let data = app
            .ask(
                &app.admin,
                "query($id: ID!, $ids: [ID!]) { assets(filter: { ids: $ids }) { totalCount }
                 endorsements(filter: { outlet: $ids }) { totalCount } node(id: $id) { __typename } }",
                json!({ "id": id, "ids": [id] }),
            )
            .await
            .data();
        assert_eq!(data["assets"]["totalCount"], 0);
        assert_eq!(data["endorsements"]["totalCount"], 0);
        assert!(data["node"].is_null() || id == brand, "{id:.40}");
        let query = "query($id: ID!, $a: ID!) { node(id: $a) { ... on Content { availability(channel: $id) { available } } } }";
        let answer = app
            .ask(&app.admin, query, json!({ "id": id, "a": asset }))
            .await;
        assert_eq!(answer.code(), "NOT_FOUND", "{id:.40}");
    }
    app.assert_still_works(1).await;
    app.stop().await;
}

#[tokio::test]
async fn lists_of_ids_and_events_are_bounded() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let ids = |n: usize| json!({ "ids": vec![&asset; n] });
    let answer = app.ask(&app.admin, nodes, ids(251)).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    assert!(
        answer.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("250")
    );
    let found = app.ask(&app.admin, nodes, ids(250)).await.data();
    assert_eq!(found["nodes"].as_array().unwrap().len(), 250);
    let mut many = ids(251);
    many["addTags"] = json!(["spring"]);
    let answer = app.answer_as(&app.admin, "updateContents", many, "").await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    assert!(
        answer.body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("250")
    );
    let event = json!({ "id": "a", "kind": "CLICK", "beaconKey": "x" });
    let answer = app
        .answer_as(
            &app.admin,
            "recordUsage",
            json!({ "events": vec![event; 501] }),
            "",
        )
        .await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    let found = app
        .query("{ assets(filter: { tags: [\"spring\"] }) { totalCount } }")
        .await;
    assert_eq!(found["assets"]["totalCount"], 0);
    app.stop().await;
}

#[tokio::test]
async fn numbers_days_and_times_are_read_strictly() {
    let app = TestApp::start().await;
    app.channel("site", json!({})).await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    let lease = |name: &str, value: Json| {
        let mut input = json!({ "contents": [asset], "access": "ALLOW" });
        input[name] = value;
        input
    };
    for amount in [
        "1e400",
        "NaN",
        "Infinity",
        "1,5",
        "",
        " 1",
        "0x10",
        "99999999999999999999999999999999999",
    ] {
        let fee = json!({ "amount": amount, "currency": "EUR" });
        app.bad_input("createLease", lease("fee", fee)).await;
    }
    for currency in ["EURO", "eur", "XXZ", ""] {
        let fee = json!({ "amount": "1", "currency": currency });
        app.bad_input("createLease", lease("fee", fee)).await;
    }
    for time in [
        "2026-11-22T09:30:00",
        "2026-11-22",
        "2026-02-30T00:00:00Z",
        "2026-11-22T25:00:00Z",
        "yesterday",
        "",
        "+10000-01-01T00:00:00Z",
    ] {
        app.bad_input("createLease", lease("endsAt", json!(time)))
            .await;
    }
    app.bad_input("createLease", lease("endsAt", json!(1_780_000_000)))
        .await;
    for country in ["us", "USA", "ZZ", ""] {
        app.bad_input("createLease", lease("markets", json!([country])))
            .await;
    }
    for day in [
        "2025-02-30",
        "2025-2-3",
        "25-02-03",
        "2025-02-03T00:00:00Z",
        "",
        "02025-02-03",
    ] {
        let wording = json!({ "statements": [{ "locale": "en", "headline": "H" }] });
        let input = json!({ "brand": "north", "title": "T", "outlet": "x", "kind": "QUOTE", "publishedOn": day, "wording": wording });
        app.bad_input("createEndorsement", input).await;
    }
    // As variables and in the document itself.
    for query in [
        "{ assets(first: 9007199254740993) { totalCount } }",
        "{ assets(first: 1.5) { totalCount } }",
        "{ assets(first: \"1\") { totalCount } }",
        "{ channel(slug: \"site\") { contents(at: \"2026-11-22T09:30:00\") { totalCount } } }",
    ] {
        app.bad_query(query, "BAD_REQUEST").await;
    }
    let found = app
        .query(&format!(
            "{{ node(id: \"{asset}\") {{ ... on Content {{ leases {{ id }} }} }} }}"
        ))
        .await;
    assert_eq!(found["node"]["leases"], json!([]));
    app.stop().await;
}

#[tokio::test]
async fn a_title_is_a_line_of_visible_text() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let titled = |title: &str| json!({ "brand": "north", "title": title, "text": "words" });
    for (title, code) in [
        ("a\u{0}b", "INVALID"),
        ("a\u{7}b", "INVALID"),
        ("", "REQUIRED"),
        ("  \t ", "REQUIRED"),
        ("\u{200b}\u{feff} \u{2060}", "REQUIRED"),
    ] {
        app.assert_refused("createAsset", titled(title), &format!("{code} input.title"))
            .await;
    }
    let (given, message) = app
        .refusal(&app.admin, "createAsset", titled(&"x".repeat(900_000)))
        .await;
    assert_eq!(given, "TOO_LONG input.title");
    assert!(
        message.contains("At most") && message.len() < 100,
        "{message}"
    );
    let lone = r#"{"query": "mutation($t: String!) { createBrand(input: { name: $t }) { brand { id } } }", "variables": {"t": "a\ud800"}}"#;
    let answer = app.raw("application/json", lone).await;
    assert_eq!((answer.status, answer.code()), (400, "BAD_REQUEST"));
    let huge = json!({ "query": "{ __typename }", "variables": { "t": "x".repeat(10 * MIB) } });
    let answer = app.raw("application/json", huge.to_string()).await;
    assert_eq!(answer.status, 413);
    app.assert_still_works(0).await;
    let brands = app.query("{ brands { slug } }").await;
    assert_eq!(brands["brands"], json!([{ "slug": "north" }]));
    app.stop().await;
}

#[tokio::test]
async fn an_end_lies_after_its_beginning() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let asset = app.draft_asset("north", "Lantern", json!({})).await;
    for (from, to) in [(2, 2), (3, 2)] {
        let times = json!({ "brand": "north", "title": "T", "text": "words",
            "releaseAt": app.day(from), "expireAt": app.day(to) });
        app.assert_refused("createAsset", times, "INVALID input.expireAt")
            .await;
        let times = json!({ "id": asset, "revision": 1, "releaseAt": app.day(from), "expireAt": app.day(to) });
        app.assert_refused("updateContent", times, "INVALID input.expireAt")
            .await;
        let lease = json!({ "contents": [asset], "access": "ALLOW",
            "startsAt": app.day(from), "endsAt": app.day(to) });
        app.assert_refused("createLease", lease, "INVALID input.endsAt")
            .await;
    }
    app.assert_still_works(1).await;
    app.stop().await;
}

#[tokio::test]
async fn who_read_something_older_is_told_what_is_there_now() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let made = json!({ "brand": "north", "title": "Slogan", "text": "one" });
    let made = app
        .mutate("createAsset", made, "asset { id revision }")
        .await;
    let (id, revision) = (
        &made["asset"]["id"],
        made["asset"]["revision"].as_i64().unwrap(),
    );
    let update = |revision: i64| json!({ "id": id, "revision": revision, "title": "Other" });
    app.mutate("updateContent", update(revision), "").await;
    for stale in [revision, 0, -1, 1000] {
        let (given, message) = app
            .refusal(&app.admin, "updateContent", update(stale))
            .await;
        assert_eq!(given, "CONFLICT input.revision");
        assert!(message.contains(&(revision + 1).to_string()), "{message}");
    }
    let version = |n: i64| json!({ "asset": id, "text": "two", "expectedNumber": n });
    for stale in [1, 3, 0, -1] {
        let (given, message) = app
            .refusal(&app.admin, "addAssetVersion", version(stale))
            .await;
        assert_eq!(given, "CONFLICT input.expectedNumber");
        assert!(message.contains('2'), "{message}");
    }
    let next = app
        .mutate("addAssetVersion", version(2), "version { number }")
        .await;
    assert_eq!(
        next["version"]["number"], 2,
        "what was refused took no number"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_version_takes_one_step_at_a_time_and_not_by_its_author() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let author = app.token(&["WRITE", "REVIEW"], &[], &[]).await;
    let made = json!({ "brand": "north", "title": "Slogan", "text": "one" });
    let made = app
        .mutate_as(
            &author,
            "createAsset",
            made,
            "asset { latestVersion { id } }",
        )
        .await;
    let version = made["asset"]["latestVersion"]["id"].as_str().unwrap();
    let approve = json!({ "version": version, "decision": "APPROVE" });
    let reviewer = app.token(&["REVIEW"], &[], &[]).await;
    let step = async |token: &str, name: &str, input: &Json| {
        app.refusal(token, name, input.clone()).await.0
    };
    let this = json!({ "version": version });
    let gone = json!({ "version": version, "reason": "wrong" });
    assert_eq!(
        step(&reviewer, "reviewVersion", &approve).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&author, "recallVersion", &this).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&reviewer, "withdrawVersion", &gone).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    app.mutate_as(&author, "submitVersion", this.clone(), "")
        .await;
    assert_eq!(
        step(&author, "submitVersion", &this).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    assert_eq!(
        step(&author, "reviewVersion", &approve).await,
        "SELF_REVIEW input.version"
    );
    let done = app
        .mutate_as(
            &reviewer,
            "reviewVersion",
            approve.clone(),
            "version { state }",
        )
        .await;
    assert_eq!(done["version"]["state"], "APPROVED");
    assert_eq!(
        step(&reviewer, "reviewVersion", &approve).await,
        "FORBIDDEN_TRANSITION input.version"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_input_is_refused() {
    let app = TestApp::start().await;
    let brand = |name: &str| json!({ "name": name, "clientMutationId": "k1" });
    let first = app
        .mutate(
            "createBrand",
            brand("North"),
            "brand { id } clientMutationId",
        )
        .await;
    assert_eq!(first["clientMutationId"], "k1");
    let again = app
        .mutate(
            "createBrand",
            brand("North"),
            "brand { id } clientMutationId",
        )
        .await;
    assert_eq!(again, first);
    let (given, _) = app.refusal(&app.admin, "createBrand", brand("South")).await;
    assert_eq!(given, "IDEMPOTENCY_CONFLICT input.clientMutationId");
    let audience = json!({ "name": "North", "clientMutationId": "k1" });
    let (given, _) = app.refusal(&app.admin, "createAudience", audience).await;
    assert_eq!(given, "IDEMPOTENCY_CONFLICT input.clientMutationId");
    for key in [String::new(), "k".repeat(256)] {
        let input = json!({ "name": "East", "clientMutationId": key });
        app.assert_refused("createBrand", input, "INVALID input.clientMutationId")
            .await;
    }
    // Another's keys are another's.
    let other = app.token(&["ADMIN"], &[], &[]).await;
    let theirs = app
        .mutate_as(&other, "createBrand", brand("South"), "brand { name }")
        .await;
    assert_eq!(theirs["brand"]["name"], "South");
    let brands = app.query("{ brands { name } }").await;
    assert_eq!(brands["brands"].as_array().unwrap().len(), 2);
    app.stop().await;
}

#[tokio::test]
async fn what_is_live_is_not_thrown_away() {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.channel("site", json!({})).await;
    let asset = app
        .asset("north", "Lantern", json!({ "channels": ["site"] }))
        .await;
    let placed =
        json!({ "content": asset, "channel": "site", "location": "home, top", "status": "LIVE" });
    let placed = app
        .mutate("createPlacement", placed, "placement { id }")
        .await;
    let (given, message) = app
        .refusal(&app.admin, "trashContent", json!({ "id": asset }))
        .await;
    assert_eq!(given, "IN_USE input.id");
    assert!(message.contains("home, top"), "{message}");
    app.assert_still_works(1).await;
    let retired = json!({ "placement": placed["placement"]["id"], "status": "RETIRED" });
    app.mutate("updatePlacement", retired, "").await;
    app.mutate("trashContent", json!({ "id": asset }), "").await;
    app.stop().await;
}

#[tokio::test]
async fn a_file_comes_from_exactly_one_source_that_is_there() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let made = |file: Json| json!({ "brand": "north", "title": "T", "file": file });
    let hash = "ab".repeat(32);
    for bad in [
        json!({}),
        json!({ "sha256": null }),
        json!({ "sha256": hash, "upload": "x" }),
        json!({ "upload": "made up" }),
        json!({ "sha256": "AB".repeat(32) }),
        json!({ "sha256": "ab" }),
        json!({ "path": "/etc/passwd" }),
        json!("x"),
    ] {
        let answer = app
            .answer_as(&app.admin, "createAsset", made(bad.clone()), "")
            .await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{bad}: {:#}", answer.body);
    }
    app.assert_refused(
        "createAsset",
        made(json!({ "sha256": hash })),
        "NOT_FOUND input.file.sha256",
    )
    .await;
    // Bytes that somebody else stored are no more there than those that nobody did.
    let other = app.token(&["WRITE"], &[], &[]).await;
    let mut input = made(json!({ "upload": null }));
    let payload = app
        .upload_as(
            &other,
            "createAsset",
            input.clone(),
            "asset { latestVersion { file { sha256 } } }",
            "file.upload",
            ("a.png", png(9, 9, 9)),
        )
        .await;
    let stored = payload["asset"]["latestVersion"]["file"]["sha256"].clone();
    input["file"] = json!({ "sha256": stored });
    let theirs = app.refusal(&app.admin, "createAsset", input.clone()).await;
    let nobodys = app
        .refusal(&app.admin, "createAsset", made(json!({ "sha256": hash })))
        .await;
    assert_eq!(theirs, nobodys);
    let mine = app
        .mutate_as(&other, "createAsset", input, "asset { id }")
        .await;
    assert_eq!(mine["userErrors"], json!([]));
    app.assert_still_works(2).await;
    app.stop().await;
}

/// A multipart body of these parts: name, filename, bytes.
fn body(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, bytes) in parts {
        let filename = filename.map_or(String::new(), |f| format!("; filename=\"{f}\""));
        body.extend(
            format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n")
                .bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--cut--\r\n");
    body
}

#[tokio::test]
async fn multipart_requests_that_are_not_well_formed_leave_nothing() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let query = "mutation($input: CreateAssetInput!) { createAsset(input: $input) { asset { id } userErrors { code } } }";
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null } });
    let operations = json!({ "query": query, "variables": { "input": input } }).to_string();
    let operations = ("operations", None, operations.as_bytes());
    let map: &[u8] = br#"{"0": ["variables.input.file.upload"]}"#;
    let picture = png(20, 20, 1);
    let file = ("0", Some("a.png"), picture.as_slice());
    let good = body(&[operations, ("map", None, map), file]);
    let form = "multipart/form-data; boundary=cut";
    let absent: &[u8] = br#"{"0": ["variables.input.none"]}"#;
    let taken: &[u8] = br#"{"0": ["variables.input.title"]}"#;
    let eleven: serde_json::Map<String, Json> = (0..11)
        .map(|i| (i.to_string(), json!(["variables.input.file.upload"])))
        .collect();
    let eleven = Json::Object(eleven).to_string();
    let bad = [
        (
            "absent",
            form,
            body(&[operations, ("map", None, absent), file]),
        ),
        (
            "not null",
            form,
            body(&[operations, ("map", None, taken), file]),
        ),
        (
            "eleven files",
            form,
            body(&[operations, ("map", None, eleven.as_bytes()), file]),
        ),
        (
            "map is no JSON",
            form,
            body(&[operations, ("map", None, b"{"), file]),
        ),
        ("no map", form, body(&[operations, file])),
        (
            "map first",
            form,
            body(&[("map", None, map), operations, file]),
        ),
        ("no file", form, body(&[operations, ("map", None, map)])),
        (
            "the file twice",
            form,
            body(&[operations, ("map", None, map), file, file]),
        ),
        (
            "an unnamed file",
            form,
            body(&[operations, ("map", None, map), file, ("1", Some("b"), b"x")]),
        ),
        ("no boundary", "multipart/form-data", good.clone()),
        (
            "another boundary",
            "multipart/form-data; boundary=other",
            good.clone(),
        ),
        ("cut short", form, good[..good.len() - 12].to_vec()),
        ("cut in the file", form, good[..good.len() - 40].to_vec()),
        ("empty", form, Vec::new()),
    ];
    for (what, kind, bytes) in bad {
        let answer = app.raw(kind, bytes).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "BAD_REQUEST"),
            "{what}"
        );
    }
    let request = app
        .http
        .post(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("content-type", form)
        .body(good.clone());
    let answer = answer(request).await;
    assert_eq!(
        (answer.status, answer.code()),
        (400, "BAD_REQUEST"),
        "no preflight header"
    );
    let mut large = picture.clone();
    large.resize(32 * MIB + 1, 0);
    let answer = app
        .raw(
            form,
            body(&[operations, ("map", None, map), ("0", Some("a.png"), &large)]),
        )
        .await;
    assert_eq!((answer.status, answer.code()), (413, "BAD_REQUEST"));
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("32 MiB"), "{message}");
    app.assert_still_works(0).await;
    let left = std::fs::read_dir(app.database().folder().join("files"))
        .into_iter()
        .flatten()
        .flat_map(|folder| {
            std::fs::read_dir(folder.unwrap().path())
                .into_iter()
                .flatten()
        })
        .count();
    assert_eq!(left, 0);
    assert_eq!(
        app.raw(form, good).await.data()["createAsset"]["userErrors"],
        json!([])
    );
    app.stop().await;
}

#[tokio::test]
async fn bytes_that_are_no_picture_make_none() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let program = [b"MZ\x90\0".as_slice(), &[0; 300]].concat();
    let zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    // 112 megabytes of pixels in a file of a hundred bytes, and 4 billion of them in another.
    let wide = png_of_header(30_000, 30_000);
    let wider = png_of_header(65_500, 65_500);
    for (what, bytes, codes) in [
        ("empty", Vec::new(), &["INVALID"][..]),
        (
            "HTML",
            b"<!DOCTYPE html><script>alert(1)</script>".to_vec(),
            &["INVALID", "UNSUPPORTED_MEDIA"],
        ),
        ("ZIP", zip, &["INVALID", "UNSUPPORTED_MEDIA"]),
        ("MZ", program, &["UNSUPPORTED_MEDIA"]),
        (
            "PHP",
            b"<?php phpinfo();".to_vec(),
            &["INVALID", "UNSUPPORTED_MEDIA"],
        ),
        ("words", b"just words".to_vec(), &["UNSUPPORTED_MEDIA"]),
        ("wide", wide, &["TOO_LARGE"]),
        ("wider", wider, &["TOO_LARGE"]),
    ] {
        let input =
            json!({ "brand": "north", "title": "T", "kind": "IMAGE", "file": { "upload": null } });
        let payload = app
            .upload_as(
                &app.admin,
                "createAsset",
                input,
                "asset { id }",
                "file.upload",
                ("a.png", bytes),
            )
            .await;
        let error = &payload["userErrors"][0];
        let code = error["code"].as_str().unwrap_or("none");
        assert!(codes.contains(&code), "{what}: {payload}");
        assert_eq!(error["field"], json!(["input", "file"]), "{what}");
    }
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn a_preset_is_one_that_can_be_made() {
    let app = TestApp::start().await;
    let preset = |name: &str, value: Json| {
        let mut preset =
            json!({ "name": "card", "fit": "INSIDE", "width": 100, "mediaType": "image/webp" });
        preset[name] = value;
        json!({ "slug": "site", "name": "Site", "kind": "SITE", "presets": [preset] })
    };
    for (field, value) in [
        ("width", json!(1_000_000)),
        ("height", json!(1_000_000)),
        ("width", json!(0)),
        ("height", json!(0)),
        ("width", json!(-1)),
        ("quality", json!(101)),
        ("quality", json!(0)),
        ("quality", json!(-1)),
        ("mediaType", json!("image/tiff")),
        ("mediaType", json!("text/html")),
        ("background", json!("red; url(x)")),
        ("name", json!("../card")),
    ] {
        let expected = format!("INVALID input.presets.0.{field}");
        app.assert_refused("createChannel", preset(field, value), &expected)
            .await;
    }
    app.mutate("createChannel", preset("quality", json!(100)), "")
        .await;
    app.stop().await;
}

#[tokio::test]
async fn the_tree_of_channels_is_bounded_and_its_slugs_are_taken_once() {
    let app = TestApp::start().await;
    app.channel("c0", json!({})).await;
    let taken = json!({ "slug": "c0", "name": "Again", "kind": "SITE" });
    app.assert_refused("createChannel", taken, "TAKEN input.slug")
        .await;
    let level = |i: usize| json!({ "slug": format!("c{i}"), "name": "C", "kind": "SITE", "parent": format!("c{}", i - 1) });
    let mut deep = 1;
    let (given, message) = loop {
        let payload = app
            .mutate_as(&app.admin, "createChannel", level(deep), "")
            .await;
        if payload["userErrors"] != json!([]) {
            break app.refusal(&app.admin, "createChannel", level(deep)).await;
        }
        deep += 1;
        assert!(deep < 65, "the tree has no end");
    };
    assert_eq!(given, "INVALID input.parent");
    assert!(message.contains(&deep.to_string()), "{message}");
    let own = json!({ "slug": "self", "name": "S", "kind": "SITE", "parent": "self" });
    app.assert_refused("createChannel", own, "NOT_FOUND input.parent")
        .await;
    let found = app.query("{ channels { totalCount } }").await;
    assert_eq!(found["channels"]["totalCount"], deep);
    app.stop().await;
}
