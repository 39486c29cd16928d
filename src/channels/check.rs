//! What a channel's rules and presets may be.

use serde_json::Value as Json;

use super::model::{Demand, Preset, Rule, RuleCheck, Severity};
use crate::catalog::is_color;
use crate::error::{Error, Problems, UserErrorCode};
use crate::platform::clock::Day;
use crate::platform::text;

/// Most rules of a channel's own.
pub(super) const MAX_RULES: usize = 250;
/// Most presets of a channel's own.
pub(super) const MAX_PRESETS: usize = 50;
/// Longest message of a rule, in characters.
const MAX_MESSAGE: usize = 1_000;
/// Longest address of a rule's source, in characters.
const MAX_SOURCE: usize = 2_048;
/// Longest edge of a rendition, in pixels.
const MAX_EDGE: i32 = 20_000;
/// What renditions are made as.
const MEDIA_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/avif"];
/// Most attention that a place can get.
const MAX_WEIGHT: f64 = 1_000_000.0;

/// A rule as it is given, its value not yet read.
#[derive(Clone, Debug)]
pub(crate) struct NewRule {
    pub check: RuleCheck,
    pub value: Option<Json>,
    /// None: an ERROR.
    pub severity: Option<Severity>,
    pub message: Option<String>,
    pub source: Option<String>,
    pub checked_on: Option<Day>,
}

/// Rules whose values are what their checks want.
pub(crate) fn check_rules(problems: &mut Problems, rules: Vec<NewRule>) -> Vec<Rule> {
    if rules.len() > MAX_RULES {
        problems.add(
            UserErrorCode::QuotaExceeded,
            "rules",
            format!("At most {MAX_RULES} rules."),
        );
        return Vec::new();
    }
    let mut checked = Vec::new();
    for (i, rule) in rules.into_iter().enumerate() {
        let field = format!("rules.{i}");
        let message = text::optional(
            problems,
            &format!("{field}.message"),
            rule.message.as_deref(),
            MAX_MESSAGE,
        );
        let source = text::optional(
            problems,
            &format!("{field}.source"),
            rule.source.as_deref(),
            MAX_SOURCE,
        );
        match Demand::parse(rule.check, rule.value.as_ref()) {
            Ok(demand) => checked.push(Rule {
                demand,
                severity: rule.severity.unwrap_or(Severity::Error),
                message,
                source,
                checked_on: rule.checked_on,
            }),
            Err(wanted) => problems.add(UserErrorCode::Invalid, &format!("{field}.value"), wanted),
        }
    }
    checked
}

/// Presets that renditions can be made to.
pub(super) fn check_presets(problems: &mut Problems, presets: Vec<Preset>) -> Vec<Preset> {
    if presets.len() > MAX_PRESETS {
        problems.add(
            UserErrorCode::QuotaExceeded,
            "presets",
            format!("At most {MAX_PRESETS} presets."),
        );
        return Vec::new();
    }
    let mut checked: Vec<Preset> = Vec::new();
    for (i, preset) in presets.into_iter().enumerate() {
        let field = |name: &str| format!("presets.{i}.{name}");
        if let Err(Error::User(errors)) = text::slug(&field("name"), &preset.name) {
            for error in errors {
                problems.push(error);
            }
        }
        if checked.iter().any(|p| p.name == preset.name) {
            let text = "Another preset of this channel has this name. Choose another.";
            problems.add(UserErrorCode::Taken, &field("name"), text);
        }
        check_frame(problems, &field, &preset);
        if !MEDIA_TYPES.contains(&preset.media_type.as_str()) {
            let text = format!("Renditions are made as {}.", MEDIA_TYPES.join(", "));
            problems.add(UserErrorCode::Invalid, &field("mediaType"), text);
        }
        if preset.quality.is_some_and(|q| !(1..=100).contains(&q)) {
            problems.add(
                UserErrorCode::Invalid,
                &field("quality"),
                "Give a quality from 1 to 100.",
            );
        }
        if preset.background.as_deref().is_some_and(|b| !is_color(b)) {
            let text = "Write the background as # and six hex digits, such as #ffffff.";
            problems.add(UserErrorCode::Invalid, &field("background"), text);
        }
        checked.push(Preset {
            background: preset.background.map(|b| b.to_lowercase()),
            ..preset
        });
    }
    checked
}

