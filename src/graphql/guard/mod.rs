//! What stands before execution: how much a document may ask, and which fields its caller may ask for.
//!
//! One walk over the parsed operation, with the schema's own types. Fragments are walked once each, so a
//! document of nested fragments costs no more than its length; what is in them counts for each spread. A
//! field that the caller's token does not give is FORBIDDEN before anything runs: no nulls, no half answers,
//! no difference in time.

mod types;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{ErrorExtensionValues, ServerError, Variables};

use super::access::Access;
use crate::accounts::{Scope, Viewer};
use types::Types;
use walk::{Tally, Walk};

/// Deepest that fields may nest. Introspection is free of it.
const MAX_DEPTH: usize = 12;
/// Deepest that introspection's lists may nest.
const MAX_LISTS: u32 = 3;
const MAX_ALIASES: u32 = 30;
/// Fields of the query or mutation itself.
const MAX_ROOTS: u32 = 10;
/// Directives on one field, or spread.
const MAX_DIRECTIVES_EACH: u32 = 4;
const MAX_DIRECTIVES: u32 = 50;
/// Fields and spreads, all the way down.
const MAX_FIELDS: u32 = 1_000;
/// Objects that an answer may hold, by what its pages and lists may.
const MAX_NODES: u64 = 10_000;
/// Values of those objects.
const MAX_VALUES: u64 = 250_000;
/// Objects for one point of cost.
pub(crate) const NODES_PER_POINT: u64 = 10;
/// What the dearest document costs.
pub(crate) const MAX_COST: u64 = MAX_NODES / NODES_PER_POINT;

/// The schema's types as the guard needs them.
#[derive(Clone, Debug)]
pub(crate) struct Guard(Arc<Types>);

/// What is asked for.
pub(crate) struct Asked<'d> {
    pub(crate) document: &'d ExecutableDocument,
    pub(crate) operation_name: Option<&'d str>,
    pub(crate) variables: &'d Variables,
    /// Who asks.
    pub(crate) viewer: &'d Viewer,
    /// Whether the schema is told.
    pub(crate) introspection: bool,
}

impl Guard {
    /// Reads the types from the schema as it is printed.
    pub(crate) fn new(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        Ok(Self(Arc::new(Types::read(sdl)?)))
    }

    /// Refuses an operation that asks for too much, or for what the viewer's token does not give; else what
    /// it costs at most. What the schema does not know is left to validation.
    pub(crate) fn check(&self, asked: &Asked<'_>) -> Result<u64, ServerError> {
        let mut operations: Vec<_> = asked.document.operations.iter().collect();
        // The one that runs comes first: its walk is the one that asks who may.
        if let Some(wanted) = asked.operation_name {
            operations.sort_by_key(|(name, _)| name.is_none_or(|n| n.as_str() != wanted));
        }
        let mut known = HashMap::new();
        let mut cost = 0;
        for (i, (_, operation)) in operations.into_iter().enumerate() {
            let operation = &operation.node;
            let runs = i == 0;
            let mut walk = Walk {
                types: &self.0,
                fragments: &asked.document.fragments,
                variables: asked.variables,
                // The others are measured too: the engine validates the whole document.
                viewer: runs.then_some(asked.viewer),
                introspection: asked.introspection,
                operation,
                known,
            };
            let root = self.0.id(match operation.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => "Subscription",
            });
            let tally = walk.operation(root)?;
            known = walk.known;
            measure(&tally)?;
            if runs {
                cost = tally.size.nodes.div_ceil(NODES_PER_POINT);
            }
        }
        Ok(cost)
    }

    /// Every type with its fields, for the test that no field lacks an access rule.
    #[cfg(test)]
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.fields()
    }
}

