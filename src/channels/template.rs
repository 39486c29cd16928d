//! The built-in rule sets: what well-known places demand, as dated data with its source.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value as Json;

use super::model::{Demand, Fit, Preset, Rule, RuleCheck, Severity};
use crate::platform::clock::Day;

/// A built-in rule set. What operators change on their channel, they change there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template {
    pub(super) rules: Vec<Rule>,
    pub(super) presets: Vec<Preset>,
}

const FILES: [(&str, &str); 16] = [
    ("alibaba", include_str!("templates/alibaba.json")),
    ("aliexpress", include_str!("templates/aliexpress.json")),
    (
        "amazon-a-plus",
        include_str!("templates/amazon-a-plus.json"),
    ),
    (
        "amazon-gallery",
        include_str!("templates/amazon-gallery.json"),
    ),
    (
        "amazon-main-image",
        include_str!("templates/amazon-main-image.json"),
    ),
    ("amazon", include_str!("templates/amazon.json")),
    ("b2b-deck", include_str!("templates/b2b-deck.json")),
    ("email", include_str!("templates/email.json")),
    ("instagram", include_str!("templates/instagram.json")),
    ("linkedin", include_str!("templates/linkedin.json")),
    ("print-booth", include_str!("templates/print-booth.json")),
    (
        "print-packaging",
        include_str!("templates/print-packaging.json"),
    ),
    ("shopify", include_str!("templates/shopify.json")),
    ("site", include_str!("templates/site.json")),
    ("tiktok", include_str!("templates/tiktok.json")),
    ("xiaohongshu", include_str!("templates/xiaohongshu.json")),
];

static TEMPLATES: LazyLock<BTreeMap<&'static str, Result<Template, String>>> =
    LazyLock::new(|| {
        FILES
            .iter()
            .map(|(name, text)| (*name, parse(text)))
            .collect()
    });

/// The template of this name. They are read once; a test sees to it that each can be.
pub(super) fn find(name: &str) -> Option<&'static Template> {
    TEMPLATES.get(name)?.as_ref().ok()
}

/// The names of all templates, in the order of the alphabet.
pub(super) fn names() -> Vec<&'static str> {
    TEMPLATES.keys().copied().collect()
}

#[derive(Deserialize)]
struct File {
    rules: Vec<FileRule>,
    presets: Vec<FilePreset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileRule {
    check: RuleCheck,
    value: Option<Json>,
    severity: Severity,
    message: Option<String>,
    source: Option<String>,
    checked_on: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilePreset {
    name: String,
    width: Option<i32>,
    height: Option<i32>,
    fit: Fit,
    media_type: String,
    quality: Option<i32>,
    background: Option<String>,
}

fn parse(text: &str) -> Result<Template, String> {
    let file: File = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let rules = file.rules.into_iter().map(|rule| {
        Ok(Rule {
            demand: Demand::parse(rule.check, rule.value.as_ref())?,
            severity: rule.severity,
            message: rule.message,
            source: rule.source,
            checked_on: rule.checked_on.map(Day::from),
        })
    });
    let presets = file.presets.into_iter().map(|preset| Preset {
        name: preset.name,
        width: preset.width,
        height: preset.height,
        fit: preset.fit,
        media_type: preset.media_type,
        quality: preset.quality,
        background: preset.background,
    });
    Ok(Template {
        rules: rules.collect::<Result<_, String>>()?,
        presets: presets.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::check_presets;
    use super::*;
    use crate::error::Problems;

    #[test]
    fn every_template_holds_what_a_channel_may() {
        for (name, text) in FILES {
            let template = parse(text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut problems = Problems::new();
            let presets = check_presets(&mut problems, template.presets.clone());
            problems.check().unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(presets, template.presets, "{name}");
            assert!(!template.rules.is_empty(), "{name}");
            let file: Json = serde_json::from_str(text).unwrap();
            assert_eq!(file["name"], name);
        }
        assert!(find("amazon-main-image").is_some() && find("nowhere").is_none());
    }
}
