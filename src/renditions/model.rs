//! What a rendition is to be: everything that its bytes depend on, and its key.

use accolade_draw::{Color, FocalPoint, OutputType, Recipe, predict, predict_drawing};
use async_graphql::Enum;
use serde::Serialize;

use crate::channels::Preset;
use crate::contents::{AssetKind, Content, DRAWINGS, StoredFile, Version};
use crate::platform::ids::VersionId;
use crate::platform::seal::sha256_hex;
use crate::platform::text;

/// Counted up when the same recipe comes to give other bytes on purpose: what was made before is made anew.
const REVISION: i32 = 1;

/// How far a rendition has come.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RenditionState {
    /// It is made when it is asked for, if not before.
    Pending,
    /// Its bytes are there.
    Ready,
    /// It cannot be made; `error` says why.
    Failed,
}

/// A rendition of a version for a preset, made or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub version: VersionId,
    /// The preset's name.
    pub preset: String,
    pub media_type: String,
    /// The bytes that it is made of.
    pub source: String,
    /// Width and height in pixels, where they are known before it is made.
    pub size: Option<(u32, u32)>,
    /// How it is made, or why it cannot be.
    pub recipe: Result<Recipe, String>,
}

/// What a key is a hash of.
#[derive(Serialize)]
struct Keyed<'a> {
    revision: i32,
    version: VersionId,
    source: &'a str,
    recipe: &'a Recipe,
}

impl Plan {
    /// What a preset makes of a version of an asset; none of what has no file. `max_bytes` is the place's own
    /// limit; `scale_only`: its licence says that it is not altered.
    pub(super) fn new(
        content: &Content,
        version: &Version,
        preset: &Preset,
        max_bytes: Option<i64>,
        scale_only: bool,
    ) -> Option<Self> {
        let file = version.file()?;
        let recipe =
            drawable(content, file).and_then(|()| recipe(content, preset, max_bytes, scale_only));
        Some(Self {
            version: version.id,
            preset: preset.name.clone(),
            media_type: preset.media_type.clone(),
            source: file.sha256.clone(),
            size: recipe.as_ref().ok().and_then(|recipe| size(file, recipe)),
            recipe,
        })
    }

    /// The name of its bytes, the same for the same source and recipe, or why it cannot be made. It is worked out
    /// each time.
    pub(crate) fn key(&self) -> Result<String, String> {
        let keyed = Keyed {
            revision: REVISION,
            version: self.version,
            source: &self.source,
            recipe: self.recipe.as_ref().map_err(Clone::clone)?,
        };
        let text = serde_json::to_vec(&keyed).map_err(|error| error.to_string())?;
        Ok(sha256_hex(&text))
    }
}

fn recipe(
    content: &Content,
    preset: &Preset,
    max_bytes: Option<i64>,
    scale_only: bool,
) -> Result<Recipe, String> {
    OutputType::parse(&preset.media_type)
        .ok_or_else(|| format!("Nothing is made as {}.", preset.media_type))?;
    let focal_point = content.asset().and_then(|asset| asset.focal_point);
    let recipe = Recipe {
        background: preset.background.as_deref().and_then(Color::parse),
        focal_point: focal_point.map_or_else(FocalPoint::default, |(x, y)| FocalPoint { x, y }),
        quality: preset.quality.and_then(|q| u8::try_from(q).ok()),
        max_bytes: max_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        scale_only,
        ..preset.frame()
    };
    match recipe.check() {
        Ok(()) => Ok(recipe),
        Err(error) => Err(text::sentence(&error.to_string())),
    }
}

/// Whether anything here draws such a file.
fn drawable(content: &Content, file: &StoredFile) -> Result<(), String> {
    if content
        .asset()
        .is_some_and(|asset| asset.kind == AssetKind::Source)
    {
        return Err(
            "It is a working file and never goes out. Export what is to be shown.".to_owned(),
        );
    }
    match file.media_type.as_str() {
        _ if file.is_drawn() => Ok(()),
        moving if moving.starts_with("video/") => {
            Err("No still is taken from a film here. Add a picture, and place that.".to_owned())
        }
        other => Err(format!(
            "Nothing here draws {other}. Add a JPEG, PNG, WebP or SVG."
        )),
    }
}

/// The exact size, from what was measured in the source.
fn size(file: &StoredFile, recipe: &Recipe) -> Option<(u32, u32)> {
    let edge = |edge: Option<i32>| edge.and_then(|edge| u32::try_from(edge).ok());
    let (width, height) = (edge(file.width)?, edge(file.height)?);
    Some(if DRAWINGS.contains(&file.media_type.as_str()) {
        predict_drawing(width, height, recipe)
    } else {
        predict(width, height, recipe)
    })
}
