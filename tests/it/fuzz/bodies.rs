//! Bodies, query strings and addresses that are nearly right.

use std::fmt::Write;

use serde_json::json;

use super::tape::Tape;
use super::values::Pool;

/// A request as bytes.
#[derive(Debug)]
pub(super) struct Raw {
    /// Below the server's address.
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    /// None: a GET.
    pub(super) body: Option<Vec<u8>>,
}

pub(super) fn raw(tape: &mut Tape, pool: &Pool, grant: &str) -> Raw {
    match tape.below(5) {
        0 | 1 => multipart(tape),
        2 => envelope(tape),
        3 => query_string(tape, pool),
        _ => address(tape, pool, grant),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "%{byte:02x}");
    }
    text
}

/// A mutation with a file, whose boundary, map, parts or bytes are off.
fn multipart(tape: &mut Tape) -> Raw {
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null }, "note": null });
    let query = "mutation($input: CreateAssetInput!) { createAsset(input: $input) { userErrors { code } } }";
    let mut operations =
        json!({ "query": query, "variables": { "input": input, "list": [null, null] } })
            .to_string();
    if tape.one_in(4) {
        operations = tape.mangled(&operations);
    }
    let place = "variables.input.file.upload";
    let eleven: serde_json::Map<_, _> = (0..11).map(|n| (n.to_string(), json!([place]))).collect();
    let maps = [
        json!({ "0": [place] }),
        json!({ "0": [place, place] }),
        json!({ "0": ["variables.input.note"] }),
        json!({ "0": ["variables.list.0"], "1": ["variables.list.1"] }),
        json!({ "0": ["variables.list.9"] }),
        json!({ "0": ["variables.list.-1"] }),
        json!({ "0": ["variables.input"] }),
        json!({ "0": [format!("{place}.x.y.z")] }),
        json!({ "0": [""] }),
        json!({ "0": [] }),
        json!({ "0": place }),
        json!({ "": [place] }),
        json!({ "operations": [place] }),
        json!(eleven),
        json!([]),
        json!(null),
    ];
    let mut map = tape.pick(&maps).to_string();
    if tape.one_in(6) {
        map = tape.mangled(&map);
    }
    let long = "b".repeat(300);
    let boundaries = ["b0", "b0", "b0", "B0", "", "--", long.as_str(), "a b"];
    let boundary = *tape.pick(&boundaries);
    let mut parts = vec![part("operations", "", &operations), part("map", "", &map)];
    for _ in 0..tape.below(4) {
        let name = *tape.pick(&["0", "0", "1", "operations", "map", "", "0\"; filename=\"x"]);
        let filename = *tape.pick(&[
            "; filename=\"a.png\"",
            "",
            "; filename=\"../../x\"",
            "; filename*=utf-8''%ff",
            "; filename=\"\0\"",
        ]);
        let content = *tape.pick(&["\u{89}PNG\r\n", "", "--b0--", "<svg/>", "GIF89a"]);
        parts.push(part(name, filename, content));
    }
    if tape.one_in(5) {
        parts.swap(0, 1);
    }
    let mut body = Vec::new();
    for part in parts {
        body.extend(format!("--{boundary}\r\n{part}\r\n").into_bytes());
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    if tape.one_in(2) {
        tape.mangle(&mut body);
    }
    let said = *tape.pick(&[
        "boundary=b0",
        "boundary=b0",
        "boundary=b0",
        "boundary=\"b0\"",
        "boundary=",
        "",
        "boundary=b1",
        "charset=x; boundary=b0",
    ]);
    let mut headers = vec![("content-type", format!("multipart/form-data; {said}"))];
    if !tape.one_in(10) {
        headers.push(("graphql-require-preflight", "1".to_owned()));
    }
    Raw {
        path: "/graphql".to_owned(),
        headers,
        body: Some(body),
    }
}

fn part(name: &str, filename: &str, content: &str) -> String {
    format!("content-disposition: form-data; name=\"{name}\"{filename}\r\n\r\n{content}")
}

