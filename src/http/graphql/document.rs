//! The document before it is parsed: small enough, and shallow enough that no parser runs out of stack.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType,
};
use async_graphql::{ServerError, Value, Variables};

pub(super) use crate::graphql::guard::refused;

/// Longest document, in bytes.
const MAX_BYTES: usize = 32 * 1024;
/// Most names, numbers, texts and signs in a document.
const MAX_TOKENS: usize = 2_000;
/// Deepest nesting of braces, brackets and parentheses.
const MAX_NESTING: usize = 64;

/// Most directives; the guard counts those in fragments once for each spread.
const MAX_DIRECTIVES: usize = 50;

/// Parses a document that is within the limits.
pub(super) fn parse(text: &str) -> Result<ExecutableDocument, ServerError> {
    match measure(text) {
        // Whatever its length, this is what is wrong with it.
        Some(Excess::Directives) => {
            let text = format!("A document has at most {MAX_DIRECTIVES} directives.");
            return Err(refused("QUERY_TOO_COMPLEX", text));
        }
        _ if text.len() > MAX_BYTES => {
            let text = format!("A document has at most {MAX_BYTES} bytes.");
            return Err(refused("BAD_REQUEST", text));
        }
        Some(Excess::Tokens) => {
            let text = format!("A document has at most {MAX_TOKENS} tokens.");
            return Err(refused("QUERY_TOO_COMPLEX", text));
        }
        Some(Excess::Nesting) => {
            let text = format!("A document nests at most {MAX_NESTING} deep.");
            return Err(refused("QUERY_TOO_DEEP", text));
        }
        None => {}
    }
    parse_query(text).map_err(|error| {
        let mut error = ServerError::from(error);
        // The parser draws the place; it is among the error's locations already.
        if let Some((_, reason)) = error.message.rsplit_once("= ") {
            error.message = format!("The document cannot be read: {}.", reason.trim());
        }
        error
    })
}

/// What a document has too much of.
enum Excess {
    Tokens,
    Nesting,
    Directives,
}

/// Counts tokens, nesting and directives without parsing, up to the first excess. It need not be exact on
/// documents that are none.
fn measure(text: &str) -> Option<Excess> {
    let mut rest = text.as_bytes();
    let (mut tokens, mut depth, mut directives) = (0_usize, 0_usize, 0_usize);
    while let Some((&first, after)) = rest.split_first() {
        rest = match first {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                rest = after;
                continue;
            }
            b'#' => {
                rest = skip(after, |b| b != b'\n' && b != b'\r');
                continue;
            }
            b'"' => skip_text(rest),
            b'{' | b'[' | b'(' => {
                depth += 1;
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                after
            }
            b'@' => {
                directives += 1;
                after
            }
            b if is_word(b) => skip(after, is_word),
            _ => after,
        };
        tokens += 1;
        if tokens > MAX_TOKENS {
            return Some(Excess::Tokens);
        }
        if depth > MAX_NESTING {
            return Some(Excess::Nesting);
        }
        if directives > MAX_DIRECTIVES {
            return Some(Excess::Directives);
        }
    }
    None
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn skip(text: &[u8], more: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|b| !more(*b)).unwrap_or(text.len());
    &text[end..]
}

/// Past a string or block string that begins here.
fn skip_text(text: &[u8]) -> &[u8] {
    let mark: &[u8] = if text.starts_with(b"\"\"\"") {
        b"\"\"\""
    } else {
        b"\""
    };
    let mut rest = &text[mark.len()..];
    loop {
        rest = match rest.first() {
            None => return rest,
            Some(b'\\') if mark.len() == 1 => rest.get(2..).unwrap_or_default(),
            Some(b'\\') if rest.starts_with(b"\\\"\"\"") => &rest[4..],
            // A string ends with its line at the latest.
            Some(b'\n') if mark.len() == 1 => return rest,
            Some(_) if rest.starts_with(mark) => return &rest[mark.len()..],
            Some(_) => &rest[1..],
        };
    }
}

/// The operation that a request means.
pub(super) struct Operation {
    pub(super) name: Option<String>,
    pub(super) kind: OperationType,
}

