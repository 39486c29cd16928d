//! The geometry of a rendition: what is cut, how far it is scaled, where it is put. Whole numbers, so
//! that what is predicted is what is drawn.

use crate::recipe::{Fit, MAX_EDGE, Recipe};

/// How a picture becomes a rendition, in the coordinates of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The part of the source that is shown.
    pub(crate) crop: Rect,
    /// What that part is scaled to, in pixels.
    pub(crate) scaled: (u32, u32),
    /// Width and height of the rendition.
    pub(crate) canvas: (u32, u32),
    /// Where on the canvas the scaled part begins.
    pub(crate) offset: (u32, u32),
}

/// A part of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Plan {
    /// How many pixels of the rendition come of one of the source, along the edge that keeps most.
    pub(crate) fn scale(&self) -> f64 {
        let (w, h) = self.scaled;
        (f64::from(w) / self.crop.width).max(f64::from(h) / self.crop.height)
    }
}

/// Width and height of what [`draw`](crate::draw) makes of an upright picture of this size. Exact, and
/// known before anything is drawn. Drawings without pixels of their own (SVG, PDF) are larger:
/// [`predict_drawing`].
#[must_use]
pub fn predict(width: u32, height: u32, recipe: &Recipe) -> (u32, u32) {
    place(width, height, recipe).canvas
}

/// As [`predict`], for an SVG or the page of a PDF. They have proportions, and no pixels that would have
/// to be made up, so they are drawn as large as the frame asks.
#[must_use]
pub fn predict_drawing(width: u32, height: u32, recipe: &Recipe) -> (u32, u32) {
    place_drawing(width, height, recipe).canvas
}

/// How a picture stands in its rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Width and height of what is shown of the picture.
    pub picture: (u32, u32),
    /// Width and height of the rendition.
    pub canvas: (u32, u32),
    /// Whether something of the picture is cut away: it fills a canvas of other proportions.
    pub cropped: bool,
}

/// How an upright picture of this size stands in what [`draw`](crate::draw) makes of it; see [`predict`].
#[must_use]
pub fn place(width: u32, height: u32, recipe: &Recipe) -> Placed {
    let (width, height) = (width.max(1), height.max(1));
    let Plan { scaled, canvas, .. } = plan(width, height, recipe);
    let fills = matches!(
        (recipe.fit, recipe.width, recipe.height),
        (Fit::Cover, Some(_), Some(_))
    );
    let as_wide = u64::from(canvas.0) * u64::from(height) == u64::from(canvas.1) * u64::from(width);
    Placed {
        picture: scaled,
        canvas,
        cropped: fills && !as_wide,
    }
}

/// As [`place`], for an SVG or the page of a PDF; see [`predict_drawing`].
#[must_use]
pub fn place_drawing(width: u32, height: u32, recipe: &Recipe) -> Placed {
    let (width, height) = drawing_size(width, height);
    place(width, height, recipe)
}

pub(crate) fn plan_drawing(width: u32, height: u32, recipe: &Recipe) -> Plan {
    let (width, height) = drawing_size(width, height);
    plan(width, height, recipe)
}

/// The size in which the plan of a drawing counts: its proportions, as large as anything is drawn.
pub(crate) fn drawing_size(width: u32, height: u32) -> (u32, u32) {
    let (width, height) = (width.max(1), height.max(1));
    if width >= height {
        (MAX_EDGE, scaled_edge(height, MAX_EDGE, width))
    } else {
        (scaled_edge(width, MAX_EDGE, height), MAX_EDGE)
    }
}

pub(crate) fn plan(width: u32, height: u32, recipe: &Recipe) -> Plan {
    let (width, height) = (width.max(1), height.max(1));
    match (recipe.fit, recipe.width, recipe.height) {
        (Fit::Cover, Some(w), Some(h)) => cover((width, height), (w.max(1), h.max(1)), recipe),
        (fit, w, h) => {
            let scaled = inside((width, height), w, h);
            let canvas = match fit {
                Fit::Pad => (w.unwrap_or(scaled.0), h.unwrap_or(scaled.1)),
                _ => scaled,
            };
            Plan {
                crop: Rect {
                    left: 0.0,
                    top: 0.0,
                    width: f64::from(width),
                    height: f64::from(height),
                },
                scaled,
                canvas,
                offset: (
                    canvas.0.saturating_sub(scaled.0) / 2,
                    canvas.1.saturating_sub(scaled.1) / 2,
                ),
            }
        }
    }
}