fn envelope(tape: &mut Tape) -> Raw {
    let deep = format!(
        "{{\"query\":\"{{me{{__typename}}}}\",\"variables\":{}1{}}}",
        "[".repeat(3_000),
        "]".repeat(3_000)
    );
    let bodies = [
        r#"{"query":"{ me { __typename } }","variables":{},"operationName":null,"extensions":{}}"#,
        r#"{"query":"query A { me { __typename } } query B { brands { id } }","operationName":"B"}"#,
        r#"{"query":"{ me { __typename } }","query":"{ brands { id } }"}"#,
        r#"{"query":"{ node(id: \"\ud800\") { id } }"}"#,
        r#"{"query":"query($a: ID!) { node(id: $a) { id } }","variables":{"a":"\udfff"}}"#,
        r#"{"query":"query($a: Int) { assets(first: $a) { totalCount } }","variables":{"a":1e999}}"#,
        r#"{"query":"query($a: Int) { assets(first: $a) { totalCount } }","variables":{"a":123456789012345678901234567890}}"#,
        r#"{"query":"{ me { __typename } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"00"}}}"#,
        r#"[{"query":"{ me { __typename } }"}]"#,
        "\u{feff}{\"query\":\"{ me { __typename } }\"}",
        deep.as_str(),
        "null",
        "",
    ];
    let mut body = tape.pick(&bodies).as_bytes().to_vec();
    if tape.one_in(2) {
        tape.mangle(&mut body);
    }
    let kinds = [
        "application/json",
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=latin1",
        "text/plain",
        "application/graphql",
        "multipart/form-data",
    ];
    let accepts = [
        "*/*",
        "application/graphql-response+json",
        "application/json;q=0.1, */*;q=2",
        ";;;,,,q=",
        "text/html",
    ];
    let headers = vec![
        ("content-type", (*tape.pick(&kinds)).to_owned()),
        ("accept", (*tape.pick(&accepts)).to_owned()),
    ];
    Raw {
        path: "/graphql".to_owned(),
        headers,
        body: Some(body),
    }
}

fn query_string(tape: &mut Tape, pool: &Pool) -> Raw {
    let mut query = format!("{{ node(id: \"{}\") {{ id }} }}", pool.names[0]).into_bytes();
    if tape.one_in(2) {
        tape.mangle(&mut query);
    }
    let mut variables = br#"{"a":1}"#.to_vec();
    if tape.one_in(2) {
        tape.mangle(&mut variables);
    }
    let more = *tape.pick(&[
        "",
        "&query=x",
        "&operationName=",
        "&%",
        "&%zz=%",
        "&&&=",
        "&variables=",
        "&extensions=%7B",
    ]);
    let path = format!(
        "/graphql?query={}&variables={}{more}",
        escaped(&query),
        escaped(&variables)
    );
    Raw {
        path,
        headers: Vec::new(),
        body: None,
    }
}

/// Where bytes are, and other places.
fn address(tape: &mut Tape, pool: &Pool, grant: &str) -> Raw {
    let mut grant = match tape.below(3) {
        0 => grant.to_owned(),
        1 => pool.cursor(tape),
        _ => pool.id(tape),
    };
    if tape.one_in(2) {
        grant = tape.mangled(&grant);
    }
    let grant: String = escaped(grant.as_bytes()).chars().take(8_000).collect();
    let path = match tape.below(5) {
        0..=2 => format!("/files/{grant}/name.png"),
        3 => format!("/files/{grant}"),
        _ => format!("/{grant}"),
    };
    let ranges = [
        "bytes=0-0",
        "bytes=9-1",
        "bytes=-1",
        "bytes=-",
        "bytes=0-,0-,1-",
        "bytes=99999999999999999999-",
        "lines=1",
        "",
    ];
    let headers = vec![
        ("range", (*tape.pick(&ranges)).to_owned()),
        ("if-range", "\"x\"".to_owned()),
    ];
    Raw {
        path,
        headers,
        body: None,
    }
}
