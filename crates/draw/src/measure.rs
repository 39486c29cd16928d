//! Measures a picture: what it looks like, how white its border is, how much of it its subject fills.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "counts of pixels are far below 2^52, shares are between 0 and 1"
)]

use accolade_media::probe;
use fast_image_resize::FilterType;
use serde::{Deserialize, Serialize};

use crate::color::to_srgb;
use crate::decode::{self, Document, Drawing, Source};
use crate::hash;
use crate::picture::{Layout, Picture, Sink, Watch};
use crate::plan::{Rect, drawing_size, mirrored, plan_drawing};
use crate::recipe::{Color, Fit, OutputType, Recipe};
use crate::scale::{flatten, resize, upright};
use crate::{DrawError, Limits};

/// Longest edge on which hash and subject are looked at.
const EDGE: u32 = 1_024;
/// The border is the outermost hundredth of the shorter edge, and at least a pixel.
const BORDER_SHARE: u32 = 100;
/// How far a channel may be from the background's and still belong to it: a soft shadow, and what JPEG
/// makes of an edge.
const BACKGROUND_TOLERANCE: u8 = 24;
/// Alpha from which something is seen.
const VISIBLE: u8 = 16;
/// A row belongs to the subject if more than one of so many pixels in it does: less is noise.
const NOISE: usize = 500;

/// What was measured of a picture, in the coordinates of the upright one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Pixels; for a drawing its own size, for a PDF the first page's in points.
    pub width: u32,
    /// As `width`.
    pub height: u32,
    /// Pages of a PDF.
    pub pages: Option<u32>,
    /// Looks: the fewer bits two pictures differ in, the more they look alike. Copies that were scaled or
    /// recompressed differ in a few of the 64.
    pub perceptual_hash: u64,
    /// How white its border is. What is transparent is not white.
    pub border: Whiteness,
    /// How white its border is once it lies on white; none where nothing in the border is transparent.
    pub border_on_white: Option<Whiteness>,
    /// How much of the picture's width the subject takes up, 0 to 1. The subject is the smallest rectangle
    /// around everything that is not the background; the background is what is transparent, where most of
    /// the border is, else the colour in the middle of the border's. A picture without background is
    /// filled: 1.
    pub subject_width: f64,
    /// As `subject_width`, of the picture's height.
    pub subject_height: f64,
}

/// How white a border is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whiteness {
    /// 256 bytes: the byte `t` is the share, in 1/255 and rounded down, of border pixels whose darkest
    /// channel is at least `t`. The border is looked at twice, as the outermost row of pixels and as the
    /// outermost hundredth of the shorter edge, and the smaller share counts: neither a thin dark frame nor
    /// a thin white one hides what is beside it.
    pub histogram: Vec<u8>,
    /// The darkest pixel.
    pub worst: WorstPixel,
}

/// A pixel of the border, and its darkest channel; 0 where it is transparent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorstPixel {
    pub x: u32,
    pub y: u32,
    pub darkest: u8,
}

/// Measures a picture, a drawing or the first page of a PDF.
///
/// This decodes untrusted bytes where it is called. A server calls
/// [`Pool::measure`](crate::Pool::measure).
///
/// # Errors
/// A [`DrawError`] that says why it cannot be measured.
pub fn measure<S: Source>(mut source: S, limits: &Limits) -> Result<Measured, DrawError> {
    let facts = probe(&mut source, &limits.media())?;
    if decode::is_drawing(facts.media_type) {
        return measure_shapes(
            &mut source,
            facts.media_type,
            facts.width.zip(facts.height),
            limits,
        );
    }
    let (Some(width), Some(height)) = (facts.width, facts.height) else {
        return Err(decode::no_decoder(facts.media_type));
    };
    let mut border = Border::default();
    let mut sink = Sink::new((width.max(height) / EDGE).max(1), limits).watched_by(&mut border);
    decode::decode(&mut source, &facts, 1.0, &mut sink, limits)?;
    let picture = sink.finish()?;
    let icc = picture.icc.clone();
    let small = upright(to_srgb(picture).0, facts.orientation);
    let stored = if facts.orientation >= 5 {
        (height, width)
    } else {
        (width, height)
    };
    let (border, border_on_white) =
        border.whiteness(icc, |pixel| upright_at(pixel, stored, facts.orientation));
    let (subject_width, subject_height) = subject(&small);
    Ok(Measured {
        width,
        height,
        pages: None,
        perceptual_hash: looks(&small)?,
        border,
        border_on_white,
        subject_width,
        subject_height,
    })
}

