//! A server of pages, for what is fetched from strangers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type Answers = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// A server of pages that counts who asks.
pub(crate) struct Pages {
    pub(crate) place: String,
    answers: Answers,
    asked: Arc<AtomicUsize>,
}

impl Pages {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self {
            place: listener.local_addr().unwrap().to_string(),
            answers: Answers::default(),
            asked: Arc::default(),
        };
        let (answers, asked) = (Arc::clone(&this.answers), Arc::clone(&this.asked));
        accolade::platform::tasks::spawn("pages", async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                asked.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let n = stream.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..n]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                let answer = answers.lock().unwrap().get(&path).cloned();
                let answer = answer.unwrap_or_else(|| page("404 Not Found", "text/html", b"no"));
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        this
    }

    pub(crate) fn says(&self, path: &str, answer: Vec<u8>) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn html(&self, path: &str, body: &str) {
        self.says(
            path,
            page("200 OK", "text/html; charset=utf-8", body.as_bytes()),
        );
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// An answer of such a server.
pub(crate) fn page(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}
