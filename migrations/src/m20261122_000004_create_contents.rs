//! Contents: what assets and endorsements share; assets; versions; stored bytes and their facts.

crate::sql_migration! {
    up: &[
        "CREATE TABLE contents (
            id uuid PRIMARY KEY,
            brand_id uuid NOT NULL REFERENCES brands (id),
            kind text NOT NULL CHECK (kind IN ('ASSET', 'ENDORSEMENT')),
            title text NOT NULL,
            title_key text COLLATE \"C\" NOT NULL,
            release_at bigint,
            expire_at bigint,
            withdrawn_at bigint,
            withdrawn_reason text,
            archived_at bigint,
            trashed_at bigint,
            version_count integer NOT NULL,
            revision integer NOT NULL,
            created_at bigint NOT NULL,
            created_by_kind text NOT NULL CHECK (created_by_kind IN ('SYSTEM', 'TOKEN')),
            created_by_id uuid,
            updated_at bigint NOT NULL,
            UNIQUE (id, kind),
            CHECK (expire_at IS NULL OR release_at IS NULL OR expire_at > release_at)
        )",
        "CREATE INDEX contents_newest ON contents (brand_id, kind, created_at, id)",
        "CREATE INDEX contents_updated ON contents (brand_id, kind, updated_at, id)",
        "CREATE INDEX contents_title ON contents (brand_id, kind, title_key, id)",
        "CREATE TABLE assets (
            content_id uuid PRIMARY KEY REFERENCES contents (id),
            kind text NOT NULL CHECK (kind IN
                ('IMAGE', 'VIDEO', 'AUDIO', 'DOCUMENT', 'LOGO', 'BADGE', 'COPY', 'SOURCE')),
            locale text,
            description text,
            focal_x double precision CHECK (focal_x BETWEEN 0 AND 1),
            focal_y double precision CHECK (focal_y BETWEEN 0 AND 1),
            CHECK ((focal_x IS NULL) = (focal_y IS NULL))
        )",
        "CREATE TABLE asset_alts (
            content_id uuid NOT NULL REFERENCES assets (content_id),
            locale text NOT NULL,
            alt text NOT NULL,
            PRIMARY KEY (content_id, locale)
        )",
        // Bytes by their hash: stored once, never changed. `store_key` is where the first copy landed.
        "CREATE TABLE files (
            sha256 text PRIMARY KEY,
            store_key text NOT NULL UNIQUE,
            bytes bigint NOT NULL CHECK (bytes > 0),
            media_type text NOT NULL,
            created_at bigint NOT NULL
        )",
        // What was measured in the bytes; what a rule makes of it is never stored.
        "CREATE TABLE media_facts (
            sha256 text PRIMARY KEY REFERENCES files (sha256),
            measurer_revision integer NOT NULL,
            width integer,
            height integer,
            orientation integer NOT NULL,
            has_alpha boolean,
            color_space text,
            frames integer,
            duration_ms bigint,
            pages integer
        )",
        // Who has stored these bytes before, and under which name last: to know a hash is no right to them.
        "CREATE TABLE file_holders (
            sha256 text NOT NULL REFERENCES files (sha256),
            holder text NOT NULL,
            filename text NOT NULL,
            PRIMARY KEY (holder, sha256)
        )",
        "CREATE TABLE versions (
            id uuid PRIMARY KEY,
            content_id uuid NOT NULL REFERENCES contents (id),
            number integer NOT NULL CHECK (number > 0),
            state text NOT NULL CHECK (state IN
                ('DRAFT', 'IN_REVIEW', 'CHANGES_REQUESTED', 'APPROVED', 'WITHDRAWN')),
            note text,
            author_kind text NOT NULL CHECK (author_kind IN ('SYSTEM', 'TOKEN')),
            author_id uuid,
            created_at bigint NOT NULL,
            submitted_at bigint,
            approved_at bigint,
            withdrawn_at bigint,
            withdrawn_reason text,
            UNIQUE (content_id, number)
        )",
        "CREATE INDEX versions_state ON versions (content_id, state, number)",
        "CREATE INDEX versions_queue ON versions (state, submitted_at, id)",
        "CREATE TABLE asset_versions (
            version_id uuid PRIMARY KEY REFERENCES versions (id),
            sha256 text REFERENCES files (sha256),
            filename text,
            body text,
            folded text,
            CHECK ((sha256 IS NULL) <> (body IS NULL)),
            CHECK ((sha256 IS NULL) = (filename IS NULL))
        )",
        "CREATE INDEX asset_versions_file ON asset_versions (sha256)",
        "CREATE TABLE content_tags (
            content_id uuid NOT NULL REFERENCES contents (id),
            tag text COLLATE \"C\" NOT NULL,
            PRIMARY KEY (content_id, tag)
        )",
        "CREATE INDEX content_tags_tag ON content_tags (tag, content_id)",
        "CREATE TABLE content_channels (
            content_id uuid NOT NULL REFERENCES contents (id),
            channel_id uuid NOT NULL REFERENCES channels (id),
            tagged_at bigint NOT NULL,
            PRIMARY KEY (content_id, channel_id)
        )",
        "CREATE INDEX content_channels_channel ON content_channels (channel_id, content_id)",
        "CREATE TABLE content_markets (
            content_id uuid NOT NULL REFERENCES contents (id),
            market text COLLATE \"C\" NOT NULL,
            PRIMARY KEY (content_id, market)
        )",
        "CREATE TABLE content_audiences (
            content_id uuid NOT NULL REFERENCES contents (id),
            audience_id uuid NOT NULL REFERENCES audiences (id),
            PRIMARY KEY (content_id, audience_id)
        )",
        "CREATE TABLE content_products (
            content_id uuid NOT NULL REFERENCES contents (id),
            product_id uuid NOT NULL REFERENCES products (id),
            PRIMARY KEY (content_id, product_id)
        )",
        "CREATE INDEX content_products_product ON content_products (product_id, content_id)",
    ],
    down: &[
        "DROP TABLE content_products",
        "DROP TABLE content_audiences",
        "DROP TABLE content_markets",
        "DROP TABLE content_channels",
        "DROP TABLE content_tags",
        "DROP TABLE asset_versions",
        "DROP TABLE versions",
        "DROP TABLE file_holders",
        "DROP TABLE media_facts",
        "DROP TABLE files",
        "DROP TABLE asset_alts",
        "DROP TABLE assets",
        "DROP TABLE contents",
    ]
}
