//! Which bytes an asset of a kind may be made of, and its alternative texts.

use crate::contents::AssetKind;
use crate::platform::locale::lookup_chain;

/// What an asset shows, in words, in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alt {
    pub locale: String,
    pub text: String,
}

/// The alternative text for a reader of `locale`: the best match by RFC 4647 lookup, else the first. `alts`
/// are in the order of their languages.
#[must_use]
pub(crate) fn choose_alt<'a>(alts: &'a [Alt], locale: Option<&str>) -> Option<&'a Alt> {
    let chain = locale.map(lookup_chain).unwrap_or_default();
    chain
        .iter()
        .find_map(|l| alts.iter().find(|a| a.locale == *l))
        .or(alts.first())
}

/// The kind of an asset that is made of these bytes, unless its maker says another.
#[must_use]
pub(crate) fn default_kind(media_type: &str) -> AssetKind {
    match media_type {
        "image/vnd.adobe.photoshop" | "application/zip" => AssetKind::Source,
        _ if media_type.starts_with("image/") => AssetKind::Image,
        _ if media_type.starts_with("video/") => AssetKind::Video,
        _ if media_type.starts_with("audio/") => AssetKind::Audio,
        _ => AssetKind::Document,
    }
}

/// Whether an asset of this kind may be made of these bytes. A working file may be anything; everything
/// else is what a place can show.
#[must_use]
pub(crate) fn suits(kind: AssetKind, media_type: &str) -> bool {
    match kind {
        AssetKind::Source => true,
        AssetKind::Copy => false,
        AssetKind::Logo | AssetKind::Badge => default_kind(media_type) == AssetKind::Image,
        AssetKind::Image | AssetKind::Video | AssetKind::Audio | AssetKind::Document => {
            default_kind(media_type) == kind
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternative_text_is_found_by_lookup() {
        let alts: Vec<Alt> = ["de", "en", "en-GB", "zh-Hans"]
            .map(|locale| Alt {
                locale: locale.to_owned(),
                text: locale.to_owned(),
            })
            .into();
        let chosen = |locale| choose_alt(&alts, locale).map(|a| a.text.as_str());
        assert_eq!(chosen(Some("en-GB")), Some("en-GB"));
        assert_eq!(chosen(Some("en-US")), Some("en"));
        assert_eq!(chosen(Some("zh-Hans-CN")), Some("zh-Hans"));
        assert_eq!(chosen(Some("fr")), Some("de"));
        assert_eq!(chosen(None), Some("de"));
        assert_eq!(choose_alt(&[], Some("en")), None);
    }

    #[test]
    fn kinds_follow_from_what_the_bytes_are() {
        use AssetKind::*;
        let office = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
        let table = [
            ("image/png", Image, vec![Image, Logo, Badge, Source]),
            ("image/svg+xml", Image, vec![Image, Logo, Badge, Source]),
            ("video/mp4", Video, vec![Video, Source]),
            ("audio/mpeg", Audio, vec![Audio, Source]),
            ("application/pdf", Document, vec![Document, Source]),
            (office, Document, vec![Document, Source]),
            ("image/vnd.adobe.photoshop", Source, vec![Source]),
            ("application/zip", Source, vec![Source]),
        ];
        for (media_type, default, fitting) in table {
            assert_eq!(default_kind(media_type), default, "{media_type}");
            for kind in [Image, Video, Audio, Document, Logo, Badge, Copy, Source] {
                assert_eq!(
                    suits(kind, media_type),
                    fitting.contains(&kind),
                    "{media_type} {kind:?}"
                );
            }
        }
    }
}
