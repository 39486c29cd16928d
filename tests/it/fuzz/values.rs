//! Values for any type of the schema: some right, many at an edge, some wrong.

use serde_json::{Map, Value as Json, json};

use super::tape::Tape;
use crate::support::{Ref, Schema};

/// What there is in the world: names for things, and cursors of its lists.
pub(super) struct Pool {
    pub(super) names: Vec<String>,
    pub(super) cursors: Vec<String>,
}

const PREFIXES: [&str; 19] = [
    "brand",
    "product",
    "outlet",
    "audience",
    "channel",
    "asset",
    "endorsement",
    "content",
    "version",
    "evidence",
    "claim",
    "review",
    "lease",
    "placement",
    "token",
    "audit",
    "event",
    "",
    "asset_asset",
];

const TEXTS: [&str; 20] = [
    "",
    "a",
    "lantern",
    "Trailbench",
    "灯笼",
    "ランタン",
    "\u{0}",
    "\u{202e}gnp.exe",
    "  \u{200b} ",
    "' OR 1=1 --",
    "\"",
    "%",
    "_",
    "*",
    "a\\",
    "<script>",
    "e\u{301}\u{301}\u{301}",
    "\u{10ffff}",
    "😀",
    "-- ; DROP TABLE x",
];

const LOCALES: [&str; 16] = [
    "en",
    "zh-Hans",
    "pt-BR",
    "EN-us",
    "",
    "-",
    "en-",
    "e",
    "x-private",
    "i-klingon",
    "sl-rozaj-biske-1994",
    "zh-cmn-Hans-CN",
    "en-u-ca-gregory",
    "en_US",
    "日本語",
    "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w-x-y-z",
];

const INSTANTS: [&str; 14] = [
    "2026-06-01T12:00:00Z",
    "2026-06-03T12:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-06-30T23:59:60Z",
    "2026-02-30T00:00:00Z",
    "2026-06-01T12:00:00",
    "2026-06-01T12:00:00+99:99",
    "+10000-01-01T00:00:00Z",
    "now",
    "-0001-01-01T00:00:00Z",
];

const DAYS: [&str; 10] = [
    "2026-06-01",
    "2026-02-30",
    "0001-01-01",
    "9999-12-31",
    "0000-00-00",
    "0000-01-01",
    "-001-01-01",
    "10000-01-01",
    "2026-6-1",
    "",
];

const DECIMALS: [&str; 13] = [
    "12.50",
    "0",
    "-0",
    "1e400",
    "NaN",
    "inf",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "79228162514264337593543950336",
    "0.0000000000000000000000000001",
    "0.00000000000000000000000000001",
    ".",
    "1_0",
];

const WHOLES: [i64; 14] = [
    0,
    1,
    2,
    -1,
    3,
    100,
    101,
    250,
    251,
    i32::MAX as i64,
    i32::MAX as i64 + 1,
    i32::MIN as i64,
    (1 << 53) + 1,
    i64::MAX,
];

const URLS: [&str; 8] = [
    "https://example.com/",
    "http://[::1]/",
    "https://user:pass@example.com/",
    "javascript:alert(1)",
    "https://",
    "http://0x7f.1/",
    "https://\u{ff0e}/",
    "",
];

impl Pool {
    /// A value that a place of this type may be given.
    pub(super) fn value(&self, schema: &Schema, ty: &Ref, tape: &mut Tape, depth: usize) -> Json {
        if tape.one_in(24) {
            return tape
                .pick(&[
                    json!(null),
                    json!(7),
                    json!("x"),
                    json!([]),
                    json!({}),
                    json!([[]]),
                    json!(1e300),
                ])
                .clone();
        }
        match ty {
            Ref::NonNull(of) => self.value(schema, of, tape, depth),
            Ref::List(of) => {
                let len = if tape.one_in(40) { 251 } else { tape.below(4) };
                let first = self.value(schema, of, tape, depth + 1);
                if len > 4 {
                    return Json::Array(vec![first; len]);
                }
                let rest = (1..len).map(|_| self.value(schema, of, tape, depth + 1));
                let rest: Vec<Json> = rest.collect();
                std::iter::once(first).take(len).chain(rest).collect()
            }
            Ref::Named(name) => self.named(schema, name, tape, depth),
        }
    }

    fn named(&self, schema: &Schema, name: &str, tape: &mut Tape, depth: usize) -> Json {
        let ty = schema.get(name);
        match ty.kind.as_str() {
            "ENUM" if !tape.one_in(20) => json!(tape.pick(&ty.values)),
            "INPUT_OBJECT" => {
                let mut object = Map::new();
                for input in &ty.inputs {
                    let required = matches!(input.ty, Ref::NonNull(_));
                    let given = if required {
                        !tape.one_in(30)
                    } else {
                        depth < 5 && tape.one_in(4)
                    };
                    if given {
                        object.insert(
                            input.name.clone(),
                            self.field(schema, &input.name, &input.ty, tape, depth + 1),
                        );
                    }
                }
                Json::Object(object)
            }
            _ => self.scalar(name, tape),
        }
    }

