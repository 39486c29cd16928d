//! What the platform itself keeps: secrets, the clock's high-water mark, and the ledger of writes.

crate::sql_migration! {
    up: &[
        "CREATE TABLE instance_secrets (
            name text PRIMARY KEY,
            value bytea NOT NULL,
            created_at bigint NOT NULL
        )",
        // The latest instant this database has seen: the clock does not go back behind it.
        "CREATE TABLE clock_marks (
            id integer PRIMARY KEY CHECK (id = 1),
            at bigint NOT NULL
        )",
        // Bumped with every change of what instances keep in memory, such as the channel tree.
        "CREATE TABLE revisions (
            name text PRIMARY KEY,
            value bigint NOT NULL
        )",
        "INSERT INTO revisions (name, value) VALUES ('channels', 1)",
        "CREATE TABLE idempotency_keys (
            caller text NOT NULL,
            key text NOT NULL,
            input_hash bytea NOT NULL,
            outcome text,
            created_at bigint NOT NULL,
            PRIMARY KEY (caller, key)
        )",
        "CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at)",
        "CREATE TABLE audit_entries (
            id uuid PRIMARY KEY,
            at bigint NOT NULL,
            brand_id uuid,
            actor_kind text NOT NULL CHECK (actor_kind IN ('SYSTEM', 'TOKEN')),
            actor_id uuid,
            action text NOT NULL,
            subject text NOT NULL,
            changes text NOT NULL
        )",
        "CREATE INDEX audit_entries_brand ON audit_entries (brand_id, id)",
        // Which contents an entry is about, for their histories.
        "CREATE TABLE audit_entry_contents (
            content_id uuid NOT NULL,
            entry_id uuid NOT NULL REFERENCES audit_entries (id),
            PRIMARY KEY (content_id, entry_id)
        )",
        "CREATE TABLE audit_seals (
            chain text NOT NULL,
            sequence bigint NOT NULL CHECK (sequence > 0),
            entry_id uuid NOT NULL UNIQUE REFERENCES audit_entries (id),
            previous_hash text NOT NULL,
            hash text NOT NULL,
            PRIMARY KEY (chain, sequence)
        )",
        // The entries that wait for their seal: short, so that the sealer need not look for them.
        "CREATE TABLE audit_unsealed (
            entry_id uuid PRIMARY KEY REFERENCES audit_entries (id)
        )",
        // The log is appended to, never changed: the database refuses, whoever asks.
        "-- sqlite
         CREATE TRIGGER audit_entries_keep BEFORE UPDATE ON audit_entries
         BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "-- sqlite
         CREATE TRIGGER audit_entries_keep_all BEFORE DELETE ON audit_entries
         BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "-- sqlite
         CREATE TRIGGER audit_seals_keep BEFORE UPDATE ON audit_seals
         BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "-- sqlite
         CREATE TRIGGER audit_seals_keep_all BEFORE DELETE ON audit_seals
         BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "-- postgres
         CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
        "-- postgres
         CREATE TRIGGER audit_entries_keep BEFORE UPDATE OR DELETE ON audit_entries
         FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
        "-- postgres
         CREATE TRIGGER audit_seals_keep BEFORE UPDATE OR DELETE ON audit_seals
         FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()",
        "CREATE TABLE outbox_events (
            id uuid PRIMARY KEY,
            at bigint NOT NULL,
            brand_id uuid,
            topic text NOT NULL,
            subject text NOT NULL,
            payload text NOT NULL
        )",
        // Serial ids skip transactions that commit late; readers of the feed go by transaction instead.
        "-- postgres
         ALTER TABLE outbox_events ADD COLUMN xid xid8 NOT NULL DEFAULT pg_current_xact_id()",
        "-- postgres
         CREATE INDEX outbox_events_xid ON outbox_events (xid)",
    ],
    down: &[
        "DROP TABLE outbox_events",
        "DROP TABLE audit_unsealed",
        "DROP TABLE audit_seals",
        "DROP TABLE audit_entry_contents",
        "DROP TABLE audit_entries",
        "-- postgres
         DROP FUNCTION audit_is_append_only()",
        "DROP TABLE idempotency_keys",
        "DROP TABLE revisions",
        "DROP TABLE clock_marks",
        "DROP TABLE instance_secrets",
    ]
}
