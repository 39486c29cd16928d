//! Brands, products, outlets, audiences, and the channels with their rules and presets.

crate::sql_migration! {
    up: &[
        "CREATE TABLE brands (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            slug text COLLATE \"C\" NOT NULL UNIQUE,
            color text,
            logo_asset_id uuid,
            created_at bigint NOT NULL
        )",
        "CREATE TABLE outlets (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            name_key text COLLATE \"C\" NOT NULL,
            kind text NOT NULL CHECK (kind IN
                ('PRESS', 'CREATOR', 'AWARD_BODY', 'RETAILER', 'CUSTOMER', 'ANALYST', 'CERTIFIER')),
            domain text,
            tier integer CHECK (tier BETWEEN 1 AND 4),
            country text,
            usage_terms text,
            logo_asset_id uuid,
            created_at bigint NOT NULL
        )",
        "CREATE INDEX outlets_name ON outlets (name_key, id)",
        "CREATE TABLE audiences (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            slug text COLLATE \"C\" NOT NULL UNIQUE,
            created_at bigint NOT NULL
        )",
        "CREATE TABLE channels (
            id uuid PRIMARY KEY,
            slug text COLLATE \"C\" NOT NULL UNIQUE,
            name text NOT NULL,
            kind text NOT NULL CHECK (kind IN
                ('SITE', 'MARKETPLACE', 'B2B', 'SOCIAL', 'EMAIL', 'ADS', 'RETAIL', 'PRESS', 'DECK')),
            market text,
            locale text,
            parent_id uuid REFERENCES channels (id),
            is_public boolean NOT NULL,
            weight double precision NOT NULL CHECK (weight >= 0),
            rules_changed_at bigint NOT NULL,
            created_at bigint NOT NULL
        )",
        "CREATE INDEX channels_parent ON channels (parent_id)",
        "CREATE TABLE channel_rules (
            channel_id uuid NOT NULL REFERENCES channels (id),
            position integer NOT NULL,
            rule_check text NOT NULL,
            value text,
            severity text NOT NULL CHECK (severity IN ('ERROR', 'WARN')),
            message text,
            source text,
            checked_on integer,
            PRIMARY KEY (channel_id, position)
        )",
        "CREATE TABLE rendition_presets (
            channel_id uuid NOT NULL REFERENCES channels (id),
            position integer NOT NULL,
            name text NOT NULL,
            width integer CHECK (width > 0),
            height integer CHECK (height > 0),
            fit text NOT NULL CHECK (fit IN ('COVER', 'CONTAIN', 'INSIDE', 'PAD')),
            media_type text NOT NULL,
            quality integer CHECK (quality BETWEEN 1 AND 100),
            background text,
            PRIMARY KEY (channel_id, position),
            UNIQUE (channel_id, name)
        )",
        "CREATE TABLE products (
            id uuid PRIMARY KEY,
            brand_id uuid NOT NULL REFERENCES brands (id),
            sku text COLLATE \"C\" NOT NULL,
            name text NOT NULL,
            name_key text COLLATE \"C\" NOT NULL,
            category text,
            url text,
            edition text,
            edition_changed_at bigint,
            created_at bigint NOT NULL,
            UNIQUE (brand_id, sku)
        )",
        "CREATE INDEX products_sku ON products (sku)",
        "CREATE INDEX products_name ON products (name_key, id)",
        "CREATE TABLE product_channels (
            product_id uuid NOT NULL REFERENCES products (id),
            channel_id uuid NOT NULL REFERENCES channels (id),
            PRIMARY KEY (product_id, channel_id)
        )",
    ],
    down: &[
        "DROP TABLE product_channels",
        "DROP TABLE products",
        "DROP TABLE rendition_presets",
        "DROP TABLE channel_rules",
        "DROP TABLE channels",
        "DROP TABLE audiences",
        "DROP TABLE outlets",
        "DROP TABLE brands",
    ]
}
