//! More connections than there may be.

use std::io;
use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Home;

/// Connections that the server takes (docs/operating.md).
const MOST: usize = 2_048;
/// What a shell might start the server with.
const FEW: u32 = 256;

/// The answer to a request that asks for the connection's end.
async fn ask(connection: &mut TcpStream) -> io::Result<String> {
    let request = "GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// What a server says to a connection before it has asked anything.
async fn told(address: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect(address).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn all_connections_are_served_that_there_may_be_and_the_next_is_told_to_come_back() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let home = Home::new().await;
    let server = home.serve_with_few_files(FEW).await;
    // The client that waited for it has let go of its own connection by then, or not yet.
    let mut open = Vec::with_capacity(MOST);
    while open.len() < MOST - 1 {
        open.push(TcpStream::connect(home.address).await.unwrap());
    }
    let first = open.first_mut().unwrap();
    assert!(ask(first).await.unwrap().starts_with("HTTP/1.1 200 "));
    let last = open.last_mut().unwrap();
    assert!(ask(last).await.unwrap().starts_with("HTTP/1.1 200 "));
    // Two have ended, and room is for three at most.
    while open.len() < MOST + 2 {
        open.push(TcpStream::connect(home.address).await.unwrap());
    }
    let answer = told(home.address).await.unwrap();
    let head = answer.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503 "), "{answer}");
    assert!(head.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\"UNAVAILABLE\""), "{answer}");
    drop(open);
    let room = async {
        loop {
            let mut connection = TcpStream::connect(home.address).await?;
            // One that is told to come back may be reset while it writes.
            match ask(&mut connection).await {
                Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => break io::Result::Ok(()),
                _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            }
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, room).await.unwrap().unwrap();
    drop(server);
}
