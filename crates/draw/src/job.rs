//! One rendition from its source to its bytes.

use accolade_media::{Facts, probe};
use fast_image_resize::FilterType;
use serde::{Deserialize, Serialize};

use crate::color::to_srgb;
use crate::decode::{self, Document, Drawing, Frame, Source};
use crate::encode::{Encoded, animate, encode};
use crate::picture::{Layout, Picture, Sink};
use crate::plan::{Plan, drawing_size, plan, plan_drawing, stored};
use crate::recipe::{Color, Fit, OutputType, Recipe};
use crate::scale::{flatten, pad, resize, upright, without_useless_alpha};
use crate::{DrawError, Limits};

/// A whole factor that a source is averaged by before it is scaled leaves at least this many pixels for
/// each one drawn.
const SPARE: f64 = 2.0;

/// What a user should know of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// The quality was lowered to keep to the bytes that were allowed.
    QualityLowered,
    /// The source moves, and its first frame was drawn.
    FirstFrame,
    /// The source has several pages, and the first was drawn.
    FirstPage,
    /// What was transparent has the background under it.
    Flattened,
    /// The source's colour profile could not be used; its numbers were taken as they are.
    ProfileIgnored,
}

/// A rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    pub bytes: Vec<u8>,
    pub facts: DrawnFacts,
}

/// What is known of a rendition besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnFacts {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    pub output: OutputType,
    /// The quality it was made in; none where the type has none.
    pub quality: Option<u8>,
    pub notes: Vec<Note>,
}

/// Draws a source as the recipe says: upright, in sRGB with 8 bits a channel, and with nothing in it but
/// the picture.
///
/// This decodes untrusted bytes where it is called. A server calls [`Pool::draw`](crate::Pool::draw).
///
/// # Errors
/// A [`DrawError`] that says why there is no rendition.
pub fn draw<S: Source>(
    mut source: S,
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Drawn, DrawError> {
    recipe.check()?;
    let facts = probe(&mut source, &limits.media())?;
    if decode::is_drawing(facts.media_type) {
        return draw_shapes(&mut source, &facts, recipe, limits);
    }
    let (Some(width), Some(height)) = (facts.width, facts.height) else {
        return Err(decode::no_decoder(facts.media_type));
    };
    let plan = plan(width, height, recipe);
    limits.check_output(plan.canvas)?;
    let moves = facts.frames.is_some_and(|frames| frames > 1);
    let moving_source = matches!(facts.media_type, "image/gif" | "image/webp");
    if moves && moving_source && recipe.animated && recipe.output == OutputType::Webp {
        return draw_frames(&mut source, &facts, &plan, recipe, limits);
    }
    let mut sink = Sink::new(shrink(&facts, &plan), limits);
    decode::decode(&mut source, &facts, plan.scale(), &mut sink, limits)?;
    let mut notes = Vec::new();
    if moves {
        notes.push(Note::FirstFrame);
    }
    let picture = placed(sink.finish()?, &facts, &plan, recipe, &mut notes)?;
    finish(&picture, recipe, limits, notes)
}

/// By which whole factor the source may be averaged while it is read. JPEG does better by itself.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ratio of two edges"
)]
fn shrink(facts: &Facts, plan: &Plan) -> u32 {
    if facts.media_type == "image/jpeg" {
        return 1;
    }
    (1.0 / (plan.scale() * SPARE)).clamp(1.0, 1_000.0) as u32
}

/// Scales, converts, turns and pads a stored picture.
fn placed(
    picture: Picture,
    facts: &Facts,
    plan: &Plan,
    recipe: &Recipe,
    notes: &mut Vec<Note>,
) -> Result<Picture, DrawError> {
    let upright_size = (facts.width.unwrap_or(1), facts.height.unwrap_or(1));
    let (size, stored_scaled) = if facts.orientation >= 5 {
        let swap = |(a, b): (u32, u32)| (b, a);
        (swap(upright_size), swap(plan.scaled))
    } else {
        (upright_size, plan.scaled)
    };
    let crop = stored(plan.crop, size, facts.orientation);
    let scaled = resize(picture, crop, stored_scaled, FilterType::Lanczos3)?;
    let (converted, ignored) = to_srgb(scaled);
    if ignored {
        notes.push(Note::ProfileIgnored);
    }
    composed(upright(converted, facts.orientation), plan, recipe, notes)
}

