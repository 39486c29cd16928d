//! What the place gets of a file, and what its rules find against that.
//!
//! It gets what its preset makes of the file, or the file itself where it has no preset or nothing draws the
//! file. What a preset makes is known before it is made: its type, colour space and size follow from the
//! preset and the file's own size, its bytes are kept under any limit by its quality, and how white its border
//! and how large its subject is follows from what was measured in the file, unless a crop cuts it. So what
//! has never been drawn is judged like what has, and the SQL says the same: [`Shown`] and [`shown_sql`] are
//! one thing in two languages. What was not measured is found against.

use accolade_draw::{Placed, Whiteness, place, place_drawing};

use super::speech::CURRENT;
use crate::channels::{Demand, Fit, Preset};
use crate::contents::{DRAWINGS, DRAWN, Looked, StoredFile};
use crate::platform::db::Sql;

/// A finding's own words: what is wrong, what is wanted, what is there.
pub(super) type Found = (&'static str, String, Option<String>);

/// What the place gets of a file.
struct Shown<'f> {
    media_type: &'f str,
    color_space: Option<&'f str>,
    /// None: as many as the place takes.
    bytes: Option<i64>,
    size: Option<Size>,
    /// How white its border is, or why that is not known.
    border: Result<&'f Whiteness, String>,
    /// Shares of its width and height that the subject takes up, or why they are not known.
    subject: Result<(f64, f64), String>,
}

/// Pixels. Nothing is scaled up, so on a larger canvas the picture is smaller.
struct Size {
    picture: (i64, i64),
    canvas: (i64, i64),
}

impl<'f> Shown<'f> {
    fn of(file: &'f StoredFile, preset: Option<&'f Preset>) -> Self {
        match preset.filter(|_| file.is_drawn()) {
            Some(preset) => Self::made(file, preset),
            None => Self::original(file),
        }
    }

    fn original(file: &'f StoredFile) -> Self {
        let size = file.width.map(i64::from).zip(file.height.map(i64::from));
        let looks = looks(file);
        Self {
            media_type: &file.media_type,
            color_space: file.color_space.as_deref(),
            bytes: Some(file.bytes),
            size: size.map(|size| Size {
                picture: size,
                canvas: size,
            }),
            border: looks.clone().map(|looks| &looks.border),
            subject: looks.map(|looks| (looks.subject_width, looks.subject_height)),
        }
    }

    fn made(file: &'f StoredFile, preset: &'f Preset) -> Self {
        let placed = placed(file, preset);
        let known = match &placed {
            None => Err("The picture's size is not known.".to_owned()),
            Some(placed) if placed.cropped => {
                Err("The preset crops it, and what a crop leaves is not measured.".to_owned())
            }
            Some(placed) => looks(file).map(|looks| (looks, placed.canvas != placed.picture)),
        };
        let border = known.clone().and_then(|(looks, padded)| {
            let on_white = has_white_ground(preset);
            match looks.border_on_white.as_ref().filter(|_| on_white) {
                _ if padded && !on_white => {
                    Err("The preset fills the rest with something that is not white.".to_owned())
                }
                Some(border) => Ok(border),
                None => Ok(&looks.border),
            }
        });
        let edges = |(w, h): (u32, u32)| (i64::from(w), i64::from(h));
        Self {
            media_type: &preset.media_type,
            color_space: Some("sRGB"),
            bytes: None,
            size: placed.map(|placed| Size {
                picture: edges(placed.picture),
                canvas: edges(placed.canvas),
            }),
            border,
            subject: known.map(|(looks, _)| (looks.subject_width, looks.subject_height)),
        }
    }
}

/// How a file stands in its rendition; none where its size was not measured.
fn placed(file: &StoredFile, preset: &Preset) -> Option<Placed> {
    let edge = |edge: Option<i32>| edge.and_then(|edge| u32::try_from(edge).ok());
    let (width, height) = (edge(file.width)?, edge(file.height)?);
    let recipe = preset.frame();
    Some(if DRAWINGS.contains(&file.media_type.as_str()) {
        place_drawing(width, height, &recipe)
    } else {
        place(width, height, &recipe)
    })
}

