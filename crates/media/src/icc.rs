//! Which colour space an ICC profile describes. Layout: ICC.1:2022, chapter 7.

use crate::source::slice_at;

/// How many bytes of a profile are read at most; a segment of a JPEG holds no more. The header, the
/// tag table and the small tags that matter here stand at its beginning; behind them are tables of
/// a printer's inks.
pub(crate) const PROFILE_BYTES: u64 = 64 * 1024;

/// How many tags of a profile are looked at; real ones have fewer than 40.
const MAX_TAGS: usize = 100;

/// X and Y of the red, green and blue of sRGB, adapted to D50, as profiles state them.
const SRGB_COLORANTS: [([u8; 4], [f64; 2]); 3] = [
    (*b"rXYZ", [0.4361, 0.2225]),
    (*b"gXYZ", [0.3851, 0.7169]),
    (*b"bXYZ", [0.1431, 0.0606]),
];

/// What a file's profile says.
#[derive(Clone, Copy)]
pub(crate) struct Profile {
    /// As [`Facts::color_space`](crate::Facts::color_space); `None` if the profile cannot be read,
    /// or is for an exotic space.
    pub(crate) color_space: Option<&'static str>,
}

impl Profile {
    /// Reads a profile, or the beginning of one.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        Self {
            color_space: color_space(bytes),
        }
    }
}

/// The name of the colour space that `profile` describes.
fn color_space(profile: &[u8]) -> Option<&'static str> {
    match profile.get(16..20)? {
        b"RGB " if is_srgb(profile) => Some("sRGB"),
        b"RGB " => Some("RGB"),
        b"GRAY" => Some("Gray"),
        b"CMYK" => Some("CMYK"),
        b"Lab " => Some("Lab"),
        _ => None,
    }
}

/// Whether an RGB profile is sRGB: by its colorants, or by its description when it is made of
/// tables.
fn is_srgb(profile: &[u8]) -> bool {
    let near = |(signature, expected): &([u8; 4], [f64; 2])| {
        tag(profile, *signature)
            .and_then(xyz)
            .is_some_and(|actual| {
                actual
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 0.003)
            })
    };
    if tag(profile, *b"rXYZ").is_some() {
        return SRGB_COLORANTS.iter().all(near);
    }
    // The description is ASCII or UTF-16: without the zero bytes, both read the same.
    let description = tag(profile, *b"desc").unwrap_or_default();
    let letters: Vec<u8> = description
        .iter()
        .copied()
        .take(512)
        .filter(|b| *b != 0)
        .collect();
    letters.windows(4).any(|window| window == b"sRGB")
}

/// The bytes of the tag with this signature, as far as they are there.
fn tag(profile: &[u8], signature: [u8; 4]) -> Option<&[u8]> {
    let entries = profile.get(132..)?.chunks_exact(12).take(MAX_TAGS);
    let count = u32::from_be_bytes(slice_at(profile, 128)?);
    let entry = entries
        .take(count as usize)
        .find(|entry| entry.starts_with(&signature))?;
    let offset = u32::from_be_bytes(slice_at(entry, 4)?) as usize;
    let size = u32::from_be_bytes(slice_at(entry, 8)?) as usize;
    let rest = profile.get(offset..)?;
    Some(rest.get(..size).unwrap_or(rest))
}

/// X and Y of an `XYZ ` tag: numbers of 16 bits before and 16 after the point.
fn xyz(tag: &[u8]) -> Option<[f64; 2]> {
    if !tag.starts_with(b"XYZ ") {
        return None;
    }
    let number = |offset| Some(f64::from(i32::from_be_bytes(slice_at(tag, offset)?)) / 65_536.0);
    Some([number(8)?, number(12)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile of one tag.
    fn profile(space: &[u8], signature: &[u8], tag: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 128];
        bytes[16..20].copy_from_slice(space);
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(signature);
        bytes.extend(144_u32.to_be_bytes());
        bytes.extend(u32::try_from(tag.len()).unwrap().to_be_bytes());
        bytes.extend(tag);
        bytes
    }

    #[test]
    fn the_header_names_the_space_and_the_description_srgb() {
        assert_eq!(color_space(&profile(b"CMYK", b"desc", b"")), Some("CMYK"));
        assert_eq!(color_space(&profile(b"GRAY", b"desc", b"")), Some("Gray"));
        assert_eq!(
            color_space(&profile(b"RGB ", b"desc", b"desc....Adobe RGB")),
            Some("RGB")
        );
        assert_eq!(
            color_space(&profile(b"RGB ", b"desc", b"desc....sRGB v4")),
            Some("sRGB")
        );
        assert_eq!(
            color_space(&profile(b"RGB ", b"desc", b"mluc\0s\0R\0G\0B")),
            Some("sRGB")
        );
    }

    #[test]
    fn what_is_cut_short_is_no_profile() {
        let whole = profile(b"RGB ", b"rXYZ", b"XYZ \0\0\0\0\0\0\x6F\xA2");
        for length in 0..whole.len() {
            let space = color_space(&whole[..length]);
            assert_eq!(space, (length >= 20).then_some("RGB"), "{length}");
        }
    }
}
