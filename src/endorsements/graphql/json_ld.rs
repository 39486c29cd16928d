//! An endorsement in the words of schema.org, for the pages that show it.
//!
//! What was won stands at the product, or at the brand where it is about no one product: an award as a text,
//! with the work that says so; what somebody said as a review; what many said as a rating.

use std::sync::Arc;

use async_graphql::{Context, ID};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Brand, BrandKey, Outlet, OutletKey, Product, ProductKey};
use crate::contents::graphql::Question;
use crate::contents::{Content, EndorsementDetail, EndorsementKind, Statement, Wording};
use crate::error::{Error, Result};
use crate::graphql::context::Request;
use crate::graphql::scalars::Locale;
use crate::platform::ids::ProductId;
use crate::rights::gate::{Ask, Facts, decide, served};
use crate::rights::{FactsKey, Terms};

/// Everything that is said of an endorsement in a place.
struct Said<'s> {
    detail: &'s EndorsementDetail,
    wording: &'s Wording,
    statement: &'s Statement,
    outlet: &'s Outlet,
    brand: &'s Brand,
    product: Option<&'s Product>,
    terms: Terms,
}

/// What a page in a place says of an endorsement; none where the gate holds it, or where it is about other
/// products than the page.
pub(super) async fn json_ld(
    ctx: &Context<'_>,
    content: &Content,
    (channel, product, locale): (ID, Option<ID>, Option<Locale>),
) -> Result<Option<Json>> {
    let question = Question {
        channel,
        market: None,
        locale,
        product,
        at: None,
    };
    let ask = question.ask(ctx).await?;
    let facts = ctx.loader().load_one(FactsKey(content.id)).await?;
    let Some(facts) = facts else { return Ok(None) };
    let answer = decide(&facts, &ask);
    let statement = served(&facts, &ask);
    let wording = facts.content.current.as_ref().and_then(|v| v.wording());
    let detail = facts.content.endorsement();
    let (true, Some(statement), Some(wording), Some(detail)) =
        (answer.is_available(), statement, wording, detail)
    else {
        return Ok(None);
    };
    let Some(product) = shown_at(&facts, &ask) else {
        return Ok(None);
    };
    let product: Option<Arc<Product>> = match product {
        Some(id) => ctx.loader().load_one(ProductKey(id)).await?,
        None => None,
    };
    let missing = || Error::internal("an outlet or a brand is missing");
    let outlet = ctx.loader().load_one(OutletKey(detail.outlet)).await?;
    let brand = ctx.loader().load_one(BrandKey(facts.content.brand)).await?;
    let said = Said {
        detail,
        wording,
        statement,
        outlet: &*outlet.ok_or_else(missing)?,
        brand: &*brand.ok_or_else(missing)?,
        product: product.as_deref(),
        terms: answer.terms.unwrap_or_default(),
    };
    Ok(Some(harmless(said.item())))
}

/// The product at which it stands: the page's, or its only one; none in it: the brand. None at all where it is
/// about others than the page's: to say that of it would be wrong.
fn shown_at(facts: &Facts, ask: &Ask) -> Option<Option<ProductId>> {
    let products = &facts.labels.products;
    match (ask.product, products.as_slice()) {
        (_, []) => Some(None),
        (Some(asked), _) => products.contains(&asked).then_some(Some(asked)),
        (None, [only]) => Some(Some(*only)),
        (None, _) => Some(None),
    }
}

