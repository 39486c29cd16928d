//! Where a version is shown, and what was counted there.

crate::sql_migration! {
    up: &[
        "CREATE TABLE placements (
            id uuid PRIMARY KEY,
            content_id uuid NOT NULL REFERENCES contents (id),
            version_id uuid NOT NULL REFERENCES versions (id),
            channel_id uuid NOT NULL REFERENCES channels (id),
            product_id uuid REFERENCES products (id),
            audience_id uuid REFERENCES audiences (id),
            location text NOT NULL,
            url text,
            status text NOT NULL CHECK (status IN ('PLANNED', 'LIVE', 'RETIRED')),
            planned_for integer,
            live_from bigint,
            live_to bigint,
            created_at bigint NOT NULL,
            updated_at bigint NOT NULL,
            CHECK (status <> 'LIVE' OR (live_from IS NOT NULL AND live_to IS NULL)),
            CHECK (live_to IS NULL OR live_from IS NOT NULL)
        )",
        "CREATE INDEX placements_content ON placements (content_id, status, created_at)",
        "CREATE INDEX placements_channel ON placements (channel_id, status, product_id)",
        // An event counts once per sender and id. Hash-partitioned on PostgreSQL, swept after 90 days.
        "-- sqlite
         CREATE TABLE usage_events (
            source TEXT NOT NULL,
            event_id TEXT NOT NULL,
            placement_id BLOB NOT NULL REFERENCES placements (id),
            kind TEXT NOT NULL,
            at INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            value_minor INTEGER,
            currency TEXT,
            PRIMARY KEY (source, event_id),
            CHECK ((value_minor IS NULL) = (currency IS NULL))
        ) STRICT, WITHOUT ROWID",
        "-- postgres
         CREATE TABLE usage_events (
            source text NOT NULL,
            event_id text NOT NULL,
            placement_id uuid NOT NULL REFERENCES placements (id),
            kind text NOT NULL,
            at bigint NOT NULL,
            received_at bigint NOT NULL,
            amount bigint NOT NULL CHECK (amount > 0),
            value_minor bigint,
            currency text,
            PRIMARY KEY (source, event_id),
            CHECK ((value_minor IS NULL) = (currency IS NULL))
        ) PARTITION BY HASH (source, event_id)",
        "-- postgres
         CREATE TABLE usage_events_0 PARTITION OF usage_events FOR VALUES WITH (MODULUS 4, REMAINDER 0)",
        "-- postgres
         CREATE TABLE usage_events_1 PARTITION OF usage_events FOR VALUES WITH (MODULUS 4, REMAINDER 1)",
        "-- postgres
         CREATE TABLE usage_events_2 PARTITION OF usage_events FOR VALUES WITH (MODULUS 4, REMAINDER 2)",
        "-- postgres
         CREATE TABLE usage_events_3 PARTITION OF usage_events FOR VALUES WITH (MODULUS 4, REMAINDER 3)",
        "CREATE INDEX usage_events_received ON usage_events (received_at)",
        // Day roll-ups, added to in the transaction that inserts the events. Reports read these alone.
        "CREATE TABLE usage_days (
            placement_id uuid NOT NULL REFERENCES placements (id),
            day integer NOT NULL,
            kind text NOT NULL CHECK (kind IN ('IMPRESSION', 'CLICK', 'INTERACTION', 'DOWNLOAD',
                'SHARE_VIEW', 'INQUIRY', 'QUALIFIED_INQUIRY', 'ORDER')),
            amount bigint NOT NULL CHECK (amount > 0),
            PRIMARY KEY (placement_id, day, kind)
        )",
        "CREATE TABLE usage_revenue_days (
            placement_id uuid NOT NULL REFERENCES placements (id),
            day integer NOT NULL,
            currency text NOT NULL,
            minor bigint NOT NULL,
            PRIMARY KEY (placement_id, day, currency)
        )",
    ],
    down: &[
        "DROP TABLE usage_revenue_days",
        "DROP TABLE usage_days",
        "DROP TABLE usage_events",
        "DROP TABLE placements",
    ]
}
