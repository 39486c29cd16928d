//! Random worlds: a catalogue, channels in a tree with rules, contents with versions, wordings, evidence and
//! claims, leases with terms, and licensors' words. Written as rows, so that nothing has to be possible
//! through the API.

use rand::RngExt;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use sea_orm::Value;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::channels::{Channel, ChannelKind, Demand, Fit, Preset, Rule, RuleCheck, Severity, Tree};
use crate::platform::clock::{Day, Timestamp};
use crate::platform::db::Sql;
use crate::platform::ids::{BrandId, ChannelId, Ids, ProductId};
use crate::platform::names::name_of;

/// Every dated fact falls on one of these, and so does every question: t = start and t = end are common.
pub(super) const INSTANTS: [i32; 6] = [100, 130, 131, 160, 190, 220];
pub(super) const MARKETS: [&str; 3] = ["US", "CN", "DE"];
pub(super) const LOCALES: [&str; 5] = ["en", "en-US", "zh-Hans", "zh-Hans-CN", "de"];

pub(super) fn instant(rng: &mut SmallRng) -> Timestamp {
    Day(*INSTANTS.choose(rng).unwrap()).start()
}

pub(super) fn maybe<T>(
    rng: &mut SmallRng,
    chance: f64,
    make: impl FnOnce(&mut SmallRng) -> T,
) -> Option<T> {
    rng.random_bool(chance).then(|| make(rng))
}

pub(super) fn pick<'a>(rng: &mut SmallRng, list: &[&'a str]) -> &'a str {
    list.choose(rng).unwrap()
}

fn rules(rng: &mut SmallRng) -> Vec<Rule> {
    let all: [(RuleCheck, Json); 20] = [
        (RuleCheck::MaxEndorsements, json!(2)),
        (RuleCheck::MediaType, json!(["image/jpeg", "image/png"])),
        (RuleCheck::MinLongEdge, json!(1000)),
        (RuleCheck::MaxLongEdge, json!(2000)),
        (RuleCheck::MinWidth, json!(900)),
        (RuleCheck::MinHeight, json!(900)),
        (
            RuleCheck::AspectRatio,
            json!({ "width": 1, "height": 1, "tolerance": 0.1 }),
        ),
        (RuleCheck::MaxBytes, json!(5000)),
        (RuleCheck::ColorSpace, json!(["sRGB"])),
        (
            RuleCheck::WhiteBackground,
            json!({ "tolerance": 5, "share": 0.9 }),
        ),
        (RuleCheck::MinSubjectFill, json!(0.85)),
        (RuleCheck::Endorsements, json!(false)),
        (RuleCheck::Endorsements, json!(["PRESS", "CREATOR"])),
        (RuleCheck::MaxAgeMonths, json!(2)),
        (RuleCheck::MaxOutletTier, json!(2)),
        (RuleCheck::Attribution, json!(["byline"])),
        (RuleCheck::BannedTerms, json!(["Cheap"])),
        (RuleCheck::Languages, json!(["en", "zh-Hans"])),
        (RuleCheck::Disclosure, json!(true)),
        (RuleCheck::Lease, json!(true)),
    ];
    let count = [0, 0, 1, 1, 2, 3].choose(rng).copied().unwrap();
    (0..count)
        .map(|_| {
            let (check, value) = all.choose(rng).unwrap();
            Rule {
                demand: Demand::parse(*check, Some(value)).unwrap(),
                severity: if rng.random_bool(0.8) {
                    Severity::Error
                } else {
                    Severity::Warn
                },
                message: None,
                source: None,
                checked_on: None,
            }
        })
        .collect()
}