/// Puts an upright sRGB picture on the recipe's canvas.
fn composed(
    picture: Picture,
    plan: &Plan,
    recipe: &Recipe,
    notes: &mut Vec<Note>,
) -> Result<Picture, DrawError> {
    let picture = without_useless_alpha(picture);
    let background = match (recipe.output, recipe.background) {
        (OutputType::Jpeg, background) => Some(background.unwrap_or(Color::WHITE)),
        (_, background) if recipe.fit == Fit::Pad => background,
        _ => None,
    };
    let picture = match background {
        Some(color) if picture.layout == Layout::Rgba => {
            if recipe.scale_only {
                return Err(DrawError::recipe(
                    "the picture may only be scaled, and JPEG has nothing for what is transparent \
                     in it; use PNG, WebP or AVIF",
                ));
            }
            notes.push(Note::Flattened);
            flatten(picture, color)
        }
        _ => picture,
    };
    Ok(pad(picture, plan.canvas, plan.offset, background))
}

fn finish(
    picture: &Picture,
    recipe: &Recipe,
    limits: &Limits,
    notes: Vec<Note>,
) -> Result<Drawn, DrawError> {
    let encoded = encode(picture, recipe, limits)?;
    Ok(drawn(
        (picture.width, picture.height),
        recipe,
        encoded,
        notes,
    ))
}

fn drawn(
    (width, height): (u32, u32),
    recipe: &Recipe,
    encoded: Encoded,
    mut notes: Vec<Note>,
) -> Drawn {
    let asked = recipe.quality.or(recipe.output.default_quality());
    if encoded.quality != asked && encoded.quality.is_some() {
        notes.push(Note::QualityLowered);
    }
    Drawn {
        bytes: encoded.bytes,
        facts: DrawnFacts {
            width,
            height,
            output: recipe.output,
            quality: encoded.quality,
            notes,
        },
    }
}

/// An SVG or a page.
fn draw_shapes<S: Source>(
    source: &mut S,
    facts: &Facts,
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Drawn, DrawError> {
    let mut notes = Vec::new();
    let bytes = decode::read_whole(source, limits)?;
    let planned = |(width, height): (u32, u32)| {
        let plan = plan_drawing(width, height, recipe);
        limits.check_output(plan.canvas)?;
        Ok::<_, DrawError>((drawing_size(width, height), plan))
    };
    let (picture, plan) = if facts.media_type == "application/pdf" {
        let document = Document::read(bytes)?;
        if document.pages() > 1 {
            notes.push(Note::FirstPage);
        }
        let (size, plan) = planned(document.size())?;
        (document.render(size, &plan, limits)?, plan)
    } else {
        let drawing = Drawing::read(&bytes)?;
        if drawing.has_text {
            return Err(DrawError::unsupported(
                "an SVG with live text (there are no fonts here; turn its text into outlines)",
            ));
        }
        // What the uploader was told is what counts, where the library rounds otherwise.
        let own = facts
            .width
            .zip(facts.height)
            .unwrap_or_else(|| drawing.size());
        let (size, plan) = planned(own)?;
        (drawing.render(size, &plan, limits)?, plan)
    };
    let picture = composed(picture, &plan, recipe, &mut notes)?;
    finish(&picture, recipe, limits, notes)
}

/// Each frame of an animation, as an animated WebP.
fn draw_frames<S: Source>(
    source: &mut S,
    facts: &Facts,
    plan: &Plan,
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Drawn, DrawError> {
    let mut frames = Vec::new();
    let mut notes = Vec::new();
    decode::frames(source, facts.media_type, limits, |frame| {
        let mut seen = Vec::new();
        let picture = placed(frame.picture, facts, plan, recipe, &mut seen)?;
        if notes.is_empty() {
            notes = seen;
        }
        frames.push(Frame { picture, ..frame });
        limits.check_buffer(
            frames
                .iter()
                .map(|f: &Frame| f.picture.pixels.len() as u64)
                .sum(),
        )
    })?;
    let encoded = animate(&frames, recipe, limits)?;
    Ok(drawn(plan.canvas, recipe, encoded, notes))
}