fn measure_shapes<S: Source>(
    source: &mut S,
    media_type: &str,
    size: Option<(u32, u32)>,
    limits: &Limits,
) -> Result<Measured, DrawError> {
    let bytes = decode::read_whole(source, limits)?;
    let recipe = Recipe::new(Some(EDGE), Some(EDGE), Fit::Inside, OutputType::Png);
    let (own, pages, picture) = if media_type == "application/pdf" {
        let document = Document::read(bytes)?;
        let own = document.size();
        let plan = plan_drawing(own.0, own.1, &recipe);
        let picture = document.render(drawing_size(own.0, own.1), &plan, limits)?;
        (own, Some(document.pages()), picture)
    } else {
        let drawing = Drawing::read(&bytes)?;
        let own = size.unwrap_or_else(|| drawing.size());
        let plan = plan_drawing(own.0, own.1, &recipe);
        (
            own,
            None,
            drawing.render(drawing_size(own.0, own.1), &plan, limits)?,
        )
    };
    let mut border = Border::default();
    let mut sink = Sink::new(1, limits).watched_by(&mut border);
    let drawn = (picture.width, picture.height);
    sink.whole(picture)?;
    let picture = sink.finish()?;
    let at = |position: u32, drawn: u32, own: u32| {
        let scaled = u64::from(position) * u64::from(own) / u64::from(drawn.max(1));
        u32::try_from(scaled).unwrap_or(u32::MAX)
    };
    let (border, border_on_white) = border.whiteness(None, |pixel| {
        (at(pixel.x, drawn.0, own.0), at(pixel.y, drawn.1, own.1))
    });
    let (subject_width, subject_height) = subject(&picture);
    Ok(Measured {
        width: own.0,
        height: own.1,
        pages,
        perceptual_hash: looks(&picture)?,
        border,
        border_on_white,
        subject_width,
        subject_height,
    })
}

/// The border's pixels as they go by.
#[derive(Default)]
struct Border {
    layout: Option<Layout>,
    width: u32,
    height: u32,
    band: u32,
    pixels: Vec<u8>,
}

impl Watch for Border {
    fn begin(&mut self, layout: Layout, width: u32, height: u32) {
        self.layout = Some(layout);
        (self.width, self.height) = (width, height);
        self.band = (width.min(height) / BORDER_SHARE).max(1);
    }

    fn row(&mut self, y: u32, row: &[u8]) {
        let channels = self.layout.map_or(1, Layout::channels);
        if self.is_whole(y) {
            self.pixels.extend_from_slice(row);
            return;
        }
        let band = self.band as usize * channels;
        self.pixels
            .extend_from_slice(row.get(..band).unwrap_or_default());
        let right = row.len().saturating_sub(band);
        self.pixels
            .extend_from_slice(row.get(right..).unwrap_or_default());
    }
}

impl Border {
    /// Whether all of the row lies in the border.
    fn is_whole(&self, y: u32) -> bool {
        y < self.band || y >= self.height.saturating_sub(self.band) || self.band * 2 >= self.width
    }

