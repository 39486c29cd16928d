//! What one document, and one caller, may ask for.

use std::fmt::Write;
use std::time::Duration;

use accolade::config::Limits;
use chrono::TimeDelta;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::answer;
use crate::support::{Answer, TestApp};

/// What clients ask to learn the schema: the words of graphql-js.
const INTROSPECTION: &str = "query IntrospectionQuery { __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types { ...FullType } directives { name description locations args { ...InputValue } } } }
fragment FullType on __Type { kind name description
    fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
    inputFields { ...InputValue } interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }";

impl TestApp {
    /// Sends a JSON body.
    async fn send_json(&self, body: &Json) -> Answer {
        self.raw("application/json", body.to_string()).await
    }

    async fn cost(&self, token: &str, query: &str, variables: Json) -> Json {
        let answer = self.ask(token, query, variables).await;
        answer.body["extensions"]["cost"].clone()
    }
}

fn aliased(n: usize) -> String {
    let mut text = String::new();
    for i in 0..n {
        write!(text, "a{i}: __typename ").unwrap();
    }
    text
}

#[tokio::test]
async fn a_document_has_few_aliases_roots_directives_and_fields() {
    let app = TestApp::start().await;
    let inside = |fields: &str| format!("{{ me {{ {fields} }} }}");
    app.query(&inside(&aliased(30))).await;
    for (query, limit) in [
        (format!("{{ {} }}", aliased(101)), "30"),
        (inside(&aliased(31)), "30"),
        // The same by a fragment that is spread twice.
        (
            inside("...F ...F") + &format!("fragment F on Actor {{ {} }}", aliased(16)),
            "30",
        ),
        (format!("{{ {} }}", "__typename ".repeat(11)), "10"),
        (format!("{{ {} }}", "__typename ".repeat(500)), "10"),
        (
            format!(
                "{{ ...R ...R }} fragment R on Query {{ {} }}",
                "__typename ".repeat(6)
            ),
            "10",
        ),
        (
            format!("{{ __typename {} }}", "@include(if: true) ".repeat(5)),
            "4",
        ),
        (
            inside(&"__typename @include(if: true) @skip(if: false) ".repeat(26)),
            "50",
        ),
        (inside(&"__typename ".repeat(1_000)), "1000"),
    ] {
        let message = app.bad_query(&query, "QUERY_TOO_COMPLEX").await;
        assert!(message.contains(limit), "{message}");
    }
    for directive in ["@include(if: true) ", "@a "] {
        let many = format!("{{ __typename {} }}", directive.repeat(5_000));
        app.bad_query(&many, "QUERY_TOO_COMPLEX").await;
    }
    let mut doubling = "{ assets { nodes { ...F0 } } }".to_owned();
    for i in 0..100 {
        let next = i + 1;
        write!(
            doubling,
            "fragment F{i} on Asset {{ ...F{next} ...F{next} }}"
        )
        .unwrap();
    }
    doubling += "fragment F100 on Asset { id }";
    app.bad_query(&doubling, "QUERY_TOO_COMPLEX").await;
    // In an operation that is not to run.
    let beside = json!({ "query": format!("query A {{ __typename }} query B {doubling}"), "operationName": "A" });
    assert_eq!(app.send_json(&beside).await.code(), "QUERY_TOO_COMPLEX");
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn pages_within_pages_are_bounded_before_they_are_read() {
    let app = TestApp::start().await;
    let through = |a: u32, b: u32| {
        format!(
            "{{ assets(first: {a}) {{ nodes {{ ... on Content {{ versions(first: {b}) {{ nodes {{ id }} }} }} }} }} }}"
        )
    };
    app.query(&through(100, 97)).await;
    let message = app.bad_query(&through(100, 100), "QUERY_TOO_COMPLEX").await;
    assert!(message.contains("10000"), "{message}");
    let by_variable = "query($n: Int! = 100) { assets(first: $n) { nodes { versions(last: $n) { edges { node { id } } } } } }";
    let refused = app.ask(&app.admin, by_variable, json!({})).await;
    assert_eq!(refused.code(), "QUERY_TOO_COMPLEX");
    app.ask(&app.admin, by_variable, json!({ "n": 10 }))
        .await
        .data();
    for (n, argument) in [(101, "first"), (-1, "last")] {
        let query = format!(
            "query($n: Int) {{ assets {{ nodes {{ versions({argument}: $n) {{ nodes {{ id }} }} }} }} }}"
        );
        let answer = app.ask(&app.admin, &query, json!({ "n": n })).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        let message = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(
            message.contains(argument) && message.contains("100"),
            "{message}"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn introspection_is_answered_once_and_not_in_circles() {
    let app = TestApp::start().await;
    let known = app.query(INTROSPECTION).await;
    assert!(known["__schema"]["types"].as_array().unwrap().len() > 50);
    let fields = "fields { type { ".repeat(4);
    let circle = format!(
        "{{ __schema {{ types {{ {fields} name {} }} }} }}",
        "} } ".repeat(4)
    );
    let message = app.bad_query(&circle, "QUERY_TOO_DEEP").await;
    assert!(message.contains('3'), "{message}");
    let spread =
        "{ __type(name: \"Asset\") { ...A } } fragment A on __Type { fields { type { ...B } } }
        fragment B on __Type { possibleTypes { interfaces { inputFields { name } } } }";
    app.bad_query(spread, "QUERY_TOO_DEEP").await;
    app.stop().await;
}

#[tokio::test]
async fn without_introspection_nothing_is_told_of_the_schema() {
    let app = TestApp::start_limited(Limits {
        introspection: false,
        ..Limits::default()
    })
    .await;
    for query in [
        INTROSPECTION,
        "{ __type(name: \"Asset\") { name } }",
        "{ ...Q } fragment Q on Query { s: __schema { queryType { name } } }",
    ] {
        let message = app.bad_query(query, "BAD_REQUEST").await;
        assert!(message.contains("introspection"), "{message}");
    }
    for query in [
        "{ asets { nodes { id } } }",
        "{ assets(frist: 1) { nodes { id } } }",
        "{ assets { nodes { titel } } }",
    ] {
        let message = app.bad_query(query, "BAD_REQUEST").await;
        assert!(!message.contains("Did you mean"), "{message}");
    }
    assert_eq!(app.query("{ __typename }").await["__typename"], "Query");
    app.stop().await;
    let app = TestApp::start().await;
    let message = app
        .bad_query("{ asets { nodes { id } } }", "BAD_REQUEST")
        .await;
    assert!(message.contains("Did you mean"), "{message}");
    app.stop().await;
}

#[tokio::test]
async fn every_answer_says_what_it_cost() {
    let app = TestApp::start_limited(Limits {
        cost_capacity: 5_000,
        cost_refill: 1,
        ..Limits::default()
    })
    .await;
    app.brand("north").await;
    for i in 0..12 {
        app.draft_asset("north", &format!("Picture {i}"), json!({}))
            .await;
    }
    let token = app.token(&["READ"], &[], &[]).await;
    // The root, the connection and twenty rows may come; twelve do.
    let page = "{ assets { nodes { id } } }";
    assert_eq!(
        app.cost(&token, page, json!({})).await,
        json!({ "requested": 3, "actual": 2, "remaining": 4_998 })
    );
    assert_eq!(
        app.cost(&token, "{ __typename }", json!({})).await,
        json!({ "requested": 1, "actual": 1, "remaining": 4_997 })
    );
    // What is refused before it runs costs nothing.
    for bad in ["{ nothing }", "{", "{ auditLog { nodes { id } } }"] {
        let cost = app.cost(&token, bad, json!({})).await;
        assert_eq!(
            (&cost["actual"], &cost["remaining"]),
            (&json!(0), &json!(4_997)),
            "{bad}"
        );
    }
    app.advance(TimeDelta::seconds(2));
    assert_eq!(
        app.cost(&token, "{ __typename }", json!({})).await["remaining"],
        4_998
    );
    app.stop().await;
}

#[tokio::test]
async fn who_has_spent_all_waits_and_nobody_else() {
    let app = TestApp::start_limited(Limits {
        cost_capacity: 1_000,
        cost_refill: 10,
        ..Limits::default()
    })
    .await;
    let (poor, other) = (
        app.token(&["READ"], &[], &[]).await,
        app.token(&["READ"], &[], &[]).await,
    );
    // An empty list of pages is charged what it might have held until it has been answered.
    let large = "{ assets(first: 100) { nodes { versions(first: 97) { nodes { id } } } } }";
    let dear = app.cost(&poor, large, json!({})).await;
    assert_eq!(
        dear,
        json!({ "requested": 991, "actual": 1, "remaining": 999 })
    );
    for left in (989..999).rev() {
        let cost = app.cost(&poor, "{ __typename }", json!({})).await;
        assert_eq!(cost["remaining"], left);
    }
    for accept in ["application/json", "application/graphql-response+json"] {
        let request = app
            .http
            .post(format!("{}/graphql", app.url))
            .bearer_auth(&poor)
            .header("accept", accept)
            .json(&json!({ "query": large }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 429, "{accept}");
        assert_eq!(response.headers()["retry-after"], "1");
        let kind = response.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with(accept), "{kind}");
        let body: Json = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        assert_eq!(
            body["extensions"]["cost"],
            json!({ "requested": 991, "actual": 0, "remaining": 989 })
        );
        assert_eq!(body.get("data"), None);
    }
    app.ask(&poor, "{ __typename }", json!({})).await.data();
    app.ask(&other, large, json!({})).await.data();
    app.advance(TimeDelta::seconds(1));
    app.ask(&poor, large, json!({})).await.data();
    app.stop().await;
    let unbounded = TestApp::start_limited(Limits {
        cost_capacity: 0,
        ..Limits::default()
    })
    .await;
    let cost = unbounded
        .cost(&unbounded.admin, "{ __typename }", json!({}))
        .await;
    assert_eq!(cost["remaining"], Json::Null);
    unbounded.stop().await;
}

fn persisted(query: &str) -> Json {
    let hash = hex::encode(Sha256::digest(query.as_bytes()));
    json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } })
}

#[tokio::test]
async fn a_document_that_was_sent_is_known_by_its_hash() {
    let app = TestApp::start().await;
    app.brand("north").await;
    let query = "query Titles($first: Int!) { assets(first: $first) { nodes { title } } }";
    let extensions = persisted(query);
    let by_hash =
        |first: Json| json!({ "extensions": extensions, "variables": { "first": first } });
    let unknown = app.send_json(&by_hash(json!(1))).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (200, "PERSISTED_QUERY_NOT_FOUND")
    );
    assert_eq!(
        unknown.body["errors"][0]["message"],
        "PersistedQueryNotFound"
    );
    let whole = json!({ "query": query, "extensions": extensions, "variables": { "first": 1 } });
    app.send_json(&whole).await.data();
    for n in 1..4 {
        app.draft_asset("north", &format!("Picture {n}"), json!({}))
            .await;
        let data = app.send_json(&by_hash(json!(n))).await.data();
        assert_eq!(data["assets"]["nodes"].as_array().unwrap().len(), n);
    }
    // A known document is no less strict about its variables than a new one.
    for bad in [
        json!("1"),
        json!(null),
        json!(1.5),
        json!(101),
        json!([1, 2]),
    ] {
        let answer = app.send_json(&by_hash(bad.clone())).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{bad}");
        assert!(
            answer.body.get("data").is_none(),
            "{bad}: {:#}",
            answer.body
        );
    }
    // By GET, as caches like it.
    let get = async |token: &str, extensions: &Json, variables: &str| {
        let address = format!("{}/graphql", app.url);
        let extensions = extensions.to_string();
        let parameters = [
            ("extensions", extensions.as_str()),
            ("variables", variables),
        ];
        let address = url::Url::parse_with_params(&address, parameters).unwrap();
        answer(app.http.get(address).bearer_auth(token)).await
    };
    let found = get(&app.admin, &extensions, "{\"first\":2}").await.data();
    assert_eq!(found["assets"]["nodes"].as_array().unwrap().len(), 2);
    // The document is shared, what it may ask is not.
    app.channel("site", json!({})).await;
    let public = app.token(&["READ_PUBLIC"], &[], &["site"]).await;
    let log = "{ auditLog { nodes { id } } }";
    app.query(log).await;
    let refused = get(&public, &persisted(log), "").await;
    assert_eq!(refused.code(), "FORBIDDEN");
    let made = "mutation { createBrand(input: { name: \"south\" }) { brand { id } } }";
    app.query(made).await;
    assert_eq!(get(&app.admin, &persisted(made), "").await.status, 405);
    // What was never valid is not kept.
    let wrong = json!({ "query": "{ nothing }", "extensions": persisted("{ nothing }") });
    assert_eq!(app.send_json(&wrong).await.code(), "BAD_REQUEST");
    let again = app
        .send_json(&json!({ "extensions": persisted("{ nothing }") }))
        .await;
    assert_eq!(again.code(), "PERSISTED_QUERY_NOT_FOUND");
    for bad in [
        json!({ "query": "{ __typename }", "extensions": extensions }),
        json!({ "extensions": { "persistedQuery": { "version": 2, "sha256Hash": "ab".repeat(32) } } }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "ab" } } }),
        json!({ "extensions": { "persistedQuery": { "version": 1 } } }),
        json!({ "extensions": { "persistedQuery": true } }),
    ] {
        let answer = app.send_json(&bad).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "BAD_REQUEST"),
            "{bad}"
        );
    }
    app.stop().await;
}

