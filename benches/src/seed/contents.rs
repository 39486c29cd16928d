//! Contents: assets and endorsements with their versions, labels, rights and words. Most of what is tagged
//! to a channel goes out there; about a fifth is held, each for one of the gate's reasons.

use std::collections::{BTreeMap, BTreeSet};

use accolade::platform::text::{fold, sort_key};
use accolade::search::words_of;
use rand::RngExt;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::sink::{Batch, row};
use super::world::{EN, IN_SMALL, JA, Product, World, ZH, capital, hash, id, markets, pick};

const DAY: i64 = 86_400_000;
/// The catalogue has grown for so long.
const AGE: i64 = 730 * DAY;
const NONE: Option<i64> = None;
/// Of so many contents one is an endorsement: 100,000 assets come with 20,000.
pub(crate) const ENDORSED: usize = 6;

/// What the load asks for: taken while the contents are made.
#[derive(Default)]
pub(crate) struct Samples {
    pub(crate) assets: Vec<Uuid>,
    pub(crate) endorsements: Vec<Uuid>,
    pub(crate) placeable: Vec<String>,
}

/// Makes one content after the other, the oldest first.
pub(crate) struct Contents<'w> {
    pub(crate) rng: StdRng,
    pub(crate) world: &'w World,
    /// Assets and endorsements.
    pub(crate) total: usize,
    pub(crate) now: i64,
    pub(crate) samples: Samples,
    /// The last endorsement that was made: assets are attached to it.
    last: Option<Uuid>,
    /// The last picture's perceptual hash.
    looks: Option<i64>,
}

/// The revision of the looker that has looked at a file: nothing is left to be looked at.
const LOOKED: i32 = 1;

/// A content while it is made.
struct Draft<'p> {
    id: Uuid,
    at: i64,
    brand: usize,
    is_asset: bool,
    products: Vec<&'p Product>,
    /// The texts that are searched, with the class of their field.
    texts: Vec<(i32, String)>,
    /// The current version; none: nothing is approved.
    current: Option<Uuid>,
    /// Goes out under a lease only.
    needs_lease: bool,
    /// Is in the trash: it cannot be placed.
    trashed: bool,
}

impl Draft<'_> {
    fn kind(&self) -> &'static str {
        if self.is_asset {
            "ASSET"
        } else {
            "ENDORSEMENT"
        }
    }
}

impl<'w> Contents<'w> {
    pub(crate) fn new(rng: StdRng, world: &'w World, total: usize, now: i64) -> Self {
        Self {
            rng,
            world,
            total,
            now,
            samples: Samples::default(),
            last: None,
            looks: None,
        }
    }

    /// A picture's perceptual hash. One in ten looks like one before it, but for three of 64 bits.
    fn looks(&mut self) -> i64 {
        let near = self.looks.filter(|_| self.chance(10)).map(|hash| {
            let bits: [u32; 3] = self.rng.random();
            bits.iter().fold(hash, |hash, bit| hash ^ (1 << (bit % 64)))
        });
        let hash = near.unwrap_or_else(|| self.rng.random());
        self.looks = Some(hash);
        hash
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_ratio(percent, 100)
    }

