//! Every sample in `tests/samples/manifest.json` is judged and measured as the manifest says.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use accolade_media::{Facts, Limits, Refusal, probe, sniff};
use serde::Deserialize;

/// One line of the manifest. A measure that it does not state is not checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sample {
    path: String,
    expect: Expect,
    /// The name of the refusal, where one is expected.
    refusal: Option<String>,
    media_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    orientation: Option<u8>,
    has_alpha: Option<bool>,
    color_space: Option<String>,
    frames: Option<u32>,
    duration_ms: Option<u64>,
    codecs: Option<Vec<String>>,
    #[serde(rename = "why")]
    _why: String,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Expect {
    Accept,
    /// Accepted as an original; what is dangerous in it is dealt with where it is served.
    Neutralise,
    Refuse,
    /// Accepted or refused, as long as there is an answer.
    Survive,
}

impl Sample {
    fn probe(&self) -> Result<Facts, Refusal> {
        probe(
            BufReader::new(File::open(folder().join(&self.path))?),
            &Limits::default(),
        )
    }

    /// What is wrong with `facts`, if anything.
    fn differs(&self, facts: &Facts) -> Option<String> {
        let Facts {
            media_type,
            width,
            height,
            orientation,
            ..
        } = facts;
        let unlike = [
            (
                "mediaType",
                self.media_type
                    .as_deref()
                    .is_some_and(|wanted| wanted != *media_type),
            ),
            ("width", self.width.is_some() && self.width != *width),
            ("height", self.height.is_some() && self.height != *height),
            (
                "orientation",
                self.orientation
                    .is_some_and(|wanted| wanted != *orientation),
            ),
            (
                "hasAlpha",
                self.has_alpha.is_some() && self.has_alpha != facts.has_alpha,
            ),
            (
                "colorSpace",
                self.color_space.is_some() && self.color_space.as_deref() != facts.color_space,
            ),
            (
                "frames",
                self.frames.is_some() && self.frames != facts.frames,
            ),
            (
                "durationMs",
                self.duration_ms.is_some() && self.duration_ms != facts.duration_ms,
            ),
            (
                "codecs",
                self.codecs
                    .as_ref()
                    .is_some_and(|wanted| *wanted != facts.codecs),
            ),
        ];
        let unlike: Vec<_> = unlike
            .iter()
            .filter(|(_, unlike)| *unlike)
            .map(|(n, _)| n)
            .collect();
        (!unlike.is_empty()).then(|| format!("{unlike:?} in {facts:?}"))
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn manifest() -> io::Result<Vec<Sample>> {
    let file = File::open(folder().join("manifest.json"))?;
    Ok(serde_json::from_reader(BufReader::new(file))?)
}

#[test]
fn every_sample_is_judged_and_measured_as_the_manifest_says() {
    let mut wrong = Vec::new();
    for sample in manifest().unwrap() {
        let problem = match (&sample.expect, sample.probe()) {
            (Expect::Accept | Expect::Neutralise, Ok(facts)) => sample.differs(&facts),
            (Expect::Refuse, Err(refusal)) => {
                let name = format!("{refusal:?}");
                let wanted = sample
                    .refusal
                    .as_deref()
                    .unwrap_or("no name in the manifest");
                (!name.starts_with(wanted)).then_some(name)
            }
            (_, Err(Refusal::Unreadable(error))) => Some(error.to_string()),
            (Expect::Survive, _) => None,
            (_, other) => Some(format!("{other:?}")),
        };
        wrong.extend(problem.map(|problem| format!("{}: {problem}", sample.path)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_first_bytes_announce_what_is_found() {
    for sample in manifest().unwrap() {
        let Ok(facts) = sample.probe() else { continue };
        let mut head = Vec::new();
        let file = File::open(folder().join(&sample.path)).unwrap();
        file.take(4096).read_to_end(&mut head).unwrap();
        let announced = sniff(&head).unwrap();
        let refined = matches!(
            (announced, facts.media_type),
            (
                "application/zip",
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
                    | "application/vnd.openxmlformats-officedocument.presentationml.presentation"
                    | "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
            ) | ("video/webm", "audio/webm")
        );
        assert!(
            refined || announced == facts.media_type,
            "{}: {announced}",
            sample.path
        );
    }
}

#[test]
fn sizes_and_alpha_are_those_that_a_decoder_finds() {
    let mut compared = 0;
    for sample in manifest().unwrap() {
        let Ok(facts) = sample.probe() else { continue };
        let bytes = std::fs::read(folder().join(&sample.path)).unwrap();
        let stored = match (facts.width, facts.height) {
            (Some(width), Some(height)) if facts.orientation >= 5 => (height, width),
            (Some(width), Some(height)) => (width, height),
            _ => continue,
        };
        let reader = image::ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .unwrap();
        let Ok(picture) = reader.decode() else {
            continue;
        };
        assert_eq!(
            (picture.width(), picture.height()),
            stored,
            "{}",
            sample.path
        );
        // A GIF is always unpacked to four channels.
        if facts.media_type != "image/gif" {
            let alpha = Some(picture.color().has_alpha());
            assert_eq!(facts.has_alpha, alpha, "{}", sample.path);
        }
        compared += 1;
    }
    assert!(compared > 30, "only {compared} samples could be decoded");
}

#[test]
fn the_name_and_the_place_of_the_reader_do_not_matter() {
    let bytes = std::fs::read(folder().join("photos/flower.jpg")).unwrap();
    let mut reader = Cursor::new(bytes);
    reader.set_position(9_999);
    let facts = probe(&mut reader, &Limits::default()).unwrap();
    assert_eq!((facts.media_type, facts.width), ("image/jpeg", Some(480)));
}

#[test]
fn every_sample_has_a_line_in_the_table_of_licences() {
    let table = std::fs::read_to_string(folder().join("LICENCES.md")).unwrap();
    for sample in manifest().unwrap() {
        assert!(
            table.contains(&format!("| `{}` |", sample.path)),
            "{}",
            sample.path
        );
    }
}
