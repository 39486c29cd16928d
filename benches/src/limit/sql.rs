//! The statements of the hand-written handler: one for each answer, with the JSON made in the database.
//!
//! They know the seeded catalogue and Accolade's tables, and no more of the gate than matters there: no
//! reviews by licensors, no rules but those that the measured channels have. An id is a UUIDv7 of the
//! instant at which its content was made, so that "newest first" is the order of ids, which the index of
//! `content_channels` has: no page reads more rows than it shows and the held ones among them.

use uuid::Uuid;

/// The database whose SQL is spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A channel as the statements need it: those above it, its market, and the rules that hold.
pub(crate) struct Place {
    pub(crate) chain: Vec<Uuid>,
    pub(crate) market: Option<String>,
    /// Conditions on a row that a rule of the place finds against.
    pub(crate) max_bytes: Option<i64>,
    pub(crate) max_tier: Option<i64>,
}

impl Dialect {
    fn object(self) -> &'static str {
        match self {
            Self::Sqlite => "json_object",
            Self::Postgres => "json_build_object",
        }
    }

    /// A JSON array of an expression over rows, in an order.
    fn list(self, expression: &str, order: &str, from: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("json((SELECT json_group_array({expression} ORDER BY {order}) {from}))")
            }
            Self::Postgres => {
                format!(
                    "coalesce((SELECT json_agg({expression} ORDER BY {order}) {from}), '[]'::json)"
                )
            }
        }
    }

    /// An id as text, marked: `~` and its digits become `_` and base32 on the way out.
    fn id(self, prefix: &str, column: &str) -> String {
        match self {
            Self::Sqlite => format!("'{prefix}~' || lower(hex({column}))"),
            Self::Postgres => format!("'{prefix}~' || {column}"),
        }
    }

    fn literal(self, id: Uuid) -> String {
        match self {
            Self::Sqlite => format!("x'{}'", id.simple()),
            Self::Postgres => format!("'{id}'::uuid"),
        }
    }

    /// `CURRENT` and a join that has it: the approved version with the highest number.
    fn current(self, kind: &str, alias: &str, content: &str) -> String {
        match self {
            Self::Postgres => format!(
                "{kind} JOIN LATERAL (SELECT id, number FROM versions WHERE content_id = {content}.id
                 AND state = 'APPROVED' ORDER BY number DESC LIMIT 1) {alias} ON TRUE"
            ),
            Self::Sqlite => format!(
                "{kind} JOIN versions {alias} ON {alias}.content_id = {content}.id AND {alias}.number =
                 (SELECT max(number) FROM versions WHERE content_id = {content}.id AND state = 'APPROVED')"
            ),
        }
    }

    /// The columns that a node is made of, and the joins that have them. `cv` is the current version.
    fn node_rows() -> &'static str {
        "c.id, c.kind, c.title, cv.id AS version, cv.number, a.kind AS asset_kind, f.sha256, f.media_type,
         f.bytes, m.width, m.height, e.kind AS endorsement_kind, o.id AS outlet, o.name AS outlet_name"
    }

    /// The JSON of a node over a row `r` of [`Self::node_rows`].
    fn node(self) -> String {
        let object = self.object();
        let common = format!(
            "'title', r.title, 'tags', {tags}, 'products', {products}",
            tags = self.list("tag", "tag", "FROM content_tags WHERE content_id = r.id"),
            products = self.list(
                &format!("{object}('id', {}, 'sku', p.sku, 'name', p.name)", self.id("product", "p.id")),
                "p.id",
                "FROM content_products l JOIN products p ON p.id = l.product_id WHERE l.content_id = r.id",
            ),
        );
        let file = format!(
            "CASE WHEN r.sha256 IS NOT NULL THEN {object}('sha256', r.sha256, 'mediaType', r.media_type,
             'bytes', r.bytes, 'width', r.width, 'height', r.height) END"
        );
        let statements = self.list(
            &format!("{object}('locale', t.locale, 'headline', t.headline, 'quote', t.quote)"),
            "t.is_original DESC, t.locale",
            "FROM statements t WHERE t.version_id = r.version",
        );
        let version = |rest: &str| {
            format!(
                "'version', CASE WHEN r.version IS NOT NULL THEN {object}('id', {}, 'number', r.number, {rest}) END",
                self.id("version", "r.version")
            )
        };
        format!(
            "CASE r.kind WHEN 'ASSET' THEN {object}('__typename', 'Asset', 'id', {asset}, {common},
               'assetKind', r.asset_kind, {of_asset})
             ELSE {object}('__typename', 'Endorsement', 'id', {endorsement}, {common},
               'endorsementKind', r.endorsement_kind,
               'outlet', {object}('id', {outlet}, 'name', r.outlet_name), {of_endorsement}) END",
            asset = self.id("asset", "r.id"),
            endorsement = self.id("endorsement", "r.id"),
            outlet = self.id("outlet", "r.outlet"),
            of_asset = version(&format!("'file', {file}")),
            of_endorsement = version(&format!("'statements', {statements}")),
        )
    }

    /// `?1` or `$1`: the token's hash is 1, the present 2, the rest as the statement says.
    fn numbered(self, sql: &str) -> String {
        match self {
            Self::Sqlite => sql.replace('$', "?"),
            Self::Postgres => sql.to_owned(),
        }
    }

    fn page(self, rows: &str, first: u32) -> String {
        let nodes = self.list(
            &self.node(),
            "r.id DESC",
            &format!("FROM (SELECT * FROM page ORDER BY id DESC LIMIT {first}) r"),
        );
        let text = match self {
            Self::Sqlite => nodes,
            Self::Postgres => format!("{nodes}::text"),
        };
        self.numbered(&format!(
            "WITH page AS ({rows} LIMIT {limit})
             SELECT (SELECT count(*) FROM page) > {first} AS more, {text} AS nodes FROM {TOKEN}",
            limit = first + 1
        ))
    }

    /// The newest contents that the gate lets out in a channel.
    pub(crate) fn channel_page(self, place: &Place, first: u32) -> String {
        let tagged = place
            .chain
            .iter()
            .map(|id| {
                format!(
                    "SELECT content_id FROM content_channels WHERE channel_id = {}",
                    self.literal(*id)
                )
            })
            .collect::<Vec<_>>();
        let walk = match (self, tagged.as_slice()) {
            (Self::Sqlite, [only]) => format!("{only} ORDER BY content_id DESC LIMIT -1"),
            (Self::Postgres, [only]) => only.clone(),
            (Self::Sqlite, several) => {
                format!(
                    "{} ORDER BY content_id DESC LIMIT -1",
                    several.join(" UNION ")
                )
            }
            // PostgreSQL merges arms whose order is written out.
            (Self::Postgres, several) => {
                let arms = several.iter().enumerate().map(|(step, arm)| {
                    let arm = arm.replace(
                        "SELECT content_id",
                        &format!("SELECT content_id, {step} AS step"),
                    );
                    format!("({arm} ORDER BY content_id DESC)")
                });
                arms.collect::<Vec<_>>().join(" UNION ALL ")
            }
        };
        // SQLite keeps the order in which CROSS JOIN names the tables.
        let join = match self {
            Self::Sqlite => "CROSS",
            Self::Postgres => "",
        };
        let (from, once, end) = match (self, tagged.len()) {
            // Each row in turn, and once: what stands in a LATERAL with an OFFSET is not drawn out of it.
            (Self::Postgres, 2..) => (
                format!(
                    "SELECT q.* FROM ({walk}) t CROSS JOIN LATERAL (SELECT {} FROM contents c",
                    Self::node_rows()
                ),
                format!("c.id = t.content_id AND {} AND ", self.once(place)),
                " OFFSET 0) q",
            ),
            _ => (
                format!(
                    "SELECT {} FROM ({walk}) t {join} JOIN contents c ON c.id = t.content_id",
                    Self::node_rows()
                ),
                String::new(),
                "",
            ),
        };
        let rows = format!(
            "{from} {current} {NODE_JOINS}
             WHERE {once}{gate} AND (c.kind = 'ENDORSEMENT' OR NOT EXISTS
               (SELECT 1 FROM endorsement_assets x WHERE x.asset_id = c.id)
               OR EXISTS (SELECT 1 FROM endorsement_assets x {join} JOIN contents n ON n.id = x.endorsement_id
                 {attached_current}
                 JOIN endorsements ne ON ne.content_id = n.id JOIN outlets no ON no.id = ne.outlet_id
                 JOIN endorsement_versions nev ON nev.version_id = nv.id
                 WHERE x.asset_id = c.id AND EXISTS (SELECT 1 FROM content_channels nt
                   WHERE nt.content_id = n.id AND nt.channel_id IN ({chain})) AND {attached})){end}",
            current = self.current(join, "cv", "c"),
            attached_current = self.current(join, "nv", "n"),
            gate = self.gate(place, "c", "cv", "e", "o", "ev"),
            attached = self.endorsement_gate(place, "n", "nv", "ne", "no", "nev"),
            chain = self.chain(place),
        );
        // SQLite's walk is in order, which its planner does not know: it would sort all of them again.
        match self {
            Self::Sqlite => self.page(&rows, first),
            Self::Postgres => self.page(&format!("{rows} ORDER BY t.content_id DESC"), first),
        }
    }

    /// True where the row's content was not met at a channel further down.
    fn once(self, place: &Place) -> String {
        let steps = (1..place.chain.len()).map(|step| {
            let before: Vec<String> = place.chain[..step]
                .iter()
                .map(|id| self.literal(*id))
                .collect();
            format!(
                "WHEN {step} THEN NOT EXISTS (SELECT 1 FROM content_channels d
                 WHERE d.content_id = c.id AND d.channel_id IN ({}))",
                before.join(", ")
            )
        });
        format!(
            "CASE t.step WHEN 0 THEN TRUE {} END",
            steps.collect::<Vec<_>>().join(" ")
        )
    }

    fn chain(self, place: &Place) -> String {
        let ids: Vec<String> = place.chain.iter().map(|id| self.literal(*id)).collect();
        ids.join(", ")
    }

    /// What holds either kind, as a condition that lets out.
    fn header_gate(place: &Place, c: &str) -> String {
        let market = match &place.market {
            None => format!("NOT EXISTS (SELECT 1 FROM content_markets k WHERE k.content_id = {c}.id)"),
            Some(market) => format!(
                "(NOT EXISTS (SELECT 1 FROM content_markets k WHERE k.content_id = {c}.id) OR EXISTS
                 (SELECT 1 FROM content_markets k WHERE k.content_id = {c}.id AND k.market = '{market}'))"
            ),
        };
        format!(
            "{c}.withdrawn_at IS NULL AND {c}.archived_at IS NULL AND {c}.trashed_at IS NULL
             AND ({c}.release_at IS NULL OR {c}.release_at <= $2) AND ({c}.expire_at IS NULL OR {c}.expire_at > $2)
             AND {market}"
        )
    }

    /// 3: denied; 2: a lease permits it; 1: none of its leases does; 0: it has none.
    fn lease(self, place: &Place, c: &str) -> String {
        let chain = self.chain(place);
        let market = |unknown: &str| match &place.market {
            None => unknown.to_owned(),
            Some(market) => format!("(s.market IS NULL OR s.market = '{market}')"),
        };
        let active = format!(
            "(l.starts_at IS NULL OR l.starts_at <= $2) AND (l.ends_at IS NULL OR l.ends_at > $2)
             AND (s.channel_id IS NULL OR s.channel_id IN ({chain}))"
        );
        format!(
            "coalesce((SELECT max(CASE WHEN l.access = 'DENY' THEN CASE WHEN {active} AND {deny} THEN 3 ELSE 0 END
               WHEN {active} AND {allow} AND NOT l.creative_approval THEN 2 ELSE 1 END)
             FROM lease_scopes s JOIN leases l ON l.id = s.lease_id WHERE s.content_id = {c}.id), 0)",
            deny = market("TRUE"),
            allow = market("s.market IS NULL"),
        )
    }

    fn endorsement_gate(
        self,
        place: &Place,
        c: &str,
        v: &str,
        e: &str,
        o: &str,
        ev: &str,
    ) -> String {
        let tier = place
            .max_tier
            .map(|tier| format!(" AND coalesce({o}.tier, 4) <= {tier}"))
            .unwrap_or_default();
        format!(
            "{header}{tier} AND CASE {lease} WHEN 2 THEN TRUE WHEN 0 THEN {o}.kind NOT IN ('CUSTOMER', 'CREATOR')
               ELSE FALSE END
             AND EXISTS (SELECT 1 FROM evidence i WHERE i.endorsement_id = {c}.id AND i.state IN ('CURRENT', 'CHANGED'))
             AND NOT EXISTS (SELECT 1 FROM claims k WHERE k.endorsement_id = {c}.id AND k.state <> 'CONFIRMED')
             AND ({e}.recheck_every_days IS NULL
               OR {e}.rechecked_at + CAST({e}.recheck_every_days AS bigint) * 86400000 > $2 - 2592000000)
             AND ({ev}.material_connection = 'NONE' OR EXISTS (SELECT 1 FROM statements t
               WHERE t.version_id = {v}.id AND t.is_original AND t.disclosure IS NOT NULL))",
            header = Self::header_gate(place, c),
            lease = self.lease(place, c),
        )
    }

    fn gate(self, place: &Place, c: &str, v: &str, e: &str, o: &str, ev: &str) -> String {
        let bytes = place
            .max_bytes
            .map(|most| format!(" AND (f.bytes IS NULL OR f.bytes <= {most})"))
            .unwrap_or_default();
        format!(
            "CASE {c}.kind WHEN 'ASSET' THEN a.kind <> 'SOURCE'{bytes} AND {header} AND {lease} IN (0, 2)
             ELSE {endorsement} END",
            header = Self::header_gate(place, c),
            lease = self.lease(place, c),
            endorsement = self.endorsement_gate(place, c, v, e, o, ev),
        )
    }

    /// The newest assets from an id (3) on.
    pub(crate) fn asset_list(self, first: u32) -> String {
        let rows = format!(
            "SELECT {columns} FROM contents c {current} {NODE_JOINS}
             WHERE c.id <= $3 AND c.kind = 'ASSET' AND c.trashed_at IS NULL
             ORDER BY c.id DESC",
            columns = Self::node_rows(),
            current = self.current("LEFT", "cv", "c"),
        );
        self.page(&rows, first)
    }

    /// One content by its id (3).
    pub(crate) fn one(self) -> String {
        let text = match self {
            Self::Sqlite => self.node(),
            Self::Postgres => format!("({})::text", self.node()),
        };
        self.numbered(&format!(
            "SELECT {text} AS node FROM {TOKEN} CROSS JOIN (SELECT {columns} FROM contents c {current} {NODE_JOINS}
             WHERE c.id = $3) r",
            columns = Self::node_rows(),
            current = self.current("LEFT", "cv", "c"),
        ))
    }
}