    /// Where the pixels lie, in the order in which they were kept.
    fn positions(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.height).flat_map(move |y| {
            let (left, right) = if self.is_whole(y) {
                (0..self.width, 0..0)
            } else {
                (0..self.band, self.width - self.band..self.width)
            };
            left.chain(right).map(move |x| (x, y))
        })
    }

    /// How white it is as it is, and on white where that differs. `place` says where a stored pixel stands
    /// in the measured picture.
    fn whiteness(
        self,
        icc: Option<Vec<u8>>,
        place: impl Fn(WorstPixel) -> (u32, u32),
    ) -> (Whiteness, Option<Whiteness>) {
        let layout = self.layout.unwrap_or(Layout::Rgb);
        let count = self.pixels.len() / layout.channels();
        let (last_x, last_y) = (self.width.saturating_sub(1), self.height.saturating_sub(1));
        let positions: Vec<(u32, u32)> = self.positions().collect();
        let mut strip = Picture::new(
            layout,
            u32::try_from(count).unwrap_or(u32::MAX),
            1,
            self.pixels,
        );
        strip.icc = icc;
        let strip = to_srgb(strip).0;
        let of = |strip: &Picture| {
            let mut tally = Tally::default();
            let pixels = strip.pixels.chunks_exact(strip.layout.channels());
            for ((x, y), pixel) in positions.iter().copied().zip(pixels) {
                let darkest = match pixel {
                    &[r, g, b] | &[r, g, b, u8::MAX] => r.min(g).min(b),
                    _ => 0,
                };
                let outermost = x == 0 || y == 0 || x == last_x || y == last_y;
                tally.count(WorstPixel { x, y, darkest }, outermost);
            }
            tally.whiteness(&place)
        };
        let seen_through = |pixel: &[u8]| matches!(pixel, &[_, _, _, alpha] if alpha < u8::MAX);
        let is_clear =
            strip.layout == Layout::Rgba && strip.pixels.chunks_exact(4).any(seen_through);
        let bare = of(&strip);
        let on_white = is_clear.then(|| of(&flatten(strip, Color::WHITE)));
        (bare, on_white)
    }
}

/// The pixels of a border, counted by their darkest channel.
struct Tally {
    band: [u64; 256],
    ring: [u64; 256],
    worst: Option<WorstPixel>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            band: [0; 256],
            ring: [0; 256],
            worst: None,
        }
    }
}

impl Tally {
    fn count(&mut self, pixel: WorstPixel, outermost: bool) {
        if self.worst.is_none_or(|worst| pixel.darkest < worst.darkest) {
            self.worst = Some(pixel);
        }
        let at = usize::from(pixel.darkest);
        for (counts, counted) in [(&mut self.band, true), (&mut self.ring, outermost)] {
            if let Some(count) = counts.get_mut(at).filter(|_| counted) {
                *count += 1;
            }
        }
    }

    fn whiteness(&self, place: &impl Fn(WorstPixel) -> (u32, u32)) -> Whiteness {
        let (band, ring) = (at_least(&self.band), at_least(&self.ring));
        let worst = self.worst.unwrap_or(WorstPixel {
            x: 0,
            y: 0,
            darkest: u8::MAX,
        });
        let (x, y) = place(worst);
        Whiteness {
            histogram: band.iter().zip(ring).map(|(a, b)| (*a).min(b)).collect(),
            worst: WorstPixel { x, y, ..worst },
        }
    }
}

/// From how many pixels have each value to the share that has at least it.
fn at_least(counts: &[u64; 256]) -> [u8; 256] {
    let total = counts.iter().sum::<u64>().max(1);
    let mut sum = 0;
    let mut shares = [0; 256];
    for (share, count) in shares.iter_mut().zip(counts).rev() {
        sum += count;
        *share = (sum * 255 / total) as u8;
    }
    shares
}

/// Where a stored pixel stands in the upright picture.
fn upright_at(pixel: WorstPixel, (width, height): (u32, u32), orientation: u8) -> (u32, u32) {
    let (mirrored_x, mirrored_y) = mirrored(orientation);
    let x = if mirrored_x {
        width.saturating_sub(1 + pixel.x)
    } else {
        pixel.x
    };
    let y = if mirrored_y {
        height.saturating_sub(1 + pixel.y)
    } else {
        pixel.y
    };
    if orientation >= 5 { (y, x) } else { (x, y) }
}

