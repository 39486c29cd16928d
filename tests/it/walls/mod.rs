//! Between brands there are walls: for a token of one, the other does not exist.

mod bytes;
mod fields;
mod filters;
mod places;
mod reading;
mod writing;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::{TestApp, png};

/// The ids of everything that belongs to a brand, by what it is.
type World = BTreeMap<&'static str, String>;

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

impl TestApp {
    /// What is shared, and a brand with one of everything.
    async fn north(&self) -> World {
        self.channel("site", json!({})).await;
        let channel = self.query("{ channel(slug: \"site\") { id } }").await;
        let outlet = self.outlet("Trailbench", json!({})).await;
        let mut world = self.world("north", &outlet).await;
        world.insert("channel", text(&channel["channel"]["id"]));
        world.insert("outlet", outlet);
        world
    }

    /// A brand with one of everything.
    async fn world(&self, slug: &str, outlet: &str) -> World {
        let sku = format!("{slug}-1");
        let brand = self.brand(slug).await;
        let product = self.product(slug, &sku).await;
        let labels =
            json!({ "channels": ["site"], "products": [sku], "tags": [format!("{slug} tag")] });
        let asset = self
            .asset(slug, &format!("{slug} lantern"), labels.clone())
            .await;
        let endorsement = self
            .endorsement(
                slug,
                &format!("{slug} lantern wins"),
                outlet,
                labels.clone(),
            )
            .await;
        let claims = json!({ "id": endorsement, "revision": self.revision(&endorsement).await,
            "claims": [{ "product": sku, "text": "It is the lightest." }] });
        self.mutate("updateContent", claims, "").await;
        let draft = self
            .draft_asset(slug, &format!("{slug} sketch"), labels)
            .await;
        let found = self
            .ask(
                &self.admin,
                WORLD,
                json!({ "a": asset, "e": endorsement, "d": draft }),
            )
            .await
            .data();
        let waiting = text(&found["d"]["latestVersion"]["id"]);
        self.mutate("submitVersion", json!({ "version": waiting }), "")
            .await;
        let document =
            json!({ "contents": [asset], "access": "ALLOW", "document": { "upload": null } });
        let file = ("contract.png", png(8, 8, 77));
        let lease = self
            .upload_as(
                &self.admin,
                "createLease",
                document,
                "lease { id }",
                "document.upload",
                file,
            )
            .await;
        let placed =
            json!({ "content": asset, "channel": "site", "location": "top", "status": "LIVE" });
        let placed = self
            .mutate("createPlacement", placed, "placement { id beaconKey }")
            .await;
        let beacon = text(&placed["placement"]["beaconKey"]);
        let event = json!({ "id": "e1", "kind": "CLICK", "beaconKey": beacon });
        self.mutate("recordUsage", json!({ "events": [event] }), "accepted")
            .await;
        let asked = json!({ "title": format!("A sketch of the {slug} lantern"), "content": asset });
        let asked = self.mutate("createRequest", asked, "request { id }").await;
        let token = json!({ "name": slug, "scopes": ["ADMIN"], "brands": [slug] });
        let token = self
            .mutate("createAccessToken", token, "secret token { id }")
            .await;
        let upload = self
            .uploaded_as(&text(&token["secret"]), png(9, 8, 78))
            .await;
        World::from([
            ("upload", upload),
            ("brand", brand),
            ("product", product),
            ("asset", asset),
            ("endorsement", endorsement),
            ("version", text(&found["a"]["version"]["id"])),
            ("wording", text(&found["e"]["version"]["id"])),
            ("waiting", waiting),
            ("draft", draft),
            ("review", text(&found["a"]["version"]["reviews"][0]["id"])),
            ("entry", text(&found["a"]["history"]["nodes"][0]["id"])),
            ("evidence", text(&found["e"]["evidence"][0]["id"])),
            ("claim", text(&found["e"]["claims"][0]["id"])),
            ("lease", text(&lease["lease"]["id"])),
            ("placement", text(&placed["placement"]["id"])),
            ("request", text(&asked["request"]["id"])),
            ("token", text(&token["token"]["id"])),
            ("secret", text(&token["secret"])),
            ("beacon", beacon),
            ("slug", slug.to_owned()),
            ("sku", sku),
        ])
    }

    pub(crate) async fn revision(&self, content: &str) -> i64 {
        let query = "query($id: ID!) { node(id: $id) { ... on Content { revision } } }";
        let found = self.ask(&self.admin, query, json!({ "id": content })).await;
        found.data()["node"]["revision"].as_i64().unwrap()
    }

    async fn view(&self, token: &str) -> Json {
        let mut seen = self.ask(token, VIEW, json!({})).await.data();
        let asked = "{ requests { totalCount nodes { id title content { id } } } }";
        let asked = self.ask(token, asked, json!({})).await.data();
        seen["requests"] = asked["requests"].clone();
        seen
    }

    async fn log(&self, token: &str) -> Json {
        self.ask(token, LOG, json!({})).await.data()
    }
}

const WORLD: &str = "query($a: ID!, $e: ID!, $d: ID!) {
    a: node(id: $a) { ... on Asset { version { id reviews { id } } history { nodes { id } } } }
    e: node(id: $e) { ... on Endorsement { version { id } evidence { id } claims { id } } }
    d: node(id: $d) { ... on Asset { latestVersion { id } } }
}";

/// All lists that a reader has, with their totals.
const VIEW: &str = "{
    brands { id slug }
    products { totalCount nodes { id sku brand { id } endorsements { totalCount } } }
    named: products(query: \"Product\") { totalCount nodes { id } }
    assets { totalCount nodes { id title revision leases { id } usage { clicks }
        placements { totalCount nodes { id } } history { totalCount nodes { id } } } }
    endorsements { totalCount nodes { id title claims { id } evidence { id } assets { id } } }
    reviewQueue { totalCount nodes { id } }
    search(query: \"lantern\") { totalCount nodes { ... on Content { id } } }
    outlets { totalCount nodes { id logo { id } endorsements { totalCount nodes { id } } } }
    channels { totalCount nodes { id contents { totalCount nodes { id } } } }
    audiences { id }
}";

const LOG: &str = "{ auditLog(first: 100) { totalCount nodes { id action changes subject { id } actor { __typename } } } }";

/// The id of another thing of the same kind, which nobody has.
fn random(id: &str) -> String {
    let last = if id.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &id[..id.len() - 1])
}
