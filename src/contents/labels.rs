//! What a content is to be tagged with, as an input names it.

use async_graphql::ID;

use super::service::{LabelSet, check_len, clean_tags};
use crate::accounts::{OpContext, Viewer};
use crate::catalog::resolve::{Asked, Known};
use crate::channels::resolve::input_channels;
use crate::channels::{Tree, tree};
use crate::error::{Problems, Result, UserErrorCode};
use crate::platform::locale::is_country;

/// Labels as an input names them; a list that is absent is not spoken of.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelNames {
    pub tags: Option<Vec<String>>,
    pub products: Option<Vec<ID>>,
    pub channels: Option<Vec<ID>>,
    pub markets: Option<Vec<String>>,
    pub audiences: Option<Vec<ID>>,
}

/// The field of a list: `tags`, or `addTags` in a bulk input.
fn field(prefix: &str, name: &str) -> String {
    match name.split_at_checked(1) {
        Some((first, rest)) if !prefix.is_empty() => {
            format!("{prefix}{}{rest}", first.to_ascii_uppercase())
        }
        _ => name.to_owned(),
    }
}

/// What the names stand for; what names nothing is a problem at its place. `prefix` is that of the fields
/// in a bulk input, empty elsewhere.
pub(crate) async fn resolve_labels(
    cx: &OpContext,
    names: &LabelNames,
    prefix: &str,
    problems: &mut Problems,
) -> Result<LabelSet> {
    let mut asked = Asked::default();
    names.ask(&mut asked);
    let known = Known::load(cx, asked).await?;
    let tree = match names.channels {
        Some(_) => Some(tree(cx).await?),
        None => None,
    };
    let tree = tree.as_deref();
    Ok(names.find(&cx.viewer, (&known, tree), prefix, problems))
}

impl LabelNames {
    /// Adds what is to be looked for.
    pub(crate) fn ask<'i>(&'i self, asked: &mut Asked<'i>) {
        asked.products.extend(self.products.iter().flatten());
        asked.audiences.extend(self.audiences.iter().flatten());
    }

    /// What the names stand for, of what was found; see [`resolve_labels`].
    pub(crate) fn find(
        &self,
        viewer: &Viewer,
        (known, tree): (&Known, Option<&Tree>),
        prefix: &str,
        problems: &mut Problems,
    ) -> LabelSet {
        find(self, viewer, (known, tree), prefix, problems)
    }
}

fn find(
    names: &LabelNames,
    viewer: &Viewer,
    (known, tree): (&Known, Option<&Tree>),
    prefix: &str,
    problems: &mut Problems,
) -> LabelSet {
    let mut set = LabelSet::default();
    if let Some(tags) = &names.tags {
        set.tags = Some(clean_tags(problems, &field(prefix, "tags"), tags));
    }
    if let Some(markets) = &names.markets {
        set.markets = Some(clean_markets(problems, &field(prefix, "markets"), markets));
    }
    if let (Some(texts), Some(tree)) = (&names.channels, tree) {
        let at = field(prefix, "channels");
        check_len(problems, &at, texts.len());
        set.channels = Some(input_channels(viewer, tree, texts, &at, problems));
    }
    if let Some(texts) = &names.audiences {
        let at = field(prefix, "audiences");
        check_len(problems, &at, texts.len());
        set.audiences = Some(known.audiences(texts, &at, problems));
    }
    if let Some(texts) = &names.products {
        let at = field(prefix, "products");
        check_len(problems, &at, texts.len());
        set.products = Some(known.products(texts, &at, problems));
    }
    set
}

fn clean_markets(problems: &mut Problems, at: &str, markets: &[String]) -> Vec<String> {
    for (i, market) in markets.iter().enumerate() {
        if !is_country(market) {
            let text = "Write the market as ISO 3166-1 alpha-2 in capitals, such as US.";
            problems.add(UserErrorCode::Invalid, &format!("{at}.{i}"), text);
        }
    }
    let mut markets = markets.to_vec();
    markets.sort();
    markets.dedup();
    check_len(problems, at, markets.len());
    markets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_fields_carry_their_prefix() {
        assert_eq!(field("", "tags"), "tags");
        assert_eq!(field("add", "tags"), "addTags");
    }
}
