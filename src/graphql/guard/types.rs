//! What the guard knows of the schema: of each field its access rule, the type under it, and how many of
//! that it may answer. Read once from the schema as it is printed.

use std::collections::HashMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition,
};

use super::super::access::{Access, access};

/// Where a type stands among [`Types`].
pub(super) type TypeId = usize;

#[derive(Debug, Default)]
pub(super) struct Types {
    all: Vec<TypeDef>,
    ids: HashMap<Box<str>, TypeId>,
}

#[derive(Debug)]
struct TypeDef {
    name: Box<str>,
    fields: HashMap<Box<str>, FieldDef>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FieldDef {
    /// None: nobody has ruled on it, so nobody gets it.
    pub(super) access: Option<Access>,
    /// The type under it; none for a leaf.
    pub(super) of: Option<TypeId>,
    pub(super) many: Many,
}

/// How many things a field may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Many {
    One,
    /// As many rows as `first` or `last` says.
    Page,
    /// The rows of the connection that it is in.
    Rows,
    /// As many as the argument `ids` names.
    Ids,
    /// A list that is not paged.
    List,
}

impl Types {
    pub(super) fn read(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut types = Self::default();
        let mut found = Vec::new();
        for definition in parse_schema(sdl)?.definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::Union(_) => Vec::new(),
                _ => continue,
            };
            let name: Box<str> = definition.node.name.node.as_str().into();
            types.ids.insert(name.clone(), types.all.len());
            types.all.push(TypeDef {
                name,
                fields: HashMap::new(),
            });
            found.push(fields);
        }
        for (id, fields) in found.into_iter().enumerate() {
            let name = types.all[id].name.clone();
            let fields = fields.into_iter().map(|field| {
                let field = field.node;
                let rule = FieldDef {
                    access: access(&name, field.name.node.as_str()),
                    of: types.id(named(&field.ty.node)),
                    many: many(&name, &field),
                };
                (field.name.node.as_str().into(), rule)
            });
            let fields = fields.collect();
            types.all[id].fields = fields;
        }
        Ok(types)
    }

    pub(super) fn id(&self, name: &str) -> Option<TypeId> {
        self.ids.get(name).copied()
    }

    pub(super) fn name(&self, id: TypeId) -> &str {
        &self.all[id].name
    }

    pub(super) fn field(&self, id: TypeId, name: &str) -> Option<FieldDef> {
        self.all[id].fields.get(name).copied()
    }

    /// Every type with its fields.
    #[cfg(test)]
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all
            .iter()
            .flat_map(|ty| ty.fields.keys().map(|field| (&*ty.name, &**field)))
    }
}

fn many(ty: &str, field: &FieldDefinition) -> Many {
    let takes = |name: &str| field.arguments.iter().any(|a| a.node.name.node == name);
    let is_list = matches!(field.ty.node.base, BaseType::List(_));
    if named(&field.ty.node).ends_with("Connection") || (is_list && takes("first")) {
        Many::Page
    } else if is_list && ty.ends_with("Connection") {
        Many::Rows
    } else if is_list && takes("ids") {
        Many::Ids
    } else if is_list {
        Many::List
    } else {
        Many::One
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => named(inner),
    }
}