/// The size of a picture that stays wholly inside the frame and is not enlarged.
fn inside((w, h): (u32, u32), frame_w: Option<u32>, frame_h: Option<u32>) -> (u32, u32) {
    let frame_w = frame_w.unwrap_or(w).clamp(1, w);
    let frame_h = frame_h.unwrap_or(h).clamp(1, h);
    // Compared as frame_w / w <= frame_h / h, multiplied out.
    if u64::from(frame_w) * u64::from(h) <= u64::from(frame_h) * u64::from(w) {
        (frame_w, scaled_edge(h, frame_w, w).min(frame_h))
    } else {
        (scaled_edge(w, frame_h, h).min(frame_w), frame_h)
    }
}

fn cover((w, h): (u32, u32), (frame_w, frame_h): (u32, u32), recipe: &Recipe) -> Plan {
    // A picture that does not fill the frame fills a smaller one of the same proportions.
    let canvas = if frame_w <= w && frame_h <= h {
        (frame_w, frame_h)
    } else {
        inside((frame_w, frame_h), Some(w), Some(h))
    };
    let (cw, ch) = (f64::from(canvas.0), f64::from(canvas.1));
    let scale = (cw / f64::from(w)).max(ch / f64::from(h));
    let shown = (
        (cw / scale).min(f64::from(w)),
        (ch / scale).min(f64::from(h)),
    );
    let at = |edge: u32, shown: f64, focus: f64| {
        let room = (f64::from(edge) - shown).max(0.0);
        (focus * f64::from(edge) - shown / 2.0).clamp(0.0, room)
    };
    Plan {
        crop: Rect {
            left: at(w, shown.0, recipe.focal_point.x),
            top: at(h, shown.1, recipe.focal_point.y),
            width: shown.0,
            height: shown.1,
        },
        scaled: canvas,
        canvas,
        offset: (0, 0),
    }
}

/// `edge` × `numerator` ÷ `denominator`, rounded, and at least a pixel.
fn scaled_edge(edge: u32, numerator: u32, denominator: u32) -> u32 {
    let (edge, denominator) = (u64::from(edge), u64::from(denominator));
    let rounded = (2 * edge * u64::from(numerator) + denominator) / (2 * denominator);
    u32::try_from(rounded).unwrap_or(u32::MAX).max(1)
}

/// A rectangle of the upright picture, in the coordinates in which its pixels are stored.
pub(crate) fn stored(crop: Rect, (width, height): (u32, u32), orientation: u8) -> Rect {
    let x = (crop.left, crop.width, f64::from(width));
    let y = (crop.top, crop.height, f64::from(height));
    let (along_x, along_y) = if orientation < 5 { (x, y) } else { (y, x) };
    let (mirrored_x, mirrored_y) = mirrored(orientation);
    let start = |(start, length, edge): (f64, f64, f64), mirrored| {
        if mirrored {
            edge - start - length
        } else {
            start
        }
    };
    Rect {
        left: start(along_x, mirrored_x),
        top: start(along_y, mirrored_y),
        width: along_x.1,
        height: along_y.1,
    }
}

