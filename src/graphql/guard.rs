//! What stands before execution: how deep a document may go, and which fields its caller may ask for.
//!
//! One walk over the parsed document, with the schema's own types. Fragments are walked once each, so a
//! document of nested fragments costs no more than its length. A field that the caller's token does not
//! give is FORBIDDEN before anything runs: no nulls, no half answers, no difference in time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet, Type,
    TypeKind, TypeSystemDefinition,
};
use async_graphql::{ErrorExtensionValues, Name, Positioned, ServerError};

use super::access::{Access, access};
use crate::accounts::{Scope, Viewer};

/// Deepest that fields may nest. Introspection is free of it.
const MAX_DEPTH: usize = 12;

/// The type of every field, by type and name.
#[derive(Clone, Debug)]
pub(crate) struct Guard(Arc<BTreeMap<String, BTreeMap<String, String>>>);

impl Guard {
    /// Reads the types from the schema as it is printed.
    pub(crate) fn new(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut types = BTreeMap::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                _ => Vec::new(),
            };
            let fields = fields
                .into_iter()
                .map(|f| (f.node.name.node.to_string(), named(&f.node.ty.node)));
            types.insert(definition.node.name.node.to_string(), fields.collect());
        }
        Ok(Self(Arc::new(types)))
    }

    /// Refuses an operation that goes too deep, or asks for what the viewer's token does not give. What
    /// the schema does not know is left to validation.
    pub(crate) fn check(
        &self,
        document: &ExecutableDocument,
        operation_name: Option<&str>,
        viewer: &Viewer,
    ) -> Result<(), ServerError> {
        let mut operations = document.operations.iter();
        let operation = match operation_name {
            Some(wanted) => operations.find(|(name, _)| name.is_some_and(|n| n.as_str() == wanted)),
            None => operations.next(),
        };
        let Some((_, operation)) = operation else {
            return Ok(());
        };
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let mut walk = Walk {
            types: &self.0,
            fragments: &document.fragments,
            viewer,
            depths: HashMap::new(),
            open: HashSet::new(),
        };
        let depth = walk.selection(&operation.node.selection_set.node, root)?;
        if depth > MAX_DEPTH {
            let text = format!(
                "The query nests {depth} deep; at most {MAX_DEPTH} are allowed. Ask in several."
            );
            return Err(refused("QUERY_TOO_DEEP", text));
        }
        Ok(())
    }

    /// Every type with its fields, for the test that no field lacks an access rule.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(ty, fields)| {
            fields
                .keys()
                .map(move |field| (ty.as_str(), field.as_str()))
        })
    }
}

fn named(ty: &Type) -> String {
    match &ty.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => named(inner),
    }
}

struct Walk<'d> {
    types: &'d BTreeMap<String, BTreeMap<String, String>>,
    fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    viewer: &'d Viewer,
    /// How deep each fragment goes, once it has been walked.
    depths: HashMap<&'d str, usize>,
    /// The fragments that are being walked: one that comes up again is a cycle.
    open: HashSet<&'d str>,
}

impl<'d> Walk<'d> {
    /// How deep a selection on a type goes.
    fn selection(&mut self, selection: &'d SelectionSet, ty: &str) -> Result<usize, ServerError> {
        let mut deepest = 0;
        for item in &selection.items {
            let depth = match &item.node {
                Selection::Field(field) => self.field(&field.node, ty)?,
                Selection::InlineFragment(fragment) => {
                    let on = fragment
                        .node
                        .type_condition
                        .as_ref()
                        .map_or(ty, |c| c.node.on.node.as_str());
                    self.selection(&fragment.node.selection_set.node, on)?
                }
                Selection::FragmentSpread(spread) => {
                    self.fragment(spread.node.fragment_name.node.as_str())?
                }
            };
            deepest = deepest.max(depth);
        }
        Ok(deepest)
    }

    fn field(
        &mut self,
        field: &'d async_graphql::parser::types::Field,
        ty: &str,
    ) -> Result<usize, ServerError> {
        let name = field.name.node.as_str();
        if name.starts_with("__") {
            return Ok(0);
        }
        let types = self.types;
        let Some(of) = types.get(ty).and_then(|fields| fields.get(name)) else {
            return Ok(0);
        };
        let rule = access(ty, name);
        if !allows(rule, self.viewer) {
            let text = match rule {
                Some(Access::With(scope)) => {
                    format!("This needs a token with the scope {}.", scope.name())
                }
                _ => format!("Your token does not give {ty}.{name}."),
            };
            return Err(refused("FORBIDDEN", text));
        }
        Ok(1 + self.selection(&field.selection_set.node, of)?)
    }

