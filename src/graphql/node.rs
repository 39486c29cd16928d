//! `Node`: one door to everything that has an id.

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{
    Context, ContextSelectionSet, ID, Interface, OutputType, Positioned, ServerResult, Value,
    parser,
};

use super::interface::{interface_methods, resolved_on_object};
use crate::accounts::graphql::AccessToken;
use crate::assets::graphql::{Asset, AssetVersion};
use crate::audit::graphql::AuditEntry;
use crate::catalog::graphql::{Audience, Brand, Outlet, Product};
use crate::channels::graphql::Channel;
use crate::contents::graphql::{Content, ContentFields, Version, VersionFields};
use crate::endorsements::graphql::{Claim, Endorsement, EndorsementVersion, Evidence};
use crate::error::Result;
use crate::imports::graphql::Import;
use crate::placements::graphql::Placement;
use crate::platform::ids::{
    AssetId, AudienceId, AuditEntryId, BrandId, ChannelId, ClaimId, EndorsementId, EvidenceId,
    ImportId, LeaseId, OutletId, PlacementId, ProductId, RequestId, ReviewId, TokenId, TypedId,
    VersionId, decode,
};
use crate::requests::graphql::Request;
use crate::reviews::graphql::Review;
use crate::rights::graphql::Lease;

/// Every type that has an id, listed once: the interface for the schema, and the enum that we return.
macro_rules! nodes {
    ($($object:ident),* $(,)?) => {
        /// Anything that has an id.
        #[derive(Interface)]
        #[graphql(
            name = "Node",
            field(name = "id", method = "i_id", ty = "ID", desc = "The id, with its type's prefix.")
        )]
        enum NodeInterface {
            $($object($object),)*
        }

        /// Any object with an id: the interface `Node`.
        pub(crate) enum Node {
            $($object($object),)*
        }

        resolved_on_object!(Node as NodeInterface { $($object),* });
    };
}
nodes!(
    AccessToken,
    Asset,
    AssetVersion,
    Audience,
    AuditEntry,
    Brand,
    Channel,
    Claim,
    Endorsement,
    EndorsementVersion,
    Evidence,
    Import,
    Lease,
    Outlet,
    Placement,
    Product,
    Request,
    Review,
);

/// Contents and versions have theirs with their own interfaces.
macro_rules! with_id {
    ($($object:ident),* $(,)?) => {$(
        interface_methods! { $object { i_id() -> ID; } }
    )*};
}
with_id!(
    AccessToken,
    Audience,
    AuditEntry,
    Brand,
    Channel,
    Claim,
    Evidence,
    Import,
    Lease,
    Outlet,
    Placement,
    Product,
    Request,
    Review
);

/// Whatever has this id, if the viewer sees it. Foreign, random and malformed ids are all the same: none.
pub(crate) async fn find(ctx: &Context<'_>, text: &str) -> Result<Option<Node>> {
    let Ok((prefix, uuid)) = decode(text) else {
        return Ok(None);
    };
    Ok(match prefix {
        BrandId::PREFIX => Brand::find(ctx, BrandId(uuid)).await?.map(Node::Brand),
        ProductId::PREFIX => Product::find(ctx, ProductId(uuid))
            .await?
            .map(Node::Product),
        OutletId::PREFIX => Outlet::find(ctx, OutletId(uuid)).await?.map(Node::Outlet),
        AudienceId::PREFIX => Audience::find(ctx, AudienceId(uuid))
            .await?
            .map(Node::Audience),
        ChannelId::PREFIX => Channel::find(ctx, ChannelId(uuid))
            .await?
            .map(Node::Channel),
        TokenId::PREFIX => AccessToken::find(ctx, TokenId(uuid))
            .await?
            .map(Node::AccessToken),
        AuditEntryId::PREFIX => AuditEntry::find(ctx, AuditEntryId(uuid))
            .await?
            .map(Node::AuditEntry),
        ClaimId::PREFIX => Claim::find(ctx, ClaimId(uuid)).await?.map(Node::Claim),
        EvidenceId::PREFIX => Evidence::find(ctx, EvidenceId(uuid))
            .await?
            .map(Node::Evidence),
        ReviewId::PREFIX => Review::find(ctx, ReviewId(uuid)).await?.map(Node::Review),
        RequestId::PREFIX => Request::find(ctx, RequestId(uuid))
            .await?
            .map(Node::Request),
        PlacementId::PREFIX => Placement::find(ctx, PlacementId(uuid))
            .await?
            .map(Node::Placement),
        ImportId::PREFIX => Import::find(ctx, ImportId(uuid)).await?.map(Node::Import),
        LeaseId::PREFIX => Lease::find(ctx, LeaseId(uuid)).await?.map(Node::Lease),
        AssetId::PREFIX => match Content::find(ctx, AssetId(uuid).into()).await? {
            Some(Content::Asset(asset)) => Some(Node::Asset(asset)),
            _ => None,
        },
        EndorsementId::PREFIX => match Content::find(ctx, EndorsementId(uuid).into()).await? {
            Some(Content::Endorsement(endorsement)) => Some(Node::Endorsement(endorsement)),
            _ => None,
        },
        VersionId::PREFIX => {
            Version::find(ctx, VersionId(uuid))
                .await?
                .map(|version| match version {
                    Version::AssetVersion(version) => Node::AssetVersion(version),
                    Version::EndorsementVersion(version) => Node::EndorsementVersion(version),
                })
        }
        _ => None,
    })
}

/// Says that the interfaces `Content` and `Version` implement `Node` themselves, which the derive has no
/// words for. Registered with the schema, never resolved.
pub(crate) struct InterfaceNodes;

impl OutputType for InterfaceNodes {
    fn type_name() -> std::borrow::Cow<'static, str> {
        "Node".into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let node = <Node as OutputType>::create_type_info(registry);
        registry.add_implements("Content", "Node");
        registry.add_implements("Version", "Node");
        share_fields::<ContentFields>(registry, &["Asset", "Endorsement"]);
        share_fields::<VersionFields>(registry, &["AssetVersion", "EndorsementVersion"]);
        node
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<parser::types::Field>,
    ) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

/// Gives objects the fields that they take in by `flatten`. The derive copies them when it meets the object,
/// and the shared type, whose own fields lead to these objects, may be half registered then. It is itself
/// no type of the schema.
fn share_fields<T: OutputType>(registry: &mut Registry, objects: &[&str]) {
    let shared = registry.create_fake_output_type::<T>();
    registry.types.remove(T::type_name().as_ref());
    let MetaType::Object { fields: all, .. } = shared else {
        return;
    };
    for object in objects {
        if let Some(MetaType::Object { fields, .. }) = registry.types.get_mut(*object) {
            for (name, field) in &all {
                fields.entry(name.clone()).or_insert_with(|| field.clone());
            }
        }
    }
}
