//! Watching placements: who saw them where they should be, what an integration calls them, and those that
//! pages open themselves.
//!
//! Impressions prove that a placement is there: one sighting stands for all of a day. `live_until` is set on a
//! placement that a page has opened by its first impression; it is live until then and no impression has to
//! end it. Whatever is live at an address has its place in the queue of pages to look at, whoever made it so.

crate::sql_migration! {
    up: &[
        "CREATE TABLE sightings (
            id uuid PRIMARY KEY,
            placement_id uuid NOT NULL REFERENCES placements (id),
            seen_at bigint NOT NULL,
            found boolean NOT NULL,
            how text NOT NULL CHECK (how IN ('BEACON', 'CRAWL', 'PERSON')),
            detail text,
            beacon_day bigint,
            created_at bigint NOT NULL,
            CHECK ((how = 'BEACON') = (beacon_day IS NOT NULL))
        )",
        "CREATE INDEX sightings_placement ON sightings (placement_id, seen_at, id)",
        "CREATE UNIQUE INDEX sightings_beacon ON sightings (placement_id, beacon_day)",
        "CREATE TABLE placement_keys (
            token_id uuid NOT NULL REFERENCES access_tokens (id),
            integration text NOT NULL,
            channel_id uuid NOT NULL REFERENCES channels (id),
            key text NOT NULL,
            placement_id uuid NOT NULL UNIQUE REFERENCES placements (id),
            PRIMARY KEY (token_id, channel_id, integration, key)
        )",
        "CREATE TABLE placement_crawls (
            placement_id uuid PRIMARY KEY REFERENCES placements (id),
            next_at bigint NOT NULL,
            claimed_until bigint,
            attempts integer NOT NULL DEFAULT 0,
            error text
        )",
        "CREATE INDEX placement_crawls_due ON placement_crawls (next_at)",
        "ALTER TABLE placements ADD COLUMN live_until bigint",
        // What a page shows of a content beside a product is one placement, as long as it is live.
        "CREATE UNIQUE INDEX placements_pulled ON placements (content_id, channel_id, product_id)
            WHERE live_until IS NOT NULL AND status = 'LIVE' AND product_id IS NOT NULL",
        "CREATE UNIQUE INDEX placements_pulled_alone ON placements (content_id, channel_id)
            WHERE live_until IS NOT NULL AND status = 'LIVE' AND product_id IS NULL",
        "INSERT INTO placement_crawls (placement_id, next_at)
         SELECT id, updated_at FROM placements WHERE status = 'LIVE' AND url IS NOT NULL",
        "-- sqlite
         CREATE TRIGGER placements_crawled_new AFTER INSERT ON placements FOR EACH ROW
         WHEN NEW.status = 'LIVE' AND NEW.url IS NOT NULL
         BEGIN INSERT INTO placement_crawls (placement_id, next_at) VALUES (NEW.id, NEW.updated_at); END",
        "-- sqlite
         CREATE TRIGGER placements_crawled AFTER UPDATE OF status, url ON placements FOR EACH ROW
         WHEN NEW.status = 'LIVE' AND NEW.url IS NOT NULL
           AND (OLD.status <> NEW.status OR OLD.url IS NOT NEW.url)
         BEGIN INSERT INTO placement_crawls (placement_id, next_at) VALUES (NEW.id, NEW.updated_at)
           ON CONFLICT (placement_id) DO UPDATE SET next_at = excluded.next_at, attempts = 0; END",
        "-- postgres
         CREATE FUNCTION placements_crawled() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN
           INSERT INTO placement_crawls (placement_id, next_at) VALUES (NEW.id, NEW.updated_at)
             ON CONFLICT (placement_id) DO UPDATE SET next_at = excluded.next_at, attempts = 0;
           RETURN NULL;
         END $$",
        "-- postgres
         CREATE TRIGGER placements_crawled_new AFTER INSERT ON placements FOR EACH ROW
         WHEN (NEW.status = 'LIVE' AND NEW.url IS NOT NULL) EXECUTE FUNCTION placements_crawled()",
        "-- postgres
         CREATE TRIGGER placements_crawled AFTER UPDATE OF status, url ON placements FOR EACH ROW
         WHEN (NEW.status = 'LIVE' AND NEW.url IS NOT NULL
           AND (OLD.status <> NEW.status OR OLD.url IS DISTINCT FROM NEW.url))
         EXECUTE FUNCTION placements_crawled()",
    ],
    down: &[
        "-- sqlite
         DROP TRIGGER placements_crawled",
        "-- sqlite
         DROP TRIGGER placements_crawled_new",
        "-- postgres
         DROP FUNCTION placements_crawled CASCADE",
        "DROP INDEX placements_pulled_alone",
        "DROP INDEX placements_pulled",
        "ALTER TABLE placements DROP COLUMN live_until",
        "DROP TABLE placement_crawls",
        "DROP TABLE placement_keys",
        "DROP TABLE sightings",
    ]
}
