//! Leases.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::assets::file::File;
use crate::assets::grants::GrantSubject;
use crate::channels::graphql::Channel;
use crate::contents::StoredFile;
use crate::contents::graphql::Content;
use crate::error::Result;
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::money::Money;
use crate::graphql::scalars::{CountryCode, DateTime, Url};
use crate::platform::ids::LeaseId;
use crate::rights::loaders::{DocumentKey, LeaseKey, ScopeKey};
use crate::rights::model::{self, LeaseAccess, Terms};
use crate::rights::store::Scope;

/// A right to use, or a bar on using, a content: where, from when to when, on what terms. DENY beats ALLOW.
#[derive(Clone)]
pub(crate) struct Lease(pub(crate) Arc<model::Lease>);

impl Lease {
    /// The lease with this id, if the viewer reaches its brand.
    pub(crate) async fn find(ctx: &Context<'_>, id: LeaseId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(LeaseKey(id)).await?.map(Self))
    }

    async fn scope(&self, ctx: &Context<'_>) -> GqlResult<Arc<Scope>> {
        Ok(ctx
            .loader()
            .load_one(ScopeKey(self.0.id))
            .await
            .or_fail()?
            .unwrap_or_default())
    }
}

#[Object]
impl Lease {
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What it is for.
    async fn contents(&self, ctx: &Context<'_>) -> GqlResult<Vec<Content>> {
        let scope = self.scope(ctx).await?;
        let mut contents = Vec::new();
        for content in Content::find_many(ctx, &scope.contents).await.or_fail()? {
            contents.extend(content);
        }
        Ok(contents)
    }

    /// Whether it gives a right or takes it.
    async fn access(&self) -> LeaseAccess {
        self.0.access
    }

    /// Where it holds, each channel with all under it; empty: everywhere.
    async fn channels(&self, ctx: &Context<'_>) -> GqlResult<Vec<Channel>> {
        let scope = self.scope(ctx).await?;
        Channel::find_many(ctx, &scope.channels).await.or_fail()
    }

    /// In which markets it holds; empty: in all.
    async fn markets(&self, ctx: &Context<'_>) -> GqlResult<Vec<CountryCode>> {
        Ok(self
            .scope(ctx)
            .await?
            .markets
            .iter()
            .cloned()
            .map(CountryCode)
            .collect())
    }

    /// From when; null: from ever.
    async fn starts_at(&self) -> Option<DateTime> {
        self.0.starts_at.map(DateTime)
    }

    /// Until, but not at; null: for ever.
    async fn ends_at(&self) -> Option<DateTime> {
        self.0.ends_at.map(DateTime)
    }

    /// Who gives the right.
    async fn licensor(&self) -> Option<&str> {
        self.0.licensor.as_deref()
    }

    /// The licensor's number or name for it.
    async fn reference(&self) -> Option<&str> {
        self.0.reference.as_deref()
    }

    /// The licence itself.
    async fn document(&self, ctx: &Context<'_>) -> GqlResult<Option<File>> {
        if self.0.document.is_none() {
            return Ok(None);
        }
        let file: Option<Arc<StoredFile>> = ctx
            .loader()
            .load_one(DocumentKey(self.0.id))
            .await
            .or_fail()?;
        Ok(file.map(|file| File::of((*file).clone(), GrantSubject::Lease(self.0.id))))
    }

    /// What it costs.
    async fn fee(&self) -> GqlResult<Option<Money>> {
        self.0
            .fee
            .as_ref()
            .map(|(minor, code)| Money::of(*minor, code))
            .transpose()
            .or_fail()
    }

    /// What it demands.
    async fn terms(&self) -> LeaseTerms {
        self.0.terms.clone().into()
    }

    /// What should be known of it.
    async fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }

    /// Whether it is in force, now or at another instant.
    async fn active(&self, ctx: &Context<'_>, at: Option<DateTime>) -> bool {
        self.0.is_active(at.map_or(ctx.at(), |at| at.0))
    }
}

/// What licences of badges and quotes commonly demand.
#[derive(SimpleObject)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a licence is a list of yes-or-no terms"
)]
pub(crate) struct LeaseTerms {
    /// Shown as it is: never cropped, padded or recoloured.
    no_alteration: bool,
    /// Shown in the original's language only.
    no_translation: bool,
    /// Not quoted: the quote is left out everywhere.
    no_excerpt: bool,
    /// Not handed on: no decks, no share links, no channel of kind DECK, RETAIL or PRESS.
    no_redistribution: bool,
    /// Shown with the content's own products only.
    product_bound: bool,
    /// The year must be shown with it.
    show_year: bool,
    /// A text that must be shown with it.
    disclaimer: Option<String>,
    /// An address that it must link to.
    link_back: Option<Url>,
    /// Held until the licensor's approval of the version is recorded.
    creative_approval: bool,
}

impl From<Terms> for LeaseTerms {
    fn from(terms: Terms) -> Self {
        Self {
            no_alteration: terms.no_alteration,
            no_translation: terms.no_translation,
            no_excerpt: terms.no_excerpt,
            no_redistribution: terms.no_redistribution,
            product_bound: terms.product_bound,
            show_year: terms.show_year,
            disclaimer: terms.disclaimer,
            link_back: terms.link_back.map(Url),
            creative_approval: terms.creative_approval,
        }
    }
}
