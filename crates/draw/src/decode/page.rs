//! The first page of a PDF.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_interpret::util::TransformExt;
use hayro::hayro_syntax::page::Page;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{Pixmap, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};

use super::drawing::{placement, whole};
use crate::picture::{Layout, Picture};
use crate::plan::Plan;
use crate::{DrawError, Limits};

/// A PDF that has been read, with at least one page.
pub(crate) struct Document(Pdf);

impl Document {
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, DrawError> {
        let pdf = Pdf::new(bytes).map_err(|error| match error {
            LoadPdfError::Decryption(_) => {
                DrawError::unsupported("a PDF that is locked with a password")
            }
            LoadPdfError::Invalid => DrawError::damaged("it is no PDF that can be read"),
        })?;
        if pdf.pages().is_empty() {
            return Err(DrawError::damaged("it has no page"));
        }
        Ok(Self(pdf))
    }

    pub(crate) fn pages(&self) -> u32 {
        u32::try_from(self.0.pages().len()).unwrap_or(u32::MAX)
    }

    /// Size of the first page in points.
    pub(crate) fn size(&self) -> (u32, u32) {
        let (width, height) = self
            .0
            .pages()
            .first()
            .map_or((1.0, 1.0), Page::render_dimensions);
        (whole(width), whole(height))
    }

    /// The part of the first page that the plan shows, of a page that is `size` large.
    pub(crate) fn render(
        &self,
        size: (u32, u32),
        plan: &Plan,
        limits: &Limits,
    ) -> Result<Picture, DrawError> {
        let (width, height) = plan.scaled;
        limits.check_buffer(u64::from(width) * u64::from(height) * 4)?;
        let edge = |n| u16::try_from(n).map_err(DrawError::damaged);
        let (w, h) = (edge(width)?, edge(height)?);
        let page = self
            .0
            .pages()
            .first()
            .ok_or_else(|| DrawError::damaged("it has no page"))?;
        let (own_w, own_h) = page.render_dimensions();
        let [sx, sy, tx, ty] = placement(size, plan).map(f64::from);
        let transform = Affine::translate((tx, ty))
            * Affine::scale_non_uniform(sx / f64::from(own_w), sy / f64::from(own_h))
            * page.initial_transform(true).to_kurbo();
        let mut context = RenderContext::new(w, h);
        render_into(
            page,
            &RenderCache::new(),
            &InterpreterSettings::default(),
            &RenderSettings::default(),
            &mut context,
            transform,
        );
        context.flush();
        let mut pixmap = Pixmap::new(w, h);
        let settings = RasterizerSettings {
            target_init: TargetInit::Clear(WHITE),
            ..RasterizerSettings::default()
        };
        context.render_with(&mut pixmap, &mut Resources::default(), settings);
        // White lies under everything, so no pixel is transparent and none needs its alpha taken out.
        let pixels = pixmap
            .data_as_u8_slice()
            .chunks_exact(4)
            .flat_map(|pixel| pixel.iter().copied().take(3))
            .collect();
        Ok(Picture::new(Layout::Rgb, width, height, pixels))
    }
}
