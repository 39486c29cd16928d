//! Single faults that no sample shows, in files put together byte by byte.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use accolade_media::{Facts, Limits, Refusal, probe};

fn read(parts: &[&[u8]]) -> Result<Facts, Refusal> {
    probe(Cursor::new(parts.concat()), &Limits::default())
}

/// The name and text of a refusal; says what was found if there is none.
fn refused(parts: &[&[u8]]) -> String {
    match read(parts) {
        Ok(facts) => format!("accepted: {facts:?}"),
        Err(refusal) => format!("{refusal:?}"),
    }
}

/// A box of the ISO base media format.
fn iso_box(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 8)
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    [&length[..], kind, &body].concat()
}

/// A chunk of a RIFF file of even length.
fn riff_chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    [kind, &length, body].concat()
}

const JPEG_START: &[u8] = b"\xFF\xD8";
/// A frame header of one component and 8 x 8 pixels: one block.
const JPEG_FRAME: &[u8] = b"\xFF\xC0\0\x0B\x08\0\x08\0\x08\x01\x01\x11\0";
const JPEG_SCAN: &[u8] = b"\xFF\xDA\0\x08\x01\x01\0\0\x3F\0\x55\x55";
const JPEG_END: &[u8] = b"\xFF\xD9";

#[test]
fn a_jpeg_needs_header_data_and_end_in_this_order() {
    let facts = read(&[JPEG_START, JPEG_FRAME, JPEG_SCAN, JPEG_END]).unwrap();
    assert_eq!(
        (facts.width, facts.height, facts.color_space),
        (Some(8), Some(8), Some("Gray"))
    );
    let huge = b"\xFF\xC0\0\x0B\x08\x20\0\x20\0\x01\x01\x11\0";
    let unsampled = b"\xFF\xC0\0\x0B\x08\0\x08\0\x08\x01\x01\x01\0";
    let twelve_bits = b"\xFF\xC1\0\x0B\x0C\0\x08\0\x08\x01\x01\x11\0";
    let arithmetic = b"\xFF\xC9\0\x0B\x08\0\x08\0\x08\x01\x01\x11\0";
    for (parts, expected) in [
        (&[JPEG_START, JPEG_FRAME, JPEG_SCAN][..], "Damaged"),
        (&[JPEG_START, JPEG_FRAME, JPEG_END], "Damaged"),
        (&[JPEG_START, JPEG_SCAN, JPEG_FRAME, JPEG_END], "Damaged"),
        (
            &[JPEG_START, JPEG_FRAME, JPEG_FRAME, JPEG_SCAN, JPEG_END],
            "Damaged",
        ),
        (
            &[JPEG_START, JPEG_FRAME, JPEG_START, JPEG_SCAN, JPEG_END],
            "Damaged",
        ),
        (&[JPEG_START, huge, JPEG_SCAN, JPEG_END], "Damaged"),
        (&[JPEG_START, unsampled, JPEG_SCAN, JPEG_END], "Damaged"),
        (
            &[JPEG_START, twelve_bits, JPEG_SCAN, JPEG_END],
            "Unsupported",
        ),
        (
            &[JPEG_START, arithmetic, JPEG_SCAN, JPEG_END],
            "Unsupported",
        ),
        (
            &[JPEG_START, JPEG_FRAME, &JPEG_SCAN.repeat(201), JPEG_END],
            "TooLarge",
        ),
    ] {
        let refusal = refused(parts);
        assert!(refusal.starts_with(expected), "{parts:02X?}: {refusal}");
    }
}

