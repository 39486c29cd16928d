//! Requests and documents: how long, how deep, and in which form.

use std::fmt::Write;

use serde_json::json;

use super::{MIB, answer};
use crate::support::TestApp;

/// A query whose fields nest so deep, through pages of one.
fn nested(depth: usize) -> String {
    let steps = ["versions(first: 1)", "nodes", "content"];
    let mut fields = vec!["assets(first: 1)", "nodes"];
    fields.extend(steps.iter().cycle().take(depth - 3));
    let last = match fields.last() {
        Some(&"versions(first: 1)") => "totalCount",
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
            write!(text, "fragment F{i} on Asset{{...F{}}}", i + 1).unwrap();
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