    /// Makes the `n`th of all.
    pub(crate) fn make(&mut self, n: usize, batch: &mut Batch) {
        let step = AGE / i64::try_from(self.total).unwrap_or(1).max(1);
        let at = self.now - AGE + step * i64::try_from(n).unwrap_or(0);
        let brand = usize::from(self.chance(5));
        let world = self.world;
        let products: BTreeMap<Uuid, &Product> = (0..self.rng.random_range(0..4))
            .map(|_| pick(&mut self.rng, &world.products[brand]))
            .map(|product| (product.id, product))
            .collect();
        let mut draft = Draft {
            id: id(&mut self.rng, at),
            at,
            brand,
            is_asset: !n.is_multiple_of(ENDORSED),
            products: products.into_values().collect(),
            texts: Vec::new(),
            current: None,
            needs_lease: false,
            trashed: false,
        };
        self.header(&mut draft, batch);
        if draft.is_asset {
            self.asset(&mut draft, batch);
        } else {
            self.endorsement(&mut draft, batch);
        }
        self.labels(&mut draft, n, batch);
        self.rights(&draft, batch);
        self.placement(&draft, n, batch);
        for (word, class) in words_of(std::mem::take(&mut draft.texts)) {
            batch.add(
                "search_words",
                row![world.brands[brand], word, class, draft.id],
            );
        }
        // Every sixth is an endorsement, and the next one an asset: the steps are multiples of six.
        let spread = (self.total / 1_000)
            .next_multiple_of(ENDORSED)
            .max(ENDORSED);
        match n % spread {
            0 => self.samples.endorsements.push(draft.id),
            1 => self.samples.assets.push(draft.id),
            _ => {}
        }
        if !draft.is_asset {
            self.last = Some(draft.id);
        }
    }

    /// The row that both kinds have. Some are put away, not yet out, or past their end.
    fn header(&mut self, draft: &mut Draft<'_>, batch: &mut Batch) {
        let title = self.title();
        let (mut release, mut expire, mut withdrawn, mut archived, mut trashed) =
            (NONE, NONE, NONE, NONE, NONE);
        let reason = match self.rng.random_range(0..1_000) {
            0..10 => {
                withdrawn = Some(draft.at + DAY);
                Some("Recalled.")
            }
            10..20 => {
                archived = Some(draft.at + DAY);
                None
            }
            20..25 => {
                trashed = Some(draft.at + DAY);
                draft.trashed = true;
                None
            }
            25..45 => {
                release = Some(self.now + 30 * DAY);
                None
            }
            45..75 => {
                expire = Some(draft.at + DAY);
                None
            }
            75..175 => {
                release = Some(draft.at);
                expire = Some(self.now + 400 * DAY);
                None
            }
            _ => None,
        };
        let kind = draft.kind();
        batch.add(
            "contents",
            row![
                draft.id,
                self.world.brands[draft.brand],
                kind,
                title.as_str(),
                sort_key(&title),
                release,
                expire,
                withdrawn,
                reason,
                archived,
                trashed,
                3,
                1,
                draft.at,
                "SYSTEM",
                draft.at
            ],
        );
        draft.texts.push((1, title));
    }

    /// Six in ten English, two Chinese, two Japanese.
    fn title(&mut self) -> String {
        let number = self.rng.random_range(1..10_000);
        match self.rng.random_range(0..10) {
            0..6 => format!("{} {number}", capital(&self.english(4))),
            6..8 => format!("{}{number}", self.run(&ZH, 4)),
            _ => format!("{} {number}", self.run(&JA, 3)),
        }
    }

    fn english(&mut self, words: usize) -> String {
        let picked: Vec<&str> = (0..words).map(|_| *pick(&mut self.rng, &EN)).collect();
        picked.join(" ")
    }

    fn run(&mut self, words: &[&str], count: usize) -> String {
        (0..count).map(|_| *pick(&mut self.rng, words)).collect()
    }

    /// Three versions; the current one is the third, sometimes the second, and rarely there is none.
    fn versions(&mut self, draft: &mut Draft<'_>, batch: &mut Batch) -> [Uuid; 3] {
        let states = match self.rng.random_range(0..100) {
            0..4 => ["CHANGES_REQUESTED", "CHANGES_REQUESTED", "DRAFT"],
            4..12 => ["APPROVED", "APPROVED", "DRAFT"],
            12..18 => ["APPROVED", "APPROVED", "IN_REVIEW"],
            _ => ["APPROVED", "APPROVED", "APPROVED"],
        };
        let mut ids = [Uuid::nil(); 3];
        for (i, (slot, state)) in ids.iter_mut().zip(states).enumerate() {
            let number = i64::try_from(i + 1).unwrap_or(1);
            let at = draft.at + number * 1_000;
            *slot = id(&mut self.rng, at);
            let submitted = (state != "DRAFT").then_some(at + 100);
            let approved = (state == "APPROVED").then_some(at + 200);
            batch.add(
                "versions",
                row![
                    *slot, draft.id, number, state, "SYSTEM", at, submitted, approved
                ],
            );
            if approved.is_some() {
                draft.current = Some(*slot);
            }
        }
        ids
    }

