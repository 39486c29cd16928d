//! `Node`: one door to everything that has an id.

use async_graphql::registry::{MetaType, Registry};
use async_graphql::{
    ContextSelectionSet, ID, Interface, OutputType, Positioned, ServerResult, Value, parser,
};

use super::interface::{interface_methods, resolved_on_object};
use crate::assets::graphql::{Asset, AssetVersion};
use crate::catalog::graphql::Brand;
use crate::endorsements::graphql::{Claim, Endorsement, EndorsementVersion, Evidence};
use crate::reviews::graphql::Review;

/// Anything that has an id.
#[derive(Interface)]
#[graphql(
    name = "Node",
    field(
        name = "id",
        method = "i_id",
        ty = "ID",
        desc = "The id, with its type's prefix."
    )
)]
enum NodeInterface {
    Brand(Brand),
    Asset(Asset),
    Endorsement(Endorsement),
    AssetVersion(AssetVersion),
    EndorsementVersion(EndorsementVersion),
}

/// Any object with an id: the interface `Node`.
pub(crate) enum Node {
    Brand(Brand),
    Asset(Asset),
    Endorsement(Endorsement),
    AssetVersion(AssetVersion),
    EndorsementVersion(EndorsementVersion),
    Claim(Claim),
    Evidence(Evidence),
    Review(Review),
}
resolved_on_object!(Node as NodeInterface { Brand, Asset, Endorsement, AssetVersion, EndorsementVersion });

/// Contents and versions have theirs with their own interfaces.
macro_rules! nodes {
    ($($object:ty),* $(,)?) => {$(
        interface_methods! { $object { i_id() -> ID; } }
    )*};
}
nodes!(Brand, Claim, Evidence, Review);

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
        share_fields(registry, "ContentFields", &["Asset", "Endorsement"]);
        share_fields(
            registry,
            "VersionFields",
            &["AssetVersion", "EndorsementVersion"],
        );
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
/// and the shared type, whose own fields lead to these objects, may be half registered then.
fn share_fields(registry: &mut Registry, shared: &str, objects: &[&str]) {
    let Some(MetaType::Object { fields: all, .. }) = registry.types.get(shared).cloned() else {
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
