//! The schema as the server tells it, for tests to walk.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::TestApp;

pub(crate) struct Schema(BTreeMap<String, Type>);

/// A type; of its lists those are filled that its kind has.
#[derive(Default)]
pub(crate) struct Type {
    pub(crate) kind: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) values: Vec<String>,
    pub(crate) possible: Vec<String>,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) args: Vec<Input>,
    pub(crate) ty: Ref,
}

pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) ty: Ref,
}

#[derive(Clone)]
pub(crate) enum Ref {
    Named(String),
    List(Box<Ref>),
    NonNull(Box<Ref>),
}

impl Ref {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::List(of) | Self::NonNull(of) => of.name(),
        }
    }

    /// As a document writes it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Named(name) => name.clone(),
            Self::List(of) => format!("[{}]", of.written()),
            Self::NonNull(of) => format!("{}!", of.written()),
        }
    }
}

impl Schema {
    pub(crate) async fn read(app: &TestApp) -> Self {
        let ty =
            "type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
        let query = format!(
            "{{ __schema {{ types {{ kind name fields {{ name args {{ name {ty} }} {ty} }}
                inputFields {{ name {ty} }} enumValues {{ name }} possibleTypes {{ name }} }} }} }}"
        );
        let told = app.query(&query).await;
        let types = list(&told["__schema"]["types"]);
        Self(types.map(|ty| (text(&ty["name"]), read_type(ty))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &Type {
        &self.0[name]
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn is_leaf(&self, ty: &Ref) -> bool {
        matches!(self.get(ty.name()).kind.as_str(), "SCALAR" | "ENUM")
    }
}

fn list(value: &Json) -> impl Iterator<Item = &Json> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read_type(ty: &Json) -> Type {
    let inputs = |of: &Json| {
        list(of)
            .map(|i| Input {
                name: text(&i["name"]),
                ty: read_ref(&i["type"]),
            })
            .collect()
    };
    let names = |of: &Json| list(of).map(|v| text(&v["name"])).collect();
    let field = |f: &Json| Field {
        name: text(&f["name"]),
        args: inputs(&f["args"]),
        ty: read_ref(&f["type"]),
    };
    Type {
        kind: text(&ty["kind"]),
        fields: list(&ty["fields"]).map(field).collect(),
        inputs: inputs(&ty["inputFields"]),
        values: names(&ty["enumValues"]),
        possible: names(&ty["possibleTypes"]),
    }
}

fn read_ref(ty: &Json) -> Ref {
    let of = || Box::new(read_ref(&ty["ofType"]));
    match ty["kind"].as_str() {
        Some("NON_NULL") => Ref::NonNull(of()),
        Some("LIST") => Ref::List(of()),
        _ => Ref::Named(text(&ty["name"])),
    }
}
