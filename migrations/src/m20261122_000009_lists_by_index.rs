//! Lists are read along an index in their own order: by id, which is the order in time, by change and by
//! title, of one brand and of all.

crate::sql_migration! {
    up: &[
        "DROP INDEX contents_newest",
        "CREATE INDEX contents_brand_kind ON contents (brand_id, kind, id)",
        "CREATE INDEX contents_kind ON contents (kind, id)",
        "CREATE INDEX contents_all_updated ON contents (kind, updated_at, id)",
        "CREATE INDEX contents_all_title ON contents (kind, title_key, id)",
    ],
    down: &[
        "DROP INDEX contents_all_title",
        "DROP INDEX contents_all_updated",
        "DROP INDEX contents_kind",
        "DROP INDEX contents_brand_kind",
        "CREATE INDEX contents_newest ON contents (brand_id, kind, created_at, id)",
    ]
}
