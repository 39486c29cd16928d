//! What is secret stands in no log, no error, no audit entry and no metric: the server is told and given
//! secrets in every way there is, says all it can say, and is searched for them.

use std::path::Path;

use reqwest::RequestBuilder;
use serde_json::{Value as Json, json};

use crate::s3::Bucket;
use crate::support::{Home, Server, mutation, noise, upload_form};

/// All that our own code says, and most of what the libraries do.
const EVERYTHING: &str = "debug,accolade=trace";

/// What must not be found, by what it is, and what was answered.
#[derive(Default)]
struct Searched {
    secrets: Vec<(&'static str, String)>,
    answers: Vec<String>,
}

impl Searched {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() > 9, "{what} may stand anywhere: {secret}");
        self.secrets.push((what, secret.to_owned()));
    }

    /// Sends what carries secrets; the answer is searched like all others.
    async fn send(&mut self, request: RequestBuilder) -> u16 {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = format!("{:?}", response.headers());
        let body = String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned();
        self.answers.push(format!("{headers}\n{body}"));
        status
    }

    fn assert_none_in(&self, place: &str, text: &str) {
        for (what, secret) in &self.secrets {
            // A part of it is enough to be found.
            let part = &secret[secret.len() / 3..];
            if let Some(at) = text.find(part) {
                let from = text.floor_char_boundary(at.saturating_sub(300));
                let to = text.ceil_char_boundary((at + part.len() + 100).min(text.len()));
                panic!("{what} stands in {place}: {}", &text[from..to]);
            }
        }
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// A server with a bucket whose keys, and a database whose password, are secrets.
async fn home(bucket: &Bucket, secret_key: &str, searched: &mut Searched) -> Home {
    let mut home = Home::new().await;
    let s3 = bucket.settings();
    home.log = (
        EVERYTHING.to_owned(),
        Some(home.database.folder().join("log")),
    );
    home.settings = vec![
        (
            "ACCOLADE_STORE_URL",
            format!("s3://{}/{}", s3.bucket, s3.prefix),
        ),
        ("ACCOLADE_S3_ENDPOINT", s3.endpoint.unwrap()),
        ("ACCOLADE_S3_ACCESS_KEY_ID", s3.access_key_id.unwrap()),
        ("ACCOLADE_S3_SECRET_ACCESS_KEY", secret_key.to_owned()),
    ];
    searched.add("the S3 secret key", secret_key);
    if home.database.is_shared() {
        // The server asks for none, so any will do.
        let url = home
            .database
            .config()
            .url
            .replace("postgres@", "postgres:pwd-4bd1c06e7f@");
        assert!(url.contains("pwd-4bd1c06e7f"), "{url}");
        home.settings.push(("ACCOLADE_DATABASE_URL", url));
        searched.add("the database's password", "pwd-4bd1c06e7f");
    }
    home
}

/// Makes and uses everything that is secret: tokens and addresses of bytes, and the cursors, which are sealed too.
async fn mint(server: &Server, searched: &mut Searched) {
    let brand = json!({ "name": "north", "slug": "north" });
    server
        .mutate("createBrand", brand, "brand { id }")
        .await
        .unwrap();
    let asset = server.picture("Lantern", noise(40, 40, 1)).await.unwrap();
    server.picture("Lamp", noise(40, 40, 2)).await.unwrap();
    let once = json!({ "name": "made", "scopes": ["ADMIN"], "clientMutationId": "once" });
    for _ in 0..2 {
        let made = server
            .mutate("createAccessToken", once.clone(), "secret")
            .await
            .unwrap();
        if let Some(secret) = made["secret"].as_str() {
            searched.add("a token that was made", secret);
        }
    }
    let query = "query($id: ID!) { node(id: $id) { ... on Asset { latestVersion { file { url downloadUrl } } } }
        assets(first: 1) { pageInfo { endCursor } } auditLog(first: 1) { pageInfo { endCursor } } }";
    let found = server.ask(query, json!({ "id": asset })).await.unwrap();
    for list in ["assets", "auditLog"] {
        let cursor = text(&found[list]["pageInfo"]["endCursor"]);
        let query =
            format!("query($after: String) {{ {list}(after: $after) {{ nodes {{ id }} }} }}");
        server
            .ask(&query, json!({ "after": cursor }))
            .await
            .unwrap();
        searched.add("a cursor", &cursor);
    }
    for name in ["url", "downloadUrl"] {
        let url = text(&found["node"]["latestVersion"]["file"][name]);
        assert_eq!(searched.send(server.http.get(&url)).await, 200);
        searched.send(server.http.get(format!("{url}x"))).await;
        let grant = url
            .split("/files/")
            .nth(1)
            .unwrap()
            .split('/')
            .next()
            .unwrap();
        searched.add("an address of bytes", grant);
    }
}