    fn asset(&mut self, draft: &mut Draft<'_>, batch: &mut Batch) {
        let (kind, media_type, suffix) = match self.rng.random_range(0..100) {
            0..60 => ("IMAGE", "image/jpeg", "jpg"),
            60..72 => ("IMAGE", "image/png", "png"),
            72..80 => ("VIDEO", "video/mp4", "mp4"),
            80..90 => ("DOCUMENT", "application/pdf", "pdf"),
            90..95 => ("LOGO", "image/svg+xml", "svg"),
            95..98 => ("COPY", "", ""),
            98 => ("BADGE", "image/png", "png"),
            _ => ("SOURCE", "application/zip", "zip"),
        };
        let description = self.english(8);
        let locale = None::<&str>;
        batch.add("assets", row![draft.id, kind, locale, description.as_str()]);
        draft.texts.push((3, description));
        if self.chance(30) {
            let alt = self.english(5);
            batch.add("asset_alts", row![draft.id, "en", alt.as_str()]);
            draft.texts.push((3, alt));
        }
        let text = |s: &str| Some(s.to_owned());
        for version in self.versions(draft, batch) {
            if kind == "COPY" {
                let body = self.english(20);
                let none = None::<&str>;
                batch.add(
                    "asset_versions",
                    row![version, none, none, body.as_str(), fold(&body)],
                );
                draft.texts.push((2, body));
                continue;
            }
            let bytes = self.rng.random_range(
                20_000..if kind == "VIDEO" {
                    25_000_000
                } else {
                    8_000_000
                },
            );
            let file = self.file(bytes, media_type, draft.at, batch);
            if media_type.starts_with("image/") {
                let edge = self.rng.random_range(900..6_000);
                let space = Some("sRGB");
                let looks = self.looks();
                batch.add(
                    "media_facts",
                    row![
                        file.as_str(),
                        1,
                        edge,
                        edge * 2 / 3,
                        1,
                        media_type == "image/png",
                        space,
                        LOOKED,
                        looks
                    ],
                );
            }
            let none = None::<String>;
            let name = text(&format!("file-{}.{suffix}", &file[..8]));
            batch.add(
                "asset_versions",
                row![version, file, name, none.clone(), none],
            );
        }
        // A tenth of the assets belongs to an endorsement and goes out only with it.
        if let (Some(endorsement), true) = (self.last, self.chance(10)) {
            batch.add("endorsement_assets", row![endorsement, draft.id, 0]);
        }
    }

    fn file(&mut self, bytes: i64, media_type: &str, at: i64, batch: &mut Batch) -> String {
        let hash = hash(&mut self.rng);
        let key = format!("seeded/{hash}");
        batch.add("files", row![hash.as_str(), key, bytes, media_type, at]);
        hash
    }

