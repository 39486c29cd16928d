//! Which way dependencies point: slices name only slices that stand earlier.

use std::fs;
use std::path::Path;

/// The slices in their order; each may name those before it.
const SLICES: [&str; 20] = [
    "accounts",
    "audit",
    "catalog",
    "channels",
    "search",
    "contents",
    "uploads",
    "media",
    "assets",
    "endorsements",
    "reviews",
    "rights",
    "renditions",
    "library",
    "placements",
    "usage",
    "coverage",
    "requests",
    "imports",
    "care",
];

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files
}

/// The slices that a file names, in code that is not of a test.
fn named(text: &str) -> Vec<(usize, &'static str)> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    code.split("crate::")
        .skip(1)
        .filter_map(|rest| {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            SLICES
                .iter()
                .position(|slice| *slice == name)
                .map(|i| (i, SLICES[i]))
        })
        .collect()
}

#[test]
fn slices_name_only_earlier_slices() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut upward = Vec::new();
    for (place, slice) in SLICES.iter().enumerate() {
        for file in rust_files(&source.join(slice)) {
            let name = file.strip_prefix(&source).unwrap().display().to_string();
            // GraphQL types name each other freely, and batch loads serve them.
            if name.contains("graphql") || name.ends_with("loaders.rs") || name.contains("equality")
            {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            upward.extend(
                named(&text)
                    .into_iter()
                    .filter(|(i, _)| *i > place)
                    .map(|(_, n)| format!("{name} names {n}")),
            );
        }
    }
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn the_platform_knows_no_slice() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&source.join("platform")) {
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(named(&text), [], "{}", file.display());
    }
}

/// The names in backquotes in the last column of a table's rows.
fn named_tests(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

#[test]
fn every_test_that_shows_a_promise_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let promises = fs::read_to_string(root.join("docs/promises.md")).unwrap();
    let names = named_tests(&promises);
    assert!(names.len() > 40, "{names:?}");
    let sources = ["src", "tests", "crates"].map(|folder| rust_files(&root.join(folder)));
    let sources: Vec<String> = sources
        .iter()
        .flatten()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let is_there = |name: &str| {
        let test = format!("fn {name}()");
        sources.iter().any(|text| text.contains(&test))
    };
    let missing: Vec<_> = names.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