impl Said<'_> {
    fn item(&self) -> Json {
        let mut item = match self.product {
            Some(product) => json!({
                "@type": "Product",
                "name": product.name,
                "sku": product.sku,
                "url": product.url,
                "brand": { "@type": "Brand", "name": self.brand.name },
            }),
            None => json!({ "@type": "Organization", "name": self.brand.name }),
        };
        item["@context"] = json!("https://schema.org");
        let quote = self.quote();
        match self.detail.kind {
            EndorsementKind::Award | EndorsementKind::Ranking | EndorsementKind::Certification => {
                let award = self.statement.award.as_ref();
                item["award"] = json!(self.dated(award.unwrap_or(&self.statement.headline)));
                item["subjectOf"] = self.work("CreativeWork", json!({ "text": quote }));
            }
            EndorsementKind::Rating if self.wording.rating_count.is_some() => {
                let mut rating = self.rating("AggregateRating");
                rating["ratingCount"] = json!(self.wording.rating_count);
                item["aggregateRating"] = rating;
                item["subjectOf"] = self.work("CreativeWork", json!({ "text": quote }));
            }
            _ => {
                let more = json!({ "reviewBody": quote, "reviewRating": self.rating("Rating") });
                item["review"] = self.work("Review", more);
            }
        }
        without_nulls(item)
    }

    /// The words themselves, where the lease lets them be repeated.
    fn quote(&self) -> Option<&String> {
        self.statement
            .quote
            .as_ref()
            .filter(|_| !self.terms.no_excerpt)
    }

    /// A text with the year, where the lease wants it shown and the text does not.
    fn dated(&self, text: &str) -> String {
        let day = self.detail.published_on.to_date().to_string();
        let year = day.split('-').next().unwrap_or_default();
        if self.terms.show_year && !text.contains(year) {
            return format!("{text} ({year})");
        }
        text.to_owned()
    }

    /// The points given; null where none were.
    fn rating(&self, ty: &str) -> Json {
        let Some(value) = &self.wording.rating else {
            return Json::Null;
        };
        json!({ "@type": ty, "ratingValue": value, "bestRating": self.wording.rating_scale })
    }

    /// What was said, by whom, when and where; `more` is laid over it.
    fn work(&self, ty: &str, more: Json) -> Json {
        let organization = json!({
            "@type": "Organization",
            "name": self.outlet.name,
            "url": self.outlet.domain.as_ref().map(|domain| format!("https://{domain}")),
        });
        let person = |name: &String| json!({ "@type": "Person", "name": name });
        let byline = self.wording.byline.as_ref();
        let (author, publisher) = if self.outlet.kind.needs_consent() {
            (person(byline.unwrap_or(&self.outlet.name)), Json::Null)
        } else {
            let author = byline.map_or_else(|| organization.clone(), person);
            (author, organization)
        };
        let url = self.terms.link_back.as_ref();
        let mut work = json!({
            "@type": ty,
            "name": self.dated(&self.statement.headline),
            "author": author,
            "publisher": publisher,
            "datePublished": self.detail.published_on.to_date().to_string(),
            "inLanguage": self.statement.locale,
            "url": url.or(self.detail.source_url.as_ref()),
            "description": self.statement.disclosure,
            "creditText": self.terms.disclaimer,
        });
        if let (Json::Object(work), Json::Object(more)) = (&mut work, more) {
            work.extend(more);
        }
        work
    }
}

/// The same without what is not known.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(fields) => {
            let known = fields.into_iter().filter(|(_, value)| !value.is_null());
            let known = known.map(|(name, value)| (name, without_nulls(value)));
            Json::Object(known.collect::<Map<String, Json>>())
        }
        other => other,
    }
}

/// The same with texts that end no script: between a `<` and what could begin markup stands a word joiner, which
/// nobody sees. So a page may write the value between `<script type="application/ld+json">` and `</script>`.
fn harmless(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(joined(&text)),
        Json::Array(items) => Json::Array(items.into_iter().map(harmless).collect()),
        Json::Object(fields) => {
            let fields = fields.into_iter();
            Json::Object(
                fields
                    .map(|(name, value)| (name, harmless(value)))
                    .collect(),
            )
        }
        other => other,
    }
}

fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let begins = |next: &char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?');
        if c == '<' && chars.peek().is_some_and(begins) {
            out.push('\u{2060}');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn no_text_ends_a_script_and_all_others_stay_as_they_are() {
        for text in ["a </script> b", "<!--<script", "<?x", "</SCRIPT", "<<!"] {
            let out = joined(text);
            let lower = out.to_lowercase();
            assert!(
                ["</", "<!", "<s", "<?"]
                    .iter()
                    .all(|bad| !lower.contains(bad)),
                "{out}"
            );
            assert_eq!(out.replace('\u{2060}', ""), text);
        }
        for text in ["3 < 4 & \"5\" > 2", "<", "< /script", "光<5"] {
            assert_eq!(joined(text), text);
        }
    }
}