/// Sends secrets where none belong.
async fn misplace(server: &Server, searched: &mut Searched) {
    let mut wrong = server.token.clone();
    let middle = wrong.len() / 2;
    let other = if &wrong[middle..=middle] == "a" {
        "b"
    } else {
        "a"
    };
    wrong.replace_range(middle..=middle, other);
    let stray = "stray-secret-9b1f44e0c2d7";
    searched.add("a wrong token", &wrong);
    searched.add("a stray secret", stray);
    let graphql = format!("{}/graphql", server.url);
    let me = json!({ "query": "{ me { __typename } }" });
    let post = || server.http.post(&graphql);
    for bearer in [wrong.as_str(), stray] {
        assert_eq!(
            searched.send(post().bearer_auth(bearer).json(&me)).await,
            401
        );
        assert_eq!(
            searched
                .send(post().basic_auth(bearer, Some(bearer)).json(&me))
                .await,
            401
        );
    }
    let token = &server.token;
    let sent = [
        server
            .http
            .post(format!("{graphql}?access_token={token}"))
            .json(&me),
        server.http.get(format!(
            "{graphql}?access_token={token}&query=%7Bme%7B__typename%7D%7D"
        )),
        server.http.get(format!("{}/{token}", server.url)),
        server
            .http
            .get(format!("{}/files/{stray}/{token}", server.url)),
        server
            .http
            .get(format!("{}/metrics?token={stray}", server.url)),
        server
            .http
            .get(format!("{}/graphiql/?token={stray}", server.url)),
        post()
            .header("cookie", format!("session={stray}"))
            .header("x-api-key", token)
            .json(&me),
        post()
            .header("x-request-id", format!("{stray}!"))
            .header("user-agent", stray)
            .json(&me),
    ];
    for request in sent {
        searched.send(request).await;
    }
    let documents = [
        json!({ "query": format!("{{ node(id: \"{stray}\") {{ id }} }}") }),
        json!({ "query": format!("{{ assets(after: \"{stray}\") {{ totalCount }} }}") }),
        json!({ "query": format!("{{ me {{ __typename }} # {token}\n }}") }),
        json!({ "query": format!("{{ assets(filter: {{ createdAfter: \"{stray}\" }}) {{ totalCount }} }}") }),
        json!({ "query": format!("{{ search(query: \"{stray}\") {{ totalCount }} }}") }),
        json!({ "query": "query($a: DateTime) { me { __typename } }", "variables": { "a": stray } }),
        json!({ "query": "query($a: ID!) { node(id: $a) { id } }", "variables": { "a": token } }),
        json!({ "query": "{ me { __typename } }", "variables": { "password": stray } }),
        json!({ "query": "{ me { __typename } }", "extensions": { "token": stray } }),
    ];
    for document in documents {
        searched
            .send(post().bearer_auth(token).json(&document))
            .await;
    }
    let query = json!({ "query": "query($a: Int) { me { __typename } }", "variables": { "a": 1 } });
    searched
        .send(post().bearer_auth(token).body(format!("{query}{stray}")))
        .await;
    let revoke = json!({ "query": mutation("revokeAccessToken", ""), "variables": { "input": { "token": stray } } });
    searched.send(post().bearer_auth(token).json(&revoke)).await;
}

/// Everything that the server tells those who run it, while its bucket is away.
async fn look(server: &Server, searched: &mut Searched) {
    for (path, answered) in [("metrics", 200), ("healthz", 200), ("readyz", 503)] {
        let request = server.http.get(format!("{}/{path}", server.url));
        assert_eq!(searched.send(request).await, answered, "{path}");
    }
    let query =
        "{ auditLog(first: 100) { nodes { action changes subject { id } actor { __typename } } } }";
    let log = server.ask(query, json!({})).await.unwrap();
    assert!(log["auditLog"]["nodes"].as_array().unwrap().len() > 4);
    searched.answers.push(log.to_string());
}

