//! Every field of the schema, asked in every way there is: none tells of what is behind the wall.
//!
//! The documents are made from the schema. A field that no answer of theirs has had is one that nobody has
//! tried: the test fails until the world holds what it shows.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::{World, text};
use crate::support::{Field, Schema, TestApp};

/// The arguments without which a field says nothing.
const ARGUMENTS: [(&str, &str); 13] = [
    ("availability", "(channel: \"strict\")"),
    ("checks", "(channel: \"strict\")"),
    ("beaconKey", "(channel: \"site\")"),
    // What a page of either could hold is most of what one answer may.
    ("rows", "(first: 2)"),
    ("waste", "(first: 2)"),
    ("bestProof", "(channel: \"site\")"),
    ("rightsEnding", "(withinDays: 30)"),
    ("ruleImpact", "(channel: \"site\", rules: [])"),
    ("jsonLd", "(channel: \"site\")"),
    ("search", "(query: \"lantern\")"),
    ("channel", "(slug: \"strict\")"),
    ("alt", "(locale: \"en\")"),
    ("storedBytes", "(brand: \"south\", sha256: [])"),
];

/// Fields that take an id are asked beside, with every id.
const BY_ID: [&str; 2] = ["node", "nodes"];

fn by_id(ty: &str, field: &str) -> bool {
    ty == "Query" && BY_ID.contains(&field)
}

/// So many fields are asked at once: fewer than the aliases that a document may have.
const AT_ONCE: usize = 8;

/// How a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Plain,
    Alias,
    Fragment,
    /// As a field of an interface of its type.
    Interface,
}

/// Evidence as if it had been a page.
pub(super) const CAPTURE: &str = "INSERT INTO page_captures (id, evidence_id, status, url, headers, sha256, extract_sha256,
        main_sha256, contains_quote, captured_at)
    SELECT i.id, i.id, 200, 'https://ridge.example/' || b.slug, '[[\"server\", \"' || b.slug || '\"]]', i.sha256,
        i.sha256, i.sha256, true, 0
    FROM evidence i JOIN contents c ON c.id = i.endorsement_id JOIN brands b ON b.id = c.brand_id
    WHERE i.sha256 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM page_captures p WHERE p.id = i.id)";

impl TestApp {
    /// What makes a field say something that is not said of every brand.
    async fn enrich(&self, world: &World) -> [String; 2] {
        let terms = json!({ "contents": [world["endorsement"]], "access": "ALLOW", "terms": { "showYear": true },
            "endsAt": TestApp::day(9),
            "fee": { "amount": "12.50", "currency": "EUR" } });
        let lease = self.mutate("createLease", terms, "lease { id }").await;
        self.behind(CAPTURE).await;
        let asset = json!({ "id": world["asset"], "revision": self.revision(&world["asset"]).await,
            "channels": ["site", "strict"], "audiences": ["hikers"], "focalPoint": { "x": 0.5, "y": 0.5 },
            "alt": [{ "locale": "en", "text": format!("The {} lantern", world["slug"]) }] });
        self.mutate("updateContent", asset, "").await;
        let win = json!({ "id": world["endorsement"], "revision": self.revision(&world["endorsement"]).await,
            "assets": [world["asset"]], "wonBy": world["token"], "channels": ["site", "strict"] });
        self.mutate("updateContent", win, "").await;
        let placed = json!({ "content": world["endorsement"], "channel": "site", "location": "end",
            "product": world["sku"], "audience": "hikers" });
        let placed = self
            .mutate("createPlacement", placed, "placement { id }")
            .await;
        // Now the win may go out, and what is shown with it.
        let claim = json!({ "claim": world["claim"], "state": "CONFIRMED" });
        self.mutate("decideClaim", claim, "").await;
        let order = json!({ "id": "e2", "kind": "ORDER", "beaconKey": world["beacon"],
            "value": { "amount": "9.90", "currency": "EUR" } });
        self.mutate("recordUsage", json!({ "events": [order] }), "accepted")
            .await;
        let shown = json!({ "id": "e3", "kind": "IMPRESSION", "beaconKey": world["beacon"] });
        self.mutate("recordUsage", json!({ "events": [shown] }), "accepted")
            .await;
        let seen = json!({ "placement": world["placement"], "found": true, "detail": format!("By {}", world["slug"]) });
        self.mutate("recordSighting", seen, "").await;
        let brand = json!({ "brand": world["brand"], "logo": world["asset"] });
        self.mutate("updateBrand", brand, "").await;
        let product = json!({ "product": world["product"], "channels": ["site", "quiet"] });
        self.mutate("updateProduct", product, "").await;
        [
            text(&lease["lease"]["id"]),
            text(&placed["placement"]["id"]),
        ]
    }
}

