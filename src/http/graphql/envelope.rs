//! What a GraphQL request carries: the document, which of its operations, and the variables.

use std::fmt;

use async_graphql::Variables;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};

use super::documents::Hash;
use crate::http::refusal::Refusal;

/// One GraphQL request.
pub(in crate::http) struct Envelope {
    pub(super) document: Document,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
}

/// How a request names its document.
pub(super) enum Document {
    /// It is here; with what it hashes to.
    Text(String, Hash),
    /// It was sent before, by somebody: an automatic persisted query.
    Known(Hash),
}

impl Envelope {
    /// From a JSON body.
    pub(super) fn from_body(body: &[u8]) -> Result<Self, Refusal> {
        Self::from_json(strict_json(body, "The body")?)
    }

    /// From the fields of a request, wherever they came from.
    pub(in crate::http) fn from_json(body: Json) -> Result<Self, Refusal> {
        let mut fields = match body {
            Json::Object(fields) => fields,
            Json::Array(_) => {
                return Err(Refusal::bad_request(
                    "Batches are not taken: send each operation by itself.",
                ));
            }
            _ => {
                return Err(Refusal::bad_request(
                    "Send a JSON object with the field `query`.",
                ));
            }
        };
        let persisted = match fields.remove("extensions") {
            None | Some(Json::Null) => None,
            Some(Json::Object(extensions)) => persisted(&extensions)?,
            Some(_) => {
                return Err(Refusal::bad_request(
                    "The field `extensions` must be an object.",
                ));
            }
        };
        let document = match (fields.remove("query"), persisted) {
            (Some(Json::String(text)), persisted) => {
                let hash = Hash::of(&text);
                if persisted.is_some_and(|p| p != hash) {
                    return Err(Refusal::bad_request(
                        "The `sha256Hash` of `persistedQuery` is not that of `query`.",
                    ));
                }
                Document::Text(text, hash)
            }
            (None | Some(Json::Null), Some(hash)) => Document::Known(hash),
            _ => {
                return Err(Refusal::bad_request(
                    "The field `query` must hold a GraphQL document.",
                ));
            }
        };
        let operation_name = match fields.remove("operationName") {
            None | Some(Json::Null) => None,
            Some(Json::String(name)) => Some(name).filter(|n| !n.is_empty()),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "The field `operationName` must be a string.",
                ));
            }
        };
        let variables = match fields.remove("variables") {
            None | Some(Json::Null) => Variables::default(),
            Some(variables @ Json::Object(_)) => Variables::from_json(variables),
            Some(_) => {
                return Err(Refusal::bad_request(
                    "The field `variables` must be an object.",
                ));
            }
        };
        Ok(Self {
            document,
            operation_name,
            variables,
        })
    }

    /// From the query string of an address.
    pub(super) fn from_query_string(text: &str) -> Result<Self, Refusal> {
        let mut fields = Map::new();
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            let value = match &*name {
                "query" | "operationName" => Json::String(value.into_owned()),
                "variables" | "extensions" if value.is_empty() => Json::Null,
                "variables" => strict_json(value.as_bytes(), "The parameter `variables`")?,
                "extensions" => strict_json(value.as_bytes(), "The parameter `extensions`")?,
                _ => continue,
            };
            if fields.insert(name.clone().into_owned(), value).is_some() {
                return Err(Refusal::bad_request(format!(
                    "The parameter `{name}` is there twice."
                )));
            }
        }
        Self::from_json(Json::Object(fields))
    }
}

/// The hash by which a persisted query is named, where there is one.
fn persisted(extensions: &Map<String, Json>) -> Result<Option<Hash>, Refusal> {
    let Some(persisted) = extensions.get("persistedQuery") else {
        return Ok(None);
    };
    let hash = persisted["sha256Hash"].as_str().and_then(Hash::read);
    match (persisted["version"].as_u64(), hash) {
        (Some(1), Some(hash)) => Ok(Some(hash)),
        _ => Err(Refusal::bad_request(
            "A `persistedQuery` has `version` 1 and `sha256Hash`, the SHA-256 of the document in hex.",
        )),
    }
}

/// Reads JSON that says everything once: of a name that is there twice, nobody knows which was meant.
pub(in crate::http) fn strict_json(text: &[u8], what: &str) -> Result<Json, Refusal> {
    serde_json::from_slice::<Strict>(text)
        .map(|strict| strict.0)
        .map_err(|error| Refusal::bad_request(format!("{what} is not valid JSON: {error}.")))
}

struct Strict(Json);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut fields = Map::new();
        while let Some((name, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!(
                    "the name {name:?} is there twice"
                )));
            }
            fields.insert(name, value);
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_everything_once() {
        let read = |text: &str| strict_json(text.as_bytes(), "It").ok();
        let plain = r#"{"a":[1,-2,0.5,null,true,"x"],"b":{}}"#;
        assert_eq!(read(plain), serde_json::from_str(plain).ok());
        let deep = "[".repeat(100_000);
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"v":{"a":1,"a":2}}"#,
            "{",
            "1e400",
            r#""\ud800""#,
            &deep,
        ] {
            assert_eq!(read(bad), None, "{}", &bad[..bad.len().min(20)]);
        }
    }

    #[test]
    fn only_a_request_is_one() {
        let good = [
            r#"{"query":"{a}"}"#,
            r#"{"query":"","operationName":null,"variables":{},"more":1}"#,
        ];
        for text in good {
            assert!(Envelope::from_body(text.as_bytes()).is_ok(), "{text}");
        }
        let bad = [
            "[]",
            "1",
            "{}",
            r#"{"query":1}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}","extensions":"x"}"#,
            r#"{"extensions":{}}"#,
            r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"ab"}}}"#,
            r#"{"extensions":{"persistedQuery":1}}"#,
        ];
        for text in bad {
            assert!(Envelope::from_body(text.as_bytes()).is_err(), "{text}");
        }
        let got =
            Envelope::from_query_string("query=%7Ba%7D&operationName=A&variables=%7B%7D").ok();
        assert_eq!(got.and_then(|e| e.operation_name), Some("A".to_owned()));
        assert!(Envelope::from_query_string("query=a&query=b").is_err());
    }
}
