//! Canonical JSON, RFC 8785: one text for one value, whoever writes it.

use std::fmt::Write;

use serde_json::{Number, Value as Json};

/// The value as RFC 8785 writes it: no blanks, the fields of every object in the order of their names'
/// UTF-16 code units, numbers as ECMAScript shows them.
#[must_use]
pub(super) fn canonical(value: &Json) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => out.push_str(&numeral(number)),
        Json::String(text) => quote(out, text),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
            out.push('{');
            for (i, (name, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quote(out, name);
                out.push(':');
                write(out, value);
            }
            out.push('}');
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Integers that JavaScript counts exactly.
const EXACT: u64 = 1 << 53;

/// A number as ECMAScript shows it: the shortest digits that read back as the same double.
fn numeral(number: &Number) -> String {
    if let Some(n) = number.as_i64().filter(|n| n.unsigned_abs() <= EXACT) {
        return n.to_string();
    }
    let Some(n) = number.as_f64() else {
        return "null".to_owned();
    };
    if n == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&n.abs()) {
        return n.to_string();
    }
    let text = format!("{n:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        canonical(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn one_value_has_one_text() {
        assert_eq!(
            read(r#" { "b" : [ 1 , true , null ], "a" : "x" } "#),
            r#"{"a":"x","b":[1,true,null]}"#
        );
        assert_eq!(
            read(r#"{"a":"x","b":[1,true,null]}"#),
            r#"{"a":"x","b":[1,true,null]}"#
        );
        assert_eq!(read("{}"), "{}");
    }

    #[test]
    fn names_are_in_the_order_of_their_utf16_units() {
        // The example of RFC 8785, 3.2.3.
        let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh",
            "1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let names: Vec<String> = read(text)
            .trim_matches(['{', '}'])
            .split("\",\"")
            .map(|pair| {
                pair.split("\":\"")
                    .next()
                    .unwrap_or_default()
                    .trim_matches('"')
                    .to_owned()
            })
            .collect();
        assert_eq!(
            names,
            [
                "\\r",
                "1",
                "\u{80}",
                "\u{f6}",
                "\u{20ac}",
                "\u{1f600}",
                "\u{fb33}"
            ]
        );
    }

    #[test]
    fn texts_escape_only_what_they_must() {
        assert_eq!(
            read(r#""\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\/""#),
            "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\""
        );
    }

    #[test]
    fn numbers_are_as_ecmascript_shows_them() {
        for (text, wanted) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("36.0", "36"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000000000000000000000000001", "1e-27"),
            ("1e30", "1e+30"),
            ("-1.5e22", "-1.5e+22"),
            ("9007199254740992", "9007199254740992"),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
