//! Evidence and claims in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, SimpleObject};

use crate::accounts::graphql::Actor;
use crate::assets::file::File;
use crate::assets::grants::GrantSubject;
use crate::catalog::graphql::Product;
use crate::endorsements::model::{self, ClaimState, EvidenceState};
use crate::endorsements::{CapturesKey, ClaimKey, EvidenceKey};
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::graphql::error::{GqlResult, OrFail};
use crate::graphql::scalars::{DateTime, Url};
use crate::platform::ids::{ClaimId, EvidenceId};

/// Proof that it was said: the page as fetched or a file, with hash and time. Kept even when the page goes
/// away. PENDING and FAILED prove nothing.
pub(crate) struct Evidence(pub(super) Arc<model::Evidence>);

impl Evidence {
    /// The piece of evidence with this id, if the viewer sees it.
    pub(crate) async fn find(ctx: &Context<'_>, id: EvidenceId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(EvidenceKey(id)).await?.map(Self))
    }
}

#[Object]
impl Evidence {
    /// The evidence's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The page; null for a file.
    async fn url(&self) -> Option<Url> {
        self.0.url.clone().map(Url)
    }

    /// What is kept of it, the page as it stood at first; null while there is nothing.
    async fn file(&self) -> Option<File> {
        self.0
            .file
            .clone()
            .map(|file| File::of(file, GrantSubject::Evidence(self.0.id)))
    }

    /// What it is worth.
    async fn state(&self) -> EvidenceState {
        self.0.state
    }

    /// Why it could not be fetched, or not be looked at again.
    async fn error(&self) -> Option<&str> {
        self.0.error.as_deref()
    }

    /// When its bytes were taken.
    async fn captured_at(&self) -> Option<DateTime> {
        self.0.captured_at.map(DateTime)
    }

    /// When somebody, or the server, last looked.
    async fn checked_at(&self) -> Option<DateTime> {
        self.0.checked_at.map(DateTime)
    }

    /// Whether the original statement's quote stood on the page when it was last looked at: word for word,
    /// but for white space, quotation marks, dashes and ellipses. Null where there is no quote or no text.
    async fn contains_quote(&self) -> Option<bool> {
        self.0.contains_quote
    }

    /// The page as it is kept: as it stood at first, and as it stood when it last said something else. None for
    /// a file.
    async fn captures(&self, ctx: &Context<'_>) -> GqlResult<Vec<PageCapture>> {
        let key = CapturesKey(self.0.id);
        let found = ctx.loader().load_one(key).await.or_fail()?;
        let found = found.unwrap_or_default();
        Ok(found.iter().cloned().map(PageCapture).collect())
    }

    /// What the one who added it says of it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}

/// A page as it stood once.
pub(crate) struct PageCapture(Arc<model::Capture>);

#[Object]
impl PageCapture {
    /// Where it stood, after all redirects.
    async fn url(&self) -> Url {
        Url(self.0.url.clone())
    }

    /// The status that its server answered with: 200.
    async fn status(&self) -> i32 {
        self.0.status
    }

    /// The headers of the answer in their order, without cookies.
    async fn headers(&self) -> Vec<PageHeader<'_>> {
        let headers = self.0.headers.iter();
        headers
            .map(|(name, value)| PageHeader { name, value })
            .collect()
    }

    /// Its bytes as they came.
    async fn file(&self) -> File {
        File::of(self.0.file.clone(), GrantSubject::Capture(self.0.id))
    }

    /// The text that a browser shows of it; null where it is no text.
    async fn text(&self) -> Option<File> {
        let text = self.0.text.clone();
        text.map(|text| File::of(text, GrantSubject::CaptureText(self.0.id)))
    }

    /// Whether the quote, as it was worded then, stood in it. Null where there was no quote or no text.
    async fn contains_quote(&self) -> Option<bool> {
        self.0.contains_quote
    }

    /// When it was taken.
    async fn captured_at(&self) -> DateTime {
        DateTime(self.0.captured_at)
    }
}

/// A header of an HTTP answer.
#[derive(SimpleObject)]
pub(crate) struct PageHeader<'c> {
    /// Its name, in small letters.
    name: &'c str,
    /// What it says.
    value: &'c str,
}

/// A selling point that the endorsement backs; the product's owner confirms that the wording is true of
/// the product.
pub(crate) struct Claim(pub(super) Arc<model::Claim>);

impl Claim {
    /// The claim with this id, if the viewer sees it.
    pub(crate) async fn find(ctx: &Context<'_>, id: ClaimId) -> Result<Option<Self>> {
        Ok(ctx.loader().load_one(ClaimKey(id)).await?.map(Self))
    }
}

#[Object]
impl Claim {
    /// The claim's id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The selling point, as it is to be worded.
    async fn text(&self) -> &str {
        &self.0.text
    }

    /// Of which product it is said.
    async fn product(&self, ctx: &Context<'_>) -> GqlResult<Product> {
        let found = Product::find(ctx, self.0.product).await.or_fail()?;
        found
            .ok_or_else(|| Error::internal("a claim's product is missing"))
            .or_fail()
    }

    /// Whether it may be said.
    async fn state(&self) -> ClaimState {
        self.0.state
    }

    /// Who decided it; null while it is PROPOSED.
    async fn decided_by(&self, ctx: &Context<'_>) -> GqlResult<Option<Actor>> {
        match self.0.decided_by {
            Some(actor) => Actor::of(ctx, actor).await.or_fail().map(Some),
            None => Ok(None),
        }
    }

    /// When it was decided; null while it is PROPOSED.
    async fn decided_at(&self) -> Option<DateTime> {
        self.0.decided_at.map(DateTime)
    }

    /// What the one who decided says of it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }
}