#[test]
fn a_png_must_have_room_for_its_pixels() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [&length[..], kind, data, &[0; 4]].concat()
    };
    let header = |edge: u32, color: u8| {
        let edge = edge.to_be_bytes();
        let ihdr = [&edge[..], &edge, &[8, color, 0, 0, 0]].concat();
        [&b"\x89PNG\r\n\x1A\n"[..], &chunk(b"IHDR", &ihdr)].concat()
    };
    let data = chunk(b"IDAT", &[0; 100]);
    let end = chunk(b"IEND", b"");
    let frame = chunk(b"fcTL", &[0; 26]);
    assert_eq!(
        read(&[&header(8, 6), &data, &end]).unwrap().has_alpha,
        Some(true)
    );
    assert_eq!(
        read(&[&header(8, 2), &data, &end]).unwrap().has_alpha,
        Some(false)
    );
    let keyed = read(&[&header(8, 2), &chunk(b"tRNS", &[0; 6]), &data, &end]).unwrap();
    assert_eq!(keyed.has_alpha, Some(true));
    for (parts, expected) in [
        (&[&header(9_000, 2)[..], &data, &end][..], "Damaged"),
        (&[&header(8, 2), &end], "Damaged"),
        (&[&header(8, 5), &data, &end], "Damaged"),
        (&[&header(0, 2), &data, &end], "Damaged"),
        (&[&header(10_001, 2), &data, &end], "TooLarge"),
        (
            &[&header(8, 2), &frame.repeat(301), &data, &end],
            "TooLarge",
        ),
        (
            &[&header(1_000, 2), &frame.repeat(201), &data, &end],
            "TooLarge",
        ),
        (
            &[&header(8, 2), b"\0\0\0\0ID\0T\0\0\0\0", &data, &end],
            "Damaged",
        ),
    ] {
        let refusal = refused(parts);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn a_gif_is_measured_by_its_screen_or_else_by_its_frames() {
    let screen = |edge: u8| [&b"GIF89a"[..], &[edge, 0, edge, 0, 0, 0, 0]].concat();
    let frame = b",\x02\0\x03\0\x05\0\x04\0\0\x02\x01\x44\0";
    let bare = read(&[&screen(0), frame, b";"]).unwrap();
    assert_eq!((bare.width, bare.height), (Some(7), Some(7)));
    let framed = read(&[&screen(9), frame, b"\0;"]).unwrap();
    assert_eq!((framed.width, framed.has_alpha), (Some(9), Some(true)));
    let whole = read(&[&screen(4), b",\0\0\0\0\x05\0\x04\0\0\x02\x01\x44\0;"]).unwrap();
    assert_eq!(
        (whole.width, whole.has_alpha, whole.frames),
        (Some(4), Some(false), Some(1))
    );
    assert!(refused(&[&screen(9), &frame.repeat(301), b";"]).starts_with("TooLarge"));
    assert!(refused(&[&screen(9), b";"]).starts_with("Damaged"));
    assert!(refused(&[&screen(9), frame]).starts_with("Damaged"));
}

#[test]
fn a_webp_whose_sizes_disagree_is_refused() {
    let lossless = riff_chunk(b"VP8L", b"\x2F\x07\xC0\x01\0\0");
    let canvas = |edge: u8| riff_chunk(b"VP8X", &[0x10, 0, 0, 0, edge, 0, 0, edge, 0, 0]);
    let file = |parts: &[&[u8]]| riff_chunk(b"RIFF", &[&b"WEBP"[..], &parts.concat()].concat());
    assert_eq!(read(&[&file(&[&lossless])]).unwrap().width, Some(8));
    assert_eq!(
        read(&[&file(&[&canvas(7), &lossless])]).unwrap().has_alpha,
        Some(true)
    );
    assert!(refused(&[&file(&[&canvas(8), &lossless])]).starts_with("Damaged"));
    assert!(refused(&[&file(&[&canvas(7)])]).starts_with("Damaged"));
    let frame = riff_chunk(b"ANMF", &[0, 0, 0, 0, 0, 0, 7, 0, 0, 7, 0, 0, 50, 0, 0, 0]);
    let animation = read(&[&file(&[&canvas(7), &frame, &frame])]).unwrap();
    assert_eq!(
        (animation.frames, animation.duration_ms),
        (Some(2), Some(100))
    );
    assert!(refused(&[&file(&[&canvas(6), &frame])]).starts_with("Damaged"));
    assert!(refused(&[&file(&[&canvas(7), &frame.repeat(301)])]).starts_with("TooLarge"));
}

#[test]
fn a_heic_is_as_its_primary_picture_is_shown() {
    let size = |w: u8, h: u8| iso_box(b"ispe", &[&[0, 0, 0, 0, 0, 0, 0, w, 0, 0, 0, h]]);
    let alpha = iso_box(b"auxC", &[b"\0\0\0\0urn:mpeg:hevc:2015:auxid:1\0"]);
    let properties = [size(64, 64), size(30, 20), iso_box(b"irot", &[&[3]]), alpha].concat();
    // Picture 1 is a thumbnail, picture 2 the primary one: 30 x 20, turned.
    let belong = b"\0\0\0\0\0\0\0\x02\0\x01\x01\x01\0\x02\x02\x82\x83";
    let properties = [
        iso_box(b"ipco", &[&properties]),
        iso_box(b"ipma", &[belong]),
    ]
    .concat();
    let primary = iso_box(b"pitm", &[b"\0\0\0\0\0\x02"]);
    let meta = iso_box(
        b"meta",
        &[&[0; 4], &primary, &iso_box(b"iprp", &[&properties])],
    );
    let brand = iso_box(b"ftyp", &[b"heic\0\0\0\0mif1heic"]);
    let data = iso_box(b"mdat", &[b"."]);
    let facts = read(&[&brand, &meta, &data]).unwrap();
    assert_eq!(
        (facts.width, facts.height, facts.orientation),
        (Some(20), Some(30), 1)
    );
    assert_eq!(
        (facts.media_type, facts.has_alpha),
        ("image/heic", Some(true))
    );
    assert!(refused(&[&brand, &meta]).starts_with("Damaged"));
    assert!(refused(&[&brand, &data]).starts_with("Damaged"));
}

#[test]
fn a_film_needs_a_header_with_a_track_and_data() {
    let brand = iso_box(b"ftyp", &[b"isom\0\0\0\0mp42"]);
    let track = |kind: &[u8; 4]| {
        let handler = iso_box(b"hdlr", &[&[0; 8], kind, &[0; 12]]);
        iso_box(b"trak", &[&iso_box(b"mdia", &[&handler])])
    };
    let film = iso_box(b"moov", &[&track(b"soun"), &track(b"vide")]);
    let sound = iso_box(b"moov", &[&track(b"soun")]);
    let nothing = iso_box(b"moov", &[&track(b"text")]);
    let data = iso_box(b"mdat", &[b"."]);
    assert_eq!(
        read(&[&brand, &film, &data]).unwrap().media_type,
        "video/mp4"
    );
    assert_eq!(
        read(&[&brand, &sound, &data]).unwrap().media_type,
        "audio/mp4"
    );
    assert_eq!(read(&[&film, &data]).unwrap().media_type, "video/quicktime");
    assert!(
        read(&[&brand, &data, &film, &[0; 40]]).is_ok(),
        "padding is let pass"
    );
    for parts in [
        &[&brand[..], &film][..],
        &[&brand, &data],
        &[&brand, &nothing, &data],
        &[&brand, &film, &iso_box(b"mdat", &[&[0; 99]])[..50]],
        &[&brand, &data, b"\0\0\0\x04moov"],
    ] {
        let refusal = refused(parts);
        assert!(refusal.starts_with("Damaged"), "{refusal}");
    }
}

#[test]
fn an_svg_must_be_one_whole_drawing_in_utf_8() {
    let namespace = "xmlns='http://www.w3.org/2000/svg'";
    let svg = |inner: &str| format!("<svg {namespace}>{inner}</svg>");
    for good in [
        svg(""),
        svg("<text>a &amp; b &#169;</text>"),
        format!(
            "<?xml version='1.0' encoding='UTF-8'?>\n{}\n<!-- end -->\n",
            svg("<g/>")
        ),
        "<s:svg xmlns:s='http://www.w3.org/2000/svg'/>".to_owned(),
        format!(
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'svg11.dtd'>{}",
            svg("")
        ),
    ] {
        assert!(
            read(&[good.as_bytes()]).is_ok(),
            "{good}: {}",
            refused(&[good.as_bytes()])
        );
    }
    for (bad, expected) in [
        ("<svg/>".to_owned(), "Damaged"),
        (svg("<g>"), "Damaged"),
        (svg("</g>"), "Damaged"),
        (svg("&nbsp;"), "Damaged"),
        (format!("{0}{0}", svg("")), "Damaged"),
        (format!("{}more", svg("")), "Damaged"),
        (
            format!(
                "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}",
                svg("&x;")
            ),
            "Unsafe",
        ),
        (
            format!("<!DOCTYPE svg [<!entity % x ''>]>{}", svg("")),
            "Unsafe",
        ),
        (
            format!("<?xml version='1.0' encoding='UTF-16'?>{}", svg("")),
            "Unsupported",
        ),
        (svg(&"<g/>".repeat(100_001)), "TooLarge"),
        (
            svg(&format!("<!--{}-->", " ".repeat(8 * 1024 * 1024))),
            "TooLarge",
        ),
        ("<?xml version='1.0'?><note/>".to_owned(), "Unsupported"),
    ] {
        let refusal = refused(&[bad.as_bytes()]);
        assert!(refusal.starts_with(expected), "{bad:.80}: {refusal}");
    }
    let latin = b"<svg xmlns='http://www.w3.org/2000/svg'><text>\xE9t\xE9</text></svg>";
    assert!(refused(&[latin]).starts_with("Unsupported"));
}

#[test]
fn programs_pages_and_text_are_refused_whatever_they_are_called() {
    for bytes in [
        &b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xFF\xFF"[..],
        b"#!/bin/sh\necho hello\n",
        b"<html><body onload='x()'></body></html>",
        b"Dear Sir or Madam,\nplease find enclosed\n",
        b"{\\rtf1\\ansi hello}",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        b"\x1F\x8B\x08\0\0\0\0\0",
        b"\0",
    ] {
        let refusal = refused(&[bytes]);
        assert!(refusal.starts_with("Unsupported"), "{refusal}");
    }
    assert!(refused(&[]).starts_with("Empty"));
}

/// A file that begins like a PNG and then cannot be read.
struct Broken(Cursor<&'static [u8]>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is on fire")),
            read => Ok(read),
        }
    }
}

impl Seek for Broken {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::End(_) => Ok(1_000),
            other => self.0.seek(other),
        }
    }
}

#[test]
fn a_reader_that_fails_is_not_held_against_the_file() {
    let broken = BufReader::new(Broken(Cursor::new(b"\x89PNG\r\n\x1A\n")));
    let answer = probe(broken, &Limits::default());
    assert!(matches!(answer, Err(Refusal::Unreadable(_))), "{answer:?}");
}
