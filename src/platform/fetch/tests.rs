//! The client against servers that count who connects.

use std::io::Write;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::platform::tasks;

/// A server that answers every request the same, and counts connections.
struct Server {
    port: u16,
    connects: Arc<AtomicUsize>,
}

impl Server {
    async fn start(
        at: &str,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Option<Self> {
        let listener = TcpListener::bind(at).await.ok()?;
        let port = listener.local_addr().ok()?.port();
        let connects = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connects);
        tasks::spawn("server", async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let n = stream.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..n]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("/");
                let _ = stream.write_all(&answer(path)).await;
                let _ = stream.shutdown().await;
            }
        });
        Some(Self { port, connects })
    }

    fn count(&self) -> usize {
        self.connects.load(Ordering::SeqCst)
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A client that may fetch from here, and from these ports of the public internet.
    fn fetcher(&self, ports: Vec<u16>) -> Fetcher {
        let hosts = vec![format!("127.0.0.1:{}", self.port)];
        Fetcher::new(Rules { ports, hosts })
    }
}

fn ok(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn sent_on(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// Ways to write this machine's address.
fn spellings(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "127.0.0.2",
        "①②⑦.0.0.1",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "ⓛocalhost",
        "user@127.0.0.1",
        "user:pass@localhost",
        // Names whose servers are asked.
        "rebound.example.com",
        "rebound.example.com.",
        "mixed.example.com",
        "six.example.com",
    ];
    let mut urls: Vec<String> = hosts
        .iter()
        .map(|host| format!("http://{host}:{port}/"))
        .collect();
    urls.push(format!("https://127.0.0.1:{port}/"));
    urls.push(format!("gopher://127.0.0.1:{port}/"));
    urls.push(format!("ftp://127.0.0.1:{port}/"));
    urls
}

/// Names that point to this machine, one of them beside a public address.
fn hostile_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let texts: &[&str] = match name.trim_end_matches('.') {
                "mixed.example.com" => &["3ffe::1", "127.0.0.1"],
                "six.example.com" => &["::ffff:127.0.0.1"],
                _ => &["127.0.0.1"],
            };
            Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
        })
    })
}

#[tokio::test]
async fn nothing_connects_to_this_machine_in_any_spelling() {
    let four = Server::start("127.0.0.1:0", |_| ok("", b"secret"))
        .await
        .unwrap();
    let six = Server::start(&format!("[::1]:{}", four.port), |_| ok("", b"secret")).await;
    let rules = Rules {
        ports: vec![four.port],
        hosts: Vec::new(),
    };
    let fetcher = Fetcher::with_lookup(rules, hostile_lookup());
    for url in spellings(four.port) {
        let got = fetcher.get(&url).await;
        assert!(matches!(got, Err(Failure::Final(_))), "{url}: {got:?}");
    }
    assert_eq!(four.count(), 0);
    assert_eq!(six.map_or(0, |s| s.count()), 0);
}

