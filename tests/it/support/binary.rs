//! The binary itself, in a process that can be told to stop, or killed.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use accolade::testing::TestDatabase;
use serde_json::{Value as Json, json};

use super::{TestApp, mutation, upload_form};
use crate::crash::disk::Disk;

/// Tests run on small and well-filled disks, too.
const SMALL_DISK: [&str; 4] = ["--reserve-bytes", "0", "--reserve-percent", "0"];

/// Where nobody listens.
fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap()
}

/// Where the server keeps its data, over all its lives.
pub(crate) struct Home {
    pub(crate) database: TestDatabase,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// What is logged, and where to; unless said, errors beside the test's own.
    pub(crate) log: (String, Option<PathBuf>),
    /// Settings of the environment.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Home {
    pub(crate) async fn new() -> Self {
        let mut home = Self::on(TestDatabase::create().await);
        home.make_token();
        home
    }

    /// The same on a disk whose power can be cut.
    pub(crate) async fn on_a_disk() -> (Self, Disk) {
        let mut home = Self::on(TestDatabase::create().await);
        let disk = Disk::under(home.database.folder());
        home.settings.extend(disk.settings());
        home.make_token();
        (home, disk)
    }

    fn make_token(&mut self) {
        let made = self.run(&["token", "create", "--name", "test", "--scope", "ADMIN"]);
        assert!(made.status.success(), "{made:?}");
        let token = String::from_utf8(made.stdout).unwrap();
        token.trim().clone_into(&mut self.token);
    }

    /// The binary with a command, on this data and without the environment of the test.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accolade"));
        command.args(arguments);
        // As seen from where it is started, which is not where its workers are.
        command.args(["--data-dir", "."]);
        command.args(["--listen", &self.address.to_string(), "--log", &self.log.0]);
        command.args(SMALL_DISK);
        command.env_clear().current_dir(self.database.folder());
        command.env("ACCOLADE_DATABASE_URL", &self.database.config().url);
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        if let Some(path) = &self.log.1 {
            let file = File::options().create(true).append(true).open(path);
            command.stderr(file.unwrap());
        }
        command
    }

    /// The binary on a database, without a way in.
    pub(crate) fn on(database: TestDatabase) -> Self {
        Self {
            database,
            address: free_address(),
            token: String::new(),
            log: ("error".to_owned(), None),
            settings: Vec::new(),
        }
    }

    /// Starts a command and does not wait for it.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts the server and waits until it serves.
    pub(crate) async fn serve(&self) -> Server {
        Server::start(&mut self.command(&["serve"]), self.address, &self.token).await
    }

    /// Starts the server where a shell lets it have few files open at first, and waits until it serves.
    pub(crate) async fn serve_with_few_files(&self, most: u32) -> Server {
        let plain = self.command(&["serve"]);
        let mut command = Command::new("sh");
        let limited = format!("ulimit -Sn {most} && exec \"$0\" \"$@\"");
        command.arg("-c").arg(limited).arg(plain.get_program());
        command.args(plain.get_args()).env_clear();
        command.current_dir(self.database.folder());
        for (name, value) in plain.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Server::start(&mut command, self.address, &self.token).await
    }

    /// Where the stored files are.
    pub(crate) fn files(&self) -> PathBuf {
        self.database.folder().join("files")
    }
}

/// One life of the server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) http: reqwest::Client,
}

impl Server {
    /// Starts what listens at an address, and waits until it serves.
    async fn start(command: &mut Command, address: SocketAddr, token: &str) -> Self {
        let mut server = Self {
            child: command.stdin(Stdio::null()).spawn().unwrap(),
            url: format!("http://{address}"),
            token: token.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let started = Instant::now();
        let ready = format!("{}/readyz", server.url);
        while server.http.get(&ready).send().await.is_err() {
            assert_eq!(server.child.try_wait().unwrap(), None, "it did not start");
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "it does not serve"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server
    }

    /// The demo, with nothing set but what a test needs, started in a folder.
    pub(crate) async fn demo(folder: &Path) -> Self {
        let address = free_address();
        let mut command = Command::new(env!("CARGO_BIN_EXE_accolade"));
        command
            .args(["demo", "--log", "error", "--listen", &address.to_string()])
            .args(SMALL_DISK)
            .env_clear()
            .current_dir(folder)
            .stdout(Stdio::null());
        Self::start(&mut command, address, "").await
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it learns nothing of its end.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// SIGTERM.
    pub(crate) fn tell_to_stop(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended, once it has.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                started.elapsed() < Duration::from_secs(40),
                "it does not end"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The answer's data; none where the server was gone before it was whole.
    async fn answer(&self, request: reqwest::RequestBuilder) -> Option<Json> {
        let request = request.bearer_auth(&self.token);
        let body: Json = request.send().await.ok()?.json().await.ok()?;
        assert!(body.get("errors").is_none(), "{body:#}");
        Some(body["data"].clone())
    }

    /// Asks as the administrator.
    pub(crate) async fn ask(&self, query: &str, variables: Json) -> Option<Json> {
        let request = self.http.post(format!("{}/graphql", self.url));
        let body = json!({ "query": query, "variables": variables });
        self.answer(request.json(&body)).await
    }

    /// The payload of a mutation that nothing speaks against.
    pub(crate) async fn mutate(&self, name: &str, input: Json, select: &str) -> Option<Json> {
        let data = self
            .ask(&mutation(name, select), json!({ "input": input }))
            .await?;
        assert_eq!(TestApp::outcome(&data[name]), "OK", "{name}: {data:#}");
        Some(data[name].clone())
    }

    /// The payload of a mutation with a file in `variables.input.<path>`, whatever it says.
    pub(crate) async fn upload(
        &self,
        name: &str,
        input: Json,
        select: &str,
        path: &str,
        file: (&str, Vec<u8>),
    ) -> Option<Json> {
        let request = self
            .http
            .post(format!("{}/graphql", self.url))
            .header("GraphQL-Require-Preflight", "1")
            .multipart(upload_form(name, input, select, path, file));
        Some(self.answer(request).await?[name].clone())
    }

    /// Makes an asset of a picture: its id.
    pub(crate) async fn picture(&self, title: &str, bytes: Vec<u8>) -> Option<String> {
        let input = json!({ "brand": "north", "title": title, "file": { "upload": null } });
        let file = ("a.png", bytes);
        let made = self
            .upload("createAsset", input, "asset { id }", "file.upload", file)
            .await?;
        assert_eq!(TestApp::outcome(&made), "OK", "{made:#}");
        Some(made["asset"]["id"].as_str().unwrap().to_owned())
    }
}

/// Killed, and gone: its address is free again.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
