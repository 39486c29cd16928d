//! The walk over one operation.
//!
//! Each fragment is walked once, and what was found in it is added for each spread, in arithmetic that
//! stops at the top: a document of fragments that double each other costs no more than its length.

use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, ServerError, Value, Variables};

use super::super::access::Access;
use super::super::connection::{DEFAULT_PAGE, MAX_PAGE};
use super::types::{Many, TypeId, Types};
use super::{MAX_DIRECTIVES_EACH, allows, refused};
use crate::accounts::Viewer;

/// What an unpaged list is taken to hold.
const UNPAGED: u64 = 10;

/// What one answer to a selection may hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Objects.
    pub(super) nodes: u64,
    /// Fields of theirs that are no objects.
    pub(super) values: u64,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            values: self.values.saturating_add(other.values),
        }
    }

    fn times(self, n: u64) -> Self {
        Self {
            nodes: self.nodes.saturating_mul(n),
            values: self.values.saturating_mul(n),
        }
    }
}

/// What was found in a selection, with every spread of a fragment counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) depth: usize,
    /// Fields of this selection itself.
    pub(super) here: u32,
    /// Fields and spreads, all the way down.
    pub(super) fields: u32,
    pub(super) aliases: u32,
    pub(super) directives: u32,
    /// Lists of introspection within each other.
    pub(super) lists: u32,
    /// What there is once.
    pub(super) size: Size,
    /// What there is for each row of the connection that this is selected of.
    rows: Size,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.depth = self.depth.max(other.depth);
        self.here = self.here.saturating_add(other.here);
        self.lists = self.lists.max(other.lists);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.size = self.size.plus(other.size);
        self.rows = self.rows.plus(other.rows);
    }
}

pub(super) struct Walk<'d> {
    pub(super) types: &'d Types,
    pub(super) fragments: &'d HashMap<Name, Positioned<FragmentDefinition>>,
    pub(super) variables: &'d Variables,
    /// Who asks; none for an operation that is not to run, which only must not be too large.
    pub(super) viewer: Option<&'d Viewer>,
    pub(super) introspection: bool,
    /// The operation that is walked.
    pub(super) operation: &'d OperationDefinition,
    /// What is in each fragment; none while it is being walked: one that comes up again is a cycle.
    pub(super) known: HashMap<&'d str, Option<Tally>>,
}

impl<'d> Walk<'d> {
    /// What an operation holds; `ty` is its root.
    pub(super) fn operation(&mut self, ty: Option<TypeId>) -> Result<Tally, ServerError> {
        let operation = self.operation;
        let mut tally = Tally {
            directives: directives(&operation.directives)?,
            ..Tally::default()
        };
        tally.add(self.selection(&operation.selection_set.node, ty)?);
        tally.size.nodes = tally.size.nodes.saturating_add(1);
        Ok(tally)
    }