    fn endorsement(&mut self, draft: &mut Draft<'_>, batch: &mut Batch) {
        let world = self.world;
        let outlet = pick(&mut self.rng, &world.outlets);
        draft.needs_lease = outlet.needs_consent;
        draft.texts.push((3, outlet.name.clone()));
        let kind = *pick(
            &mut self.rng,
            &["AWARD", "REVIEW", "REVIEW", "QUOTE", "RANKING", "MENTION"],
        );
        let published = draft.at / DAY - self.rng.random_range(0..60);
        let url = format!("https://outlet.example/{}", draft.id.simple());
        let every = self.chance(10).then_some(90);
        // What is overdue by more than 30 days is held.
        let rechecked = if self.chance(3) {
            self.now - 300 * DAY
        } else {
            self.now - 10 * DAY
        };
        batch.add(
            "endorsements",
            row![draft.id, outlet.id, kind, published, url, every, rechecked],
        );
        let connected = self.chance(5);
        let disclosed = !connected || self.chance(70);
        let locales = self.locales();
        for version in self.versions(draft, batch) {
            let byline = self.chance(40).then(|| capital(&self.english(2)));
            let connection = if connected { "PAID" } else { "NONE" };
            batch.add(
                "endorsement_versions",
                row![version, byline.clone(), connection],
            );
            draft.texts.extend(byline.map(|b| (3, b)));
            for (i, locale) in locales.iter().enumerate() {
                let (headline, quote) = self.wording(locale);
                let disclosure = (connected && disclosed).then_some("Paid partnership.");
                let folded = fold(&format!("{headline}\n{quote}"));
                batch.add(
                    "statements",
                    row![
                        version,
                        *locale,
                        i == 0,
                        headline.as_str(),
                        quote.as_str(),
                        disclosure,
                        folded
                    ],
                );
                draft.texts.extend([(2, headline), (2, quote)]);
            }
        }
        self.proof(draft, batch);
    }

