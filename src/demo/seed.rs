//! Plays the story through the API's own mutations, so that the demo's audit, history and rights came
//! about as anybody's do.
//!
//! The clock goes forward only: the story's events are put in order, and the clock moves from one to the
//! next. What the server does by itself is set up by the operator (the system); the rest is done by the
//! people of the story. One part of the story has no mutation yet: for its users access tokens stand.

mod agenda;
mod contents;
mod desk;
mod placements;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};

use super::story::{Brand, Channel, Product, Role, Story, User};
use crate::accounts::{Viewer, bearer_lives};
use crate::app::App;
use crate::platform::clock::{Clock, Day, Timestamp};
use crate::platform::ids::TokenId;
use agenda::{Step, agenda};
use desk::Desk;

/// The morning on which the story begins: the catalogue is set up a day before the first event.
pub(super) fn beginning(story: &Story, today: Day) -> anyhow::Result<Timestamp> {
    let first = agenda(story)?.first().map_or(0, |(days, _)| *days);
    Ok(Desk::morning(today, first + 1))
}

/// Plays the whole story. `clock` is the application's, fixed at the story's beginning.
pub(super) async fn play(
    story: &Story,
    app: Arc<App>,
    clock: Clock,
    today: Day,
) -> anyhow::Result<()> {
    let mut seeder = Seeder {
        story,
        desk: Desk::new(app, clock, today),
        system: Arc::new(Viewer::system()),
        people: HashMap::new(),
        counter: None,
        ids: HashMap::new(),
        contents: HashMap::new(),
        beacons: HashMap::new(),
    };
    seeder.set_up().await?;
    for (days_ago, step) in agenda(story)? {
        seeder.desk.go_on_to(days_ago);
        match step {
            Step::Asset(asset, 0) => seeder.create_asset(asset).await?,
            Step::Asset(asset, i) => seeder.add_asset_version(asset, i).await?,
            Step::Endorsement(endorsement) => seeder.create_endorsement(endorsement).await?,
            Step::Attach(endorsement) => seeder.attach(endorsement).await?,
            Step::Lease(lease) => seeder.create_lease(lease).await?,
            Step::Placement(placement) => seeder.place(placement).await?,
            Step::Waiver(waiver) => seeder.waive(waiver).await?,
            Step::Usage => seeder.count(days_ago).await?,
        }
    }
    Ok(())
}

/// Someone of the story: the token that stands for them.
struct Person {
    token: String,
    viewer: Arc<Viewer>,
}

/// A content that was made.
struct Made {
    id: String,
    /// The ids of its versions, from the first on.
    versions: Vec<String>,
    author: String,
}

struct Seeder<'s> {
    story: &'s Story,
    desk: Desk,
    system: Arc<Viewer>,
    people: HashMap<&'s str, Person>,
    /// What sends the usage of the brands' pages.
    counter: Option<Arc<Viewer>>,
    /// The ids of brands, products, outlets and audiences, by what they are and their keys.
    ids: HashMap<&'static str, HashMap<&'s str, String>>,
    contents: HashMap<&'s str, Made>,
    beacons: HashMap<&'s str, String>,
}

impl<'s> Seeder<'s> {
    async fn set_up(&mut self) -> anyhow::Result<()> {
        for brand in &self.story.brands {
            self.create_brand(brand).await?;
        }
        for channel in &self.story.channels {
            let made = self.create_channel(channel).await;
            made.with_context(|| channel.slug.clone())?;
        }
        for outlet in &self.story.outlets {
            let input = json!({
                "name": outlet.name, "kind": outlet.kind, "domain": outlet.domain, "tier": outlet.tier,
                "country": outlet.country, "usageTerms": outlet.usage_terms,
            });
            self.create("createOutlet", "outlet", &outlet.key, input)
                .await?;
        }
        for audience in &self.story.audiences {
            let input = json!({ "name": audience.name, "slug": audience.slug });
            self.create("createAudience", "audience", &audience.key, input)
                .await?;
        }
        for user in &self.story.users {
            let brands = self.all("brand", &user.brands)?;
            let input =
                json!({ "name": token_name(user), "scopes": scopes(user), "brands": brands });
            let person = self.create_token(input).await?;
            self.people.insert(&user.key, person);
        }
        let input = json!({ "name": "The brands' pages, usage", "scopes": ["USAGE_WRITE"] });
        self.counter = Some(self.create_token(input).await?.viewer);
        for product in &self.story.products {
            self.create_product(product).await?;
        }
        Ok(())
    }

