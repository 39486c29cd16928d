//! What one asks of another. A take-down has no words of its own: they are those of the recall and of the
//! placement, as is whether it is done, so that nobody has to remember to close it.

crate::sql_migration! {
    up: &[
        "CREATE TABLE requests (
            id uuid PRIMARY KEY,
            brand_id uuid REFERENCES brands (id),
            take_down boolean NOT NULL,
            title text,
            body text,
            state text NOT NULL CHECK (state IN ('OPEN', 'ACCEPTED', 'DELIVERED', 'DONE', 'DECLINED')),
            requester_kind text NOT NULL CHECK (requester_kind IN ('SYSTEM', 'TOKEN')),
            requester_id uuid,
            assignee_id uuid REFERENCES access_tokens (id),
            due_on integer,
            content_id uuid REFERENCES contents (id),
            placement_id uuid REFERENCES placements (id),
            channel_id uuid REFERENCES channels (id),
            product_id uuid REFERENCES products (id),
            locale text,
            fulfilled_by_id uuid REFERENCES versions (id),
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            CHECK (take_down OR title IS NOT NULL),
            CHECK (NOT take_down OR
                (brand_id IS NOT NULL AND content_id IS NOT NULL AND placement_id IS NOT NULL)),
            CHECK (NOT take_down OR state IN ('OPEN', 'ACCEPTED', 'DECLINED'))
        )",
        "CREATE INDEX requests_brand ON requests (brand_id, id)",
        "CREATE INDEX requests_content ON requests (content_id, id)",
        "CREATE INDEX requests_placement ON requests (placement_id)",
        "CREATE INDEX requests_assignee ON requests (assignee_id, id)",
        // Of a placement at most one take-down is open; one that was declined may be followed by another.
        "CREATE UNIQUE INDEX requests_take_down ON requests (placement_id)
         WHERE take_down AND state <> 'DECLINED'",
    ],
    down: &["DROP TABLE requests"]
}
