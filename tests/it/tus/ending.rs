//! Uploads that end: by their owner, or by themselves.

use accolade::uploads::sweep;
use chrono::TimeDelta;

use super::start;
use crate::support::{TestApp, noise};

#[tokio::test]
async fn an_ended_upload_leaves_nothing() {
    let app = start().await;
    let bytes = noise(40, 40, 1);
    for sent in [0, 500, bytes.len()] {
        let url = app.begin(bytes.len()).await;
        app.add(&url, 0, &bytes[..sent]).await;
        let ended = app.tus("DELETE", &url).send().await.unwrap();
        assert_eq!(ended.status(), 204);
        assert_eq!(app.stored(), Vec::<std::path::PathBuf>::new());
        for method in ["HEAD", "DELETE"] {
            let response = app.tus(method, &url).send().await.unwrap();
            assert_eq!(response.status(), 410, "{method}");
        }
        let piece = app.piece(&url, sent, b"").send().await.unwrap();
        assert_eq!(piece.status(), 410);
        let payload = app.make_as(&app.admin, &url).await;
        assert_eq!(TestApp::outcome(&payload), "NOT_FOUND");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_expires() {
    let app = start().await;
    let bytes = noise(40, 40, 2);
    let part = app.begin(bytes.len()).await;
    app.add(&part, 0, &bytes[..500]).await;
    let whole = app.begin(bytes.len()).await;
    app.add(&whole, 0, &bytes).await;
    let used = app.begin(bytes.len()).await;
    app.add(&used, 0, &bytes).await;
    app.make(&used).await;
    let refused = app.begin(3).await;
    app.add(&refused, 0, b"abc").await;

    app.advance(TimeDelta::milliseconds(24 * 3_600_000 - 1));
    sweep(&app.app).await.unwrap();
    assert_eq!(app.offset(&part).await, 500);
    // What is gone on with waits for another day.
    app.add(&part, 500, &bytes[500..600]).await;
    app.advance(TimeDelta::milliseconds(1));
    assert_eq!(app.offset(&part).await, 600);
    for url in [&whole, &used, &refused] {
        assert_eq!(app.head(url).await.status(), 410);
        let payload = app.make_as(&app.admin, url).await;
        assert_eq!(TestApp::outcome(&payload), "NOT_FOUND");
    }
    sweep(&app.app).await.unwrap();
    // What somebody has used, and what goes on.
    assert_eq!(app.stored().len(), 2, "{:?}", app.stored());
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));

    app.advance(TimeDelta::hours(24));
    assert_eq!(app.head(&part).await.status(), 410);
    let piece = app.piece(&part, 600, b"x").send().await.unwrap();
    assert_eq!(piece.status(), 410);
    sweep(&app.app).await.unwrap();
    assert_eq!(app.stored().len(), 1);
    let report = accolade::care::verify::files(&app.app).await.unwrap();
    assert_eq!((report.files, report.faults.len()), (1, 0));
    // A week on nobody remembers.
    assert_eq!(app.head(&part).await.status(), 410);
    app.advance(TimeDelta::days(8));
    sweep(&app.app).await.unwrap();
    assert_eq!(app.head(&part).await.status(), 404);
    assert_eq!(app.count("SELECT count(*) AS n FROM uploads").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_sweep_takes_all_of_many() {
    let app = start().await;
    for _ in 0..120 {
        app.begin(10).await;
    }
    app.advance(TimeDelta::hours(24));
    let live = app.begin(10).await;
    sweep(&app.app).await.unwrap();
    let left = "SELECT count(*) AS n FROM uploads WHERE ended_at IS NULL";
    assert_eq!(app.count(left).await, 1);
    assert_eq!(app.offset(&live).await, 0);
    app.stop().await;
}