/// Refuses what asks for too much.
fn measure(tally: &Tally) -> Result<(), ServerError> {
    if tally.depth > MAX_DEPTH {
        let text = format!(
            "The query nests {} deep; at most {MAX_DEPTH} are allowed. Ask in several.",
            tally.depth
        );
        return Err(refused("QUERY_TOO_DEEP", text));
    }
    let counts = [
        (tally.aliases, MAX_ALIASES, "aliases"),
        (tally.here, MAX_ROOTS, "fields at its root"),
        (tally.directives, MAX_DIRECTIVES, "directives"),
        (tally.fields, MAX_FIELDS, "fields, counted with each spread"),
    ];
    for (found, most, what) in counts {
        if found > most {
            let text = format!("The query has more than {most} {what}. Ask in several.");
            return Err(refused("QUERY_TOO_COMPLEX", text));
        }
    }
    let sizes = [
        (tally.size.nodes, MAX_NODES, "objects"),
        (tally.size.values, MAX_VALUES, "values"),
    ];
    for (found, most, what) in sizes {
        if found > most {
            let text = format!(
                "The answer could hold more than {most} {what}. Ask for smaller pages by `first`, or in several."
            );
            return Err(refused("QUERY_TOO_COMPLEX", text));
        }
    }
    Ok(())
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

/// An error that GraphQL itself reports, with its code.
pub(crate) fn refused(code: &str, message: impl Into<String>) -> ServerError {
    let mut error = ServerError::new(message, None);
    error
        .extensions
        .get_or_insert_with(ErrorExtensionValues::default)
        .set("code", code);
    error
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;
    use serde_json::{Value as Json, json};

    use super::super::access::access;
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

    fn check(document: &str, variables: Json, scope: Scope) -> Result<u64, ServerError> {
        guard().check(&Asked {
            document: &parse_query(document).unwrap(),
            operation_name: None,
            variables: &Variables::from_json(variables),
            viewer: &viewer(scope),
            introspection: true,
        })
    }

    fn cost(document: &str, variables: Json) -> u64 {
        check(document, variables, Scope::Admin).unwrap()
    }

    fn code(document: &str, scope: Scope) -> Option<String> {
        let error = check(document, json!({}), scope).err()?;
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

    #[test]
    fn pages_multiply_what_is_in_them_however_they_are_asked() {
        // The root, the connection, and the rows.
        for (document, variables, nodes) in [
            ("{ me { id } }", json!({}), 2),
            ("{ assets { nodes { id } } }", json!({}), 22),
            ("{ assets(first: 0) { nodes { id } } }", json!({}), 2),
            ("{ assets(first: null) { nodes { id } } }", json!({}), 22),
            (
                "{ assets(last: 50) { nodes { id } pageInfo { hasNextPage } } }",
                json!({}),
                53,
            ),
            (
                "{ assets(first: 50) { edges { node { id } } totalCount } }",
                json!({}),
                102,
            ),
            (
                "query($n: Int) { assets(first: $n) { nodes { id } } }",
                json!({ "n": 7 }),
                9,
            ),
            (
                "query($n: Int = 8) { assets(first: $n) { nodes { id } } }",
                json!({}),
                10,
            ),
            (
                "query($n: Int) { assets(first: $n) { nodes { id } } }",
                json!({}),
                22,
            ),
            (
                "{ assets(first: 3) { ...C } } fragment C on AssetConnection { nodes { ...A ...A } } fragment A on Asset { brand { id } }",
                json!({}),
                11,
            ),
            (
                "{ assets(first: 10) { nodes { ... on Content { versions(first: 10) { nodes { id } } } } } }",
                json!({}),
                122,
            ),
            (
                "{ assets(first: 10) { nodes { leases { terms { noExcerpt } } tags } } }",
                json!({}),
                212,
            ),
            ("{ nodes(ids: [\"a\", \"b\", \"c\"]) { id } }", json!({}), 4),
            (
                "query($i: [ID!]!) { nodes(ids: $i) { id } }",
                json!({ "i": ["a", "b"] }),
                3,
            ),
        ] {
            assert_eq!(
                cost(document, variables),
                u64::div_ceil(nodes, 10),
                "{document}"
            );
        }
        let through = |first: u32| {
            format!(
                "{{ assets(first: {first}) {{ nodes {{ version {{ content {{ versions(first: 49) {{ nodes {{ id }} }} }} }} }} }} }}"
            )
        };
        assert_eq!(code(&through(100), Scope::Read), None);
        let wide = "{ assets(first: 100) { nodes { version { content { versions(first: 99) { nodes { id } } } } } } }";
        assert_eq!(
            code(wide, Scope::Read).as_deref(),
            Some("\"QUERY_TOO_COMPLEX\"")
        );
    }

    #[test]
    fn what_fragments_double_is_counted_without_walking_it() {
        let mut document = "{ assets { nodes { ...F0 } } }".to_owned();
        for i in 0..150 {
            let next = i + 1;
            write!(
                document,
                "fragment F{i} on Asset {{ ...F{next} ...F{next} }}"
            )
            .unwrap();
        }
        document += "fragment F150 on Asset { id a: id }";
        assert_eq!(
            code(&document, Scope::Read).as_deref(),
            Some("\"QUERY_TOO_COMPLEX\"")
        );
        // As much as an operation that does not run: the engine would look at that, too.
        let beside = format!("query A {{ __typename }} query B {document}");
        assert_eq!(
            code(&beside, Scope::Read).as_deref(),
            Some("\"QUERY_TOO_COMPLEX\"")
        );
        let cycle = "query A { __typename } query B { ...X } fragment X on Query { ...X ...X }";
        assert_eq!(code(cycle, Scope::Read).as_deref(), Some("\"BAD_REQUEST\""));
    }

    #[test]
    fn the_operation_that_runs_is_the_one_that_needs_rights() {
        let document = parse_query(
            "query A { auditLog { nodes { id } } } query B { me { ... on AccessToken { id } } }",
        )
        .unwrap();
        let runs = |name| {
            let asked = Asked {
                document: &document,
                operation_name: Some(name),
                variables: &Variables::default(),
                viewer: &viewer(Scope::Read),
                introspection: true,
            };
            guard().check(&asked).is_ok()
        };
        assert!(!runs("A"));
        assert!(runs("B"));
    }
}