/// What is asked of a type, no deeper than what its fields show themselves.
struct Walk<'s> {
    schema: &'s Schema,
}

impl Walk<'_> {
    fn fields<'a>(&'a self, ty: &'a str) -> impl Iterator<Item = &'a Field> {
        self.schema
            .get(ty)
            .fields
            .iter()
            .filter(move |f| !by_id(ty, &f.name))
    }

    /// A field with all that lies directly in it.
    fn field(&self, field: &Field, depth: usize) -> String {
        let arguments = ARGUMENTS.iter().find(|(name, _)| *name == field.name);
        let mut asked = field.name.clone();
        if arguments.is_some_and(|_| !field.args.is_empty()) {
            asked.push_str(arguments.map_or("", |(_, text)| text));
        }
        if !self.schema.is_leaf(&field.ty) {
            let inside = self.inside(field.ty.name(), depth);
            asked = format!("{asked} {{ {inside} }}");
        }
        asked
    }

    /// Everything in a type to this depth; connections, edges and findings count for nothing.
    fn inside(&self, ty: &str, depth: usize) -> String {
        let known = self.schema.get(ty);
        let wrapper = [
            "Connection",
            "Edge",
            "PageInfo",
            "Availability",
            "Hold",
            "UsageTotals",
            "TakeDowns",
            "SimilarAsset",
            "Sighting",
            "Coverage",
            "CoverageRow",
            "CoverageCell",
            "CoverageSummary",
            "Waste",
            "Proof",
            "RightsEnding",
            "RuleImpact",
            "PageCapture",
            "PageHeader",
        ];
        let mut parts = vec!["__typename".to_owned()];
        for field in self.fields(ty) {
            let target = field.ty.name();
            let deeper = depth > 0 || wrapper.iter().any(|end| ty.ends_with(end));
            if self.schema.is_leaf(&field.ty) {
                parts.push(self.field(field, 0));
            } else if deeper && !(ty.ends_with("Edge") && target != "PageInfo") {
                let unwraps = wrapper
                    .iter()
                    .any(|end| target.ends_with(end) || ty.ends_with(end));
                parts.push(self.field(field, if unwraps { depth } else { depth - 1 }.min(1)));
            } else if deeper {
                parts.push(format!("{} {{ __typename }}", field.name));
            }
        }
        if known.fields.is_empty() {
            for possible in &known.possible {
                parts.push(format!(
                    "... on {possible} {{ {} }}",
                    self.inside(possible, 0)
                ));
            }
        }
        parts.join(" ")
    }

    /// Documents that ask for every field of an object, found by `opening`, in this way.
    fn documents(&self, ty: &str, opening: &str, way: Way) -> Vec<String> {
        let fields: Vec<&Field> = self.fields(ty).collect();
        let mut documents = Vec::new();
        let interfaces = ["Content", "Version", "Node"];
        for some in fields.chunks(AT_ONCE) {
            let asked = |field: &&Field| self.field(field, 0);
            let (on, rest) = match way {
                Way::Plain => (
                    some.iter().map(asked).collect::<Vec<_>>().join(" "),
                    String::new(),
                ),
                Way::Alias => {
                    let aliased = some
                        .iter()
                        .enumerate()
                        .map(|(n, f)| format!("x{n}: {}", asked(f)));
                    (aliased.collect::<Vec<_>>().join(" "), String::new())
                }
                Way::Fragment => {
                    let inside = some.iter().map(asked).collect::<Vec<_>>().join(" ");
                    (
                        "...F".to_owned(),
                        format!(" fragment F on {ty} {{ ...G }} fragment G on {ty} {{ {inside} }}"),
                    )
                }
                Way::Interface => {
                    let mut parts = Vec::new();
                    for interface in interfaces {
                        let known = self.schema.get(interface);
                        if !known.possible.iter().any(|p| p == ty) {
                            continue;
                        }
                        let shared = known
                            .fields
                            .iter()
                            .filter(|f| some.iter().any(|s| s.name == f.name));
                        let shared: Vec<_> = shared.map(|f| self.field(f, 0)).collect();
                        if !shared.is_empty() {
                            parts.push(format!("... on {interface} {{ {} }}", shared.join(" ")));
                        }
                    }
                    if parts.is_empty() {
                        continue;
                    }
                    (parts.join(" "), String::new())
                }
            };
            documents.push(format!(
                "{} {rest}",
                opening.replace('@', &format!("__typename {on}"))
            ));
        }
        documents
    }
}

/// The fields that an answer has values for.
fn note(answer: &Json, seen: &mut BTreeSet<String>) {
    match answer {
        Json::Array(items) => items.iter().for_each(|item| note(item, seen)),
        Json::Object(fields) => {
            let ty = fields
                .get("__typename")
                .and_then(Json::as_str)
                .unwrap_or_default();
            for (name, value) in fields {
                seen.insert(format!("{ty}.{name}"));
                note(value, seen);
            }
        }
        _ => {}
    }
}