    /// A value for a place of this name.
    pub(super) fn field(
        &self,
        schema: &Schema,
        name: &str,
        ty: &Ref,
        tape: &mut Tape,
        depth: usize,
    ) -> Json {
        match name {
            "after" | "before" if !tape.one_in(8) => json!(self.cursor(tape)),
            // Most pages are small, so that most documents may run.
            "first" | "last" if !tape.one_in(3) => json!(tape.below(5)),
            "slug" if !tape.one_in(3) => json!("site"),
            _ if ty.name() == "ID" && !tape.one_in(3) => self.fitting(name, ty, tape),
            _ => self.value(schema, ty, tape, depth),
        }
    }

    /// An id of what a place of this name asks for, so that not all is refused for a name alone.
    fn fitting(&self, name: &str, ty: &Ref, tape: &mut Tape) -> Json {
        let kind = match name.trim_end_matches('s') {
            "id" | "content" => *tape.pick(&["asset", "endorsement"]),
            kind => kind,
        };
        let of_kind = |id: &&String| {
            id.rsplit_once('_')
                .is_some_and(|(prefix, _)| prefix == kind)
        };
        let fitting: Vec<&String> = self.names.iter().filter(of_kind).collect();
        let id = if fitting.is_empty() {
            self.id(tape)
        } else {
            (*tape.pick(&fitting)).clone()
        };
        let is_list = match ty {
            Ref::NonNull(of) => matches!(**of, Ref::List(_)),
            other => matches!(other, Ref::List(_)),
        };
        if is_list { json!([id]) } else { json!(id) }
    }

    fn scalar(&self, name: &str, tape: &mut Tape) -> Json {
        match name {
            "ID" => json!(self.id(tape)),
            "Boolean" => json!(tape.one_in(2)),
            "Int" | "Int64" => json!(tape.pick(&WHOLES)),
            "Float" => tape
                .pick(&[
                    json!(0),
                    json!(0.5),
                    json!(-1.5),
                    json!(1e308),
                    json!(-1e-308),
                    json!(1e19),
                ])
                .clone(),
            "Decimal" => json!(tape.pick(&DECIMALS)),
            "Date" => json!(tape.pick(&DAYS)),
            "DateTime" => json!(tape.pick(&INSTANTS)),
            "Locale" => json!(tape.pick(&LOCALES)),
            "CountryCode" => json!(tape.pick(&["US", "CN", "us", "ZZ", "USA", "", "ＵＳ"])),
            "CurrencyCode" => json!(tape.pick(&["EUR", "JPY", "XXX", "eur", ""])),
            "URL" => json!(tape.pick(&URLS)),
            "Sha256" => {
                let hash = *tape.pick(&["0", "ab", "AB", "f"]);
                json!(hash.repeat(64 / hash.len()))
            }
            "JSON" => tape
                .pick(&[
                    json!(null),
                    json!(true),
                    json!(["image/png"]),
                    json!({ "width": -1 }),
                    json!(1e300),
                    json!("x"),
                ])
                .clone(),
            _ => text(tape),
        }
    }

    /// An id, a slug or a SKU: of something that is there, or anything but.
    pub(super) fn id(&self, tape: &mut Tape) -> String {
        if !tape.one_in(3) {
            return tape.pick(&self.names).clone();
        }
        match tape.below(5) {
            0 => {
                let known = tape.pick(&self.names).clone();
                tape.mangled(&known)
            }
            1 => {
                let digit = *tape.pick(&["0", "7", "8", "z", "u", "é"]);
                format!("{}_{}", tape.pick(&PREFIXES), digit.repeat(26))
            }
            2 => format!("{}_{}", tape.pick(&PREFIXES), "0".repeat(tape.below(9_000))),
            3 => (*tape.pick(&TEXTS)).to_owned(),
            _ => {
                // The same thing under another type's name.
                let known = tape.pick(&self.names).clone();
                let digits = known.rsplit('_').next().unwrap_or_default();
                format!("{}_{digits}", tape.pick(&PREFIXES))
            }
        }
    }

    /// A cursor: of this list or another, whole, cut or changed; or none at all.
    pub(super) fn cursor(&self, tape: &mut Tape) -> String {
        let known = tape.pick(&self.cursors).clone();
        match tape.below(6) {
            0 | 1 => known,
            2 => known.chars().take(tape.below(known.len())).collect(),
            3 => tape.mangled(&known),
            4 => "A".repeat(tape.below(9_000)),
            _ => (*tape.pick(&TEXTS)).to_owned(),
        }
    }
}

fn text(tape: &mut Tape) -> Json {
    let text = *tape.pick(&TEXTS);
    if tape.one_in(30) {
        return json!(text.repeat(4_000));
    }
    json!(text)
}
