//! Assets, endorsements and their leases.

use std::sync::Arc;

use anyhow::{Context, ensure};
use serde_json::{Value as Json, json};

use super::{Made, Seeder, text};
use crate::demo::story::{Asset, AssetVersion, Endorsement, Lease, Role, State};
use crate::media;

impl<'s> Seeder<'s> {
    pub(super) async fn create_asset(&mut self, asset: &'s Asset) -> anyhow::Result<()> {
        let version = asset.versions.first();
        let version = version.with_context(|| format!("{} has no version", asset.key))?;
        let input = json!({
            "brand": self.id("brand", &asset.brand)?, "title": asset.title, "kind": asset.kind,
            "locale": asset.locale, "tags": asset.tags, "products": self.all("product", &asset.products)?,
            "audiences": self.all("audience", &asset.audiences)?, "markets": asset.markets,
            "channels": asset.channels, "alt": asset.alt, "note": version.note,
        });
        let selection = "asset { id latestVersion { id } }";
        let made = self
            .bring("createAsset", selection, input, version)
            .await
            .with_context(|| asset.key.clone())?;
        let made = Made {
            id: text(&made["asset"]["id"])?,
            versions: vec![text(&made["asset"]["latestVersion"]["id"])?],
            author: version.author.clone(),
        };
        let logo_of = self
            .story
            .brands
            .iter()
            .find(|b| b.logo.as_ref() == Some(&asset.key));
        if let Some(brand) = logo_of {
            let input = json!({ "brand": brand.slug, "logo": made.id });
            self.desk
                .call(&self.system, "updateBrand", "brand { id }", input)
                .await?;
        }
        self.contents.insert(&asset.key, made);
        self.take_on(&asset.key, version.state, version.reviewer.as_deref())
            .await
    }

    /// Adds a version, counted from 0.
    pub(super) async fn add_asset_version(
        &mut self,
        asset: &'s Asset,
        i: usize,
    ) -> anyhow::Result<()> {
        let version = asset.versions.get(i);
        let version = version.with_context(|| format!("{} has no version {i}", asset.key))?;
        let input = json!({
            "asset": self.content(&asset.key)?.id, "note": version.note, "expectedNumber": i + 1,
        });
        let made = self
            .bring("addAssetVersion", "version { id }", input, version)
            .await
            .with_context(|| asset.key.clone())?;
        let id = text(&made["version"]["id"])?;
        let content = self.contents.get_mut(asset.key.as_str());
        let content = content.with_context(|| asset.key.clone())?;
        content.versions.push(id);
        content.author.clone_from(&version.author);
        self.take_on(&asset.key, version.state, version.reviewer.as_deref())
            .await
    }

    /// Lets a version's author run a mutation with its file or text.
    async fn bring(
        &self,
        mutation: &str,
        selection: &str,
        mut input: Json,
        version: &AssetVersion,
    ) -> anyhow::Result<Json> {
        let author = &self.person(&version.author)?.viewer;
        if let Some(file) = &version.file {
            ensure!(version.text.is_none(), "a version has a file or a text");
            let made = self
                .desk
                .call_with_picture(author, mutation, selection, input, file)
                .await?;
            // What places demand of a picture is asked of what it looks like: on a busy machine that is still
            // to be found.
            media::sweep(self.desk.app()).await?;
            return Ok(made);
        }
        if let Some(fields) = input.as_object_mut() {
            fields.insert("text".to_owned(), json!(version.text));
        }
        self.desk.call(author, mutation, selection, input).await
    }

    pub(super) async fn create_endorsement(&mut self, new: &'s Endorsement) -> anyhow::Result<()> {
        let author = Arc::clone(&self.person(&new.author)?.viewer);
        let selection = "endorsement { id latestVersion { id } claims { id text } }";
        let made = self
            .desk
            .call(&author, "createEndorsement", selection, self.input(new)?)
            .await
            .with_context(|| new.key.clone())?;
        let made = &made["endorsement"];
        let id = text(&made["id"])?;
        let content = Made {
            id: id.clone(),
            versions: vec![text(&made["latestVersion"]["id"])?],
            author: new.author.clone(),
        };
        self.contents.insert(&new.key, content);
        let input = json!({ "endorsement": id, "note": new.evidence.note });
        let file = &new.evidence.file;
        self.desk
            .call_with_picture(&author, "addEvidence", "evidence { id }", input, file)
            .await
            .with_context(|| new.key.clone())?;
        self.decide_claims(new, made).await?;
        self.take_on(&new.key, new.state, new.reviewer.as_deref())
            .await
    }

