//! What most tests begin with: a brand with a product, channels, and contents that are approved.

use serde_json::{Value as Json, json};

use super::{TestApp, png};

fn id(value: &Json) -> String {
    value["id"].as_str().unwrap().to_owned()
}

impl TestApp {
    /// A brand; its slug is its name.
    pub(crate) async fn brand(&self, name: &str) -> String {
        id(&self
            .mutate(
                "createBrand",
                json!({ "name": name, "slug": name }),
                "brand { id }",
            )
            .await["brand"])
    }

    pub(crate) async fn product(&self, brand: &str, sku: &str) -> String {
        let input = json!({ "brand": brand, "sku": sku, "name": format!("Product {sku}") });
        id(&self.mutate("createProduct", input, "product { id }").await["product"])
    }

    /// A channel of kind SITE without rules. `more` is laid over the input.
    pub(crate) async fn channel(&self, slug: &str, more: Json) -> String {
        let mut input = json!({ "slug": slug, "name": slug, "kind": "SITE" });
        merge(&mut input, more);
        id(&self.mutate("createChannel", input, "channel { id }").await["channel"])
    }

    /// An outlet of kind PRESS. `more` is laid over the input.
    pub(crate) async fn outlet(&self, name: &str, more: Json) -> String {
        let mut input = json!({ "name": name, "kind": "PRESS", "tier": 1 });
        merge(&mut input, more);
        id(&self.mutate("createOutlet", input, "outlet { id }").await["outlet"])
    }

    /// An approved picture. `more` is laid over the input.
    pub(crate) async fn asset(&self, brand: &str, title: &str, more: Json) -> String {
        let draft = self.draft_asset(brand, title, more).await;
        self.approve(&draft).await;
        draft
    }

    /// A picture nobody has reviewed.
    pub(crate) async fn draft_asset(&self, brand: &str, title: &str, more: Json) -> String {
        let mut input = json!({ "brand": brand, "title": title, "file": { "upload": null } });
        merge(&mut input, more);
        let file = (
            "picture.png",
            png(1200, 1200, u8::try_from(title.len() % 200).unwrap()),
        );
        let payload = self
            .upload_as(
                &self.admin,
                "createAsset",
                input,
                "asset { id }",
                "file.upload",
                file,
            )
            .await;
        assert_eq!(payload["userErrors"], json!([]), "createAsset was refused");
        id(&payload["asset"])
    }

    /// An approved endorsement with evidence, in English. `more` is laid over the input.
    pub(crate) async fn endorsement(
        &self,
        brand: &str,
        title: &str,
        outlet: &str,
        more: Json,
    ) -> String {
        let mut input = json!({
            "brand": brand, "title": title, "outlet": outlet, "kind": "QUOTE", "publishedOn": "2026-05-01",
            "wording": { "statements": [{ "locale": "en", "headline": title, "quote": "It lasts." }] },
        });
        merge(&mut input, more);
        let payload = self
            .mutate("createEndorsement", input, "endorsement { id }")
            .await;
        let endorsement = id(&payload["endorsement"]);
        let proof = json!({ "endorsement": endorsement, "file": { "upload": null } });
        let file = ("page.png", png(40, 40, 9));
        let proof = self
            .upload_as(&self.admin, "addEvidence", proof, "", "file.upload", file)
            .await;
        assert_eq!(proof["userErrors"], json!([]), "addEvidence was refused");
        self.approve(&endorsement).await;
        endorsement
    }

    /// Submits and approves the newest version of a content; another than its author approves it.
    pub(crate) async fn approve(&self, content: &str) -> String {
        let query = "query($id: ID!) { node(id: $id) { ... on Content { latestVersion { id } } } }";
        let found = self
            .ask(&self.admin, query, json!({ "id": content }))
            .await
            .data();
        let version = id(&found["node"]["latestVersion"]);
        self.mutate("submitVersion", json!({ "version": version }), "")
            .await;
        let reviewer = self.token(&["REVIEW"], &[], &[]).await;
        let input = json!({ "version": version, "decision": "APPROVE" });
        let payload = self.mutate_as(&reviewer, "reviewVersion", input, "").await;
        assert_eq!(
            payload["userErrors"],
            json!([]),
            "reviewVersion was refused"
        );
        version
    }

    /// An ALLOW lease without terms on contents. `more` is laid over the input.
    pub(crate) async fn lease(&self, contents: &[&str], more: Json) -> String {
        let mut input = json!({ "contents": contents, "access": "ALLOW" });
        merge(&mut input, more);
        id(&self.mutate("createLease", input, "lease { id }").await["lease"])
    }

    /// The gate's answer for a content in a channel: its holds' reasons, in their order.
    pub(crate) async fn holds(&self, content: &str, channel: &str) -> Vec<String> {
        let query = "query($id: ID!, $channel: ID!) { node(id: $id) { ... on Content {
            availability(channel: $channel) { holds { reason } } } } }";
        let variables = json!({ "id": content, "channel": channel });
        let answer = self.ask(&self.admin, query, variables).await.data();
        let holds = answer["node"]["availability"]["holds"]
            .as_array()
            .unwrap()
            .clone();
        holds
            .iter()
            .map(|hold| hold["reason"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Lays the fields of one object over another's.
fn merge(onto: &mut Json, more: Json) {
    if let (Json::Object(onto), Json::Object(more)) = (onto, more) {
        onto.extend(more);
    }
}
