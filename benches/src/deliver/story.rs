//! A catalogue of one picture: what stands behind the addresses that are loaded.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value as Json, json};

use crate::run::load::{Connection, request};

/// The picture, in pixels; its rendition is as large.
const WIDTH: u32 = 1000;
const HEIGHT: u32 = 750;

/// Makes a token on a database that no server has opened.
pub(super) fn token(
    accolade: &Path,
    url: &str,
    data: &Path,
    scope: &str,
) -> anyhow::Result<String> {
    let mut command = Command::new(accolade);
    command.args(["token", "create", "--name", "bench", "--scope", scope]);
    command.args(["--database-url", url, "--log", "warn", "--data-dir"]);
    let made = command.arg(data).output()?;
    ensure!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(String::from_utf8(made.stdout)?.trim().to_owned())
}

/// Tells the story to a server; the paths of a rendition's two addresses, under `/r` and `/d`.
pub(super) async fn tell(port: u16, admin: &str, reviewer: &str) -> anyhow::Result<[String; 2]> {
    let mut desk = Desk {
        connection: Connection::open(port).await?,
    };
    let brand = json!({ "name": "North", "slug": "north" });
    desk.run(admin, "createBrand", "brand { id }", brand)
        .await?;
    let preset = json!({ "name": "card", "width": WIDTH, "height": HEIGHT, "fit": "INSIDE", "mediaType": "image/jpeg" });
    let channel = json!({ "slug": "site", "name": "Site", "kind": "SITE", "presets": [preset] });
    desk.run(admin, "createChannel", "channel { id }", channel)
        .await?;
    let made = desk.picture(admin).await?;
    let (asset, version) = (
        text(&made, "/asset/id")?,
        text(&made, "/asset/latestVersion/id")?,
    );
    let submit = json!({ "version": version });
    desk.run(admin, "submitVersion", "version { id }", submit)
        .await?;
    let approve = json!({ "version": version, "decision": "APPROVE" });
    desk.run(reviewer, "reviewVersion", "review { id }", approve)
        .await?;
    let page = json!({ "name": "page", "scopes": ["READ_PUBLIC"], "channels": ["site"] });
    let page = desk.run(admin, "createAccessToken", "secret", page).await?;
    let query = "query($id: ID!) { node(id: $id) { ... on Asset { rendition(channel: \"site\") { url } } } }";
    let body = json!({ "query": query, "variables": { "id": asset } });
    let shown = desk.ask(&text(&page, "/secret")?, &body).await?;
    let url = text(&shown, "/data/node/rendition/url")?;
    let path = url
        .find("/r/")
        .and_then(|at| url.get(at..))
        .context("an address of a rendition")?;
    Ok([path.to_owned(), format!("/d/{asset}/site/card")])
}

struct Desk {
    connection: Connection,
}

impl Desk {
    async fn ask(&mut self, token: &str, body: &Json) -> anyhow::Result<Json> {
        let request = request("POST", "/graphql", token, Some(&body.to_string()));
        self.answer(&request).await
    }

    async fn answer(&mut self, request: &[u8]) -> anyhow::Result<Json> {
        let answer: Json = serde_json::from_slice(self.connection.send(request).await?)?;
        ensure!(answer.get("errors").is_none(), "{answer}");
        Ok(answer)
    }

    /// Runs a mutation, which must succeed: its payload.
    async fn run(
        &mut self,
        token: &str,
        name: &str,
        select: &str,
        input: Json,
    ) -> anyhow::Result<Json> {
        let body = json!({ "query": mutation(name, select), "variables": { "input": input } });
        payload(self.ask(token, &body).await?, name)
    }

    /// Stores the picture, as graphql-multipart-request-spec has it.
    async fn picture(&mut self, token: &str) -> anyhow::Result<Json> {
        const NAME: &str = "createAsset";
        let input = json!({ "brand": "north", "title": "Lantern", "channels": ["site"], "file": { "upload": null } });
        let query = mutation(NAME, "asset { id latestVersion { id } }");
        let operations = json!({ "query": query, "variables": { "input": input } });
        let map = json!({ "0": ["variables.input.file.upload"] });
        let part =
            |name: &str| format!("--bench\r\nContent-Disposition: form-data; name=\"{name}\"");
        let mut body = format!(
            "{}\r\n\r\n{operations}\r\n{}\r\n\r\n{map}\r\n{}; filename=\"lantern.bmp\"\r\n\r\n",
            part("operations"),
            part("map"),
            part("0")
        )
        .into_bytes();
        body.extend(bitmap());
        body.extend(b"\r\n--bench--\r\n");
        let length = body.len();
        let mut request = format!(
            "POST /graphql HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
             Accept: application/json\r\nGraphQL-Require-Preflight: 1\r\n\
             Content-Type: multipart/form-data; boundary=bench\r\nContent-Length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend(body);
        payload(self.answer(&request).await?, NAME)
    }
}

fn mutation(name: &str, select: &str) -> String {
    let (first, rest) = name.split_at(1);
    let input = match name {
        "submitVersion" => "VersionIdInput".to_owned(),
        _ => format!("{}{rest}Input", first.to_uppercase()),
    };
    format!(
        "mutation($input: {input}!) {{ {name}(input: $input) {{ {select} userErrors {{ code message }} }} }}"
    )
}

fn payload(answer: Json, name: &str) -> anyhow::Result<Json> {
    let payload = &answer["data"][name];
    ensure!(payload["userErrors"] == json!([]), "{name}: {answer}");
    Ok(payload.clone())
}

fn text(json: &Json, pointer: &str) -> anyhow::Result<String> {
    let found = json.pointer(pointer).and_then(Json::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("no {pointer} in {json}"))
}

/// A picture with as much in it as a photo has: slopes with noise on them, the same every time.
fn bitmap() -> Vec<u8> {
    let row = WIDTH * 3;
    let size = 54 + row * HEIGHT;
    let mut bytes = b"BM".to_vec();
    for word in [
        size,
        0,
        54,
        40,
        WIDTH,
        HEIGHT,
        1 | 24 << 16,
        0,
        0,
        0,
        0,
        0,
        0,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    let mut state = 1_u64;
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let [noise, ..] = (state >> 33).to_le_bytes();
            let [slope, ..] = (x * 100 / WIDTH + y * 100 / HEIGHT).to_le_bytes();
            let grey = slope + noise % 46;
            bytes.extend([grey, grey, grey]);
        }
    }
    bytes
}