    fn fragment(&mut self, name: &'d str) -> Result<usize, ServerError> {
        if let Some(depth) = self.depths.get(name) {
            return Ok(*depth);
        }
        let Some((_, fragment)) = self.fragments.iter().find(|(n, _)| n.as_str() == name) else {
            return Ok(0);
        };
        if !self.open.insert(name) {
            return Err(refused(
                "BAD_REQUEST",
                format!("The fragment {name} contains itself."),
            ));
        }
        let on = fragment.node.type_condition.node.on.node.as_str();
        let depth = self.selection(&fragment.node.selection_set.node, on)?;
        self.open.remove(name);
        self.depths.insert(name, depth);
        Ok(depth)
    }
}

/// Whether the viewer's token gives a field. One that nobody has ruled on, nobody gets.
fn allows(access: Option<Access>, viewer: &Viewer) -> bool {
    match access {
        Some(Access::Anyone) => true,
        Some(Access::Public) => viewer.may(Scope::ReadPublic) || viewer.may(Scope::UsageWrite),
        Some(Access::Internal) => viewer.may(Scope::Read),
        Some(Access::Operator) => viewer.may(Scope::Admin),
        Some(Access::With(scope)) => viewer.may(scope),
        None => false,
    }
}

fn refused(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default)
        .set("code", code);
    error
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::accounts::Reach;
    use crate::platform::op::Actor;

    fn guard() -> Guard {
        Guard::new(&crate::graphql::build().sdl()).unwrap()
    }

    fn viewer(scope: Scope) -> Viewer {
        Viewer {
            actor: Actor::System,
            scopes: [scope].into(),
            brands: Reach::All,
            channels: Reach::All,
        }
    }

    fn code(document: &str, scope: Scope) -> Option<String> {
        let document = parse_query(document).unwrap();
        let error = guard().check(&document, None, &viewer(scope)).err()?;
        error
            .extensions
            .and_then(|e| e.get("code").map(ToString::to_string))
    }

    #[test]
    fn every_field_has_an_access_rule() {
        let guard = guard();
        let missing: Vec<_> = guard
            .fields()
            .filter(|(ty, field)| access(ty, field).is_none())
            .collect();
        assert!(missing.is_empty(), "no access rule for {missing:?}");
    }

    #[test]
    fn a_public_token_gets_nothing_internal_however_it_is_asked() {
        for document in [
            "{ assets { nodes { leases { id } } } }",
            "{ assets { nodes { a: leases { id } } } }",
            "{ assets { nodes { ... on Content { leases { id } } } } }",
            "{ assets { nodes { ...F } } } fragment F on Content { leases { id } }",
            "{ node(id: \"x\") { ... on Asset { leases { id } } } }",
        ] {
            assert_eq!(
                code(document, Scope::ReadPublic).as_deref(),
                Some("\"FORBIDDEN\""),
                "{document}"
            );
            assert_eq!(code(document, Scope::Read), None, "{document}");
        }
    }

    #[test]
    fn depth_is_bounded_through_fragments_and_cycles_end() {
        let deep = "{ assets { nodes { version { content { version { content { version { content { version \
                    { content { version { content { id } } } } } } } } } } } } }";
        assert_eq!(
            code(deep, Scope::Read).as_deref(),
            Some("\"QUERY_TOO_DEEP\"")
        );
        let cycle = "{ assets { nodes { ...A } } } fragment A on Asset { ...B } fragment B on Asset { ...A }";
        assert_eq!(code(cycle, Scope::Read).as_deref(), Some("\"BAD_REQUEST\""));
    }

    #[test]
    fn introspection_is_free_of_depth() {
        let document = "{ __schema { types { fields { type { ofType { ofType { ofType { ofType { ofType { ofType \
                        { ofType { name } } } } } } } } } } } }";
        assert_eq!(code(document, Scope::ReadPublic), None);
    }
}
