//! Assets in GraphQL.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::file::File;
use super::grants::GrantSubject;
use super::loaders::AltsKey;
use super::model::{Alt, choose_alt};
use super::service::{self, NewAsset, NewBody, NewVersion};
use super::source::{FileSource, resolve_source};
use crate::contents::graphql::{Content, ContentFields, Version, VersionFields};
use crate::contents::labels::LabelNames;
use crate::contents::{self, AssetKind, ContentKind};
use crate::endorsements::AttachedToKey;
use crate::endorsements::graphql::Endorsement;
use crate::error::Result;
use crate::graphql::context::{Request, client_mutation_id, input_id, once};
use crate::graphql::error::{GqlResult, OrFail, payload, respond};
use crate::graphql::scalars::{CountryCode, DateTime, Locale};
use crate::library::ContentKey;
use crate::media::graphql::{SimilarAsset, similar};
use crate::platform::ids::{AssetId, ContentId};
use crate::renditions::graphql::Rendition;
use crate::rights::graphql::{RuleFinding, checks};

/// Bytes or a text of the brand's own: a picture, a badge, a film, a line of copy.
#[derive(Clone)]
pub(crate) struct Asset(ContentFields);

impl Asset {
    /// `content` is an asset.
    pub(crate) fn of(content: Arc<contents::Content>) -> Self {
        Self(ContentFields(content))
    }

    /// The asset as a mutation of this request has left it.
    async fn reload(ctx: &Context<'_>, id: ContentId) -> Result<Option<Self>> {
        Ok(match Content::reload(ctx, id).await? {
            Some(Content::Asset(asset)) => Some(asset),
            _ => None,
        })
    }

    /// Those of these that the viewer sees, in their order.
    pub(crate) async fn find_all(ctx: &Context<'_>, ids: &[ContentId]) -> Result<Vec<Self>> {
        let found = ctx
            .loader()
            .load_many(ids.iter().copied().map(ContentKey))
            .await?;
        let seen = ids
            .iter()
            .filter_map(|id| found.get(&ContentKey(*id)).cloned());
        Ok(seen
            .filter(|c| c.kind() == ContentKind::Asset)
            .map(Self::of)
            .collect())
    }
}

/// A point in a picture, as fractions of its width and height from the upper left corner.
#[derive(SimpleObject)]
pub(crate) struct Point {
    /// From 0, the left edge, to 1, the right one.
    x: f64,
    /// From 0, the upper edge, to 1, the lower one.
    y: f64,
}

#[Object]
impl Asset {
    #[graphql(flatten)]
    async fn content_fields(&self) -> &ContentFields {
        &self.0
    }

    /// What kind of asset it is.
    async fn kind(&self) -> AssetKind {
        self.0.0.asset().map_or(AssetKind::Source, |a| a.kind)
    }

    /// The language of the words in it; none where there are none.
    async fn locale(&self) -> Option<Locale> {
        self.0.0.asset().and_then(|a| a.locale.clone()).map(Locale)
    }

    /// What it shows.
    async fn description(&self) -> Option<&str> {
        self.0.0.asset().and_then(|a| a.description.as_deref())
    }

    /// What it shows, in words, for those who do not see it: in this language or the nearest to it by
    /// BCP 47 lookup, else in the first there is. Null: nobody has written one.
    async fn alt(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reader's language; null: the asset's own.")] locale: Option<Locale>,
    ) -> GqlResult<Option<String>> {
        let alts = ctx
            .loader()
            .load_one(AltsKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        let own = self.0.0.asset().and_then(|a| a.locale.as_deref());
        let wanted = locale.as_ref().map(|l| l.0.as_str()).or(own);
        Ok(choose_alt(&alts, wanted).map(|alt| alt.text.clone()))
    }

    /// What is kept in view when a preset crops; null: its middle.
    async fn focal_point(&self) -> Option<Point> {
        let (x, y) = self.0.0.asset().and_then(|a| a.focal_point)?;
        Some(Point { x, y })
    }

    /// What a preset of a place makes of the current version. `channel` by id or slug; without one, the
    /// first of its own places that has such a preset. Null: no place has, or there is no file.
    async fn rendition(
        &self,
        ctx: &Context<'_>,
        channel: Option<ID>,
        #[graphql(desc = "The preset's name; null: the channel's first.")] preset: Option<String>,
    ) -> GqlResult<Option<Rendition>> {
        Rendition::of_current(ctx, &self.0.0, channel.as_ref(), preset.as_deref())
            .await
            .or_fail()
    }

    /// Assets of your brands that look like its newest version, or have the same bytes: the nearest first.
    /// Its own versions and the trash are left out.
    async fn similar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; null: 10.")] first: Option<i32>,
    ) -> GqlResult<Vec<SimilarAsset>> {
        similar(ctx, &self.0.0, first).await.or_fail()
    }