#[tokio::test]
async fn nothing_connects_to_this_machine_by_redirect() {
    let inner = Server::start("127.0.0.1:0", |_| ok("", b"secret"))
        .await
        .unwrap();
    let urls = spellings(inner.port);
    let places = urls.clone();
    let outer = Server::start("127.0.0.1:0", move |path| {
        let n: usize = path.trim_start_matches('/').parse().unwrap_or(0);
        sent_on(&places[n])
    })
    .await
    .unwrap();
    let rules = outer.fetcher(vec![80, inner.port]).rules().clone();
    let fetcher = Fetcher::with_lookup(rules, hostile_lookup());
    for (n, url) in urls.iter().enumerate() {
        let got = fetcher.get(&outer.url(&format!("/{n}"))).await;
        assert!(matches!(got, Err(Failure::Final(_))), "{url}: {got:?}");
    }
    assert_eq!(inner.count(), 0);
    assert_eq!(outer.count(), urls.len());
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_its_connection() {
    let server = Server::start("127.0.0.1:0", |_| ok("", b"secret"))
        .await
        .unwrap();
    let asked = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&asked);
    // Public when it is looked at, this machine afterwards. Nobody has the first address.
    let lookup: Lookup = Arc::new(move |_| {
        let mut asked = counter.lock().unwrap();
        *asked += 1;
        let text = if *asked == 1 { "3ffe::1" } else { "127.0.0.1" };
        let address: IpAddr = text.parse().unwrap();
        Box::pin(async move { Ok(vec![address]) })
    });
    let fetcher = Fetcher::with_lookup(
        Rules {
            ports: vec![server.port],
            hosts: Vec::new(),
        },
        lookup,
    );
    let url = format!("http://rebound.example.com:{}/", server.port);
    let first = tokio::time::timeout(Duration::from_secs(2), fetcher.get(&url)).await;
    assert!(!matches!(first, Ok(Ok(_))), "{first:?}");
    assert_eq!(*asked.lock().unwrap(), 1);
    let second = fetcher.get(&url).await;
    assert!(matches!(second, Err(Failure::Final(_))), "{second:?}");
    assert_eq!(*asked.lock().unwrap(), 2);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn redirects_are_followed_three_times() {
    let server = Server::start("127.0.0.1:0", |path| match path {
        "/4" => sent_on("/3"),
        "/3" => sent_on("2"),
        "/2" => sent_on("//127.0.0.1/1"),
        "/bad" => sent_on("http://[nonsense"),
        _ => ok("X-Kept: yes\r\nSet-Cookie: secret\r\n", b"here"),
    })
    .await
    .unwrap();
    let port = server.port;
    let relay = Server::start("127.0.0.1:0", move |path| match path {
        "/c" => sent_on("/b"),
        "/b" => sent_on("a"),
        "/a" => sent_on(&format!("http://127.0.0.1:{port}/end")),
        _ => sent_on("/c"),
    })
    .await
    .unwrap();
    let hosts = vec![
        format!("127.0.0.1:{}", server.port),
        format!("127.0.0.1:{}", relay.port),
    ];
    let fetcher = Fetcher::new(Rules {
        hosts,
        ..Rules::default()
    });
    let page = fetcher.get(&relay.url("/c")).await.unwrap();
    assert_eq!(
        (page.status, page.url.path(), &page.body[..]),
        (200, "/end", &b"here"[..])
    );
    assert_eq!(page.header("x-kept"), Some("yes"));
    assert_eq!(page.header("set-cookie"), None);
    let got = fetcher.get(&relay.url("/d")).await;
    assert_eq!(
        got.unwrap_err(),
        Failure::Final("The page sends on more than 3 times.".to_owned())
    );
    assert!(matches!(
        fetcher.get(&server.url("/bad")).await,
        Err(Failure::Final(_))
    ));
    assert!(matches!(
        fetcher.get(&server.url("/2")).await,
        Err(Failure::Passing(_) | Failure::Final(_))
    ));
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(body).unwrap();
    gz.finish().unwrap()
}

#[tokio::test]
async fn a_page_is_bounded_packed_and_unpacked() {
    let bomb = packed(&vec![0; MAX_BYTES + 1]);
    assert!(bomb.len() < 1 << 20);
    let server = Server::start("127.0.0.1:0", move |path| match path {
        "/gz" => ok("Content-Encoding: gzip\r\n", &packed("hallo".as_bytes())),
        "/bomb" => ok("Content-Encoding: gzip\r\n", &bomb),
        "/torn" => ok("Content-Encoding: gzip\r\n", &packed(b"hallo")[..12]),
        "/br" => ok("Content-Encoding: br\r\n", b"x"),
        "/announced" => b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx".to_vec(),
        "/long" => {
            let mut answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
            answer.resize(MAX_BYTES + 1_000, b'x');
            answer
        }
        "/full" => ok("", &vec![b'x'; MAX_BYTES]),
        "/junk" => b"junk".to_vec(),
        _ => Vec::new(),
    })
    .await
    .unwrap();
    let fetcher = server.fetcher(vec![80]);
    assert_eq!(fetcher.get(&server.url("/gz")).await.unwrap().body, "hallo");
    assert_eq!(
        fetcher.get(&server.url("/full")).await.unwrap().body.len(),
        MAX_BYTES
    );
    for path in ["/bomb", "/br", "/announced", "/long"] {
        let got = fetcher.get(&server.url(path)).await;
        assert!(
            matches!(got, Err(Failure::Final(_))),
            "{path}: {:?}",
            got.map(|p| p.status)
        );
    }
    for path in ["/torn", "/junk", "/nothing"] {
        let got = fetcher.get(&server.url(path)).await;
        assert!(
            matches!(got, Err(Failure::Passing(_))),
            "{path}: {:?}",
            got.map(|p| p.status)
        );
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_may_be_known_later() {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(Vec::new()) }));
    let fetcher = Fetcher::with_lookup(Rules::default(), lookup);
    let got = fetcher.get("http://nowhere.example.com/").await;
    assert_eq!(
        got.unwrap_err(),
        Failure::Passing("Nobody knows a server of this name.".to_owned())
    );
}