    fn input(&self, new: &Endorsement) -> anyhow::Result<Json> {
        let days_ago = i32::try_from(new.published_on_days_ago)?;
        let mut claims = Vec::new();
        for claim in &new.claims {
            let product = self.id("product", &claim.product)?;
            claims.push(json!({ "text": claim.text, "product": product }));
        }
        // Those that are not there yet are attached when they come.
        let assets = new.assets.iter().filter_map(|key| {
            let made = self.contents.get(key.as_str())?;
            Some(made.id.as_str())
        });
        Ok(json!({
            "brand": self.id("brand", &new.brand)?, "title": new.title, "outlet": self.id("outlet", &new.outlet)?,
            "kind": new.kind, "publishedOn": self.desk.date(-days_ago), "sourceUrl": new.source_url,
            "wording": new.wording, "wonBy": self.person(&new.won_by)?.token,
            "recheckEveryDays": new.recheck_every_days, "claims": claims, "assets": assets.collect::<Vec<_>>(),
            "tags": new.tags, "products": self.all("product", &new.products)?,
            "audiences": self.all("audience", &new.audiences)?, "markets": new.markets,
            "channels": new.channels, "releaseAt": new.release_in_days.map(|days| self.desk.instant(days)),
            "expireAt": new.expire_in_days.map(|days| self.desk.instant(days)),
        }))
    }

    /// Lets claims be decided by whom the story names; `made` is the new endorsement.
    async fn decide_claims(&self, new: &Endorsement, made: &Json) -> anyhow::Result<()> {
        for claim in &new.claims {
            let Some(by) = &claim.decided_by else {
                ensure!(
                    claim.state == "PROPOSED",
                    "nobody decided a claim of {}",
                    new.key
                );
                continue;
            };
            let claims = made["claims"].as_array().into_iter().flatten();
            let id = claims
                .filter(|c| c["text"] == claim.text.as_str())
                .find_map(|c| c["id"].as_str())
                .with_context(|| format!("a claim of {} is missing", new.key))?;
            let input = json!({ "claim": id, "state": claim.state, "note": claim.note });
            let by = &self.person(by)?.viewer;
            self.desk
                .call(by, "decideClaim", "claim { id }", input)
                .await
                .with_context(|| new.key.clone())?;
        }
        Ok(())
    }

    /// Attaches all of an endorsement's assets.
    pub(super) async fn attach(&self, endorsement: &Endorsement) -> anyhow::Result<()> {
        let content = self.content(&endorsement.key)?;
        let mut assets = Vec::new();
        for key in &endorsement.assets {
            assets.push(&self.content(key)?.id);
        }
        let author = &self.person(&content.author)?.viewer;
        let revision = self.desk.revision(author, &content.id).await?;
        let input = json!({ "id": content.id, "revision": revision, "assets": assets });
        self.desk
            .call(author, "updateContent", "content { id }", input)
            .await
            .with_context(|| endorsement.key.clone())?;
        Ok(())
    }

    /// Takes a content's newest version as far as the story does.
    async fn take_on(&self, key: &str, state: State, reviewer: Option<&str>) -> anyhow::Result<()> {
        let content = self.content(key)?;
        let version = content.versions.last();
        let author = &self.person(&content.author)?.viewer;
        let input = json!({ "version": version });
        self.desk
            .call(author, "submitVersion", "version { id }", input)
            .await
            .with_context(|| key.to_owned())?;
        if state == State::InReview {
            return Ok(());
        }
        let reviewer = reviewer.with_context(|| format!("nobody reviewed {key}"))?;
        let input = json!({ "version": version, "decision": "APPROVE" });
        self.desk
            .call(
                &self.person(reviewer)?.viewer,
                "reviewVersion",
                "version { id }",
                input,
            )
            .await
            .with_context(|| key.to_owned())?;
        Ok(())
    }

    pub(super) async fn create_lease(&self, lease: &Lease) -> anyhow::Result<()> {
        let mut contents = Vec::new();
        for key in &lease.contents {
            contents.push(&self.content(key)?.id);
        }
        let input = json!({
            "contents": contents, "access": lease.access, "channels": lease.channels, "markets": lease.markets,
            "startsAt": self.desk.instant(lease.starts_in_days),
            "endsAt": lease.ends_in_days.map(|days| self.desk.instant(days)), "licensor": lease.licensor,
            "reference": lease.reference, "fee": lease.fee, "terms": lease.terms, "notes": lease.notes,
        });
        let brand = self.brand_of(lease.contents.first().map_or("", String::as_str))?;
        let pr = self.of_brand(brand, Role::Pr)?;
        self.desk
            .call(pr, "createLease", "lease { id }", input)
            .await
            .with_context(|| lease.key.clone())?;
        Ok(())
    }

    fn brand_of(&self, key: &str) -> anyhow::Result<&str> {
        let assets = self.story.assets.iter().map(|a| (&a.key, &a.brand));
        let endorsements = self.story.endorsements.iter().map(|e| (&e.key, &e.brand));
        let found = assets.chain(endorsements).find(|(k, _)| *k == key);
        let (_, brand) = found.with_context(|| format!("the story has no content {key}"))?;
        Ok(brand)
    }
}