    /// The endorsements that it is shown with, the newest first. It goes out only where one of them does.
    async fn endorsements(&self, ctx: &Context<'_>) -> GqlResult<Vec<Endorsement>> {
        let ids = ctx
            .loader()
            .load_one(AttachedToKey(self.0.0.id))
            .await
            .or_fail()?
            .unwrap_or_default();
        Endorsement::find_all(ctx, &ids).await.or_fail()
    }

    /// The current version: the approved one with the highest number.
    async fn version(&self) -> Option<AssetVersion> {
        self.0.0.current.clone().map(AssetVersion::of)
    }

    /// The version with the highest number.
    async fn latest_version(&self, ctx: &Context<'_>) -> GqlResult<AssetVersion> {
        Ok(AssetVersion::of(self.0.latest(ctx).await?))
    }
}

/// One state of an asset: a file, or the text of a COPY.
#[derive(Clone)]
pub(crate) struct AssetVersion(VersionFields);

impl AssetVersion {
    /// `version` is an asset's.
    pub(crate) fn of(version: Arc<contents::Version>) -> Self {
        Self(VersionFields(version))
    }
}

#[Object]
impl AssetVersion {
    #[graphql(flatten)]
    async fn version_fields(&self) -> &VersionFields {
        &self.0
    }

    /// Its bytes; none for a COPY.
    async fn file(&self) -> Option<File> {
        let version = &self.0.0;
        version
            .file()
            .map(|file| File::of(file.clone(), GrantSubject::Version(version.id)))
    }

    /// What the presets of its places make of it, made already or not: of those channels that you reach.
    async fn renditions(&self, ctx: &Context<'_>) -> GqlResult<Vec<Rendition>> {
        Rendition::all_of(ctx, &self.0.0).await.or_fail()
    }

    /// What the rules of a place find against it. Judged is what the place gets: what the preset makes of it,
    /// or the original where the place has no preset. Empty: nothing stands against it there.
    async fn checks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The channel's id or slug.")] channel: ID,
        #[graphql(desc = "The preset's name; null: the channel's first.")] preset: Option<String>,
    ) -> GqlResult<Vec<RuleFinding>> {
        checks(ctx, &self.0.0, &channel, preset.as_deref())
            .await
            .or_fail()
    }

    /// The text of a COPY.
    async fn text(&self) -> Option<&str> {
        match &self.0.0.detail {
            contents::VersionDetail::Text { body, .. } => Some(body),
            _ => None,
        }
    }
}

/// What an asset shows, in words, in one language.
#[derive(InputObject, Clone)]
pub(crate) struct AltInput {
    /// The language of the text.
    locale: Locale,
    /// Up to 1,000 characters.
    text: String,
}

impl From<AltInput> for Alt {
    fn from(input: AltInput) -> Self {
        Self {
            locale: input.locale.0,
            text: input.text,
        }
    }
}

/// What a new asset shall be: made of a file, or of a text for a COPY.
#[derive(InputObject)]
pub(crate) struct CreateAssetInput {
    /// Whose it is: the brand's id or slug.
    brand: ID,
    /// What it is called inside the house; up to 300 characters.
    title: String,
    /// What kind of asset it is; unless given, what its bytes are, and COPY for a text.
    kind: Option<AssetKind>,
    /// The language of the words in it; null: there are none.
    locale: Option<Locale>,
    /// What it shows; up to 10,000 characters.
    description: Option<String>,
    /// Free words of up to 60 characters; at most 250.
    tags: Option<Vec<String>>,
    /// Products of the brand by id or SKU; at most 250.
    products: Option<Vec<ID>>,
    /// Where it is meant to be used: channels by id or slug; at most 250.
    channels: Option<Vec<ID>>,
    /// Where it may go; empty: every market.
    markets: Option<Vec<CountryCode>>,
    /// Whom it is for: audiences by id or slug; empty: everyone.
    audiences: Option<Vec<ID>>,
    /// Embargo: not before.
    release_at: Option<DateTime>,
    /// Not at or after; later than the release.
    expire_at: Option<DateTime>,
    /// Its bytes. Either these or a text.
    file: Option<FileSource>,
    /// The text of a COPY, up to 10,000 characters. Either this or a file.
    text: Option<String>,
    /// What it shows, in words; one text for each language.
    alt: Option<Vec<AltInput>>,
    /// What its author says of the first version; up to 10,000 characters.
    note: Option<String>,
    /// Makes a retry safe: the same id within 24 hours returns the first outcome.
    client_mutation_id: Option<String>,
}