    fn selection(
        &mut self,
        selection: &'d SelectionSet,
        ty: Option<TypeId>,
    ) -> Result<Tally, ServerError> {
        let mut tally = Tally::default();
        for item in &selection.items {
            match &item.node {
                Selection::Field(field) => tally.add(self.field(&field.node, ty)?),
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = match &fragment.type_condition {
                        Some(on) => self.types.id(on.node.on.node.as_str()),
                        None => ty,
                    };
                    let found = self.selection(&fragment.selection_set.node, on)?;
                    tally.add(found);
                    tally.add(spread(&fragment.directives)?);
                }
                Selection::FragmentSpread(fragment) => {
                    let name = fragment.node.fragment_name.node.as_str();
                    let found = self.fragment(name)?;
                    tally.add(found);
                    tally.add(spread(&fragment.node.directives)?);
                }
            }
        }
        Ok(tally)
    }

    fn field(&mut self, field: &'d Field, ty: Option<TypeId>) -> Result<Tally, ServerError> {
        let name = field.name.node.as_str();
        let known = ty.and_then(|ty| Some((ty, self.types.field(ty, name)?)));
        if let Some((ty, rule)) = known {
            self.allow(ty, name, rule.access)?;
        }
        let is_introspection = matches!(name, "__schema" | "__type");
        if is_introspection && !self.introspection && self.viewer.is_some() {
            let text = "This server does not tell its schema: introspection is off.";
            return Err(refused("BAD_REQUEST", text));
        }
        let of = known.and_then(|(_, rule)| rule.of);
        let below = self.selection(&field.selection_set.node, of)?;
        let many = known.map_or(Many::One, |(_, rule)| rule.many);
        let one = |size: Size| Size {
            nodes: size.nodes.saturating_add(1),
            values: size.values,
        };
        let (mut size, mut rows) = (Size::default(), Size::default());
        if field.selection_set.node.items.is_empty() {
            size.values = 1;
        } else {
            // What is asked of each row multiplies; the connection itself and its pageInfo do not.
            match many {
                Many::One => size = one(below.size.plus(below.rows)),
                Many::List => size = one(below.size).times(UNPAGED),
                Many::Ids => size = one(below.size).times(self.ids(field)),
                Many::Rows => rows = one(below.size),
                Many::Page => {
                    let page = self.page(field)?;
                    size = if of.is_some_and(|of| self.types.name(of).ends_with("Connection")) {
                        one(below.size.plus(below.rows.times(page)))
                    } else {
                        one(below.size).times(page)
                    };
                }
            }
        }
        let is_list = matches!(
            name,
            "fields" | "interfaces" | "possibleTypes" | "inputFields"
        );
        let lists = below.lists + u32::from(is_list && of.is_none());
        if is_introspection && lists > super::MAX_LISTS {
            let text = format!(
                "The query nests lists of the schema more than {} deep. Ask for less.",
                super::MAX_LISTS
            );
            return Err(refused("QUERY_TOO_DEEP", text));
        }
        Ok(Tally {
            // Introspection goes as deep as types do.
            depth: if name.starts_with("__") {
                0
            } else {
                below.depth + 1
            },
            here: 1,
            fields: below.fields.saturating_add(1),
            aliases: below
                .aliases
                .saturating_add(u32::from(field.alias.is_some())),
            directives: below
                .directives
                .saturating_add(directives(&field.directives)?),
            lists: if is_introspection { 0 } else { lists },
            size,
            rows,
        })
    }

    fn fragment(&mut self, name: &'d str) -> Result<Tally, ServerError> {
        match self.known.get(name) {
            Some(Some(tally)) => return Ok(*tally),
            Some(None) => {
                let text = format!("The fragment {name} contains itself.");
                return Err(refused("BAD_REQUEST", text));
            }
            None => {}
        }
        let Some(fragment) = self.fragments.get(name) else {
            return Ok(Tally::default());
        };
        self.known.insert(name, None);
        let on = self
            .types
            .id(fragment.node.type_condition.node.on.node.as_str());
        let mut tally = self.selection(&fragment.node.selection_set.node, on)?;
        let own = directives(&fragment.node.directives)?;
        tally.directives = tally.directives.saturating_add(own);
        self.known.insert(name, Some(tally));
        Ok(tally)
    }

    /// Refuses a field that the caller's token does not give.
    fn allow(&self, ty: TypeId, name: &str, access: Option<Access>) -> Result<(), ServerError> {
        let Some(viewer) = self.viewer else {
            return Ok(());
        };
        if allows(access, viewer) {
            return Ok(());
        }
        let text = match access {
            Some(Access::With(scope)) => {
                format!("This needs a token with the scope {}.", scope.name())
            }
            _ => format!("Your token does not give {}.{name}.", self.types.name(ty)),
        };
        Err(refused("FORBIDDEN", text))
    }

    /// The rows of a page, as its arguments say.
    fn page(&self, field: &Field) -> Result<u64, ServerError> {
        let first = self.number(field, "first")?;
        let last = self.number(field, "last")?;
        match (first, last) {
            (Some(_), Some(_)) => {
                let text = format!("Give `first` or `last`, not both; each is at most {MAX_PAGE}.");
                Err(refused("BAD_REQUEST", text))
            }
            (Some(n), None) | (None, Some(n)) => Ok(n),
            (None, None) => Ok(DEFAULT_PAGE.into()),
        }
    }

    /// A number of rows; none where it is absent, null, or of another type, which validation refuses.
    fn number(&self, field: &Field, name: &str) -> Result<Option<u64>, ServerError> {
        let Some(Value::Number(number)) = self.argument(field, name) else {
            return Ok(None);
        };
        if number.is_f64() {
            return Ok(None);
        }
        match number.as_u64() {
            Some(n) if n <= MAX_PAGE.into() => Ok(Some(n)),
            _ => {
                let text = format!("`{name}` must be between 0 and {MAX_PAGE}.");
                Err(refused("BAD_REQUEST", text))
            }
        }
    }

    /// How many ids an argument names.
    fn ids(&self, field: &Field) -> u64 {
        match self.argument(field, "ids") {
            Some(Value::List(ids)) => u64::try_from(ids.len()).unwrap_or(u64::MAX),
            _ => 1,
        }
    }

    /// The value of an argument, as it is written or as its variable says.
    fn argument(&self, field: &Field, name: &str) -> Option<Value> {
        let written = field.get_argument(name)?.node.clone();
        let value = written.into_const_with(|variable| self.variable(&variable).cloned().ok_or(()));
        value.ok()
    }

    fn variable(&self, name: &Name) -> Option<&Value> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|d| d.node.name.node == *name)?;
            Some(&definition.node.default_value.as_ref()?.node)
        })
    }
}

/// What a spread adds to what is in its fragment.
fn spread(own: &[Positioned<Directive>]) -> Result<Tally, ServerError> {
    Ok(Tally {
        fields: 1,
        directives: directives(own)?,
        ..Tally::default()
    })
}

fn directives(own: &[Positioned<Directive>]) -> Result<u32, ServerError> {
    match u32::try_from(own.len()) {
        Ok(n) if n <= MAX_DIRECTIVES_EACH => Ok(n),
        _ => {
            let text = format!("A field has at most {MAX_DIRECTIVES_EACH} directives.");
            Err(refused("QUERY_TOO_COMPLEX", text))
        }
    }
}
