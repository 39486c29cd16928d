//! What a transaction adds to a content that it has made itself does not stamp it, on PostgreSQL: until it ends nobody
//! else sees the content, so nobody has read it under the stamp that it has. Each stamp wrote the whole row and its
//! index entries once more, eight times for an endorsement.
//!
//! A stamp of 0 in a row that this transaction wrote says that it made the row and has not changed it since: every
//! change of the row counts its stamp up.

crate::sql_migration! {
    up: &[
        "-- postgres
         DO $$ DECLARE f record; BEGIN
           FOR f IN SELECT oid FROM pg_proc
             WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'stamp\\_%\\_insert'
           LOOP
             EXECUTE replace(pg_get_functiondef(f.oid), 'SET stamp = stamp + 1 WHERE id IN',
               'SET stamp = stamp + 1 WHERE NOT (stamp = 0 AND xmin = pg_current_xact_id()::xid) AND id IN');
           END LOOP;
         END $$",
    ],
    down: &[
        "-- postgres
         DO $$ DECLARE f record; BEGIN
           FOR f IN SELECT oid FROM pg_proc
             WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'stamp\\_%\\_insert'
           LOOP
             EXECUTE replace(pg_get_functiondef(f.oid),
               'WHERE NOT (stamp = 0 AND xmin = pg_current_xact_id()::xid) AND id IN', 'WHERE id IN');
           END LOOP;
         END $$",
    ]
}
