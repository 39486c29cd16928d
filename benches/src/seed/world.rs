//! What there is before the contents: brands, outlets, products, audiences, channels; and the words that
//! titles and quotes are made of.

use accolade::platform::text::sort_key;
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::sink::{Batch, row};

/// The channel whose page is measured: under a root with rules, in a market, in a language.
pub(crate) const LARGE: &str = "site-de";
/// The channel that holds 50 contents only.
pub(crate) const SMALL: &str = "campaign-2026";
/// How many contents the small channel holds.
pub(crate) const IN_SMALL: usize = 50;

pub(crate) const EN: [&str; 60] = [
    "lantern",
    "camping",
    "torch",
    "award",
    "winner",
    "best",
    "light",
    "bright",
    "solar",
    "compact",
    "rugged",
    "family",
    "trail",
    "summit",
    "harbour",
    "winter",
    "summer",
    "launch",
    "studio",
    "portrait",
    "packshot",
    "banner",
    "story",
    "catalogue",
    "press",
    "review",
    "tested",
    "editors",
    "choice",
    "value",
    "design",
    "quality",
    "durable",
    "steel",
    "copper",
    "amber",
    "forest",
    "river",
    "mountain",
    "evening",
    "morning",
    "battery",
    "charger",
    "wireless",
    "outdoor",
    "garden",
    "kitchen",
    "workshop",
    "cyclist",
    "runner",
    "headlamp",
    "beacon",
    "signal",
    "ranger",
    "explorer",
    "classic",
    "edition",
    "premium",
    "everyday",
    "lifetime",
];
pub(crate) const ZH: [&str; 24] = [
    "春节", "联合", "推荐", "视频", "露营", "灯具", "年度", "最佳", "奖项", "编辑", "选择", "户外",
    "便携", "照明", "品质", "设计", "新品", "发布", "家庭", "徒步", "评测", "产品", "经典", "系列",
];
pub(crate) const JA: [&str; 20] = [
    "ランタン",
    "カタログ",
    "キャンプ",
    "受賞",
    "ベスト",
    "ダウンロード",
    "おすすめ",
    "製品",
    "写真",
    "春の新作",
    "レビュー",
    "デザイン",
    "限定",
    "モデル",
    "明るい",
    "家族",
    "登山",
    "コンパクト",
    "充電",
    "品質",
];
const MARKETS: [&str; 5] = ["DE", "US", "JP", "CN", "FR"];
const OUTLETS: [&str; 8] = [
    "Trail Weekly",
    "Light & Home",
    "Camp Journal",
    "Outdoor Lab",
    "Design Review",
    "City Paper",
    "Gear Institute",
    "Mountain Club",
];

/// A time-ordered id, stamped with a time and otherwise made of chance.
pub(crate) fn id(rng: &mut StdRng, at: i64) -> Uuid {
    let chance: u128 = rng.random();
    let ms = u128::from(u64::try_from(at).unwrap_or(0));
    let bits = (ms << 80) | (chance >> 48);
    let bits = (bits & !(0xf << 76)) | (0x7 << 76);
    Uuid::from_u128((bits & !(0x3 << 62)) | (0x2 << 62))
}

/// One of a list.
pub(crate) fn pick<'a, T>(rng: &mut StdRng, list: &'a [T]) -> &'a T {
    &list[rng.random_range(0..list.len())]
}

pub(crate) struct Outlet {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    /// Whether what it says goes out under a lease only.
    pub(crate) needs_consent: bool,
}

pub(crate) struct Product {
    pub(crate) id: Uuid,
    pub(crate) sku: String,
    pub(crate) name: String,
}

pub(crate) struct Channel {
    pub(crate) id: Uuid,
    pub(crate) slug: String,
}

/// What contents refer to.
pub(crate) struct World {
    /// The large one, and the small one.
    pub(crate) brands: [Uuid; 2],
    pub(crate) outlets: Vec<Outlet>,
    /// By brand.
    pub(crate) products: [Vec<Product>; 2],
    pub(crate) audiences: Vec<Uuid>,
    /// Without the small one.
    pub(crate) channels: Vec<Channel>,
    pub(crate) small: Uuid,
}

/// A tree of channels: the root, its kind, its children with their markets and languages, and its rules.
struct Tree {
    root: &'static str,
    kind: &'static str,
    children: &'static [(&'static str, &'static str, &'static str)],
    rules: fn() -> Vec<(&'static str, Json, &'static str)>,
}

const TREES: [Tree; 5] = [
    Tree {
        root: "site",
        kind: "SITE",
        children: &[
            ("de", "DE", "de"),
            ("us", "US", "en-US"),
            ("jp", "JP", "ja"),
            ("cn", "CN", "zh-Hans"),
        ],
        rules: || {
            vec![
                ("MAX_BYTES", json!(20_000_000), "ERROR"),
                ("MAX_OUTLET_TIER", json!(3), "ERROR"),
                ("DISCLOSURE", json!(true), "WARN"),
            ]
        },
    },
    Tree {
        root: "shop",
        kind: "MARKETPLACE",
        children: &[
            ("de", "DE", "de"),
            ("us", "US", "en-US"),
            ("jp", "JP", "ja"),
            ("fr", "FR", "fr"),
        ],
        rules: || {
            vec![
                ("MEDIA_TYPE", json!(["image/jpeg", "image/png"]), "ERROR"),
                ("MIN_LONG_EDGE", json!(1000), "ERROR"),
            ]
        },
    },
    Tree {
        root: "social",
        kind: "SOCIAL",
        children: &[
            ("photo", "US", "en"),
            ("video", "US", "en"),
            ("china", "CN", "zh-Hans"),
            ("japan", "JP", "ja"),
        ],
        rules: || vec![("MAX_AGE_MONTHS", json!(36), "WARN")],
    },
    Tree {
        root: "press",
        kind: "PRESS",
        children: &[
            ("de", "DE", "de"),
            ("world", "US", "en"),
            ("asia", "JP", "ja"),
        ],
        rules: || vec![("ATTRIBUTION", json!(["outlet"]), "ERROR")],
    },
    Tree {
        root: SMALL,
        kind: "SITE",
        children: &[],
        rules: Vec::new,
    },
];

