//! What pages say of wins in the words of schema.org.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::support::TestApp;

/// The terms of schema.org that the server uses, from its own vocabulary.
const VOCABULARY: &str = include_str!("vocabulary.jsonld");

struct Vocabulary(BTreeMap<String, Json>);

/// The names in one value or a list of `{"@id": "schema:…"}`.
fn names(value: &Json) -> BTreeSet<String> {
    let one = |value: &Json| {
        let id = value["@id"].as_str().unwrap();
        id.trim_start_matches("schema:").to_owned()
    };
    match value {
        Json::Null => BTreeSet::new(),
        Json::Array(items) => items.iter().map(one).collect(),
        other => [one(other)].into(),
    }
}

impl Vocabulary {
    fn read() -> Self {
        let all: Json = serde_json::from_str(VOCABULARY).unwrap();
        let terms = all["@graph"].as_array().unwrap().iter();
        let named = terms.map(|term| (names(term).pop_first().unwrap(), term.clone()));
        Self(named.collect())
    }

    fn term(&self, name: &str, kind: &str) -> &Json {
        let term = self.0.get(name);
        let term = term.unwrap_or_else(|| panic!("schema.org has no {name}"));
        assert!(
            term["@type"].to_string().contains(kind),
            "{name} is no {kind}"
        );
        term
    }

    /// A type and all above it.
    fn above(&self, ty: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([ty.to_owned()]);
        for above in names(&self.term(ty, "rdfs:Class")["rdfs:subClassOf"]) {
            if self.0.contains_key(&above) {
                all.extend(self.above(&above));
            }
        }
        all
    }

    /// Each type and property is schema.org's, stands where it may, and has a value that it may have.
    fn check(&self, node: &Json) {
        let ty = node["@type"].as_str().unwrap();
        let types = self.above(ty);
        for (name, value) in node.as_object().unwrap() {
            if name.starts_with('@') {
                continue;
            }
            let property = self.term(name, "rdf:Property");
            let domain = names(&property["schema:domainIncludes"]);
            assert!(!domain.is_disjoint(&types), "{name} stands not in {ty}");
            let range = names(&property["schema:rangeIncludes"]);
            let fits: &[&str] = match value {
                Json::Object(_) => {
                    self.check(value);
                    let types = self.above(value["@type"].as_str().unwrap());
                    assert!(!range.is_disjoint(&types), "{name} has no {value}");
                    continue;
                }
                Json::Number(_) => &["Number", "Integer"],
                Json::String(text) if text.starts_with("https://") => &["URL", "Text"],
                Json::String(text) if text.len() == 10 && text.split('-').count() == 3 => {
                    &["Date", "Text"]
                }
                Json::String(text) => {
                    assert!(!text.is_empty(), "{name} is empty");
                    &["Text"]
                }
                other => panic!("{name} is {other}"),
            };
            assert!(
                fits.iter().any(|ty| range.contains(*ty)),
                "{name} is no {value}"
            );
        }
    }
}

struct Page {
    app: TestApp,
    press: String,
    vocabulary: Vocabulary,
}

impl Page {
    async fn new() -> Self {
        let app = TestApp::start().await;
        app.brand("north").await;
        for sku in ["L-1", "L-2"] {
            app.product("north", sku).await;
        }
        app.channel("site", json!({})).await;
        app.channel("other", json!({})).await;
        let press = json!({ "domain": "lantern.example" });
        let press = app.outlet("Lantern Weekly", press).await;
        Self {
            app,
            press,
            vocabulary: Vocabulary::read(),
        }
    }

    async fn win(&self, outlet: &str, more: Json) -> String {
        let mut all = json!({ "channels": ["site"], "products": ["L-1"],
            "sourceUrl": null, "publishedOn": "2026-05-01" });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.app.endorsement("north", "It lasts", outlet, all).await
    }

