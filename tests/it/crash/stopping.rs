//! A server that is told to stop.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{check_pictures, objects};
use crate::support::{Home, noise};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_told_to_stop_finishes_what_was_begun() {
    let home = Home::new().await;
    let mut server = home.serve().await;
    server
        .mutate(
            "createBrand",
            json!({ "name": "north", "slug": "north" }),
            "",
        )
        .await
        .unwrap();
    let pictures: Vec<Vec<u8>> = (0..8).map(|seed| noise(600, 600, seed)).collect();
    let hashes: Vec<String> = pictures
        .iter()
        .map(|bytes| hex::encode(Sha256::digest(bytes)))
        .collect();
    let sent = pictures
        .into_iter()
        .map(|bytes| server.picture("Picture", bytes));
    let told = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.tell_to_stop();
    };
    let (made, ()) = tokio::join!(join_all(sent), told);
    let made: Vec<String> = made.into_iter().map(Option::unwrap).collect();
    let status = server.end().await;
    assert_eq!(status.code(), Some(0), "{status}");

    let started = Instant::now();
    let again = home.serve().await;
    let took = started.elapsed();
    eprintln!("the second start took {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    let made: Vec<(String, String)> = made.into_iter().zip(hashes).collect();
    check_pictures(&again, &made).await;
    drop(again);
    assert_eq!(objects(&home.files()), (8, 0));
    home.database.remove().await;
}
