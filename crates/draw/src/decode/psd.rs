//! The composite of a PSD: the picture of all layers together, which stands at the end of the file.
//! Layout: Adobe Photoshop File Formats Specification, "Image Data Section".

use std::io::{Read, SeekFrom};

use super::Source;
use crate::color::lab;
use crate::picture::{Layout, Picture, Sink};
use crate::{DrawError, Limits};

const RGB: u16 = 3;
const GRAY: u16 = 1;
const CMYK: u16 = 4;
const LAB: u16 = 9;

pub(super) fn decode<S: Source>(
    source: &mut S,
    sink: &mut Sink<'_>,
    limits: &Limits,
) -> Result<(), DrawError> {
    let mut header = [0; 26];
    source.read_exact(&mut header).map_err(DrawError::damaged)?;
    let number = |at: usize| {
        let bytes = header.get(at..at + 2).and_then(|b| b.try_into().ok());
        u16::from_be_bytes(bytes.unwrap_or_default())
    };
    let long = |at: usize| u32::from(number(at)) << 16 | u32::from(number(at + 2));
    let (version, channels) = (number(4), number(12));
    let (height, width) = (long(14), long(18));
    let (depth, mode) = (number(22), number(24));
    let (wanted, layout) = match mode {
        GRAY => (1, Layout::Gray),
        RGB | LAB => (3, Layout::Rgb),
        CMYK => (4, Layout::Cmyk),
        other => return Err(DrawError::unsupported(format!("a PSD in the mode {other}"))),
    };
    if version != 1 || !matches!(depth, 8 | 16) || channels < wanted {
        return Err(DrawError::unsupported(format!(
            "a PSD of version {version} with {channels} channels of {depth} bits"
        )));
    }
    // Colour mode data, image resources, layers and masks.
    for _ in 0..3 {
        let length = read_u32(source)?;
        source
            .seek(SeekFrom::Current(i64::from(length)))
            .map_err(DrawError::damaged)?;
    }
    let packed = match read_u16(source)? {
        0 => false,
        1 => true,
        other => {
            return Err(DrawError::unsupported(format!(
                "a PSD packed by the method {other}"
            )));
        }
    };
    let sample = usize::from(depth / 8);
    let row_bytes = width as usize * sample;
    let pixel_count = u64::from(width) * u64::from(height);
    limits.check_buffer(pixel_count * u64::from(wanted))?;
    let mut lengths = Vec::new();
    if packed {
        for _ in 0..u64::from(height) * u64::from(channels) {
            lengths.push(read_u16(source)?);
        }
    }
    let mut pixels = vec![0_u8; usize::try_from(pixel_count).unwrap_or(0) * usize::from(wanted)];
    let mut row = vec![0_u8; row_bytes];
    for channel in 0..usize::from(wanted) {
        for y in 0..height as usize {
            if packed {
                let length = lengths
                    .get(channel * height as usize + y)
                    .copied()
                    .unwrap_or_default();
                let mut bytes = vec![0; usize::from(length)];
                source.read_exact(&mut bytes).map_err(DrawError::damaged)?;
                unpack(&bytes, &mut row);
            } else {
                source.read_exact(&mut row).map_err(DrawError::damaged)?;
            }
            let start = y * width as usize * usize::from(wanted) + channel;
            let targets = pixels
                .get_mut(start..)
                .unwrap_or_default()
                .iter_mut()
                .step_by(usize::from(wanted));
            for (target, value) in targets.zip(row.chunks_exact(sample)) {
                *target = value.first().copied().unwrap_or_default();
            }
        }
    }
    match mode {
        // Stored as the light that is left.
        CMYK => pixels.iter_mut().for_each(|v| *v = 255 - *v),
        LAB => {
            for pixel in pixels.chunks_exact_mut(3) {
                if let [l, a, b] = pixel {
                    let color = lab(
                        f64::from(*l) / 2.55,
                        f64::from(*a) - 128.0,
                        f64::from(*b) - 128.0,
                    );
                    pixel.copy_from_slice(&color);
                }
            }
        }
        _ => {}
    }
    sink.whole(Picture::new(layout, width, height, pixels))
}

/// PackBits: runs of one byte, and bytes as they are.
fn unpack(mut packed: &[u8], row: &mut [u8]) {
    let mut at = 0;
    while let Some((&control, rest)) = packed.split_first() {
        let room = row.get_mut(at..).unwrap_or_default();
        let (written, used) = match control {
            0..128 => {
                let bytes = rest.get(..=usize::from(control)).unwrap_or(rest);
                for (target, value) in room.iter_mut().zip(bytes) {
                    *target = *value;
                }
                (bytes.len(), bytes.len())
            }
            128 => (0, 0),
            129.. => {
                let (Some(value), length) = (rest.first(), 257 - usize::from(control)) else {
                    return;
                };
                room.iter_mut()
                    .take(length)
                    .for_each(|target| *target = *value);
                (length, 1)
            }
        };
        at += written;
        packed = rest.get(used..).unwrap_or_default();
    }
}

fn read_u16<S: Read>(source: &mut S) -> Result<u16, DrawError> {
    let mut bytes = [0; 2];
    source.read_exact(&mut bytes).map_err(DrawError::damaged)?;
    Ok(u16::from_be_bytes(bytes))
}

fn read_u32<S: Read>(source: &mut S) -> Result<u32, DrawError> {
    let mut bytes = [0; 4];
    source.read_exact(&mut bytes).map_err(DrawError::damaged)?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_bits_are_unpacked_within_the_row() {
        let mut row = [9; 6];
        unpack(&[1, 1, 2, 254, 7, 128, 0, 5], &mut row);
        assert_eq!(row, [1, 2, 7, 7, 7, 5]);
        // Runs past the row, and ends in the middle.
        unpack(&[129, 3], &mut row);
        assert_eq!(row, [3; 6]);
        unpack(&[5, 1], &mut row);
        assert_eq!(row, [1, 3, 3, 3, 3, 3]);
        unpack(&[200], &mut row);
        assert_eq!(row, [1, 3, 3, 3, 3, 3]);
    }
}
