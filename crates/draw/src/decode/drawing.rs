//! SVG, drawn as a raster. Nothing outside the file is ever reached: links to anything but data in the
//! file are not followed, scripts are not run, and there is no font to be looked for.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::roxmltree::{Document, ParsingOptions};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use crate::picture::{Layout, Picture};
use crate::plan::Plan;
use crate::{DrawError, Limits};

/// Elements and texts of a drawing.
const MAX_NODES: u32 = 1_000_000;

/// An SVG that has been read.
pub(crate) struct Drawing {
    tree: Tree,
    /// Whether it has words, which are left out: they need fonts.
    pub(crate) has_text: bool,
}

impl Drawing {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, DrawError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| DrawError::unsupported("an SVG in another encoding than UTF-8"))?;
        let options = ParsingOptions {
            allow_dtd: true,
            nodes_limit: MAX_NODES,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options).map_err(DrawError::damaged)?;
        let has_text = document.descendants().any(|node| {
            node.is_text()
                && node.text().is_some_and(|text| !text.trim().is_empty())
                && node.ancestors().any(|a| a.tag_name().name() == "text")
        });
        let options = Options {
            image_href_resolver: ImageHrefResolver {
                resolve_data: ImageHrefResolver::default_data_resolver(),
                resolve_string: Box::new(|_, _| None),
            },
            ..Options::default()
        };
        let tree = Tree::from_xmltree(&document, &options).map_err(DrawError::damaged)?;
        Ok(Self { tree, has_text })
    }

    /// Its own size, as a browser would show it.
    pub(crate) fn size(&self) -> (u32, u32) {
        let size = self.tree.size();
        (whole(size.width()), whole(size.height()))
    }

    /// The part that the plan shows, of a drawing that is `size` large.
    pub(crate) fn render(
        &self,
        size: (u32, u32),
        plan: &Plan,
        limits: &Limits,
    ) -> Result<Picture, DrawError> {
        let (width, height) = plan.scaled;
        limits.check_buffer(u64::from(width) * u64::from(height) * 4)?;
        let mut pixmap = Pixmap::new(width, height).ok_or(DrawError::OutOfMemory)?;
        let own = self.tree.size();
        let [sx, sy, tx, ty] = placement(size, plan);
        let transform = Transform::from_row(sx / own.width(), 0.0, 0.0, sy / own.height(), tx, ty);
        resvg::render(&self.tree, transform, &mut pixmap.as_mut());
        Ok(Picture::new(
            Layout::Rgba,
            width,
            height,
            pixmap.take_demultiplied(),
        ))
    }
}

/// What a whole drawing is scaled to, and where its corner lies, so that the plan's crop fills the
/// canvas.
#[expect(
    clippy::cast_possible_truncation,
    reason = "drawings are placed in f32"
)]
pub(super) fn placement(size: (u32, u32), plan: &Plan) -> [f32; 4] {
    let scale_x = f64::from(plan.scaled.0) / plan.crop.width;
    let scale_y = f64::from(plan.scaled.1) / plan.crop.height;
    [
        (f64::from(size.0) * scale_x) as f32,
        (f64::from(size.1) * scale_y) as f32,
        (-plan.crop.left * scale_x) as f32,
        (-plan.crop.top * scale_y) as f32,
    ]
}

/// A length in whole pixels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits"
)]
pub(super) fn whole(length: f32) -> u32 {
    length.round().clamp(1.0, 1_000_000.0) as u32
}