async fn end(mut server: Server) {
    server.tell_to_stop();
    assert!(server.end().await.success());
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

#[tokio::test]
async fn no_secret_stands_in_a_log_an_answer_the_audit_log_or_a_metric() {
    let mut searched = Searched::default();
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::start(folder.path().to_owned());
    let key = bucket.settings().secret_access_key.unwrap();
    let home = home(&bucket, &key, &mut searched).await;
    let made = home.run(&["token", "create", "--name", "more", "--scope", "ADMIN"]);
    searched.add(
        "a token of the command line",
        String::from_utf8(made.stdout).unwrap().trim(),
    );
    let server = home.serve().await;
    searched.add("the token that asks", &server.token.clone());
    mint(&server, &mut searched).await;
    misplace(&server, &mut searched).await;
    // What is away is told of in the log, with its cause.
    drop(bucket);
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null } });
    let form = upload_form(
        "createAsset",
        input,
        "",
        "file.upload",
        ("a.png", noise(40, 40, 3)),
    );
    let request = server
        .http
        .post(format!("{}/graphql", server.url))
        .bearer_auth(&server.token);
    let status = searched
        .send(
            request
                .header("GraphQL-Require-Preflight", "1")
                .multipart(form),
        )
        .await;
    assert_eq!(status, 503);
    look(&server, &mut searched).await;
    end(server).await;

    let log = read(home.log.1.as_ref().unwrap());
    for told in ["graphql", "object store", "DEBUG"] {
        assert!(log.contains(told), "the log does not say {told}");
    }
    searched.assert_none_in("the log", &log);
    for answer in &searched.answers {
        searched.assert_none_in("an answer", answer);
    }
    home.database.remove().await;
}

#[tokio::test]
async fn a_wrong_key_of_the_store_is_not_told() {
    let mut searched = Searched::default();
    let folder = tempfile::tempdir().unwrap();
    let bucket = Bucket::start(folder.path().to_owned());
    // Of digits only: it is a text all the same.
    let home = home(&bucket, "998877665544332211", &mut searched).await;
    let server = home.serve().await;
    let brand = json!({ "name": "north", "slug": "north" });
    server.mutate("createBrand", brand, "").await.unwrap();
    let input = json!({ "brand": "north", "title": "T", "file": { "upload": null } });
    let form = upload_form(
        "createAsset",
        input,
        "",
        "file.upload",
        ("a.png", noise(40, 40, 3)),
    );
    let request = server
        .http
        .post(format!("{}/graphql", server.url))
        .bearer_auth(&server.token);
    let status = searched
        .send(
            request
                .header("GraphQL-Require-Preflight", "1")
                .multipart(form),
        )
        .await;
    assert_eq!(status, 503);
    end(server).await;
    searched.assert_none_in("the log", &read(home.log.1.as_ref().unwrap()));
    searched.assert_none_in("the answer", &searched.answers[0]);
    home.database.remove().await;
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_told_without_the_secret() {
    const SECRET: &str = "hunter2-4bd1c06e7f";
    let mut searched = Searched::default();
    searched.add("the secret", SECRET);
    searched.add("a secret of digits", "998877665544332211");
    let mut home = Home::new().await;
    EVERYTHING.clone_into(&mut home.log.0);
    let file = home.database.folder().join("accolade.toml");
    let url = |rest: &str| ("ACCOLADE_DATABASE_URL", rest.replace("SECRET", SECRET));
    let nothing = ("ACCOLADE_METRICS", "true".to_owned());
    let cases = [
        (url("postgres://u:SECRET@127.0.0.1:1/x"), String::new()),
        (url("postgres://u:SECRET@127.0.0.1:port/x"), String::new()),
        (url("postgres://u:SECRET#more@127.0.0.1:1/x"), String::new()),
        (url("postgres://u:SECRET@[::/x"), String::new()),
        (url("mysql://u:SECRET@127.0.0.1/x"), String::new()),
        (
            ("ACCOLADE_PUBLIC_URL", format!("ftp://u:{SECRET}@h/")),
            String::new(),
        ),
        (
            ("ACCOLADE_STORE_URL", format!("s4://u:{SECRET}@h/")),
            String::new(),
        ),
        (
            nothing.clone(),
            format!("s3_secret_access_key = \"{SECRET}\nlog = 1"),
        ),
        (
            nothing.clone(),
            format!("s3_secret_access_key = [\"{SECRET}\"]"),
        ),
        (
            nothing.clone(),
            "s3_secret_access_key = 998877665544332211".to_owned(),
        ),
        (nothing.clone(), format!("s3_secret = \"{SECRET}\"")),
        (nothing.clone(), format!("log_format = \"{SECRET}\"")),
        (nothing, format!("graphiql = \"{SECRET}\"")),
    ];
    for (setting, written) in cases {
        std::fs::write(&file, &written).unwrap();
        let what = format!("{setting:?} {written}");
        home.settings = vec![setting];
        let ended = home.run(&["migrate"]);
        assert!(!ended.status.success(), "{what}");
        let told = [ended.stdout, ended.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("accolade: "), "{what}: {told}");
        searched.assert_none_in(&what.replace(SECRET, "…"), &told);
    }
    home.database.remove().await;
}