/// Every field that a query can come to.
fn reachable(schema: &Schema) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for ty in schema.names() {
        let known = schema.get(ty);
        let is_ours = known.kind == "OBJECT" && !ty.starts_with("__") && ty != "Mutation";
        // Payloads and what stands in them alone belong to mutations, whose ids have a table of their own.
        if is_ours
            && !ty.ends_with("Payload")
            && !matches!(ty, "UserError" | "UpdateContentsResult" | "SyncRejection")
            // Only the token that made an import sees it (`an_import_is_its_makers_and_ends_with_its_rights`).
            && !matches!(ty, "Import" | "ImportError")
        {
            let named = known.fields.iter().filter(|f| !by_id(ty, &f.name));
            all.extend(named.map(|f| format!("{ty}.{}", f.name)));
        }
    }
    all
}

#[tokio::test]
async fn no_field_in_whatever_way_it_is_asked_for_tells_of_another_brand() {
    let app = TestApp::start().await;
    let rules =
        json!([{ "check": "MIN_WIDTH", "value": 5000, "source": "https://example.com/rules" }]);
    let preset =
        json!([{ "name": "square", "fit": "PAD", "width": 100, "mediaType": "image/png" }]);
    app.channel("strict", json!({ "rules": rules, "presets": preset }))
        .await;
    // Nothing is ever shown here: a gap.
    app.channel("quiet", json!({})).await;
    app.mutate("createAudience", json!({ "name": "hikers" }), "")
        .await;
    let north = app.north().await;
    let south = app.world("south", &north["outlet"]).await;
    let more = app.enrich(&north).await;
    let behind = app.enrich(&south).await;
    // Nobody reads an outlet's logo but who sees the asset.
    let logo = json!({ "outlet": north["outlet"], "logo": south["asset"] });
    app.mutate("updateOutlet", logo, "").await;
    let strict = app
        .query("{ channel(slug: \"strict\") { id } audiences { id } }")
        .await;

    let schema = Schema::read(&app).await;
    let walk = Walk { schema: &schema };
    let mut objects = vec![
        text(&strict["channel"]["id"]),
        text(&strict["audiences"][0]["id"]),
    ];
    let things = north
        .iter()
        .filter(|(name, _)| !matches!(**name, "secret" | "beacon" | "slug" | "sku" | "upload"));
    objects.extend(things.map(|(_, id)| id.clone()).chain(more));
    let mut seen = BTreeSet::new();
    for scope in ["READ", "ADMIN"] {
        let token = app.token(&[scope], &["north"], &[]).await;
        for way in [Way::Plain, Way::Alias, Way::Fragment, Way::Interface] {
            let mut documents = walk.documents("Query", "{ @ }", way);
            for id in &objects {
                let ty = type_of(&app, id).await;
                let opening = format!("{{ node(id: \"{id}\") {{ ... on {ty} {{ @ }} }} }}");
                documents.extend(walk.documents(&ty, &opening, way));
            }
            for document in documents {
                if scope == "READ" && document.contains("auditLog") {
                    continue;
                }
                let answer = app.ask(&token, &document, json!({})).await;
                assert_eq!(answer.code(), "none", "{document}: {:#}", answer.body);
                let told = answer.body.to_string();
                let [lease, placement] = &behind;
                let more = [("second lease", lease), ("second placement", placement)];
                for (what, word) in south.iter().map(|(what, word)| (*what, word)).chain(more) {
                    let found = told.find(word.as_str());
                    assert_eq!(
                        found, None,
                        "{scope} {way:?} is told south's {what}: {document}: {told}"
                    );
                }
                if way == Way::Plain {
                    note(&answer.body["data"], &mut seen);
                }
            }
        }
    }
    // The documents ask for what is there: who may see it is told.
    let mut told = String::new();
    for document in walk.documents("Query", "{ @ }", Way::Plain) {
        told += &app
            .ask(&app.admin, &document, json!({}))
            .await
            .body
            .to_string();
    }
    for what in [
        "brand",
        "product",
        "asset",
        "endorsement",
        "draft",
        "waiting",
        "slug",
        "sku",
    ] {
        assert!(told.contains(&south[what]), "nobody is told the {what}");
    }
    let untried: Vec<_> = reachable(&schema).difference(&seen).cloned().collect();
    assert!(
        untried.is_empty(),
        "no answer had these fields: {untried:#?}"
    );
    app.stop().await;
}

async fn type_of(app: &TestApp, id: &str) -> String {
    let found = app
        .ask(
            &app.admin,
            "query($id: ID!) { node(id: $id) { __typename } }",
            json!({ "id": id }),
        )
        .await;
    text(&found.data()["node"]["__typename"])
}
