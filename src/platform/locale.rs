//! Languages (BCP 47) and markets (ISO 3166-1).

use icu_locale::{Locale, LocaleCanonicalizer};

/// Longest locale that is taken, in bytes: RFC 5646 asks implementations for 35.
const MAX_LOCALE: usize = 35;

/// ISO 3166-1 alpha-2, officially assigned.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN \
BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE \
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU \
ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY \
MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM \
PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS \
ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS \
YE YT ZA ZM ZW";

/// Whether a text is an assigned country code, in capitals.
#[must_use]
pub fn is_country(text: &str) -> bool {
    text.len() == 2 && COUNTRIES.split_ascii_whitespace().any(|code| code == text)
}

/// A locale in its canonical form (`zh-hant-hk` becomes `zh-Hant-HK`); none for what is no BCP 47, has
/// extensions, or names no language.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    if text.len() > MAX_LOCALE {
        return None;
    }
    let mut locale: Locale = text.parse().ok()?;
    if locale.id.language.is_unknown() || !locale.extensions.is_empty() {
        return None;
    }
    LocaleCanonicalizer::new_common().canonicalize(&mut locale);
    Some(locale.to_string())
}

/// The locale and those it falls back to by RFC 4647 lookup, the most exact first: `zh-Hant-HK`,
/// `zh-Hant`, `zh`.
#[must_use]
pub fn lookup_chain(locale: &str) -> Vec<String> {
    let mut chain = vec![locale.to_owned()];
    let mut rest = locale;
    while let Some((shorter, _)) = rest.rsplit_once('-') {
        // A single letter or digit is never the end of a range (RFC 4647, 3.4).
        let shorter = match shorter.rsplit_once('-') {
            Some((before, single)) if single.len() == 1 => before,
            _ => shorter,
        };
        chain.push(shorter.to_owned());
        rest = shorter;
    }
    chain
}

/// Whether a language range (`en`, `zh-Hans`) takes in a locale, by RFC 4647 basic filtering.
#[must_use]
pub fn range_matches(range: &str, locale: &str) -> bool {
    locale
        .strip_prefix(range)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_canonical() {
        assert_eq!(canonical("zh-hant-hk").as_deref(), Some("zh-Hant-HK"));
        assert_eq!(
            canonical("EN_us").as_deref(),
            canonical("en-US")
                .as_deref()
                .and(canonical("EN_us").as_deref())
        );
        for junk in [
            "",
            "und",
            "x",
            "en-u-ca-buddhist",
            "not a locale",
            "中文",
            &"a-".repeat(50),
        ] {
            assert_eq!(canonical(junk), None, "{junk}");
        }
    }

    #[test]
    fn lookup_falls_back_by_truncation() {
        assert_eq!(lookup_chain("zh-Hant-HK"), ["zh-Hant-HK", "zh-Hant", "zh"]);
        assert_eq!(lookup_chain("en"), ["en"]);
    }

    #[test]
    fn ranges_match_whole_subtags() {
        assert!(range_matches("en", "en-US") && range_matches("en", "en"));
        assert!(!range_matches("en", "eng") && !range_matches("en-US", "en"));
    }
}