    async fn ask(&self, token: &str, win: &str, arguments: &str) -> crate::support::Answer {
        let query = format!(
            "query($id: ID!) {{ node(id: $id) {{ ... on Endorsement {{ jsonLd({arguments}) }} }} }}"
        );
        self.app.ask(token, &query, json!({ "id": win })).await
    }

    /// What the site says, which schema.org has words for.
    async fn says(&self, win: &str, more: &str) -> Json {
        let answer = self
            .ask(&self.app.admin, win, &format!("channel: \"site\"{more}"))
            .await;
        let said = answer.data()["node"]["jsonLd"].clone();
        if !said.is_null() {
            assert_eq!(said["@context"], "https://schema.org");
            self.vocabulary.check(&said);
        }
        said
    }
}

#[tokio::test]
async fn each_kind_of_win_is_said_in_words_that_schema_org_has() {
    let page = Page::new().await;
    let app = &page.app;
    let statement = json!({ "locale": "en", "headline": "The lantern of the year", "quote": "It lasts.",
        "award": "Lantern of the Year", "disclosure": "We were sent one." });
    let wording = json!({ "statements": [statement], "byline": "Ann Lee", "rank": 1, "rating": "4.5",
        "ratingScale": "5", "ratingCount": 12, "materialConnection": "GIFTED" });
    let creator = app
        .outlet("Night Walker", json!({ "kind": "CREATOR" }))
        .await;
    for outlet in [&page.press, &creator] {
        for kind in [
            "AWARD",
            "RANKING",
            "REVIEW",
            "QUOTE",
            "MENTION",
            "RATING",
            "CERTIFICATION",
        ] {
            for products in [json!(["L-1"]), json!([])] {
                let more = json!({ "kind": kind, "wording": wording, "products": products });
                let win = page.win(outlet, more).await;
                let terms = json!({ "showYear": true, "disclaimer": "Quoted under licence.",
                    "linkBack": "https://lantern.example/licence" });
                app.lease(&[&win], json!({ "terms": terms })).await;
                let said = page.says(&win, "").await;
                let field = match kind {
                    "AWARD" | "RANKING" | "CERTIFICATION" => "award",
                    "RATING" => "aggregateRating",
                    _ => "review",
                };
                assert!(!said[field].is_null(), "{kind}: {said}");
                let is_product = products != json!([]);
                assert_eq!(
                    said["@type"],
                    if is_product {
                        "Product"
                    } else {
                        "Organization"
                    }
                );
                // What must be told is told of every kind.
                let text = said.to_string();
                for duty in [
                    "2026",
                    "Quoted under licence.",
                    "We were sent one.",
                    "https://lantern.example/licence",
                ] {
                    assert!(text.contains(duty), "{kind}: no {duty} in {text}");
                }
            }
        }
    }
    page.app.stop().await;
}

