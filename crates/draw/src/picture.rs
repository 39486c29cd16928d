//! Pixels in memory, and the sink that decoders hand their rows to.

use crate::{DrawError, Limits};

/// What the bytes of a pixel mean. 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Gray,
    Rgb,
    /// Alpha is not multiplied in.
    Rgba,
    /// 255 is full ink.
    Cmyk,
}

impl Layout {
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }
}

/// A picture as it is stored, or a smaller one of the whole of it.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) layout: Layout,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
    /// Pixels of this for each pixel of the source. The last column and row may stand for part of one.
    pub(crate) scale: f64,
    /// What its numbers mean; sRGB where there is none.
    pub(crate) icc: Option<Vec<u8>>,
}

impl Picture {
    pub(crate) fn new(layout: Layout, width: u32, height: u32, pixels: Vec<u8>) -> Self {
        Self {
            layout,
            width,
            height,
            pixels,
            scale: 1.0,
            icc: None,
        }
    }

    /// Bytes of one row.
    pub(crate) fn stride(&self) -> usize {
        self.width as usize * self.layout.channels()
    }
}

/// Something that looks at each row of the source as it goes by, in full size.
pub(crate) trait Watch {
    /// Told once, before the first row.
    fn begin(&mut self, layout: Layout, width: u32, height: u32);
    fn row(&mut self, y: u32, row: &[u8]);
}

/// Takes a picture row by row, and keeps it smaller by a whole factor where that is asked. So memory
/// follows what is drawn and not what is read.
pub(crate) struct Sink<'a> {
    /// How many pixels of the source's edge may be averaged into one.
    shrink: u32,
    limits: &'a Limits,
    watch: Option<&'a mut dyn Watch>,
    picture: Option<Picture>,
    /// Sums of the rows that make up the next row: for RGBA weighted by alpha.
    sums: Vec<u64>,
    rows_summed: u32,
    source_width: u32,
    source_height: u32,
    y: u32,
}

impl<'a> Sink<'a> {
    /// `shrink`: 1 keeps all pixels.
    pub(crate) fn new(shrink: u32, limits: &'a Limits) -> Self {
        Self {
            shrink: shrink.max(1),
            limits,
            watch: None,
            picture: None,
            sums: Vec::new(),
            rows_summed: 0,
            source_width: 0,
            source_height: 0,
            y: 0,
        }
    }

    pub(crate) fn watched_by(self, watch: &'a mut dyn Watch) -> Self {
        Self {
            watch: Some(watch),
            ..self
        }
    }

    /// Whether every row must go by in full size.
    pub(crate) fn wants_all(&self) -> bool {
        self.watch.is_some()
    }

    /// Announces the picture. `scale`: what the decoder itself has scaled it by.
    pub(crate) fn begin(
        &mut self,
        layout: Layout,
        (width, height): (u32, u32),
        scale: f64,
        icc: Option<Vec<u8>>,
    ) -> Result<(), DrawError> {
        let (w, h) = (width.div_ceil(self.shrink), height.div_ceil(self.shrink));
        let bytes = u64::from(w) * u64::from(h) * layout.channels() as u64;
        self.limits.check_buffer(bytes)?;
        if let Some(watch) = &mut self.watch {
            watch.begin(layout, width, height);
        }
        let mut pixels = Vec::new();
        let bytes = usize::try_from(bytes).map_err(|_| DrawError::OutOfMemory)?;
        pixels
            .try_reserve_exact(bytes)
            .map_err(|_| DrawError::OutOfMemory)?;
        if self.shrink > 1 {
            self.sums = vec![0; w as usize * layout.channels()];
        }
        (self.source_width, self.source_height) = (width, height);
        self.picture = Some(Picture {
            layout,
            width: w,
            height: h,
            pixels,
            scale: scale / f64::from(self.shrink),
            icc,
        });
        Ok(())
    }

    /// Takes the next rows, from the top.
    pub(crate) fn rows(&mut self, rows: &[u8]) -> Result<(), DrawError> {
        let Some(picture) = &mut self.picture else {
            return Err(DrawError::damaged("it has rows before it has a size"));
        };
        let stride = self.source_width as usize * picture.layout.channels();
        for row in rows.chunks_exact(stride.max(1)) {
            if self.y >= self.source_height {
                break;
            }
            if let Some(watch) = &mut self.watch {
                watch.row(self.y, row);
            }
            self.y += 1;
            if self.shrink == 1 {
                picture.pixels.extend_from_slice(row);
                continue;
            }
            add(&mut self.sums, row, picture.layout, self.shrink as usize);
            self.rows_summed += 1;
            if self.rows_summed == self.shrink || self.y == self.source_height {
                average(
                    &mut self.sums,
                    picture,
                    self.source_width,
                    self.shrink,
                    self.rows_summed,
                );
                self.rows_summed = 0;
            }
        }
        Ok(())
    }