/// Finds the operation that is named, or the only one. The variables that it needs must be there.
pub(super) fn operation(
    document: &ExecutableDocument,
    name: Option<&str>,
    variables: &Variables,
) -> Result<Operation, ServerError> {
    let found = |name: Option<&str>, definition: &OperationDefinition| {
        // The engine would begin, and find out at the field that uses it.
        let missing = definition.variable_definitions.iter().find(|variable| {
            let variable = &variable.node;
            let given = variables.get(&variable.name.node);
            let default = variable.default_value.as_ref().map(|v| &v.node);
            !variable.var_type.node.nullable
                && given.or(default).is_none_or(|value| *value == Value::Null)
        });
        if let Some(missing) = missing {
            let text = format!("The variable ${} needs a value.", missing.node.name.node);
            return Err(refused("BAD_REQUEST", text));
        }
        Ok(Operation {
            name: name.map(str::to_owned),
            kind: definition.ty,
        })
    };
    match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => found(None, &only.node),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => {
            let mut all = all.iter();
            all.next()
                .ok_or_else(|| refused("BAD_REQUEST", "The document has no operation."))
                .and_then(|(name, only)| found(Some(name), &only.node))
        }
        (DocumentOperations::Multiple(all), Some(name)) if all.contains_key(name) => {
            found(Some(name), &all[name].node)
        }
        (_, None) => Err(refused(
            "BAD_REQUEST",
            "Name one of the document's operations in `operationName`.",
        )),
        (_, Some(_)) => Err(refused(
            "BAD_REQUEST",
            "The document has no operation with this `operationName`.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        let error = parse(text).err()?;
        let code = error
            .extensions
            .as_ref()
            .and_then(|e| e.get("code"))
            .map(ToString::to_string);
        Some(code.unwrap_or_else(|| "none".to_owned()))
    }

    #[test]
    fn a_document_is_small_and_shallow() {
        assert_eq!(
            code("{ a(b: \"((((\", c: \"\"\"[[[ \\\"\"\" \"\"\") # {{{\n }"),
            None
        );
        assert_eq!(
            code(&format!("{{a #{}\n}}", "x".repeat(40_000))),
            Some("\"BAD_REQUEST\"".into())
        );
        assert_eq!(
            code(&format!("{{a(b:{}", "[".repeat(30_000))),
            Some("\"QUERY_TOO_DEEP\"".into())
        );
        let directives = |n: usize| format!("{{ a {} }}", "@include(if: true) ".repeat(n));
        assert_eq!(code(&directives(50)), None);
        for many in [51, 5_000] {
            assert_eq!(
                code(&directives(many)),
                Some("\"QUERY_TOO_COMPLEX\"".into())
            );
        }
        assert_eq!(code(&"{a".repeat(900)), Some("\"QUERY_TOO_DEEP\"".into()));
        assert_eq!(
            code(&format!("{{{}}}", "a ".repeat(2_100))),
            Some("\"QUERY_TOO_COMPLEX\"".into())
        );
        assert_eq!(code("{ a(b: \"unclosed"), Some("none".into()));
        assert_eq!(code("\"\"\"\\"), Some("none".into()));
    }

    #[test]
    fn one_operation_is_meant() {
        let name = |text: &str, name: Option<&str>| {
            operation(&parse(text).unwrap(), name, &Variables::default())
                .ok()
                .map(|o| (o.name, o.kind))
        };
        assert_eq!(name("{a}", None), Some((None, OperationType::Query)));
        for fed in [
            "query A($x: Int! = 1) {a}",
            "query A {a} query B($x: Int!) {b}",
        ] {
            assert!(name(fed, Some("A")).is_some(), "{fed}");
        }
        assert_eq!(
            name("mutation M {a}", None),
            Some((Some("M".into()), OperationType::Mutation))
        );
        assert_eq!(
            name("query A {a} query B {b}", Some("B")),
            Some((Some("B".into()), OperationType::Query))
        );
        for (text, wrong) in [
            ("query A {a} query B {b}", None),
            ("query A($x: Int!) {a}", None),
            ("{a}", Some("A")),
            ("query A {a}", Some("B")),
        ] {
            assert_eq!(name(text, wrong), None, "{text}");
        }
    }
}