#[tokio::test]
async fn a_review_says_who_said_what_and_an_award_its_name() {
    let page = Page::new().await;
    let app = &page.app;
    let wording = json!({ "statements": [{ "locale": "en", "headline": "Bright", "quote": "It lasts." },
        { "locale": "de", "headline": "Hell", "quote": "Sie hält." }], "rating": "4.5", "ratingScale": "5" });
    let review = page
        .win(&page.press, json!({ "kind": "REVIEW", "wording": wording }))
        .await;
    let press = json!({ "@type": "Organization", "name": "Lantern Weekly", "url": "https://lantern.example" });
    let brand = json!({ "@type": "Brand", "name": "north" });
    let expected = json!({
        "@context": "https://schema.org", "@type": "Product", "name": "Product L-1", "sku": "L-1", "brand": brand,
        "review": { "@type": "Review", "name": "Bright", "reviewBody": "It lasts.", "author": press,
            "publisher": press, "datePublished": "2026-05-01", "inLanguage": "en",
            "reviewRating": { "@type": "Rating", "ratingValue": "4.5", "bestRating": "5" } },
    });
    assert_eq!(page.says(&review, "").await, expected);
    let german = page.says(&review, ", locale: \"de-AT\"").await;
    assert_eq!(german["review"]["reviewBody"], "Sie hält.");
    assert_eq!(german["review"]["inLanguage"], "de");

    let named = json!({ "statements": [{ "locale": "en", "headline": "Best of all", "award": "Lantern of the Year" }] });
    let award = page
        .win(&page.press, json!({ "kind": "AWARD", "wording": named }))
        .await;
    assert_eq!(page.says(&award, "").await["award"], "Lantern of the Year");
    app.lease(&[&award], json!({ "terms": { "showYear": true } }))
        .await;
    assert_eq!(
        page.says(&award, "").await["award"],
        "Lantern of the Year (2026)"
    );

    // A customer is a person.
    let customer = app.outlet("Bo", json!({ "kind": "CUSTOMER" })).await;
    let quote = page.win(&customer, json!({})).await;
    assert_eq!(page.says(&quote, "").await, Json::Null, "no consent");
    let lease = json!({ "terms": { "noExcerpt": true } });
    app.lease(&[&quote], lease).await;
    let said = page.says(&quote, "").await;
    assert_eq!(
        said["review"]["author"],
        json!({ "@type": "Person", "name": "Bo" })
    );
    assert_eq!(
        said["review"]["reviewBody"],
        Json::Null,
        "the lease bars excerpts"
    );
    page.app.stop().await;
}

#[tokio::test]
async fn a_page_says_only_what_goes_out_there_and_is_true_of_its_product() {
    let page = Page::new().await;
    let app = &page.app;
    let win = page.win(&page.press, json!({})).await;
    let public = app
        .token(&["READ_PUBLIC"], &["north"], &["site", "other"])
        .await;
    let seen = async |token: &str, arguments: &str| page.ask(token, &win, arguments).await;
    for token in [&app.admin, &public] {
        let site = seen(token, "channel: \"site\", product: \"L-1\"")
            .await
            .data();
        assert_eq!(site["node"]["jsonLd"]["sku"], "L-1");
        let other = seen(token, "channel: \"other\"").await.data();
        assert_eq!(
            other["node"]["jsonLd"],
            Json::Null,
            "it is not meant for it"
        );
        let product = seen(token, "channel: \"site\", product: \"L-2\"")
            .await
            .data();
        assert_eq!(
            product["node"]["jsonLd"],
            Json::Null,
            "it is about another product"
        );
        for wrong in [
            "channel: \"nowhere\"",
            "channel: \"site\", product: \"none\"",
        ] {
            assert_eq!(seen(token, wrong).await.code(), "NOT_FOUND");
        }
    }
    let site_only = app.token(&["READ_PUBLIC"], &["north"], &["site"]).await;
    assert_eq!(
        seen(&site_only, "channel: \"other\"").await.code(),
        "NOT_FOUND"
    );

    // Texts end no script, and are what they were for who reads them.
    let headline = "Bright </script><script>alert(1)</script> <!-- 3 < 4";
    let wording = json!({ "statements": [{ "locale": "en", "headline": headline }] });
    let sly = page.win(&page.press, json!({ "wording": wording })).await;
    let said = page.says(&sly, "").await.to_string().to_lowercase();
    assert!(
        !said.contains("</") && !said.contains("<!") && !said.contains("<s"),
        "{said}"
    );
    assert!(
        said.replace('\u{2060}', "")
            .contains(&headline.to_lowercase())
    );

    // Once it is held, nothing is said.
    app.mutate(
        "withdrawContent",
        json!({ "id": win, "reason": "Wrong" }),
        "",
    )
    .await;
    assert_eq!(page.says(&win, "").await, Json::Null);
    assert_eq!(
        seen(&public, "channel: \"site\"").await.data()["node"],
        Json::Null
    );
    page.app.stop().await;
}