/// Values that a document holds itself are looked at with those of its variables beside them.
#[tokio::test]
async fn a_known_document_is_validated_for_variables_that_it_did_not_have() {
    let app = TestApp::start().await;
    let query = "query($t: String) { assets(filter: { tags: [$t], ids: 1.5 }) { totalCount } }";
    let first = app.ask(&app.admin, query, json!({})).await;
    assert_eq!(first.code(), "BAD_REQUEST");
    for _ in 0..2 {
        let answer = app.ask(&app.admin, query, json!({ "t": "a" })).await;
        assert_eq!(answer.code(), "BAD_REQUEST");
        assert!(answer.body.get("data").is_none(), "{:#}", answer.body);
    }
    app.stop().await;
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_ended_and_the_next_one_is_not() {
    let app = TestApp::start_limited(Limits {
        operation_timeout: Duration::from_millis(500),
        ..Limits::default()
    })
    .await;
    let answer = app
        .while_held("LOCK TABLE brands IN ACCESS EXCLUSIVE MODE", async {
            let input = json!({ "name": "north" });
            app.answer_as(&app.admin, "createBrand", input, "brand { id }")
                .await
        })
        .await;
    assert_eq!((answer.status, answer.code()), (503, "UNAVAILABLE"));
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("500 milliseconds"), "{message}");
    let input = json!({ "name": "south" });
    app.mutate("createBrand", input, "brand { id }").await;
    app.assert_still_works(0).await;
    app.stop().await;
}