fn looks(file: &StoredFile) -> Result<&crate::contents::Looks, String> {
    match &file.looks {
        Looked::Found(looks) => Ok(looks),
        Looked::NotYet => Err("It has not been measured yet. Ask again in a moment.".to_owned()),
        Looked::Failed(reason) => Err(format!("It could not be measured. {reason}")),
    }
}

/// Whether what is transparent in the source is white in the rendition, and so is what a preset pads it with.
fn has_white_ground(preset: &Preset) -> bool {
    let jpeg = preset.media_type == "image/jpeg";
    match preset.background.as_deref() {
        None => jpeg,
        Some("#ffffff") => jpeg || preset.fit == Fit::Pad,
        Some(_) => false,
    }
}

/// Whether whatever the place can get of a file is more than a smaller one of it: a lease may bar that.
pub(super) fn alters(file: &StoredFile, presets: &[Preset]) -> bool {
    file.is_drawn() && all_alter(presets)
}

fn all_alter(presets: &[Preset]) -> bool {
    !presets.is_empty() && presets.iter().all(is_altering)
}

fn is_altering(preset: &Preset) -> bool {
    matches!(preset.fit, Fit::Cover | Fit::Pad)
}

/// True where the current version's file would be altered: [`alters`] in SQL; none where nothing is.
pub(super) fn alters_sql(presets: &[Preset], alias: &'static str) -> Option<Sql> {
    all_alter(presets).then_some(())?;
    let sql = Sql::new(
        "EXISTS (SELECT 1 FROM asset_versions av JOIN files f ON f.sha256 = av.sha256
         WHERE av.version_id = ",
    );
    let sql = sql.about(CURRENT, alias).push(" AND f.media_type IN ");
    Some(sql.list(DRAWN).push(")"))
}

/// What one demand finds against what the place gets of a file.
pub(super) fn find(file: &StoredFile, preset: Option<&Preset>, demand: &Demand) -> Option<Found> {
    let shown = Shown::of(file, preset);
    let picture = shown.size.as_ref().map(|size| size.picture);
    let canvas = shown.size.as_ref().map(|size| size.canvas);
    let longer = |size: Option<(i64, i64)>| size.map(|(w, h)| w.max(h));
    let pixels = |n: Option<i64>| n.map(|n| format!("{n} px"));
    match demand {
        Demand::MediaType(list) => (!list.iter().any(|media_type| media_type == shown.media_type))
            .then(|| {
                (
                    "The place does not take this type of file.",
                    list.join(", "),
                    Some(shown.media_type.to_owned()),
                )
            }),
        Demand::MinLongEdge(least) => {
            let edge = longer(picture);
            edge.is_none_or(|n| n < *least).then(|| {
                (
                    "The picture is too small.",
                    format!("a long edge of at least {least} px"),
                    pixels(edge),
                )
            })
        }
        Demand::MaxLongEdge(most) => {
            let edge = longer(canvas);
            edge.is_none_or(|n| n > *most).then(|| {
                (
                    "The picture is too large.",
                    format!("a long edge of at most {most} px"),
                    pixels(edge),
                )
            })
        }
        Demand::MinWidth(least) => {
            let width = picture.map(|(w, _)| w);
            width.is_none_or(|n| n < *least).then(|| {
                (
                    "The picture is too narrow.",
                    format!("a width of at least {least} px"),
                    pixels(width),
                )
            })
        }
        Demand::MinHeight(least) => {
            let height = picture.map(|(_, h)| h);
            height.is_none_or(|n| n < *least).then(|| {
                (
                    "The picture is too low.",
                    format!("a height of at least {least} px"),
                    pixels(height),
                )
            })
        }
        Demand::AspectRatio {
            width,
            height,
            tolerance,
        } => canvas
            .is_none_or(|(w, h)| is_off_ratio(w, h, *width, *height, *tolerance))
            .then(|| {
                (
                    "The picture has other proportions.",
                    format!("{width} to {height}"),
                    canvas.map(|(w, h)| format!("{w} × {h}")),
                )
            }),
        Demand::MaxBytes(most) => {
            let bytes = shown.bytes.filter(|bytes| bytes > most)?;
            Some((
                "The file is too large.",
                format!("at most {most} bytes"),
                Some(format!("{bytes} bytes")),
            ))
        }
        Demand::ColorSpace(list) => shown
            .color_space
            .is_none_or(|space| !list.iter().any(|taken| taken == space))
            .then(|| {
                (
                    "The place does not take this colour space.",
                    list.join(", "),
                    shown.color_space.map(str::to_owned),
                )
            }),
        Demand::WhiteBackground { tolerance, share } => find_not_white(&shown, *tolerance, *share),
        Demand::MinSubjectFill(share) => find_small_subject(&shown, *share),
        _ => None,
    }
}