/// The perceptual hash of a picture in sRGB.
fn looks(picture: &Picture) -> Result<u64, DrawError> {
    let flat = flatten(picture.clone(), Color::WHITE);
    let brightness = flat
        .pixels
        .chunks_exact(3)
        .map(|pixel| match pixel {
            &[r, g, b] => {
                ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1_000) as u8
            }
            _ => 0,
        })
        .collect();
    let gray = Picture::new(Layout::Gray, flat.width, flat.height, brightness);
    let whole = Rect {
        left: 0.0,
        top: 0.0,
        width: f64::from(flat.width),
        height: f64::from(flat.height),
    };
    let edge = hash::EDGE as u32;
    Ok(hash::hash(
        &resize(gray, whole, (edge, edge), FilterType::Bilinear)?.pixels,
    ))
}

/// See [`Measured::subject_width`].
fn subject(picture: &Picture) -> (f64, f64) {
    let channels = picture.layout.channels();
    let (width, height) = (picture.width as usize, picture.height as usize);
    let background = background(picture);
    let is_subject = |pixel: &[u8]| match (pixel, background) {
        (&[.., alpha], None) if channels == 4 => alpha >= VISIBLE,
        (&[_, _, _, alpha], Some(_)) if alpha < VISIBLE => false,
        (&[r, g, b, ..], Some(ground)) => [r, g, b]
            .iter()
            .zip(ground)
            .any(|(value, ground)| value.abs_diff(ground) > BACKGROUND_TOLERANCE),
        _ => true,
    };
    let mut rows = vec![0_usize; height];
    let mut columns = vec![0_usize; width];
    for (row, pixels) in rows
        .iter_mut()
        .zip(picture.pixels.chunks_exact(picture.stride()))
    {
        for (column, pixel) in columns.iter_mut().zip(pixels.chunks_exact(channels)) {
            if is_subject(pixel) {
                *row += 1;
                *column += 1;
            }
        }
    }
    let extent = |counts: &[usize], across: usize| {
        let enough = (across / NOISE).max(1);
        let first = counts.iter().position(|count| *count >= enough);
        let last = counts.iter().rposition(|count| *count >= enough);
        match (first, last) {
            (Some(first), Some(last)) => (last - first + 1) as f64 / counts.len() as f64,
            _ => 0.0,
        }
    };
    (extent(&columns, height), extent(&rows, width))
}

/// The colour in the middle of the outermost pixels'; none where most of them are transparent.
fn background(picture: &Picture) -> Option<[u8; 3]> {
    let channels = picture.layout.channels();
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut seen = [Vec::new(), Vec::new(), Vec::new()];
    let mut clear = 0_usize;
    for (y, row) in picture.pixels.chunks_exact(picture.stride()).enumerate() {
        for (x, pixel) in row.chunks_exact(channels).enumerate() {
            if x != 0 && y != 0 && x + 1 != width && y + 1 != height {
                continue;
            }
            if matches!(pixel, &[_, _, _, alpha] if alpha < VISIBLE) {
                clear += 1;
                continue;
            }
            for (values, value) in seen.iter_mut().zip(pixel) {
                values.push(*value);
            }
        }
    }
    if clear > seen.iter().map(Vec::len).max().unwrap_or(0) {
        return None;
    }
    Some(seen.map(|mut values| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(u8::MAX)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_is_found_again_in_the_upright_picture() {
        for orientation in 1..=8 {
            for (x, y) in [(0, 0), (2, 0), (1, 1)] {
                let mut pixels = vec![0; 6];
                pixels[(y * 3 + x) as usize] = 9;
                let stored = Picture::new(Layout::Gray, 3, 2, pixels);
                let turned = upright(stored, orientation);
                let pixel = WorstPixel { x, y, darkest: 0 };
                let (at_x, at_y) = upright_at(pixel, (3, 2), orientation);
                let found = turned.pixels[(at_y * turned.width + at_x) as usize];
                assert_eq!(found, 9, "{orientation}: {x},{y} at {at_x},{at_y}");
            }
        }
    }
}