fn check_frame(problems: &mut Problems, field: &impl Fn(&str) -> String, preset: &Preset) {
    if preset.width.is_none() && preset.height.is_none() {
        problems.add(
            UserErrorCode::Required,
            &field("width"),
            "Give a width, a height, or both, in pixels.",
        );
    }
    for (name, edge) in [("width", preset.width), ("height", preset.height)] {
        if edge.is_some_and(|edge| !(1..=MAX_EDGE).contains(&edge)) {
            problems.add(
                UserErrorCode::Invalid,
                &field(name),
                format!("Give 1 to {MAX_EDGE} pixels."),
            );
        }
    }
}

/// How much attention a place gets: a finite number, 0 or more.
pub(super) fn check_weight(problems: &mut Problems, weight: f64) -> f64 {
    if !(0.0..=MAX_WEIGHT).contains(&weight) {
        problems.add(
            UserErrorCode::Invalid,
            "weight",
            format!("Give a number from 0 to {MAX_WEIGHT}."),
        );
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::super::model::Fit;
    use super::*;

    fn preset(name: &str) -> Preset {
        Preset {
            name: name.to_owned(),
            width: Some(100),
            height: None,
            fit: Fit::Inside,
            media_type: "image/png".to_owned(),
            quality: None,
            background: None,
        }
    }

    fn refused(presets: Vec<Preset>) -> Vec<(UserErrorCode, String)> {
        let mut problems = Problems::new();
        check_presets(&mut problems, presets);
        match problems.check() {
            Err(Error::User(errors)) => errors
                .into_iter()
                .map(|e| (e.code, e.field.join(".")))
                .collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn presets_that_no_rendition_can_be_made_to_are_refused() {
        let p = |change: fn(&mut Preset)| {
            let mut preset = preset("a");
            change(&mut preset);
            refused(vec![preset])
        };
        let invalid =
            |field: &str| vec![(UserErrorCode::Invalid, format!("input.presets.0.{field}"))];
        assert_eq!(p(|_| {}), []);
        assert_eq!(p(|p| p.width = Some(1_000_000)), invalid("width"));
        assert_eq!(p(|p| p.height = Some(0)), invalid("height"));
        assert_eq!(p(|p| p.width = Some(-1)), invalid("width"));
        assert_eq!(
            p(|p| p.width = None),
            [(UserErrorCode::Required, "input.presets.0.width".to_owned())]
        );
        assert_eq!(p(|p| p.quality = Some(101)), invalid("quality"));
        assert_eq!(
            p(|p| p.media_type = "image/x-icon".to_owned()),
            invalid("mediaType")
        );
        assert_eq!(
            p(|p| p.background = Some("white".to_owned())),
            invalid("background")
        );
        assert_eq!(p(|p| p.name = "A b".to_owned()), invalid("name"));
        let twice = refused(vec![preset("a"), preset("a")]);
        assert_eq!(
            twice,
            [(UserErrorCode::Taken, "input.presets.1.name".to_owned())]
        );
        let many = refused((0..51).map(|i| preset(&format!("p{i}"))).collect());
        assert_eq!(
            many,
            [(UserErrorCode::QuotaExceeded, "input.presets".to_owned())]
        );
    }

    #[test]
    fn weights_are_finite() {
        for (weight, fits) in [
            (0.0, true),
            (2.5, true),
            (-0.1, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            let mut problems = Problems::new();
            check_weight(&mut problems, weight);
            assert_eq!(problems.is_empty(), fits, "{weight}");
        }
    }
}