fn find_not_white(shown: &Shown<'_>, tolerance: u8, share: f64) -> Option<Found> {
    const TEXT: &str = "The background is not white.";
    let expected = format!(
        "{} % of the border within {tolerance} of white",
        percent(share)
    );
    let border = match &shown.border {
        Ok(border) => border,
        Err(reason) => return Some((TEXT, expected, Some(reason.clone()))),
    };
    let white = border.histogram.get(usize::from(u8::MAX - tolerance));
    let white = white.copied().unwrap_or_default();
    if white >= least_byte(share) {
        return None;
    }
    let worst = border.worst;
    let actual = format!(
        "{} % of the border is not; its darkest pixel, {} of 255, is at {}, {} of the original",
        percent(f64::from(u8::MAX - white) / 255.0),
        worst.darkest,
        worst.x,
        worst.y,
    );
    Some((TEXT, expected, Some(actual)))
}

fn find_small_subject(shown: &Shown<'_>, share: f64) -> Option<Found> {
    const TEXT: &str = "The subject fills too little of the picture.";
    let expected = format!("{} % of the width or height", percent(share));
    let ((w, h), size) = match (&shown.subject, &shown.size) {
        (Ok(subject), Some(size)) => (*subject, size),
        (Err(reason), _) => return Some((TEXT, expected, Some(reason.clone()))),
        (Ok(_), None) => return Some((TEXT, expected, None)),
    };
    let pixels = |share: f64, edge: i64| share * edges(edge);
    let (w, h) = (pixels(w, size.picture.0), pixels(h, size.picture.1));
    let (canvas_w, canvas_h) = (edges(size.canvas.0), edges(size.canvas.1));
    if w >= share * canvas_w || h >= share * canvas_h {
        return None;
    }
    let fill = (w / canvas_w).max(h / canvas_h);
    Some((TEXT, expected, Some(format!("{} %", percent(fill)))))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "as the database multiplies them"
)]
fn edges(edge: i64) -> f64 {
    edge as f64
}

/// With a digit after the point, where it is not 0.
fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}

/// Least byte of a histogram that says that this share is reached. The histogram rounds down, so this rounds
/// up: what just falls short never passes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is between 0 and 1"
)]
fn least_byte(share: f64) -> u8 {
    (share * 255.0).ceil() as u8
}

/// Whether w ÷ h differs from the wanted ratio by more than the tolerance, multiplied out so that the
/// database's arithmetic and ours are the same.
fn is_off_ratio(w: i64, h: i64, width: i64, height: i64, tolerance: f64) -> bool {
    edges((w * height - h * width).abs()) > tolerance * edges(h * height)
}

/// [`find`] as a condition on [`shown_sql`]'s row `s`; none for what does not look at files.
pub(super) fn finds(demand: &Demand) -> Option<Sql> {
    let measured = |condition: Sql| Sql::new("coalesce(").append(condition).push(", TRUE)");
    Some(match demand {
        Demand::MediaType(list) => Sql::new("s.media_type NOT IN ").list(list.iter().cloned()),
        Demand::MinLongEdge(least) => measured(
            Sql::new(
                "CASE WHEN s.picture_w > s.picture_h THEN s.picture_w ELSE s.picture_h END < ",
            )
            .bind(*least),
        ),
        Demand::MaxLongEdge(most) => measured(
            Sql::new("CASE WHEN s.canvas_w > s.canvas_h THEN s.canvas_w ELSE s.canvas_h END > ")
                .bind(*most),
        ),
        Demand::MinWidth(least) => measured(Sql::new("s.picture_w < ").bind(*least)),
        Demand::MinHeight(least) => measured(Sql::new("s.picture_h < ").bind(*least)),
        Demand::AspectRatio {
            width,
            height,
            tolerance,
        } => measured(
            Sql::new("abs(s.canvas_w * ")
                .bind(*height)
                .push(" - s.canvas_h * ")
                .bind(*width)
                .push(") > ")
                .bind(*tolerance)
                .push(" * (s.canvas_h * ")
                .bind(*height)
                .push(")"),
        ),
        Demand::MaxBytes(most) => Sql::new("coalesce(s.bytes > ").bind(*most).push(", FALSE)"),
        Demand::ColorSpace(list) => {
            measured(Sql::new("s.color_space NOT IN ").list(list.iter().cloned()))
        }
        Demand::WhiteBackground { tolerance, share } => measured(
            Sql::new("substr(s.white, ")
                .bind(256 - i32::from(*tolerance))
                .push(", 1) < ")
                .bind(vec![least_byte(*share)]),
        ),
        Demand::MinSubjectFill(share) => measured(
            Sql::new("(s.subject_width * s.picture_w < ")
                .bind(*share)
                .push(" * s.canvas_w AND s.subject_height * s.picture_h < ")
                .bind(*share)
                .push(" * s.canvas_h)"),
        ),
        _ => return None,
    })
}

