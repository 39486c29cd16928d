//! Tables that are wrong, in every way that tables are: told by line and column, and nothing of them is there.

use serde_json::json;

use super::faults;
use crate::support::TestApp;

const HEAD: &str = "key,outlet,kind,published_on,locale,headline";

async fn ground() -> TestApp {
    let app = TestApp::start().await;
    app.brand("north").await;
    app.outlet("Trailbench", json!({})).await;
    app
}

async fn count(app: &TestApp) -> i64 {
    let data = app.query("{ endorsements { totalCount } }").await;
    data["endorsements"]["totalCount"].as_i64().unwrap()
}

#[tokio::test]
async fn every_mistake_is_told_with_its_line_and_column_and_nothing_is_imported() {
    let app = ground().await;
    let long = "x".repeat(301);
    let table = format!(
        "{HEAD},rating,rating_scale,tags,products,channels,markets,claims,recheck_every_days,source_url,headline:de,release_at\n\
         ok,Trailbench,AWARD,2026-01-01,en,Good,,,,,,,,,,,\n\
         a,Trailbench,AWARD,01.02.2026,en,H,,,,,,,,,,,\n\
         b,Nowhere,AWARD,2026-01-01,en,H,,,,,,,,,,,\n\
         c,Trailbench,PRIZE,2026-01-01,en,{long},,,,,,,,,,,\n\
         d,Trailbench,AWARD,2030-01-01,english!,,6,5,,,,,,,,,\n\
         e,Trailbench,AWARD,2026-01-01,en,H,,,,NONE-1,nowhere,us,no product,0,ftp://x.example,{long},tomorrow\n\
         a,Trailbench,AWARD,2026-01-01,en,H,,,,,,,,,,,\n\
         ,Trailbench,AWARD,2026-01-01,en,H,,,,,,,,,,,\n\
         f,Trailbench\n"
    );
    let import = app.import(&table).await;
    let told: Vec<(i64, String)> = faults(&import)
        .into_iter()
        .map(|(line, column, _)| (line, column))
        .collect();
    let expected = [
        (3, "published_on"),
        (4, "outlet"),
        (5, "headline"),
        (5, "kind"),
        (6, "headline"),
        (6, "locale"),
        (6, "published_on"),
        (6, "rating"),
        (7, "channels"),
        (7, "claims"),
        (7, "headline:de"),
        (7, "markets"),
        (7, "products"),
        (7, "recheck_every_days"),
        (7, "release_at"),
        (7, "source_url"),
        (8, "key"),
        (9, "key"),
        (10, "-"),
    ];
    let mut sorted = told.clone();
    sorted.sort();
    let expected: Vec<(i64, String)> = expected.map(|(l, c)| (l, c.to_owned())).into();
    assert_eq!(sorted, expected, "{import:#}");
    assert!(told.is_sorted_by_key(|(line, _)| *line), "{told:?}");
    assert_eq!(import["errorCount"], 19);
    assert_eq!(count(&app).await, 0);
    // Only the first hundred are told, and all are counted.
    let many: String = (0..1_000).fold(format!("{HEAD}\n"), |all, i| {
        format!("{all}k{i},Nowhere,AWARD,2026-01-01,en,H\n")
    });
    let import = app.import(&many).await;
    assert_eq!(
        (faults(&import).len(), &import["errorCount"]),
        (100, &json!(1_000))
    );
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_table_is_refused_in_plain_words() {
    let app = ground().await;
    let row = "\nw,Trailbench,AWARD,2026-01-01,en,H";
    let with = |tail: &[u8]| [HEAD.as_bytes(), row.as_bytes(), tail].concat();
    let wide: Vec<u8> = "a,".repeat(1_000_000).into_bytes();
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(HEAD.bytes().flat_map(|b| [b, 0]))
        .collect();
    let columns = |more: &str| format!("{HEAD},{more}{row},x\n").into_bytes();
    let table: Vec<(Vec<u8>, i64, &str)> = vec![
        (with(b"\n\"open,x\n1\n2"), 3, "never closed"),
        (with(b"\nb\0,x"), 3, "NUL"),
        (with(b"\n\xff\xff,x"), 3, "UTF-8"),
        (utf16, 1, "UTF-16"),
        (wide, 1, "columns"),
        (crate::support::png(20, 20, 1), 1, "UTF-8"),
        (b"PK\x03\x04 and so on".to_vec(), 1, "workbook"),
        (b"\n\n".to_vec(), 1, "empty"),
        (
            columns("colour"),
            1,
            "There is no column “colour”. There are key, title",
        ),
        (columns("Headline"), 1, "twice"),
        (columns("quote:not a language"), 1, "There is no column"),
        (b"title\nx\n".to_vec(), 1, "“key” is missing"),
    ];
    for (bytes, line, text) in table {
        let import = app.import(&bytes).await;
        let told = faults(&import);
        assert!(
            told.iter().any(|(l, _, m)| *l == line && m.contains(text)),
            "{text}: {told:?}"
        );
        assert_eq!(count(&app).await, 0);
    }
    app.stop().await;
}

#[tokio::test]
async fn only_a_whole_table_of_ones_own_is_taken() {
    let app = ground().await;
    let other = app.token(&["WRITE"], &["north"], &[]).await;
    let theirs = app.table_as(&other, b"key\n1\n").await;
    let picture = app
        .uploaded_as(&app.admin, crate::support::png(8, 8, 3))
        .await;
    let own = app.table_as(&app.admin, b"key\n1\n").await;
    for (upload, brand, expected) in [
        (&theirs, "north", ("NOT_FOUND", "input.upload")),
        (
            &"upload_x".to_owned(),
            "north",
            ("NOT_FOUND", "input.upload"),
        ),
        (&picture, "north", ("UNSUPPORTED_MEDIA", "input.upload")),
        (&own, "nowhere", ("NOT_FOUND", "input.brand")),
    ] {
        let input = json!({ "brand": brand, "kind": "ENDORSEMENTS", "upload": upload });
        let (code, field) = app.refused("importFile", input).await;
        assert_eq!((&*code, &*field), expected);
    }
    // Nor is a table anything else.
    let input = json!({ "brand": "north", "title": "T", "file": { "tus": own } });
    let refused = app.refused("createAsset", input).await;
    assert_eq!(
        refused,
        ("UNSUPPORTED_MEDIA".to_owned(), "input.file".to_owned())
    );
    app.stop().await;
}