    /// Takes a picture that was decoded as a whole.
    pub(crate) fn whole(&mut self, picture: Picture) -> Result<(), DrawError> {
        let size = (picture.width, picture.height);
        if self.shrink == 1 && self.watch.is_none() {
            self.y = size.1;
            self.source_height = size.1;
            self.picture = Some(picture);
            return Ok(());
        }
        self.begin(picture.layout, size, picture.scale, picture.icc)?;
        self.rows(&picture.pixels)
    }

    /// The picture, if all its rows came.
    pub(crate) fn finish(self) -> Result<Picture, DrawError> {
        match self.picture {
            Some(picture) if self.y == self.source_height => Ok(picture),
            _ => Err(DrawError::damaged("it ends in the middle")),
        }
    }
}

fn add(sums: &mut [u64], row: &[u8], layout: Layout, shrink: usize) {
    let channels = layout.channels();
    for (sum, block) in sums
        .chunks_exact_mut(channels)
        .zip(row.chunks(shrink * channels))
    {
        for pixel in block.chunks_exact(channels) {
            match (layout, &mut *sum, pixel) {
                (Layout::Rgba, [r, g, b, a], &[pr, pg, pb, pa]) => {
                    let weight = u64::from(pa);
                    *r += u64::from(pr) * weight;
                    *g += u64::from(pg) * weight;
                    *b += u64::from(pb) * weight;
                    *a += weight;
                }
                (_, sum, pixel) => {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u64::from(*value);
                    }
                }
            }
        }
    }
}

/// Turns the sums into a row of the picture and empties them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an average of bytes is a byte"
)]
fn average(sums: &mut [u64], picture: &mut Picture, source_width: u32, shrink: u32, rows: u32) {
    let channels = picture.layout.channels();
    let divide = |sum: u64, by: u64| ((sum + by / 2) / by.max(1)) as u8;
    for (x, sum) in (0_u32..).zip(sums.chunks_exact_mut(channels)) {
        let columns = shrink.min(source_width.saturating_sub(x * shrink)).max(1);
        let count = u64::from(columns) * u64::from(rows);
        if let (Layout::Rgba, [r, g, b, a]) = (picture.layout, &mut *sum) {
            let color = [
                divide(*r, *a),
                divide(*g, *a),
                divide(*b, *a),
                divide(*a, count),
            ];
            picture.pixels.extend_from_slice(&color);
        } else {
            picture.pixels.extend(sum.iter().map(|s| divide(*s, count)));
        }
        sum.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shrunk(layout: Layout, size: (u32, u32), shrink: u32, pixels: &[u8]) -> Picture {
        let limits = Limits::default();
        let mut sink = Sink::new(shrink, &limits);
        sink.begin(layout, size, 1.0, None).unwrap();
        sink.rows(pixels).unwrap();
        sink.finish().unwrap()
    }

    #[test]
    fn blocks_are_averaged_and_the_last_may_be_partial() {
        let picture = shrunk(Layout::Gray, (3, 3), 2, &[0, 10, 50, 20, 30, 70, 1, 3, 9]);
        assert_eq!((picture.width, picture.height), (2, 2));
        assert_eq!(picture.pixels, [15, 60, 2, 9]);
    }

    #[test]
    fn what_is_transparent_lends_no_color() {
        let pixels = [200, 0, 0, 255, 0, 255, 0, 0];
        let picture = shrunk(Layout::Rgba, (2, 1), 2, &pixels);
        assert_eq!(picture.pixels, [200, 0, 0, 128]);
    }

    #[test]
    fn a_missing_row_is_noticed() {
        let limits = Limits::default();
        let mut sink = Sink::new(1, &limits);
        sink.begin(Layout::Gray, (2, 2), 1.0, None).unwrap();
        sink.rows(&[1, 2]).unwrap();
        assert!(matches!(sink.finish(), Err(DrawError::Damaged { .. })));
    }
}
