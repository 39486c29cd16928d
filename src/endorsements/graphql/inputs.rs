//! The inputs of endorsements' mutations.

use async_graphql::{Context, ID, InputObject};

use crate::assets::{FileSource, resolve_source};
use crate::contents::labels::LabelNames;
use crate::contents::{EndorsementKind, MaterialConnection};
use crate::endorsements::model::ClaimState;
use crate::endorsements::service::{
    NewClaim, NewEndorsement, NewEvidence, NewStatement, NewVersion, NewWording,
};
use crate::error::Result;
use crate::graphql::context::input_id;
use crate::graphql::scalars::{AnyUrl, CountryCode, Date, DateTime, Decimal, Locale};

/// What a version says in one language.
#[derive(InputObject)]
pub(super) struct StatementInput {
    /// The language; each at most once.
    locale: Locale,
    /// Whether it was said in this language. One at most; the first, if none is marked.
    is_original: Option<bool>,
    /// The gist, in one line of at most 300 characters.
    headline: String,
    /// The words themselves, or their translation; at most 10,000 characters.
    quote: Option<String>,
    /// The award's name; at most 300 characters.
    award: Option<String>,
    /// What must be shown of a material connection; at most 1,000 characters.
    disclosure: Option<String>,
}

/// What a version says.
#[derive(InputObject)]
pub(super) struct WordingInput {
    /// One for each language, 1 to 50.
    statements: Vec<StatementInput>,
    /// Who said it, by name; at most 300 characters.
    byline: Option<String>,
    /// The place in a ranking, 1 or more.
    rank: Option<i32>,
    /// The points given, between 0 and the scale; only with `ratingScale`.
    rating: Option<Decimal>,
    /// The most points that could be given, more than 0; only with `rating`.
    rating_scale: Option<Decimal>,
    /// How many people's ratings it sums up.
    rating_count: Option<i32>,
    /// What ties the one who praises to the brand; NONE unless given.
    material_connection: Option<MaterialConnection>,
}

impl From<WordingInput> for NewWording {
    fn from(input: WordingInput) -> Self {
        Self {
            statements: input
                .statements
                .into_iter()
                .map(NewStatement::from)
                .collect(),
            byline: input.byline,
            rank: input.rank,
            rating: input.rating.map(|n| n.0),
            rating_scale: input.rating_scale.map(|n| n.0),
            rating_count: input.rating_count,
            material_connection: input.material_connection,
        }
    }
}

impl From<StatementInput> for NewStatement {
    fn from(input: StatementInput) -> Self {
        Self {
            locale: input.locale.0,
            is_original: input.is_original.unwrap_or(false),
            headline: input.headline,
            quote: input.quote,
            award: input.award,
            disclosure: input.disclosure,
        }
    }
}

/// A selling point of a product.
#[derive(InputObject)]
pub(super) struct ClaimInput {
    /// The selling point, as it is to be worded; at most 1,000 characters.
    text: String,
    /// A product of the content's brand: id or SKU.
    product: ID,
}

impl From<ClaimInput> for NewClaim {
    fn from(input: ClaimInput) -> Self {
        Self {
            text: input.text,
            product: input.product,
        }
    }
}

/// A new endorsement with its first version.
#[derive(InputObject)]
pub(super) struct CreateEndorsementInput {
    /// Whose it is: id or slug.
    brand: ID,
    /// What to call it inside the house; at most 300 characters.
    title: String,
    /// Who said it.
    outlet: ID,
    /// What was won.
    kind: EndorsementKind,
    /// The day on which it was said.
    published_on: Date,
    /// Where it was said: a public http or https address. It is fetched as evidence.
    source_url: Option<AnyUrl>,
    /// What it says.
    wording: WordingInput,
    /// Whose work it was: an access token's id. Reuse is credited to them.
    won_by: Option<ID>,
    /// After how many days somebody must look again, 1 to 3,650; never, unless given.
    recheck_every_days: Option<i32>,
    /// The selling points that it backs, at most 250.
    claims: Option<Vec<ClaimInput>>,
    /// Assets of the same brand to show with it, at most 250.
    assets: Option<Vec<ID>>,
    /// Free words, at most 250.
    tags: Option<Vec<String>>,
    /// The products it is about: ids or SKUs.
    products: Option<Vec<ID>>,
    /// Where it is meant to be used: ids or slugs.
    channels: Option<Vec<ID>>,
    /// Where it may go; everywhere, unless given.
    markets: Option<Vec<CountryCode>>,
    /// Whom it is for: ids or slugs; everyone, unless given.
    audiences: Option<Vec<ID>>,
    /// Embargo: not before.
    release_at: Option<DateTime>,
    /// Not at or after.
    expire_at: Option<DateTime>,
    /// What you say of the first version.
    note: Option<String>,
    client_mutation_id: Option<String>,
}

