//! The full-text index: which word stands in which content, and in how weighty a field.

crate::sql_migration! {
    up: &[
        // The brand leads: a word of another brand is not even looked at. Then the order of the answer.
        "CREATE TABLE search_words (
            brand_id uuid NOT NULL REFERENCES brands (id),
            word text COLLATE \"C\" NOT NULL,
            field_class integer NOT NULL CHECK (field_class BETWEEN 1 AND 3),
            content_id uuid NOT NULL REFERENCES contents (id),
            PRIMARY KEY (content_id, word)
        )",
        "CREATE INDEX search_words_word ON search_words (brand_id, word, field_class, content_id)",
    ],
    down: &["DROP TABLE search_words"]
}