fn preset(rng: &mut SmallRng) -> Preset {
    let mut edge = || {
        maybe(rng, 0.8, |rng| {
            *[900, 1000, 1001, 2000].choose(rng).unwrap()
        })
    };
    let (width, height) = (edge(), edge());
    let fits = [Fit::Cover, Fit::Contain, Fit::Inside, Fit::Pad];
    Preset {
        name: pick(rng, &["main", "other"]).to_owned(),
        width: width.or(height.is_none().then_some(1000)),
        height,
        fit: *fits.choose(rng).unwrap(),
        media_type: pick(rng, &["image/jpeg", "image/png", "image/webp"]).to_owned(),
        quality: None,
        background: maybe(rng, 0.6, |rng| {
            pick(rng, &["#ffffff", "#c0ffee"]).to_owned()
        }),
    }
}

/// How white a border is, as `accolade_draw::Whiteness` has it: all of it to some value, a share to another.
fn histogram(rng: &mut SmallRng) -> Vec<u8> {
    let all = rng.random_range(0..=255_usize);
    let some = rng.random_range(all..=255);
    let share = *[0, 229, 230, 254].choose(rng).unwrap();
    let byte = |value: usize| match value {
        value if value <= all => 255,
        value if value <= some => share,
        _ => 0,
    };
    (0..256).map(byte).collect()
}

fn tree(rng: &mut SmallRng, ids: &Ids) -> Tree {
    let mut channels: Vec<Channel> = Vec::new();
    let kinds = [
        ChannelKind::Site,
        ChannelKind::Marketplace,
        ChannelKind::Deck,
        ChannelKind::Social,
    ];
    for i in 0..5 {
        let parent = if i == 0 {
            None
        } else {
            maybe(rng, 0.6, |rng| channels.choose(rng).unwrap().id)
        };
        channels.push(Channel {
            id: ids.make(Timestamp(1)),
            slug: format!("channel-{i}"),
            name: String::new(),
            kind: *kinds.choose(rng).unwrap(),
            market: maybe(rng, 0.5, |rng| pick(rng, &MARKETS).to_owned()),
            locale: maybe(rng, 0.4, |rng| pick(rng, &LOCALES).to_owned()),
            parent,
            public: true,
            weight: 1.0,
            rules: rules(rng),
            presets: (0..*[0, 1, 1, 2].choose(rng).unwrap())
                .map(|_| preset(rng))
                .collect(),
            rules_changed_at: Timestamp(1),
        });
    }
    Tree::new(1, channels)
}

/// What a world is written with: rows, in the order in which they may be inserted.
#[derive(Default)]
pub(super) struct Rows(pub(super) Vec<Sql>);

impl Rows {
    fn add<const N: usize>(&mut self, table: &'static str, row: [(&'static str, Value); N]) {
        self.0.push(Sql::insert(table, row));
    }
}

pub(super) struct World {
    pub(super) tree: Tree,
    pub(super) brand: BrandId,
    pub(super) products: Vec<ProductId>,
    pub(super) rows: Rows,
}

struct Builder<'r> {
    rng: &'r mut SmallRng,
    ids: Ids,
    rows: Rows,
    brand: Uuid,
    channels: Vec<ChannelId>,
    products: Vec<ProductId>,
    outlets: Vec<Uuid>,
    files: Vec<String>,
    endorsements: Vec<Uuid>,
    contents: Vec<(Uuid, Vec<Uuid>)>,
}