pub(super) fn markets(codes: Option<Vec<CountryCode>>) -> Option<Vec<String>> {
    codes.map(|codes| codes.into_iter().map(|c| c.0).collect())
}

impl From<CreateEndorsementInput> for NewEndorsement {
    fn from(input: CreateEndorsementInput) -> Self {
        Self {
            brand: input.brand,
            title: input.title,
            outlet: input.outlet,
            kind: input.kind,
            published_on: input.published_on.0,
            source_url: input.source_url.map(|u| u.0),
            wording: input.wording.into(),
            won_by: input.won_by,
            recheck_every_days: input.recheck_every_days,
            claims: input
                .claims
                .unwrap_or_default()
                .into_iter()
                .map(NewClaim::from)
                .collect(),
            assets: input.assets.unwrap_or_default(),
            labels: LabelNames {
                tags: input.tags,
                products: input.products,
                channels: input.channels,
                markets: markets(input.markets),
                audiences: input.audiences,
            },
            release_at: input.release_at.map(|t| t.0),
            expire_at: input.expire_at.map(|t| t.0),
            note: input.note,
        }
    }
}

/// Another version of an endorsement.
#[derive(InputObject)]
pub(super) struct AddEndorsementVersionInput {
    endorsement: ID,
    /// What it says.
    wording: WordingInput,
    /// What you say of it.
    note: Option<String>,
    /// The number you think it will have; CONFLICT if someone was faster.
    expected_number: Option<i32>,
    client_mutation_id: Option<String>,
}

impl TryFrom<AddEndorsementVersionInput> for NewVersion {
    type Error = crate::error::Error;

    fn try_from(input: AddEndorsementVersionInput) -> Result<Self> {
        Ok(Self {
            endorsement: input_id(&input.endorsement, "endorsement")?,
            wording: input.wording.into(),
            note: input.note,
            expected_number: input.expected_number,
        })
    }
}

/// A piece of evidence: a page, a file, or a file and where it is from.
#[derive(InputObject)]
pub(super) struct AddEvidenceInput {
    endorsement: ID,
    /// The page that proves it: a public http or https address. It is fetched as it stands, unless a file is
    /// given too.
    url: Option<AnyUrl>,
    /// The file that proves it.
    file: Option<FileSource>,
    /// What you say of it; at most 10,000 characters.
    note: Option<String>,
    client_mutation_id: Option<String>,
}

impl AddEvidenceInput {
    /// The same with its file found, or what is wrong with it.
    pub(super) async fn resolve(self, ctx: &Context<'_>) -> Result<NewEvidence> {
        let file = match &self.file {
            Some(source) => Some(resolve_source(ctx, source, "file").await),
            None => None,
        };
        Ok(NewEvidence {
            endorsement: input_id(&self.endorsement, "endorsement")?,
            url: self.url.map(|url| url.0),
            file,
            note: self.note,
        })
    }
}

/// A decision on a claim.
#[derive(InputObject)]
pub(super) struct DecideClaimInput {
    pub(super) claim: ID,
    /// CONFIRMED or REFUSED.
    pub(super) state: ClaimState,
    /// Why; at most 1,000 characters.
    pub(super) note: Option<String>,
    pub(super) client_mutation_id: Option<String>,
}
