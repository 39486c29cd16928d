//! Documents that the schema's grammar allows, mostly.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::tape::Tape;
use super::values::Pool;
use crate::support::{Field, Input, Ref, Schema};

/// A document and its variables.
pub(super) struct Document {
    pub(super) text: String,
    pub(super) variables: Json,
}

pub(super) struct Writer<'a, 't> {
    pub(super) schema: &'a Schema,
    pub(super) pool: &'a Pool,
    pub(super) tape: &'a mut Tape<'t>,
    fragments: Vec<String>,
    /// Their declarations.
    declared: Vec<String>,
    variables: Map<String, Json>,
}

/// Far below what is refused as too deep, so that most run.
const DEEP: usize = 9;

impl<'a, 't> Writer<'a, 't> {
    pub(super) fn new(schema: &'a Schema, pool: &'a Pool, tape: &'a mut Tape<'t>) -> Self {
        Self {
            schema,
            pool,
            tape,
            fragments: Vec::new(),
            declared: Vec::new(),
            variables: Map::new(),
        }
    }

    /// A query of some fields.
    pub(super) fn query(mut self) -> Document {
        let selection = self.selection("Query", 0);
        self.close("query", &selection)
    }

    /// One mutation with an input made up: its name and the document.
    pub(super) fn mutation(mut self) -> (String, Document) {
        let schema = self.schema;
        let field = self.tape.pick(&schema.get("Mutation").fields);
        let input = &field.args[0];
        let value = self.pool.field(schema, "input", &input.ty, self.tape, 0);
        let variable = self.declare(&input.ty, value);
        let payload = self.selection(field.ty.name(), 3);
        let errors = "userErrors { code field message }";
        let selection = format!("{}(input: {variable}) {{ {payload} {errors} }}", field.name);
        (field.name.clone(), self.close("mutation", &selection))
    }

    fn close(self, kind: &str, selection: &str) -> Document {
        let variables = match self.declared.as_slice() {
            [] => String::new(),
            all => format!("({})", all.join(", ")),
        };
        let mut text = format!("{kind} Q{variables} {{ {selection} }}");
        for (n, fragment) in self.fragments.iter().enumerate() {
            let _ = write!(text, " fragment F{n} on {fragment}");
        }
        Document {
            text,
            variables: Json::Object(self.variables),
        }
    }

    fn declare(&mut self, ty: &Ref, value: Json) -> String {
        let name = format!("v{}", self.variables.len());
        self.declared.push(format!("${name}: {}", ty.written()));
        self.variables.insert(name.clone(), value);
        format!("${name}")
    }

    /// What is asked of a type.
    fn selection(&mut self, ty: &str, depth: usize) -> String {
        let schema = self.schema;
        let known = schema.get(ty);
        let fields: Vec<&Field> = known
            .fields
            .iter()
            .filter(|f| depth < DEEP || schema.is_leaf(&f.ty))
            .collect();
        let mut parts = Vec::new();
        for _ in 0..=self.tape.below(4) {
            if fields.is_empty() || self.tape.is_spent() {
                parts.push("__typename".to_owned());
                break;
            }
            let part = match self.tape.below(12) {
                0 => format!("... on {ty} {{ {} }}", self.selection(ty, depth + 1)),
                1 if depth < DEEP => self.fragment(ty, depth),
                2 | 3 if !known.possible.is_empty() => {
                    let possible = self.tape.pick(&known.possible).clone();
                    format!(
                        "... on {possible} {{ {} }}",
                        self.selection(&possible, depth + 1)
                    )
                }
                _ => {
                    let field = *self.tape.pick(&fields);
                    self.field(field, depth)
                }
            };
            parts.push(part);
        }
        if known.fields.is_empty() && !known.possible.is_empty() {
            let possible = self.tape.pick(&known.possible).clone();
            parts.push(format!(
                "... on {possible} {{ {} }}",
                self.selection(&possible, depth + 1)
            ));
        }
        parts.join(" ")
    }

    /// A spread of a fragment of its own, or of one that is there: of another type, perhaps, or of itself.
    fn fragment(&mut self, ty: &str, depth: usize) -> String {
        if self.tape.one_in(24) {
            return format!("...F{}", self.tape.below(self.fragments.len() + 1));
        }
        let inside = self.selection(ty, depth + 1);
        self.fragments.push(format!("{ty} {{ {inside} }}"));
        format!("...F{}", self.fragments.len() - 1)
    }

    fn field(&mut self, field: &Field, depth: usize) -> String {
        let mut text = String::new();
        if !self.tape.one_in(3) {
            // Two of one answer's fields may not differ under one name.
            let _ = write!(text, "a{}: ", self.tape.below(200));
        }
        text.push_str(&field.name);
        let args: Vec<String> = field
            .args
            .iter()
            .filter_map(|arg| self.argument(arg))
            .collect();
        if !args.is_empty() {
            let _ = write!(text, "({})", args.join(", "));
        }
        if self.tape.one_in(16) {
            let directives = [
                "@include(if: true)",
                "@skip(if: false)",
                "@include(if: false)",
                "@skip(if: true) @include(if: true)",
                "@skip(if: false) @skip(if: true)",
                "@skip(if: \"x\")",
                "@include",
                "@nothing",
            ];
            let _ = write!(text, " {}", self.tape.pick(&directives));
        }
        if !self.schema.is_leaf(&field.ty) {
            let inside = self.selection(field.ty.name(), depth + 1);
            let _ = write!(text, " {{ {inside} }}");
        }
        text
    }

    fn argument(&mut self, arg: &Input) -> Option<String> {
        let required = matches!(arg.ty, Ref::NonNull(_));
        let given = if required {
            !self.tape.one_in(30)
        } else {
            self.tape.one_in(7)
        };
        if !given {
            return None;
        }
        let value = self
            .pool
            .field(self.schema, &arg.name, &arg.ty, self.tape, 0);
        let written = if self.tape.one_in(3) {
            self.declare(&arg.ty, value)
        } else {
            self.literal(&value, arg.ty.name())
        };
        Some(format!("{}: {written}", arg.name))
    }

    /// A value as a document writes it.
    fn literal(&self, value: &Json, ty: &str) -> String {
        let known = self.schema.get(ty);
        match value {
            Json::String(text) if known.kind == "ENUM" => text.clone(),
            Json::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.literal(item, ty)).collect();
                format!("[{}]", items.join(", "))
            }
            Json::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let of = known.inputs.iter().find(|i| i.name == *name);
                    format!(
                        "{name}: {}",
                        self.literal(value, of.map_or("JSON", |i| i.ty.name()))
                    )
                });
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
            other => other.to_string(),
        }
    }
}
