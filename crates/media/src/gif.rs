//! GIF, animated ones too: walks the blocks to the trailer without unpacking a frame.
//! Layout: the `GIF89a` specification.

use crate::limits::check;
use crate::picture::Header;
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// What has been learnt on the way through the blocks. Sizes are in pixels.
struct Animation {
    screen: (u32, u32),
    /// The screen and every frame together: a frame may reach out of the screen, and what draws it
    /// has to hold both.
    extent: (u32, u32),
    frames: u32,
    duration_ms: u64,
    transparent: bool,
}

/// Measures a GIF.
pub(crate) fn probe(source: &mut Source<'_>, limits: &Limits) -> Result<Facts, Refusal> {
    check("bytes", source.len(), limits.max_scan_bytes)?;
    source.skip(6)?;
    let screen = (u32::from(source.u16_le()?), u32::from(source.u16_le()?));
    let [flags, _background, _aspect] = source.array()?;
    skip_colors(source, flags)?;
    let mut animation = Animation {
        screen,
        extent: screen,
        frames: 0,
        duration_ms: 0,
        transparent: false,
    };
    loop {
        source.part()?;
        match source.byte()? {
            b',' => animation.frame(source, limits)?,
            b'!' => animation.extension(source)?,
            b';' => break,
            // Some writers leave a zero between blocks.
            0 => {}
            _ => return Err(Refusal::damaged("a part of it is no GIF")),
        }
    }
    animation.facts(limits)
}

/// Passes over a table of colours if `flags` says that there is one.
fn skip_colors(source: &mut Source<'_>, flags: u8) -> Result<(), Refusal> {
    if flags & 0x80 == 0 {
        Ok(())
    } else {
        source.skip(3 << ((flags & 7) + 1))
    }
}

/// Passes over the pieces that data is cut into, up to the empty one that ends it; says how many
/// bytes they had.
fn skip_pieces(source: &mut Source<'_>) -> Result<u64, Refusal> {
    let mut bytes = 0;
    loop {
        source.part()?;
        match source.byte()? {
            0 => return Ok(bytes),
            length => {
                source.skip(u64::from(length))?;
                bytes += u64::from(length);
            }
        }
    }
}

impl Animation {
    /// Reads the header of a frame and passes over its data.
    fn frame(&mut self, source: &mut Source<'_>, limits: &Limits) -> Result<(), Refusal> {
        let (left, top) = (u32::from(source.u16_le()?), u32::from(source.u16_le()?));
        let (width, height) = (u32::from(source.u16_le()?), u32::from(source.u16_le()?));
        self.extent = (
            self.extent.0.max(left + width),
            self.extent.1.max(top + height),
        );
        self.frames += 1;
        // What the first frame leaves bare shows what lies behind.
        let covers = (left, top) == (0, 0) && width >= self.screen.0 && height >= self.screen.1;
        self.transparent |= self.frames == 1 && !covers;
        limits.check_size(self.extent.0, self.extent.1)?;
        limits.check_frames(self.frames, self.extent.0, self.extent.1)?;
        let flags = source.byte()?;
        skip_colors(source, flags)?;
        let code_size = source.byte()?;
        if !(1..=8).contains(&code_size) || skip_pieces(source)? == 0 {
            return Err(Refusal::damaged("a frame of it holds no picture"));
        }
        Ok(())
    }

    /// Reads how long the next frame is shown and whether it has a transparent colour; passes over
    /// everything else.
    fn extension(&mut self, source: &mut Source<'_>) -> Result<(), Refusal> {
        let label = source.byte()?;
        if label == 0xF9 && source.remaining() > 0 {
            let start = source.position();
            let [_length, flags] = source.array()?;
            self.duration_ms += u64::from(source.u16_le()?) * 10;
            self.transparent |= flags & 1 == 1;
            source.seek(start)?;
        }
        skip_pieces(source)?;
        Ok(())
    }

    fn facts(self, limits: &Limits) -> Result<Facts, Refusal> {
        if self.frames == 0 {
            return Err(Refusal::damaged("it holds no picture"));
        }
        // Without a screen, browsers take the frame for it.
        let (width, height) = if self.screen.0 == 0 || self.screen.1 == 0 {
            self.extent
        } else {
            self.screen
        };
        let header = Header {
            width,
            height,
            orientation: 1,
            has_alpha: Some(self.transparent),
            color_space: Some("sRGB"),
        };
        Ok(header
            .facts("image/gif", limits)?
            .animated(self.frames, self.duration_ms))
    }
}