impl World {
    /// Makes it, for so many assets, at a time before all contents.
    pub(crate) fn make(rng: &mut StdRng, assets: usize, at: i64, batch: &mut Batch) -> Self {
        let brands = [
            ("Northlight", "northlight"),
            ("Little Harbour", "little-harbour"),
        ]
        .map(|(name, slug)| {
            let id = id(rng, at);
            batch.add("brands", row![id, name, slug, at]);
            id
        });
        let audiences = ["consumers", "trade", "editors"]
            .into_iter()
            .map(|slug| {
                let id = id(rng, at);
                batch.add("audiences", row![id, slug, slug, at]);
                id
            })
            .collect();
        let outlets = (0..(assets / 200).max(20))
            .map(|n| outlet(rng, n, at, batch))
            .collect();
        let many = (assets / 50).max(40);
        let products = [(0, many - many / 20), (1, many / 20)].map(|(brand, count)| {
            (0..count)
                .map(|n| product(rng, brands[brand], brand, n, at, batch))
                .collect()
        });
        let mut channels = Vec::new();
        let mut small = Uuid::nil();
        for tree in &TREES {
            let made = plant(rng, tree, at, batch);
            match made.as_slice() {
                [only] if only.slug == SMALL => small = only.id,
                _ => channels.extend(made),
            }
        }
        Self {
            brands,
            outlets,
            products,
            audiences,
            channels,
            small,
        }
    }
}

fn outlet(rng: &mut StdRng, n: usize, at: i64, batch: &mut Batch) -> Outlet {
    let id = id(rng, at);
    let name = format!("{} {}", pick(rng, &OUTLETS), n + 1);
    let kind = [
        "PRESS",
        "PRESS",
        "PRESS",
        "AWARD_BODY",
        "AWARD_BODY",
        "RETAILER",
        "ANALYST",
        "CERTIFIER",
        "CREATOR",
        "CUSTOMER",
    ][n % 10];
    let tier = match rng.random_range(0..20) {
        0 => None,
        1 => Some(4),
        n => Some(n % 3 + 1),
    };
    let domain = format!("outlet-{}.example", n + 1);
    batch.add(
        "outlets",
        row![id, name.as_str(), sort_key(&name), kind, domain, tier, at],
    );
    Outlet {
        id,
        name,
        needs_consent: matches!(kind, "CREATOR" | "CUSTOMER"),
    }
}

fn product(
    rng: &mut StdRng,
    brand: Uuid,
    place: usize,
    n: usize,
    at: i64,
    batch: &mut Batch,
) -> Product {
    let id = id(rng, at);
    let sku = format!("{}{:05}", ["NL", "LH"][place], n + 1);
    let name = format!(
        "{} {} {}",
        capital(pick::<&str>(rng, &EN)),
        pick(rng, &EN),
        n + 1
    );
    let category = *pick(rng, &["lamps", "torches", "power", "camp"]);
    batch.add(
        "products",
        row![
            id,
            brand,
            sku.as_str(),
            name.as_str(),
            sort_key(&name),
            category,
            at
        ],
    );
    Product { id, sku, name }
}

fn plant(rng: &mut StdRng, tree: &Tree, at: i64, batch: &mut Batch) -> Vec<Channel> {
    let root = id(rng, at);
    let mut made = vec![Channel {
        id: root,
        slug: tree.root.to_owned(),
    }];
    let none = None::<&str>;
    let name = capital(tree.root);
    let no_parent = None::<Uuid>;
    let row = row![
        root, tree.root, name, tree.kind, none, none, no_parent, true, 1, at, at
    ];
    batch.add("channels", row);
    for (i, (check, value, severity)) in (tree.rules)().into_iter().enumerate() {
        let position = i64::try_from(i).unwrap_or(0);
        batch.add(
            "channel_rules",
            row![root, position, check, value.to_string(), severity],
        );
    }
    for (suffix, market, locale) in tree.children {
        let id = id(rng, at);
        let slug = format!("{}-{suffix}", tree.root);
        let row = row![
            id,
            slug.as_str(),
            capital(&slug),
            tree.kind,
            *market,
            *locale,
            root,
            true,
            1,
            at,
            at
        ];
        batch.add("channels", row);
        made.push(Channel { id, slug });
    }
    made
}

pub(crate) fn capital(word: &str) -> String {
    let mut chars = word.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}

/// Some markets, each once.
pub(crate) fn markets(rng: &mut StdRng) -> Vec<&'static str> {
    let start = rng.random_range(0..MARKETS.len());
    let count = rng.random_range(1..=3);
    (start..start + count)
        .map(|i| MARKETS[i % MARKETS.len()])
        .collect()
}

/// So many hexadecimal digits of chance.
pub(crate) fn hash(rng: &mut StdRng) -> String {
    let mut bytes = [0_u8; 32];
    rng.fill_bytes(&mut bytes);
    bytes.iter().fold(String::with_capacity(64), |mut hex, b| {
        for digit in [b >> 4, b & 15] {
            hex.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
        }
        hex
    })
}