/// The columns of a current version's file that [`shown_sql`] begins with.
const FILE: &str = "SELECT f.media_type, f.bytes, m.color_space, m.white, m.white_on_white, m.subject_width,
     m.subject_height,
     CAST(CASE WHEN m.height IS NULL THEN NULL WHEN m.width < 1 THEN 1 ELSE m.width END AS bigint) AS width,
     CAST(CASE WHEN m.width IS NULL THEN NULL WHEN m.height < 1 THEN 1 ELSE m.height END AS bigint) AS height";

const OF_VERSION: &str = " FROM asset_versions av JOIN files f ON f.sha256 = av.sha256
     LEFT JOIN media_facts m ON m.sha256 = av.sha256 WHERE av.version_id = ";

/// What has the proportions of `w` and `h` and stays inside the fitted frame, rounded as
/// [`accolade_draw::place`] rounds.
macro_rules! inside {
    ($w:literal, $h:literal) => {
        concat!(
            "(SELECT x.*, CASE WHEN x.fit_w * ",
            $h,
            " <= x.fit_h * ",
            $w,
            " THEN x.fit_w ",
            "WHEN (2 * ",
            $w,
            " * x.fit_h + ",
            $h,
            ") / (2 * ",
            $h,
            ") < 1 THEN 1 ",
            "WHEN (2 * ",
            $w,
            " * x.fit_h + ",
            $h,
            ") / (2 * ",
            $h,
            ") < x.fit_w ",
            "THEN (2 * ",
            $w,
            " * x.fit_h + ",
            $h,
            ") / (2 * ",
            $h,
            ") ELSE x.fit_w END AS cut_w, ",
            "CASE WHEN x.fit_w * ",
            $h,
            " > x.fit_h * ",
            $w,
            " THEN x.fit_h ",
            "WHEN (2 * ",
            $h,
            " * x.fit_w + ",
            $w,
            ") / (2 * ",
            $w,
            ") < 1 THEN 1 ",
            "WHEN (2 * ",
            $h,
            " * x.fit_w + ",
            $w,
            ") / (2 * ",
            $w,
            ") < x.fit_h ",
            "THEN (2 * ",
            $h,
            " * x.fit_w + ",
            $w,
            ") / (2 * ",
            $w,
            ") ELSE x.fit_h END AS cut_h FROM "
        )
    };
}