impl CreateAssetInput {
    async fn resolve(self, ctx: &Context<'_>) -> NewAsset {
        NewAsset {
            body: new_body(ctx, self.file.as_ref(), self.text).await,
            brand: self.brand,
            title: self.title,
            kind: self.kind,
            locale: self.locale.map(|l| l.0),
            description: self.description,
            labels: LabelNames {
                tags: self.tags,
                products: self.products,
                channels: self.channels,
                markets: self
                    .markets
                    .map(|list| list.into_iter().map(|m| m.0).collect()),
                audiences: self.audiences,
            },
            release_at: self.release_at.map(|at| at.0),
            expire_at: self.expire_at.map(|at| at.0),
            alts: self.alt.into_iter().flatten().map(Alt::from).collect(),
            note: self.note,
        }
    }
}

/// The parts of an input that a version's file or text comes from.
async fn new_body(ctx: &Context<'_>, file: Option<&FileSource>, text: Option<String>) -> NewBody {
    let file = match file {
        Some(source) => Some(resolve_source(ctx, source, "file").await),
        None => None,
    };
    NewBody { file, text }
}

/// What a new version of an asset shall hold.
#[derive(InputObject)]
pub(crate) struct AddAssetVersionInput {
    /// The asset's id.
    asset: ID,
    /// Its bytes, of a type that suits the asset's kind. Either these or a text.
    file: Option<FileSource>,
    /// The text of a COPY, up to 10,000 characters. Either this or a file.
    text: Option<String>,
    /// What its author says of it; up to 10,000 characters.
    note: Option<String>,
    /// The number it is thought to have; CONFLICT if someone was faster.
    expected_number: Option<i32>,
    /// Makes a retry safe: the same id within 24 hours returns the first outcome.
    client_mutation_id: Option<String>,
}

payload! {
    /// What was made.
    CreateAssetPayload {
        /// The new asset.
        asset: Option<Asset>
    }
}
payload! {
    /// What was added.
    AddAssetVersionPayload {
        /// The asset, with its new version.
        asset: Option<Asset>,
        /// The new version, a DRAFT.
        version: Option<AssetVersion>
    }
}

#[derive(Default)]
pub(crate) struct AssetsMutation;

#[Object]
impl AssetsMutation {
    /// Makes an asset with its first version, a DRAFT: of a file, or of a text for a COPY.
    async fn create_asset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it shall be.")] input: CreateAssetInput,
    ) -> GqlResult<CreateAssetPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let id = once(ctx, |cx| async move {
                service::create_asset(&cx, input.resolve(ctx).await).await
            })
            .await?;
            Asset::reload(ctx, id.into()).await
        };
        respond(
            key,
            made.await,
            |asset, payload: &mut CreateAssetPayload| payload.asset = asset,
        )
    }

    /// Adds a version, a DRAFT, to an asset. One in the trash is a FORBIDDEN_TRANSITION.
    async fn add_asset_version(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it shall hold.")] input: AddAssetVersionInput,
    ) -> GqlResult<AddAssetVersionPayload> {
        let key = client_mutation_id(&input);
        let made = async {
            let (asset, version) = once(ctx, |cx| async move {
                let new = NewVersion {
                    asset: input_id::<AssetId>(&input.asset, "asset")?.into(),
                    body: new_body(ctx, input.file.as_ref(), input.text).await,
                    note: input.note,
                    expected_number: input.expected_number,
                };
                service::add_asset_version(&cx, new).await
            })
            .await?;
            let asset = Asset::reload(ctx, asset).await?;
            let version = match Version::find(ctx, version).await? {
                Some(Version::AssetVersion(version)) => Some(version),
                _ => None,
            };
            Ok((asset, version))
        };
        respond(
            key,
            made.await,
            |(asset, version), payload: &mut AddAssetVersionPayload| {
                payload.asset = asset;
                payload.version = version;
            },
        )
    }
}