/// One row if the token lives.
const TOKEN: &str = "(SELECT 1 FROM access_tokens WHERE secret_hash = $1 AND revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > $2)) token";

const NODE_JOINS: &str = "LEFT JOIN assets a ON a.content_id = c.id
     LEFT JOIN asset_versions av ON av.version_id = cv.id LEFT JOIN files f ON f.sha256 = av.sha256
     LEFT JOIN media_facts m ON m.sha256 = av.sha256
     LEFT JOIN endorsements e ON e.content_id = c.id LEFT JOIN outlets o ON o.id = e.outlet_id
     LEFT JOIN endorsement_versions ev ON ev.version_id = cv.id";

/// A placement with its audit entry, in one statement: 3 is the content, 4 the placement, 5 the channel, 6
/// its location, 7 the entry, 8 its subject, 9 its changes, 10 who asks.
pub(crate) const PLACE: &str = "
    WITH made AS (
      INSERT INTO placements (id, content_id, version_id, channel_id, location, status, created_at, updated_at)
      SELECT $4, c.id, v.id, $5, $6, 'PLANNED', $2, $2
      FROM access_tokens t CROSS JOIN contents c JOIN versions v ON v.content_id = c.id
      WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
        AND c.id = $3 AND c.trashed_at IS NULL AND v.state = 'APPROVED'
      ORDER BY v.number DESC LIMIT 1
      RETURNING id, content_id),
    entry AS (
      INSERT INTO audit_entries (id, at, brand_id, actor_kind, actor_id, action, subject, changes)
      SELECT $7, $2, (SELECT brand_id FROM contents WHERE id = made.content_id), 'TOKEN', $10,
        'createPlacement', $8, $9 FROM made
      RETURNING id),
    unsealed AS (INSERT INTO audit_unsealed (entry_id) SELECT id FROM entry),
    linked AS (INSERT INTO audit_entry_contents (content_id, entry_id) SELECT $3, id FROM entry)
    SELECT id FROM made";

/// The same for SQLite, which has no writes in a WITH: in one transaction, with the numbers of [`PLACE`].
pub(crate) const PLACE_STEPS: [&str; 4] = [
    "INSERT INTO placements (id, content_id, version_id, channel_id, location, status, created_at, updated_at)
     SELECT ?4, c.id, v.id, ?5, ?6, 'PLANNED', ?2, ?2
     FROM access_tokens t CROSS JOIN contents c JOIN versions v ON v.content_id = c.id
     WHERE t.secret_hash = ?1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)
       AND c.id = ?3 AND c.trashed_at IS NULL AND v.state = 'APPROVED'
     ORDER BY v.number DESC LIMIT 1",
    "INSERT INTO audit_entries (id, at, brand_id, actor_kind, actor_id, action, subject, changes)
     SELECT ?7, ?2, brand_id, 'TOKEN', ?10, 'createPlacement', ?8, ?9 FROM contents WHERE id = ?3",
    "INSERT INTO audit_unsealed (entry_id) VALUES (?7)",
    "INSERT INTO audit_entry_contents (content_id, entry_id) VALUES (?3, ?7)",
];