/// [`Shown`] as a sub-select of one row at most, about a row of `contents` under `alias`.
pub(super) fn shown_sql(preset: Option<&Preset>, alias: &'static str) -> Sql {
    let Some(preset) = preset else {
        return Sql::new(
            "(SELECT o.media_type, o.bytes, o.color_space, o.white, o.subject_width, o.subject_height,
             o.width AS picture_w, o.height AS picture_h, o.width AS canvas_w, o.height AS canvas_h FROM (",
        )
        .push(FILE)
        .push(OF_VERSION)
        .about(CURRENT, alias)
        .push(") o)");
    };
    // A drawing has proportions, and as many pixels as anything may have: [`accolade_draw::place_drawing`].
    let sized = Sql::new(
        "(SELECT o.*, CASE WHEN NOT o.shape THEN o.width WHEN o.width >= o.height THEN 20000
             ELSE (40000 * o.width + o.height) / (2 * o.height) END AS raw_w,
          CASE WHEN NOT o.shape THEN o.height WHEN o.width < o.height THEN 20000
             ELSE (40000 * o.height + o.width) / (2 * o.width) END AS raw_h FROM (",
    )
    .push(FILE)
    .push(", f.media_type IN ")
    .list(DRAWN)
    .push(" AS drawn, f.media_type IN ")
    .list(DRAWINGS)
    .push(" AS shape, CAST(")
    .bind(preset.width)
    .push(" AS bigint) AS frame_w, CAST(")
    .bind(preset.height)
    .push(" AS bigint) AS frame_h")
    .push(OF_VERSION)
    .about(CURRENT, alias)
    .push(") o)");
    // The frame is no larger than the picture: where it has no edge of its own, it has the picture's.
    let framed = Sql::new(
        "(SELECT z.*, CASE WHEN z.frame_w < z.w THEN z.frame_w ELSE z.w END AS fit_w,
          CASE WHEN z.frame_h < z.h THEN z.frame_h ELSE z.h END AS fit_h FROM
         (SELECT y.*, CASE WHEN y.raw_w < 1 THEN 1 ELSE y.raw_w END AS w,
          CASE WHEN y.raw_h < 1 THEN 1 ELSE y.raw_h END AS h FROM ",
    )
    .append(sized)
    .push(" y) z)");
    let covers = preset.fit == Fit::Cover && preset.width.is_some() && preset.height.is_some();
    // What is scaled keeps its own proportions, what is cropped gets the frame's.
    let (picture, cropped) = if covers {
        (
            inside!("x.frame_w", "x.frame_h"),
            "k.cut_w * k.h <> k.cut_h * k.w",
        )
    } else {
        (inside!("x.w", "x.h"), "1 = 0")
    };
    let picture = Sql::new(picture).append(framed).push(" x)");
    let canvas = match preset.fit {
        // Of an unknown size nothing is known, though the canvas would be.
        Fit::Pad => {
            "CASE WHEN k.cut_w IS NULL THEN NULL ELSE coalesce(k.frame_w, k.cut_w) END AS room_w,
             CASE WHEN k.cut_h IS NULL THEN NULL ELSE coalesce(k.frame_h, k.cut_h) END AS room_h"
        }
        _ => "k.cut_w AS room_w, k.cut_h AS room_h",
    };
    let placed = Sql::new("(SELECT k.*, ")
        .push(canvas)
        .push(", ")
        .push(cropped)
        .push(" AS cropped FROM ")
        .append(picture)
        .push(" k)");
    let (white, padding) = if has_white_ground(preset) {
        ("coalesce(p.white_on_white, p.white)", "1 = 0")
    } else {
        ("p.white", "(p.room_w <> p.cut_w OR p.room_h <> p.cut_h)")
    };
    Sql::new("(SELECT CASE WHEN p.drawn THEN ")
        .bind(preset.media_type.clone())
        .push(
            " ELSE p.media_type END AS media_type, CASE WHEN p.drawn THEN NULL ELSE p.bytes END AS bytes,
             CASE WHEN p.drawn THEN 'sRGB' ELSE p.color_space END AS color_space,
             CASE WHEN NOT p.drawn THEN p.white WHEN p.room_w IS NULL OR p.cropped OR ",
        )
        .push(padding)
        .push(" THEN NULL ELSE ")
        .push(white)
        .push(
            " END AS white, CASE WHEN p.drawn AND p.cropped THEN NULL ELSE p.subject_width END AS subject_width,
             CASE WHEN p.drawn AND p.cropped THEN NULL ELSE p.subject_height END AS subject_height,
             CASE WHEN p.drawn THEN p.cut_w ELSE p.width END AS picture_w,
             CASE WHEN p.drawn THEN p.cut_h ELSE p.height END AS picture_h,
             CASE WHEN p.drawn THEN p.room_w ELSE p.width END AS canvas_w,
             CASE WHEN p.drawn THEN p.room_h ELSE p.height END AS canvas_h FROM ",
        )
        .append(placed)
        .push(" p)")
}