    /// The original's language first.
    fn locales(&mut self) -> Vec<&'static str> {
        let mut all = vec!["en", "zh-Hans", "ja"];
        let first = match self.rng.random_range(0..10) {
            0..6 => 0,
            6..8 => 1,
            _ => 2,
        };
        all.swap(0, first);
        all.truncate(self.rng.random_range(1..=3));
        all
    }

    fn wording(&mut self, locale: &str) -> (String, String) {
        match locale {
            "en" => (capital(&self.english(5)), capital(&self.english(16))),
            "ja" => (self.run(&JA, 3), format!("{}。", self.run(&JA, 8))),
            _ => (self.run(&ZH, 4), format!("{}。", self.run(&ZH, 10))),
        }
    }

    fn proof(&mut self, draft: &mut Draft<'_>, batch: &mut Batch) {
        if self.chance(98) {
            let file = self.file(40_000, "application/pdf", draft.at, batch);
            let id = id(&mut self.rng, draft.at);
            batch.add(
                "evidence",
                row![
                    id,
                    draft.id,
                    "https://outlet.example/page",
                    file,
                    "page.pdf",
                    "CURRENT",
                    draft.at,
                    draft.at,
                    true,
                    draft.at
                ],
            );
        }
        let Some(product) = draft.products.first().copied().filter(|_| self.chance(40)) else {
            return;
        };
        let claim = format!("{} {}", pick(&mut self.rng, &EN), pick(&mut self.rng, &EN));
        let (state, by, decided) = if self.chance(95) {
            ("CONFIRMED", Some("SYSTEM"), Some(draft.at))
        } else {
            ("PROPOSED", None, None)
        };
        let id = id(&mut self.rng, draft.at);
        batch.add(
            "claims",
            row![
                id,
                draft.id,
                product.id,
                claim.as_str(),
                state,
                by,
                decided,
                0,
                draft.at
            ],
        );
        draft.texts.extend([
            (3, claim),
            (3, product.name.clone()),
            (3, product.sku.clone()),
        ]);
    }

    fn labels(&mut self, draft: &mut Draft<'_>, n: usize, batch: &mut Batch) {
        let world = self.world;
        let tags: BTreeSet<&str> = (0..self.rng.random_range(0..5))
            .map(|_| *pick(&mut self.rng, &EN))
            .collect();
        for tag in tags {
            batch.add("content_tags", row![draft.id, tag]);
            draft.texts.push((3, tag.to_owned()));
        }
        // Two and a half channels each.
        let kind = draft.kind();
        let count = self.rng.random_range(2..=3);
        let start = self.rng.random_range(0..world.channels.len());
        let apart = self.rng.random_range(1..6);
        for i in 0..count {
            let channel = &world.channels[(start + i * apart) % world.channels.len()];
            batch.add(
                "content_channels",
                row![draft.id, channel.id, draft.at, kind],
            );
        }
        if n % (self.total / IN_SMALL).max(1) == 1 && n / (self.total / IN_SMALL).max(1) < IN_SMALL
        {
            batch.add(
                "content_channels",
                row![draft.id, world.small, draft.at, kind],
            );
        }
        if self.chance(15) {
            for market in markets(&mut self.rng) {
                batch.add("content_markets", row![draft.id, market]);
            }
        }
        if self.chance(5) {
            let audience = *pick(&mut self.rng, &world.audiences);
            batch.add("content_audiences", row![draft.id, audience]);
        }
        for product in &draft.products {
            batch.add("content_products", row![draft.id, product.id]);
            draft.texts.push((3, product.name.clone()));
            draft.texts.push((3, product.sku.clone()));
        }
    }

    /// Leases for four in ten, two each, most of them in force; some ended, to come, narrow or a DENY.
    fn rights(&mut self, draft: &Draft<'_>, batch: &mut Batch) {
        if !draft.needs_lease && !self.chance(38) {
            return;
        }
        let past = self.now - 20 * DAY;
        let ahead = self.now + 200 * DAY;
        let channel = pick(&mut self.rng, &self.world.channels).id;
        let first = match self.rng.random_range(0..100) {
            0..85 => ("ALLOW", None, Some(ahead), None, None),
            85..90 => ("ALLOW", None, Some(past), None, None),
            90..95 => ("ALLOW", Some(ahead), None, None, None),
            95..98 => ("ALLOW", Some(past), None, None, Some("DE")),
            _ => ("ALLOW", None, None, Some(channel), None),
        };
        let second = match self.rng.random_range(0..100) {
            0..50 => ("ALLOW", None, Some(past), None, None),
            50..70 => ("ALLOW", Some(ahead), None, None, None),
            70..85 => ("ALLOW", None, None, Some(channel), None),
            85..95 => ("DENY", None, Some(past), None, None),
            _ => ("DENY", None, None, Some(channel), None),
        };
        for (access, starts, ends, channel, market) in [first, second] {
            let lease = id(&mut self.rng, draft.at);
            let approval = self.chance(1);
            let no_translation = self.chance(5);
            batch.add(
                "leases",
                row![
                    lease,
                    self.world.brands[draft.brand],
                    access,
                    starts,
                    ends,
                    "Studio One",
                    false,
                    no_translation,
                    false,
                    false,
                    false,
                    false,
                    approval,
                    draft.at,
                    "SYSTEM"
                ],
            );
            batch.add("lease_scopes", row![lease, 0, draft.id, channel, market]);
        }
    }

    fn placement(&mut self, draft: &Draft<'_>, n: usize, batch: &mut Batch) {
        let Some(version) = draft.current else { return };
        if n % (self.total / 2_000)
            .next_multiple_of(ENDORSED)
            .max(ENDORSED)
            == 1
            && !draft.trashed
        {
            self.samples
                .placeable
                .push(accolade::platform::ids::encode("asset", draft.id));
        }
        if !self.chance(10) {
            return;
        }
        let status = *pick(&mut self.rng, &["PLANNED", "LIVE", "RETIRED"]);
        let from = (status != "PLANNED").then_some(draft.at);
        let to = (status == "RETIRED").then_some(draft.at + DAY);
        let channel = pick(&mut self.rng, &self.world.channels).id;
        let place = id(&mut self.rng, draft.at);
        let location = format!("/page/{n}");
        batch.add(
            "placements",
            row![
                place, draft.id, version, channel, location, status, from, to, draft.at, draft.at
            ],
        );
    }
}
