//! A word of the index refers to its content, and the content to its brand: that the word's brand exists need not be
//! checked once more. An endorsement has some twenty words, and PostgreSQL checks each reference by a statement.

crate::sql_migration! {
    up: &[
        "-- postgres
         ALTER TABLE search_words DROP CONSTRAINT search_words_brand_id_fkey",
    ],
    down: &[
        "-- postgres
         ALTER TABLE search_words ADD CONSTRAINT search_words_brand_id_fkey
           FOREIGN KEY (brand_id) REFERENCES brands (id)",
    ]
}