/// Whether the stored columns and rows run backwards, for an EXIF orientation. From 5 on, the upright
/// picture's columns are stored as rows.
pub(crate) fn mirrored(orientation: u8) -> (bool, bool) {
    (
        matches!(orientation, 2 | 3 | 7 | 8),
        matches!(orientation, 3 | 4 | 6 | 7),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recipe::{FocalPoint, OutputType};

    fn recipe(width: Option<u32>, height: Option<u32>, fit: Fit) -> Recipe {
        Recipe::new(width, height, fit, OutputType::Png)
    }

    #[test]
    fn frames_and_pictures_meet_as_the_fit_says() {
        for (fit, frame, size, expected) in [
            (Fit::Inside, (Some(800), None), (4000, 3000), (800, 600)),
            (
                Fit::Inside,
                (Some(800), Some(800)),
                (4000, 3000),
                (800, 600),
            ),
            (Fit::Contain, (None, Some(300)), (4000, 3000), (400, 300)),
            (Fit::Contain, (Some(800), Some(800)), (40, 30), (40, 30)),
            (Fit::Inside, (Some(1), Some(1)), (4000, 1), (1, 1)),
            (Fit::Cover, (Some(800), Some(800)), (4000, 3000), (800, 800)),
            (Fit::Cover, (Some(800), Some(400)), (400, 400), (400, 200)),
            (Fit::Cover, (Some(800), None), (400, 400), (400, 400)),
            (Fit::Pad, (Some(2000), Some(2000)), (40, 30), (2000, 2000)),
            (Fit::Pad, (Some(2000), None), (40, 30), (2000, 30)),
        ] {
            let actual = predict(size.0, size.1, &recipe(frame.0, frame.1, fit));
            assert_eq!(actual, expected, "{fit:?} {frame:?} {size:?}");
        }
    }

    #[test]
    fn drawings_are_as_large_as_the_frame() {
        let inside = recipe(Some(800), Some(800), Fit::Inside);
        assert_eq!(predict_drawing(24, 12, &inside), (800, 400));
        assert_eq!(predict_drawing(12, 24, &inside), (400, 800));
    }

    fn fits() -> impl Strategy<Value = Fit> {
        prop::sample::select(vec![Fit::Cover, Fit::Contain, Fit::Inside, Fit::Pad])
    }

    fn edge() -> impl Strategy<Value = Option<u32>> {
        prop::option::of(1..=MAX_EDGE)
    }

    proptest! {
        #[test]
        fn no_pixel_is_made_up(
            (w, h) in (1_u32..30_000, 1_u32..30_000),
            (fw, fh, fit) in (edge(), edge(), fits()),
            (x, y) in (0.0..=1.0, 0.0..=1.0),
        ) {
            let recipe = Recipe { focal_point: FocalPoint { x, y }, ..recipe(fw, fh, fit) };
            let plan = plan(w, h, &recipe);
            prop_assert!(plan.scaled.0 <= w && plan.scaled.1 <= h);
            prop_assert!(plan.scaled.0 >= 1 && plan.scaled.1 >= 1);
            prop_assert!(plan.offset.0 + plan.scaled.0 <= plan.canvas.0);
            prop_assert!(plan.offset.1 + plan.scaled.1 <= plan.canvas.1);
            if fit == Fit::Pad {
                prop_assert_eq!(plan.canvas.0, fw.unwrap_or(plan.scaled.0));
                prop_assert_eq!(plan.canvas.1, fh.unwrap_or(plan.scaled.1));
            } else {
                prop_assert!(fw.is_none_or(|fw| plan.canvas.0 <= fw));
                prop_assert!(fh.is_none_or(|fh| plan.canvas.1 <= fh));
            }
            let crop = plan.crop;
            prop_assert!(crop.left >= 0.0 && crop.top >= 0.0);
            prop_assert!(crop.left + crop.width <= f64::from(w) + 1e-6);
            prop_assert!(crop.top + crop.height <= f64::from(h) + 1e-6);
            let (fx, fy) = (x * f64::from(w), y * f64::from(h));
            prop_assert!(crop.left <= fx + 1e-6 && fx <= crop.left + crop.width + 1e-6);
            prop_assert!(crop.top <= fy + 1e-6 && fy <= crop.top + crop.height + 1e-6);
        }

        #[test]
        fn a_crop_covers_as_many_stored_pixels_as_upright_ones(
            orientation in 1_u8..=8, left in 0.0..50.0, top in 0.0..20.0,
        ) {
            let crop = Rect { left, top, width: 40.0, height: 10.0 };
            let stored = stored(crop, (100, 30), orientation);
            let (w, h) = if orientation < 5 { (100.0, 30.0) } else { (30.0, 100.0) };
            prop_assert!(stored.left >= 0.0 && stored.left + stored.width <= w);
            prop_assert!(stored.top >= 0.0 && stored.top + stored.height <= h);
            prop_assert!((stored.width * stored.height - 400.0).abs() < 1e-9);
        }
    }
}