#[tokio::test]
async fn an_answer_tells_nothing_of_the_inside() {
    let app = TestApp::start().await;
    for (query, variables) in [
        ("{", json!({})),
        ("{ nothing }", json!({})),
        ("{ node(id: \"x' OR 1=1 --\") { id } }", json!({})),
        (
            "query($a: Int!) { assets(first: $a) { nodes { id } } }",
            json!({ "a": {} }),
        ),
        ("{ assets(after: \"x\") { nodes { id } } }", json!({})),
    ] {
        let request = app
            .http
            .post(format!("{}/graphql", app.url))
            .bearer_auth(&app.admin)
            .header("apollo-tracing", "1")
            .header("x-apollo-tracing", "1")
            .json(&json!({ "query": query, "variables": variables, "extensions": { "tracing": true } }));
        let body = answer(request).await.body;
        let text = body.to_string();
        for inside in [
            ".rs",
            "panicked",
            "SELECT",
            "sqlx",
            "async_graphql",
            "backtrace",
        ] {
            assert!(!text.contains(inside), "{text}");
        }
        assert_eq!(body["extensions"].get("tracing"), None);
        let errors = body["errors"].as_array().into_iter().flatten();
        for error in errors {
            assert!(error["extensions"]["requestId"].is_string(), "{text}");
            assert_eq!(error["extensions"].as_object().unwrap().len(), 2, "{text}");
        }
    }
    // The address of GraphQL serves no page to try it on.
    let page = app
        .http
        .get(format!("{}/graphql", app.url))
        .bearer_auth(&app.admin)
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 406);
    let anonymous = app.http.post(format!("{}/graphql", app.url));
    let anonymous = answer(anonymous.json(&json!({ "query": INTROSPECTION }))).await;
    assert_eq!(
        (anonymous.status, anonymous.code()),
        (401, "UNAUTHENTICATED")
    );
    app.stop().await;
}
