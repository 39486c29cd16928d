//! The best proof ranks thousands of endorsements by their outlet and age: their rows need not be read for it.

crate::sql_migration! {
    up: &[
        "CREATE INDEX endorsements_ranked ON endorsements (content_id, outlet_id, published_on)",
    ],
    down: &["DROP INDEX endorsements_ranked"]
}