    async fn create_brand(&mut self, brand: &'s Brand) -> anyhow::Result<()> {
        let input = json!({ "name": brand.name, "slug": brand.slug });
        self.create("createBrand", "brand", &brand.key, input)
            .await?;
        let input = json!({ "brand": brand.slug, "color": brand.color });
        self.desk
            .call(&self.system, "updateBrand", "brand { id }", input)
            .await?;
        Ok(())
    }

    async fn create_channel(&self, channel: &Channel) -> anyhow::Result<()> {
        let input = serde_json::to_value(channel)?;
        self.desk
            .call(&self.system, "createChannel", "channel { id }", input)
            .await?;
        Ok(())
    }

    async fn create_product(&mut self, product: &'s Product) -> anyhow::Result<()> {
        let owner = Arc::clone(self.of_brand(&product.brand, Role::Product)?);
        let input = json!({
            "brand": self.id("brand", &product.brand)?, "sku": product.sku, "name": product.name,
            "category": product.category, "url": product.url, "edition": product.edition,
            "channels": product.channels,
        });
        let made = self
            .desk
            .call(&owner, "createProduct", "product { id }", input)
            .await;
        let made = made.with_context(|| product.key.clone())?;
        let id = text(&made["product"]["id"])?;
        self.keep("product", &product.key, id);
        Ok(())
    }

    /// Lets the operator make something whose id is kept under its key.
    async fn create(
        &mut self,
        mutation: &str,
        kind: &'static str,
        key: &'s str,
        input: Json,
    ) -> anyhow::Result<()> {
        let made = self
            .desk
            .call(&self.system, mutation, &format!("{kind} {{ id }}"), input)
            .await;
        let made = made.with_context(|| key.to_owned())?;
        self.keep(kind, key, text(&made[kind]["id"])?);
        Ok(())
    }

    /// Makes a token and takes its place. Its secret is thrown away: nobody comes in with it.
    async fn create_token(&self, input: Json) -> anyhow::Result<Person> {
        let made = self
            .desk
            .call(&self.system, "createAccessToken", "token { id }", input)
            .await?;
        let token = text(&made["token"]["id"])?;
        let id: TokenId = token.parse().ok().context("a token's id is none")?;
        let viewer = bearer_lives(self.desk.app(), id).await?;
        Ok(Person {
            token,
            viewer: Arc::new(viewer.context("a new token is missing")?),
        })
    }

    fn keep(&mut self, kind: &'static str, key: &'s str, id: String) {
        self.ids.entry(kind).or_default().insert(key, id);
    }

    fn id(&self, kind: &'static str, key: &str) -> anyhow::Result<&str> {
        let found = self.ids.get(kind).and_then(|ids| ids.get(key));
        found
            .map(String::as_str)
            .with_context(|| format!("the story has no {kind} {key}"))
    }

    fn all(&self, kind: &'static str, keys: &[String]) -> anyhow::Result<Vec<&str>> {
        keys.iter().map(|key| self.id(kind, key)).collect()
    }

    fn person(&self, key: &str) -> anyhow::Result<&Person> {
        let found = self.people.get(key);
        found.with_context(|| format!("the story has no user {key}"))
    }

    /// The first of a brand's people with this role.
    fn of_brand(&self, brand: &str, role: Role) -> anyhow::Result<&Arc<Viewer>> {
        let suits = |u: &&User| u.roles.contains(&role) && u.brands.iter().any(|b| b == brand);
        let Some(user) = self.story.users.iter().find(suits) else {
            bail!("the story has no {role:?} in {brand}");
        };
        Ok(&self.person(&user.key)?.viewer)
    }

    fn content(&self, key: &str) -> anyhow::Result<&Made> {
        let found = self.contents.get(key);
        found.with_context(|| format!("the story has no content {key}, or not yet"))
    }
}

/// The name of the token that stands for somebody, such as "Ines Vale, PR".
fn token_name(user: &User) -> String {
    let word = |role: &Role| match role {
        Role::Sales => "sales",
        Role::Designer => "design",
        Role::Pr => "PR",
        Role::Product => "product",
        Role::Approver => "approval",
    };
    let words: Vec<_> = user.roles.iter().map(word).collect();
    format!("{}, {}", user.name, words.join(" and "))
}

/// What somebody may do in their roles.
fn scopes(user: &User) -> Vec<&'static str> {
    let of = |role: &Role| match role {
        Role::Sales | Role::Designer | Role::Pr => ["WRITE"].as_slice(),
        // The product's owner decides claims.
        Role::Product => &["WRITE", "REVIEW"],
        Role::Approver => &["REVIEW"],
    };
    user.roles.iter().flat_map(of).copied().collect()
}

/// A text in an answer.
fn text(value: &Json) -> anyhow::Result<String> {
    let text = value.as_str().context("an answer lacks an id")?;
    Ok(text.to_owned())
}