impl Builder<'_> {
    fn id(&self) -> Uuid {
        self.ids.uuid(Timestamp(1))
    }

    fn catalogue(&mut self, tree: &Tree) {
        self.rows.add(
            "brands",
            [
                ("id", self.brand.into()),
                ("name", "B".into()),
                ("slug", self.brand.simple().to_string().into()),
                ("created_at", 1_i64.into()),
            ],
        );
        for channel in tree.all() {
            self.rows.add(
                "channels",
                [
                    ("id", channel.id.into()),
                    ("slug", channel.id.0.simple().to_string().into()),
                    ("name", "C".into()),
                    ("kind", name_of(channel.kind).unwrap().into()),
                    ("is_public", true.into()),
                    ("weight", 1.0.into()),
                    ("rules_changed_at", 1_i64.into()),
                    ("created_at", 1_i64.into()),
                ],
            );
        }
        for i in 0..2 {
            let id = self.id();
            self.products.push(ProductId(id));
            let changed = maybe(self.rng, 0.3, instant);
            self.rows.add(
                "products",
                [
                    ("id", id.into()),
                    ("brand_id", self.brand.into()),
                    ("sku", format!("P{i}").into()),
                    ("name", "P".into()),
                    ("name_key", "p".into()),
                    ("edition_changed_at", changed.into()),
                    ("created_at", 1_i64.into()),
                ],
            );
        }
        for kind in ["PRESS", "PRESS", "CREATOR", "CUSTOMER"] {
            let id = self.id();
            self.outlets.push(id);
            let tier = maybe(self.rng, 0.7, |rng| rng.random_range(1..=4_i32));
            self.rows.add(
                "outlets",
                [
                    ("id", id.into()),
                    ("name", "O".into()),
                    ("name_key", "o".into()),
                    ("kind", kind.into()),
                    ("tier", tier.into()),
                    ("created_at", 1_i64.into()),
                ],
            );
        }
        for _ in 0..6 {
            self.file();
        }
    }

    fn file(&mut self) {
        let sha256 = format!("{:064x}", self.id().as_u128());
        let types = ["image/jpeg", "image/png", "image/svg+xml", "video/mp4"];
        let media_type = pick(self.rng, &types);
        self.rows.add(
            "files",
            [
                ("sha256", sha256.clone().into()),
                ("store_key", sha256.clone().into()),
                (
                    "bytes",
                    (*[5000_i64, 5001].choose(self.rng).unwrap()).into(),
                ),
                ("media_type", media_type.into()),
                ("created_at", 1_i64.into()),
            ],
        );
        if self.rng.random_bool(0.85) {
            let mut edge = || {
                maybe(self.rng, 0.85, |rng| {
                    *[899_i32, 900, 1000, 1100, 2000, 2001].choose(rng).unwrap()
                })
            };
            let (width, height) = (edge(), edge());
            let space = maybe(self.rng, 0.7, |rng| pick(rng, &["sRGB", "CMYK"]));
            let looked = self.rng.random_bool(0.85);
            let white = looked.then(|| histogram(self.rng));
            let on_white = white.is_some() && self.rng.random_bool(0.4);
            let on_white = on_white.then(|| histogram(self.rng));
            let mut share = || looked.then(|| *[0.4, 0.85, 0.9].choose(self.rng).unwrap());
            let (subject_width, subject_height) = (share(), share());
            self.rows.add(
                "media_facts",
                [
                    ("sha256", sha256.clone().into()),
                    ("measurer_revision", 1_i32.into()),
                    ("width", width.into()),
                    ("height", height.into()),
                    ("orientation", 1_i32.into()),
                    ("color_space", space.into()),
                    ("white", white.into()),
                    ("white_on_white", on_white.into()),
                    ("subject_width", subject_width.into()),
                    ("subject_height", subject_height.into()),
                ],
            );
        }
        self.files.push(sha256);
    }

    fn content(&mut self, kind: &'static str) -> Uuid {
        let id = self.id();
        let (release, expire) = (maybe(self.rng, 0.2, instant), maybe(self.rng, 0.2, instant));
        let expire = expire.filter(|end| release.is_none_or(|start| start < *end));
        self.rows.add(
            "contents",
            [
                ("id", id.into()),
                ("brand_id", self.brand.into()),
                ("kind", kind.into()),
                ("title", "T".into()),
                ("title_key", "t".into()),
                ("release_at", release.into()),
                ("expire_at", expire.into()),
                ("withdrawn_at", maybe(self.rng, 0.04, instant).into()),
                ("archived_at", maybe(self.rng, 0.04, instant).into()),
                ("trashed_at", maybe(self.rng, 0.04, instant).into()),
                ("version_count", 0_i32.into()),
                ("revision", 1_i32.into()),
                ("created_at", 1_i64.into()),
                ("created_by_kind", "SYSTEM".into()),
                ("updated_at", 1_i64.into()),
            ],
        );
        for channel in self.channels.clone() {
            if self.rng.random_bool(0.5) {
                self.rows.add(
                    "content_channels",
                    [
                        ("content_id", id.into()),
                        ("channel_id", channel.into()),
                        ("tagged_at", 1_i64.into()),
                        ("kind", kind.into()),
                    ],
                );
            }
        }
        for market in MARKETS {
            if self.rng.random_bool(0.15) {
                self.rows.add(
                    "content_markets",
                    [("content_id", id.into()), ("market", market.into())],
                );
            }
        }
        for product in self.products.clone() {
            if self.rng.random_bool(0.4) {
                self.rows.add(
                    "content_products",
                    [("content_id", id.into()), ("product_id", product.into())],
                );
            }
        }
        id
    }

    fn versions(&mut self, content: Uuid, endorsement: bool) {
        let mut versions = Vec::new();
        for number in 1..=self.rng.random_range(1..=3_i32) {
            let id = self.id();
            versions.push(id);
            let state = pick(
                self.rng,
                &[
                    "DRAFT",
                    "IN_REVIEW",
                    "APPROVED",
                    "APPROVED",
                    "APPROVED",
                    "WITHDRAWN",
                ],
            );
            self.rows.add(
                "versions",
                [
                    ("id", id.into()),
                    ("content_id", content.into()),
                    ("number", number.into()),
                    ("state", state.into()),
                    ("author_kind", "SYSTEM".into()),
                    ("created_at", 1_i64.into()),
                ],
            );
            if endorsement {
                self.wording(id);
            } else if self.rng.random_bool(0.8) {
                let sha256 = self.files.choose(self.rng).unwrap().clone();
                self.rows.add(
                    "asset_versions",
                    [
                        ("version_id", id.into()),
                        ("sha256", sha256.into()),
                        ("filename", "f".into()),
                    ],
                );
            } else {
                let text = pick(self.rng, &["very cheap", "fine"]);
                self.rows.add(
                    "asset_versions",
                    [
                        ("version_id", id.into()),
                        ("body", text.into()),
                        ("folded", text.into()),
                    ],
                );
            }
        }
        let count = i32::try_from(versions.len()).unwrap();
        let set = Sql::update("contents", [("version_count", count.into())]);
        self.rows.0.push(set.push(" WHERE id = ").bind(content));
        self.contents.push((content, versions));
    }

    fn wording(&mut self, version: Uuid) {
        let connection = pick(self.rng, &["NONE", "NONE", "GIFTED"]);
        self.rows.add(
            "endorsement_versions",
            [
                ("version_id", version.into()),
                ("byline", maybe(self.rng, 0.6, |_| "A. Writer").into()),
                ("material_connection", connection.into()),
            ],
        );
        let original = pick(self.rng, &LOCALES);
        for locale in LOCALES {
            if locale != original && self.rng.random_bool(0.6) {
                continue;
            }
            self.rows.add(
                "statements",
                [
                    ("version_id", version.into()),
                    ("locale", locale.into()),
                    ("is_original", (locale == original).into()),
                    ("headline", "H".into()),
                    ("disclosure", maybe(self.rng, 0.6, |_| "gifted").into()),
                    (
                        "folded",
                        pick(self.rng, &["so cheap", "lovely", "lovely"]).into(),
                    ),
                ],
            );
        }
    }

    fn asset(&mut self) {
        let id = self.content("ASSET");
        let kind = pick(self.rng, &["IMAGE", "IMAGE", "BADGE", "COPY", "SOURCE"]);
        self.rows.add(
            "assets",
            [
                ("content_id", id.into()),
                ("kind", kind.into()),
                (
                    "locale",
                    maybe(self.rng, 0.4, |rng| pick(rng, &LOCALES)).into(),
                ),
            ],
        );
        self.versions(id, false);
        for endorsement in self.endorsements.clone() {
            if self.rng.random_bool(0.15) {
                self.rows.add(
                    "endorsement_assets",
                    [
                        ("endorsement_id", endorsement.into()),
                        ("asset_id", id.into()),
                        ("position", 0_i32.into()),
                    ],
                );
            }
        }
    }

    fn endorsement(&mut self) {
        let id = self.content("ENDORSEMENT");
        self.endorsements.push(id);
        let outlet = *self.outlets.choose(self.rng).unwrap();
        let published = Day(*[60, 71, 72, 100, 130].choose(self.rng).unwrap());
        let rechecked = Day(*[60, 70, 100, 130].choose(self.rng).unwrap()).start();
        self.rows.add(
            "endorsements",
            [
                ("content_id", id.into()),
                ("outlet_id", outlet.into()),
                ("kind", "QUOTE".into()),
                ("published_on", published.into()),
                (
                    "recheck_every_days",
                    maybe(self.rng, 0.4, |rng| *[30_i32, 60, 90].choose(rng).unwrap()).into(),
                ),
                ("rechecked_at", rechecked.into()),
                ("page_changed_at", maybe(self.rng, 0.2, instant).into()),
            ],
        );
        self.versions(id, true);
        if self.rng.random_bool(0.85) {
            let state = pick(self.rng, &["CURRENT", "CURRENT", "CHANGED", "GONE"]);
            let sha256 = self.files.choose(self.rng).unwrap().clone();
            self.rows.add(
                "evidence",
                [
                    ("id", self.id().into()),
                    ("endorsement_id", id.into()),
                    ("sha256", sha256.into()),
                    ("filename", "f".into()),
                    ("state", state.into()),
                    ("created_at", 1_i64.into()),
                ],
            );
        }
        if self.rng.random_bool(0.3) {
            let open = self.rng.random_bool(0.3);
            let product = self.products[0];
            self.rows.add(
                "claims",
                [
                    ("id", self.id().into()),
                    ("endorsement_id", id.into()),
                    ("product_id", product.into()),
                    ("claim", "C".into()),
                    ("state", if open { "PROPOSED" } else { "CONFIRMED" }.into()),
                    ("decided_by_kind", "SYSTEM".into()),
                    ("decided_at", (!open).then_some(1_i64).into()),
                    ("position", 0_i32.into()),
                    ("created_at", 1_i64.into()),
                ],
            );
        }
    }

    fn placements(&mut self) {
        for (content, versions) in self.contents.clone() {
            for version in versions {
                let status = pick(self.rng, &["PLANNED", "LIVE", "RETIRED"]);
                let live_from = (status != "PLANNED").then(|| instant(self.rng));
                let live_to = (status == "RETIRED").then(|| instant(self.rng));
                let channel = *self.channels.choose(self.rng).unwrap();
                let product = maybe(self.rng, 0.3, |rng| *self.products.choose(rng).unwrap());
                self.rows.add(
                    "placements",
                    [
                        ("id", self.ids.uuid(Timestamp(1)).into()),
                        ("content_id", content.into()),
                        ("version_id", version.into()),
                        ("channel_id", channel.into()),
                        ("product_id", product.into()),
                        ("location", "shelf".into()),
                        ("status", status.into()),
                        ("live_from", live_from.into()),
                        ("live_to", live_to.into()),
                        ("created_at", 1_i64.into()),
                        ("updated_at", 1_i64.into()),
                    ],
                );
            }
        }
    }

    fn waivers(&mut self) {
        for endorsement in self.endorsements.clone() {
            let channel = *self.channels.choose(self.rng).unwrap();
            let until = maybe(self.rng, 0.5, instant);
            self.rows.add(
                "waivers",
                [
                    ("endorsement_id", endorsement.into()),
                    ("channel_id", channel.into()),
                    ("reason", "not there".into()),
                    ("until", until.into()),
                    ("created_at", 1_i64.into()),
                    ("created_by_kind", "SYSTEM".into()),
                ],
            );
        }
        for product in self.products.clone() {
            let channel = *self.channels.choose(self.rng).unwrap();
            self.rows.add(
                "product_channels",
                [
                    ("product_id", product.into()),
                    ("channel_id", channel.into()),
                ],
            );
        }
    }

    fn leases(&mut self) {
        for (content, versions) in std::mem::take(&mut self.contents) {
            for _ in 0..*[0, 0, 1, 1, 2, 3].choose(self.rng).unwrap() {
                self.lease(content, &versions);
            }
        }
    }

    fn lease(&mut self, content: Uuid, versions: &[Uuid]) {
        let id = self.id();
        let deny = self.rng.random_bool(0.15);
        let (start, end) = (maybe(self.rng, 0.4, instant), maybe(self.rng, 0.5, instant));
        let end = end.filter(|end| start.is_none_or(|start| start <= *end));
        let mut term = |chance: f64| Value::from(self.rng.random_bool(chance));
        let row = [
            ("id", id.into()),
            ("brand_id", self.brand.into()),
            ("access", if deny { "DENY" } else { "ALLOW" }.into()),
            ("starts_at", start.into()),
            ("ends_at", end.into()),
            ("no_alteration", term(0.2)),
            ("no_translation", term(0.3)),
            ("no_excerpt", term(0.2)),
            ("no_redistribution", term(0.3)),
            ("product_bound", term(0.3)),
            ("show_year", term(0.2)),
            ("creative_approval", term(0.25)),
            ("created_at", 1_i64.into()),
            ("created_by_kind", "SYSTEM".into()),
        ];
        self.rows.add("leases", row);
        for position in 0..self.rng.random_range(1..=2_i32) {
            let channel = maybe(self.rng, 0.5, |rng| *self.channels.choose(rng).unwrap());
            let market = maybe(self.rng, 0.4, |rng| pick(rng, &MARKETS));
            self.rows.add(
                "lease_scopes",
                [
                    ("lease_id", id.into()),
                    ("position", position.into()),
                    ("content_id", content.into()),
                    ("channel_id", channel.into()),
                    ("market", market.into()),
                ],
            );
        }
        for version in versions {
            for _ in 0..*[0, 1, 1, 2].choose(self.rng).unwrap() {
                let decision = pick(self.rng, &["APPROVE", "APPROVE", "REQUEST_CHANGES"]);
                self.rows.add(
                    "reviews",
                    [
                        ("id", self.id().into()),
                        ("version_id", (*version).into()),
                        ("reviewer_kind", "SYSTEM".into()),
                        ("decision", decision.into()),
                        ("lease_id", id.into()),
                        ("preset", maybe(self.rng, 0.2, |_| "main").into()),
                        ("created_at", 1_i64.into()),
                    ],
                );
            }
        }
    }
}

pub(super) fn world(rng: &mut SmallRng, ids: &Ids) -> World {
    let tree = tree(rng, ids);
    let mut builder = Builder {
        brand: ids.uuid(Timestamp(1)),
        ids: ids.clone(),
        rows: Rows::default(),
        channels: tree.all().iter().map(|c| c.id).collect(),
        products: Vec::new(),
        outlets: Vec::new(),
        files: Vec::new(),
        endorsements: Vec::new(),
        contents: Vec::new(),
        rng,
    };
    builder.catalogue(&tree);
    (0..10).for_each(|_| builder.endorsement());
    (0..10).for_each(|_| builder.asset());
    builder.placements();
    builder.waivers();
    builder.leases();
    World {
        tree,
        brand: BrandId(builder.brand),
        products: builder.products,
        rows: builder.rows,
    }
}
