//! What samples and files made to harm say about themselves.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Write as _};
use std::path::{Path, PathBuf};

use accolade_draw::{Limits, Metadata, Source, metadata};
use accolade_media::{Facts, probe};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples")
}

/// Whatever arrives: not too long, too many, too deep, and no text that a database would refuse.
fn check(metadata: &Metadata) {
    let json = serde_json::to_string(metadata).unwrap();
    assert!(json.len() <= 64 * 1024, "{} bytes", json.len());
    assert!(
        metadata.found.values().all(|group| *group != json!({})),
        "{metadata:?}"
    );
    let (entries, depth) = count(&Json::Object(metadata.found.clone()));
    assert!(entries <= 500, "{entries} entries");
    assert!(depth <= 4, "{depth} levels");
    assert!(metadata.title.as_ref().is_none_or(|title| is_clean(title)));
    let again: Metadata = serde_json::from_str(&json).unwrap();
    assert_eq!(again, *metadata);
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c == '\n' || !c.is_control())
}

/// Entries and levels, all of which are as they should be.
fn count(json: &Json) -> (usize, usize) {
    let children: Vec<_> = match json {
        Json::Object(map) => {
            assert!(map.keys().all(|key| is_clean(key)), "{json}");
            map.values().map(count).collect()
        }
        Json::Array(items) => {
            assert!(!items.is_empty());
            items.iter().map(count).collect()
        }
        Json::String(text) => {
            assert!(is_clean(text), "{text:?}");
            Vec::new()
        }
        Json::Bool(_) | Json::Number(_) => Vec::new(),
        Json::Null => unreachable!("nothing is null"),
    };
    let entries = children.iter().map(|child| child.0).sum::<usize>() + children.len();
    (
        entries,
        children.iter().map(|child| child.1).max().unwrap_or(0) + 1,
    )
}

fn facts(mut source: impl Source) -> Facts {
    probe(&mut source, &accolade_media::Limits::default()).unwrap()
}

fn read(mut source: impl Source, facts: &Facts) -> Metadata {
    let metadata = metadata(&mut source, facts, &Limits::default());
    check(&metadata);
    metadata
}

fn of(bytes: &[u8]) -> Metadata {
    read(Cursor::new(bytes), &facts(Cursor::new(bytes)))
}

fn load(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

fn found(metadata: &Metadata) -> Json {
    Json::Object(metadata.found.clone())
}

fn notes(metadata: &Metadata) -> String {
    metadata.found.get("notes").unwrap_or_default().to_string()
}

/// A small JPEG with these segments behind its beginning.
fn jpeg(segments: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let plain = load("made/progressive.jpg");
    let mut bytes = plain[..2].to_vec();
    for (marker, body) in segments {
        bytes.extend([0xFF, *marker]);
        bytes.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
        bytes.extend(body);
    }
    bytes.extend(&plain[2..]);
    bytes
}

fn exif_segment(block: &[u8]) -> (u8, Vec<u8>) {
    (0xE1, [b"Exif\0\0", block].concat())
}

fn xmp_segment(packet: impl AsRef<[u8]>) -> (u8, Vec<u8>) {
    let head = b"http://ns.adobe.com/xap/1.0/\0";
    (0xE1, [head, packet.as_ref()].concat())
}

/// IPTC as Photoshop keeps it, beside another thing of an odd length.
fn iptc_segment(iptc: &[u8]) -> (u8, Vec<u8>) {
    let mut body = b"Photoshop 3.0\08BIM\x04\x0C\0\0\0\0\0\x03abc\0".to_vec();
    body.extend(b"8BIM\x04\x04\0\0");
    body.extend(u32::try_from(iptc.len()).unwrap().to_be_bytes());
    body.extend(iptc);
    (0xED, body)
}

/// A directory of EXIF that stands at `at`: tag, type, count and value. Longer values follow it.
fn directory(at: usize, entries: &[(u16, u16, u32, Vec<u8>)]) -> Vec<u8> {
    let mut table = u16::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
    let mut values = Vec::new();
    for (tag, kind, count, value) in entries {
        table.extend(tag.to_be_bytes());
        table.extend(kind.to_be_bytes());
        table.extend(count.to_be_bytes());
        if value.len() <= 4 {
            let mut value = value.clone();
            value.resize(4, 0);
            table.extend(value);
        } else {
            let place = at + 2 + entries.len() * 12 + 4 + values.len();
            table.extend(u32::try_from(place).unwrap().to_be_bytes());
            values.extend(value);
        }
    }
    [table, vec![0; 4], values].concat()
}

fn text(tag: u16, text: &str) -> (u16, u16, u32, Vec<u8>) {
    let value = [text.as_bytes(), b"\0"].concat();
    (tag, 2, u32::try_from(value.len()).unwrap(), value)
}

fn fractions(tag: u16, fractions: &[(u32, u32)]) -> (u16, u16, u32, Vec<u8>) {
    let value = fractions
        .iter()
        .flat_map(|(above, below)| [above.to_be_bytes(), below.to_be_bytes()].concat())
        .collect();
    (tag, 5, u32::try_from(fractions.len()).unwrap(), value)
}

fn word(tag: u16, value: u32) -> (u16, u16, u32, Vec<u8>) {
    (tag, 4, 1, value.to_be_bytes().to_vec())
}

/// A block of EXIF with a camera, a time, a place, a comment and things that are not shown.
fn exif() -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08".to_vec();
    let first = |exif, place| {
        let entries = [
            text(0x010F, "Nikon\u{7}"),
            (0x011A, 5, 1, [0, 0, 0, 72, 0, 0, 0, 1].to_vec()),
            (0x9C9B, 1, 6, b"\xC9\0t\0\0\0".to_vec()),
            text(0x927C, "maker's own"),
            word(34_665, exif),
            word(34_853, place),
        ];
        directory(8, &entries)
    };
    let exif_at = 8 + first(0, 0).len();
    let taken = directory(
        exif_at,
        &[
            fractions(0x829A, &[(1, 125)]),
            fractions(0x829D, &[(28, 10)]),
            fractions(0x920A, &[(1, 0)]),
            (0x8827, 3, 1, vec![1, 144]),
            text(0x9003, "2026:03:01 12:00:00"),
            (0x9286, 7, 12, b"UNICODE\0\0H\0i".to_vec()),
            (0x9000, 7, 4, b"0232".to_vec()),
            fractions(0xA432, &[(24, 1), (70, 1), (28, 10), (28, 10)]),
            text(0xA431, "123456"),
        ],
    );
    let place_at = exif_at + taken.len();
    let place = directory(
        place_at,
        &[
            (0, 1, 4, vec![2, 3, 0, 0]),
            text(1, "S"),
            fractions(2, &[(33, 1), (51, 1), (3096, 100)]),
            text(3, "E"),
            fractions(4, &[(151, 1), (125_400, 10_000), (0, 0)]),
            (5, 1, 1, vec![1]),
            fractions(6, &[(7, 2)]),
            fractions(7, &[(9, 1), (5, 1), (7, 1)]),
        ],
    );
    let at = |n| u32::try_from(n).unwrap();
    block.extend(first(at(exif_at), at(place_at)));
    block.extend(taken);
    block.extend(place);
    block
}

const XMP: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmlns:ps="http://ns.adobe.com/photoshop/1.0/" ps:Credit="Agency &amp; Sons"
   xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
   xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
  <dc:title><rdf:Alt><rdf:li xml:lang="de-DE">Der Berg</rdf:li><rdf:li xml:lang="x-default">The &lt;mountain&gt;</rdf:li></rdf:Alt></dc:title>
  <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li></rdf:Seq></dc:creator>
  <dc:subject><rdf:Bag><rdf:li>snow</rdf:li><rdf:li><![CDATA[<ice>]]></rdf:li></rdf:Bag></dc:subject>
  <Iptc4xmpCore:CreatorContactInfo rdf:parseType="Resource">
   <Iptc4xmpCore:CiAdrCity>Bern</Iptc4xmpCore:CiAdrCity>
  </Iptc4xmpCore:CreatorContactInfo>
  <xmpMM:History><rdf:Seq>
   <rdf:li stEvt:action="created" rdf:parseType="Resource"/>
   <rdf:li><rdf:Description stEvt:action="saved"/></rdf:li>
  </rdf:Seq></xmpMM:History>
  <xmpMM:DerivedFrom rdf:resource="uuid:1"/>
  <xmp:Thumbnails><rdf:Alt><rdf:li xmpGImg:width="9"><xmpGImg:image>AAAA</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>
  <xmp:Rating>5</xmp:Rating>
 </rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"#;

const IPTC: &[u8] =
    b"\x1C\x01\x5A\0\x03\x1B%G\x1C\x02\0\0\x02\0\x04\x1C\x02\x69\0\x07Z\xC3\xBCrich\
    \x1C\x02\x19\0\x04lake\x1C\x02\x19\0\x04boat\x1C\x02\x05\0\x05Quays";

fn xmp_found() -> Json {
    json!({
        "dc:title": "The <mountain>", "dc:title[de-DE]": "Der Berg", "dc:creator": ["Ada"],
        "dc:subject": ["snow", "<ice>"], "photoshop:Credit": "Agency & Sons", "xmp:Rating": "5",
        "Iptc4xmpCore:CreatorContactInfo/Iptc4xmpCore:CiAdrCity": "Bern",
        "xmpMM:History/stEvt:action": ["created", "saved"], "xmpMM:DerivedFrom": "uuid:1",
    })
}

fn exif_found() -> Json {
    json!({
        "Make": "Nikon", "XResolution": 72, "XPTitle": "Ét", "ExposureTime": 0.008, "FNumber": 2.8,
        "PhotographicSensitivity": 400, "DateTimeOriginal": "2026:03:01 12:00:00",
        "UserComment": "Hi", "ExifVersion": "0232", "LensSpecification": [24, 70, 2.8, 2.8],
        "BodySerialNumber": "123456", "GPSVersionID": "2.3.0.0", "GPSLatitude": -33.8586,
        "GPSLongitude": 151.209, "GPSAltitude": -3.5, "GPSTimeStamp": "09:05:07",
    })
}

#[test]
fn a_jpeg_says_who_when_and_where() {
    let bytes = jpeg(&[exif_segment(&exif()), xmp_segment(XMP), iptc_segment(IPTC)]);
    let metadata = of(&bytes);
    let iptc = json!({"Headline": "Zürich", "Keywords": ["lake", "boat"], "ObjectName": "Quays"});
    let expected = json!({"exif": exif_found(), "xmp": xmp_found(), "iptc": iptc});
    assert_eq!(found(&metadata), expected);
    assert_eq!(metadata.title.as_deref(), Some("The <mountain>"));
    assert_eq!(metadata.pages, None);
    // Without XMP the title is that of IPTC, and without that the one that Windows gives.
    let title = |segments: &[_]| of(&jpeg(segments)).title;
    let exif = exif_segment(&exif());
    assert_eq!(
        title(&[exif.clone(), iptc_segment(IPTC)]).as_deref(),
        Some("Quays")
    );
    assert_eq!(title(&[exif]).as_deref(), Some("Ét"));
    assert_eq!(of(&jpeg(&[])), Metadata::default());
}

#[test]
fn samples_say_what_they_hold() {
    let flower = of(&load("photos/flower.jpg"));
    let exif = &flower.found["exif"];
    assert_eq!(exif["Model"], "Canon PowerShot S40");
    assert_eq!(exif["ExposureTime"], 0.002);
    assert_eq!(exif["DateTimeOriginal"], "2003:12:14 12:01:44");
    assert!(exif.get("MakerNote").is_none());
    // The same picture, packed in another way.
    assert_eq!(of(&load("photos/flower.webp")).found["exif"], *exif);
    assert_eq!(
        of(&load("photos/orientation-6.jpg")).found["exif"],
        json!({"Orientation": 6})
    );
    let film = of(&load("video/bigbuckbunny.mp4"));
    assert_eq!(found(&film), json!({"media": {"codecs": ["avc1", "mp4a"]}}));
    let page = of(&load("made/page.pdf"));
    assert_eq!(page.pages, Some(1));
    for (name, group) in [
        ("photos/iptc.jpg", "iptc"),
        ("photos/hopper.psd", "xmp"),
        ("made/rotated.tif", "exif"),
        ("made/rotated.png", "exif"),
        ("made/rotated.webp", "exif"),
    ] {
        let metadata = of(&load(name));
        assert!(metadata.found.contains_key(group), "{name}: {metadata:?}");
    }
}

/// A PNG with a chunk before its picture.
fn png(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let plain = load("made/gray-alpha.png");
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&plain[..33], &length, kind, body, &[0; 4], &plain[33..]].concat()
}

fn png_packet(is_packed: u8, text: &[u8]) -> Vec<u8> {
    let head = [b"XML:com.adobe.xmp\0", &[is_packed, 0][..], b"en\0\0"].concat();
    png(b"iTXt", &[&head, text].concat())
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}

/// A box of a file of boxes.
fn boxed(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    [&length, kind, body].concat()
}

#[test]
fn every_container_is_opened() {
    let png_facts = facts(Cursor::new(load("made/gray-alpha.png")));
    for bytes in [
        png_packet(0, XMP.as_bytes()),
        png_packet(1, &zlib(XMP.as_bytes())),
    ] {
        assert_eq!(
            read(Cursor::new(bytes), &png_facts).found["xmp"],
            xmp_found()
        );
    }
    let metadata = read(Cursor::new(png(b"eXIf", &exif())), &png_facts);
    assert_eq!(metadata.found["exif"], exif_found());

    let webp = load("made/alpha.webp");
    let chunk = |kind: &[u8], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [kind, &length, body, &vec![0; body.len() % 2]].concat()
    };
    let with_head = [b"Exif\0\0", &exif()[..]].concat();
    let bytes = [
        webp.clone(),
        chunk(b"XMP ", XMP.as_bytes()),
        chunk(b"EXIF", &with_head),
    ];
    let metadata = read(Cursor::new(bytes.concat()), &facts(Cursor::new(webp)));
    assert_eq!(
        found(&metadata),
        json!({"exif": exif_found(), "xmp": xmp_found()})
    );

    // A TIFF is one block of EXIF, and holds the others.
    let mut tiff = b"MM\0*\0\0\0\x08".to_vec();
    let bytes_of =
        |tag, value: &[u8]| (tag, 1, u32::try_from(value.len()).unwrap(), value.to_vec());
    let entries = [
        text(0x0131, "ours"),
        bytes_of(700, XMP.as_bytes()),
        bytes_of(33_723, IPTC),
    ];
    tiff.extend(directory(8, &entries));
    let tiff_facts = facts(Cursor::new(load("made/rotated.tif")));
    let metadata = read(Cursor::new(tiff), &tiff_facts);
    assert_eq!(metadata.found["exif"], json!({"Software": "ours"}));
    assert_eq!(metadata.found["xmp"], xmp_found());
    assert_eq!(metadata.found["iptc"]["Headline"], "Zürich");

    // Items of a HEIC: EXIF in the file, XMP in a box beside the table.
    let entry = |number: u8, kind: &[u8]| {
        boxed(
            b"infe",
            &[&[2, 0, 0, 0, 0, number, 0, 0], kind, b"\0"].concat(),
        )
    };
    let infos = [
        &[0, 0, 0, 0, 0, 2][..],
        &entry(1, b"Exif"),
        &entry(2, b"mime\0application/rdf+xml"),
    ];
    let block = [&[0, 0, 0, 6][..], b"Exif\0\0", &exif()[..]].concat();
    let long = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let heic = |exif_at: usize| {
        let place = |item: u8, method: u8, at: usize, length: usize| {
            [
                &[0, item, 0, method, 0, 0, 0, 1][..],
                &long(at),
                &long(length),
            ]
            .concat()
        };
        let table = [
            &[1, 0, 0, 0, 0x44, 0, 0, 2][..],
            &place(1, 0, exif_at, block.len()),
            &place(2, 1, 3, XMP.len()),
        ];
        let meta = [
            &[0; 4][..],
            &boxed(b"iinf", &infos.concat()),
            &boxed(b"iloc", &table.concat()),
            &boxed(b"idat", &[b"...", XMP.as_bytes()].concat()),
        ];
        [
            boxed(b"ftyp", b"heic\0\0\0\0"),
            boxed(b"meta", &meta.concat()),
        ]
        .concat()
    };
    let bytes = [&heic(heic(0).len() + 8)[..], &boxed(b"mdat", &block)].concat();
    let heic_facts = facts(Cursor::new(load("made/still.heic")));
    let metadata = read(Cursor::new(bytes), &heic_facts);
    assert_eq!(
        found(&metadata),
        json!({"exif": exif_found(), "xmp": xmp_found()})
    );

    // A film and a drawing.
    let id = b"\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC";
    let film = load("made/tiny.mov");
    let packet = boxed(b"uuid", &[id, XMP.as_bytes()].concat());
    let metadata = of(&[&film[..], &packet].concat());
    assert_eq!(metadata.found["xmp"], xmp_found());
    assert_eq!(metadata.found["media"], json!({"codecs": ["avc1"]}));
    let packet = &XMP[XMP.find("<x:").unwrap()..XMP.rfind("<?").unwrap()];
    let space = " ".repeat(65_520);
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{space}<metadata>{packet}</metadata></svg>"
    );
    assert_eq!(of(svg.as_bytes()).found["xmp"], xmp_found());
}

#[test]
fn credentials_are_said_to_be_there_and_no_more() {
    let description = boxed(
        b"jumd",
        b"c2pa\x00\x11\x00\x10\x80\x00\x00\xAA\x00\x38\x9B\x71\x03c2pa\0",
    );
    let credentials = boxed(b"jumb", &description);
    let other = boxed(
        b"jumb",
        &boxed(
            b"jumd",
            b"json\x00\x11\x00\x10\x80\x00\x00\xAA\x00\x38\x9B\x71",
        ),
    );
    let expected = json!({"contentCredentials": {"present": true, "validated": false}});
    let segment = |jumbf: &[u8]| (0xEB, [b"JP\0\x01\0\0\0\x01", jumbf].concat());
    assert_eq!(found(&of(&jpeg(&[segment(&credentials)]))), expected);
    assert_eq!(found(&of(&jpeg(&[segment(&other)]))), json!({}));
    let facts = facts(Cursor::new(load("made/gray-alpha.png")));
    let metadata = read(Cursor::new(png(b"caBX", &credentials)), &facts);
    assert_eq!(found(&metadata), expected);
}

fn joined(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().concat()
}

/// A PDF of so many pages with an information dictionary and a packet of XMP.
fn pdf(pages: usize, info: &[u8], xmp: &str) -> Vec<u8> {
    let kids = joined(pages, |n| format!("{} 0 R ", n + 10));
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let packed = zlib(xmp.as_bytes());
    let mut objects = vec![
        (
            1,
            b"<< /Type /Catalog /Pages 2 0 R /Metadata 4 0 R >>".to_vec(),
        ),
        (
            2,
            format!("<< /Type /Pages /Count {pages} /Kids [ {kids}] >>").into_bytes(),
        ),
        (3, [b"<< ", info, b" >>"].concat()),
        (
            4,
            [
                format!(
                    "<< /Filter /FlateDecode /Length {} >>\nstream\n",
                    packed.len()
                )
                .as_bytes(),
                &packed,
                b"\nendstream",
            ]
            .concat(),
        ),
    ];
    let page = b"<< /Type /Page /Parent 2 0 R /MediaBox [ 0 0 9 9 ] >>";
    objects.extend((0..pages).map(|n| (n + 10, page.to_vec())));
    let mut table = Vec::new();
    for (number, object) in objects {
        table.push(format!("{number} 1\n{:010} 00000 n \n", bytes.len()));
        bytes.extend(format!("{number} 0 obj\n").into_bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let (at, table) = (bytes.len(), table.concat());
    let end = format!(
        "xref\n0 1\n0000000000 65535 f \n{table}trailer << /Size 99 /Root 1 0 R /Info 3 0 R >>\nstartxref\n{at}\n%%EOF\n"
    );
    bytes.extend(end.into_bytes());
    bytes
}

#[test]
fn a_pdf_has_title_and_pages() {
    let info = b"/Title <FEFF004D0061007000E9> /Author (Ada) /Producer (x\\ty) /CreationDate (D:20260301120000+01'00')";
    let metadata = of(&pdf(3, info, ""));
    assert_eq!(
        (metadata.title.as_deref(), metadata.pages),
        (Some("Mapé"), Some(3))
    );
    let expected = json!({
        "Title": "Mapé", "Author": "Ada", "Producer": "x y", "CreationDate": "2026-03-01T12:00:00+01:00"
    });
    assert_eq!(found(&metadata), json!({"pdf": expected}));
    let metadata = of(&pdf(1, b"", XMP));
    assert_eq!(metadata.title.as_deref(), Some("The <mountain>"));
    assert_eq!(found(&metadata), json!({"xmp": xmp_found()}));
    // Cut in the middle, there may be nothing left but a note.
    let whole = pdf(2, info, XMP);
    let facts = facts(Cursor::new(&whole));
    let metadata = read(Cursor::new(&whole[..40]), &facts);
    assert_eq!(metadata.pages, None);
    assert!(
        notes(&metadata).contains("The PDF is damaged"),
        "{metadata:?}"
    );
}

#[test]
fn directories_that_point_at_themselves_are_read_once() {
    let mut block = b"MM\0*\0\0\0\x08".to_vec();
    let entries = [text(0x010F, "x"), word(34_665, 8), word(34_853, 8)];
    block.extend(directory(8, &entries));
    // The next directory is the same one again.
    let next = 8 + 2 + entries.len() * 12;
    block[next..next + 4].copy_from_slice(&8_u32.to_be_bytes());
    let metadata = of(&jpeg(&[exif_segment(&block)]));
    assert_eq!(found(&metadata), json!({"exif": {"Make": "x"}}));
}

#[test]
fn what_is_too_much_is_cut_and_said() {
    // As many texts as fit, each as long as the block, all the same bytes.
    let mut entries: Vec<_> = (0x010D..0x0140)
        .map(|tag| (tag, 2, 60_000, vec![0; 4]))
        .collect();
    entries.push(word(34_665, 8));
    let mut block = b"MM\0*\0\0\0\x08".to_vec();
    block.extend(directory(8, &entries));
    block.resize(60_000, b'a');
    for entry in block[10..].chunks_exact_mut(12).take(entries.len() - 1) {
        entry[8..12].copy_from_slice(&1000_u32.to_be_bytes());
    }
    let full_exif = exif_segment(&block);
    let metadata = of(&jpeg(std::slice::from_ref(&full_exif)));
    assert!(
        notes(&metadata).contains("Long texts in exif were cut."),
        "{}",
        notes(&metadata)
    );
    assert!(notes(&metadata).contains("There is more in exif than is kept"));

    let keyword = b"\x1C\x02\x19\0\x05\"\\\x01\xC3\xA9";
    let metadata = of(&jpeg(&[iptc_segment(&keyword.repeat(6000))]));
    assert_eq!(
        metadata.found["iptc"]["Keywords"].as_array().unwrap().len(),
        100
    );
    assert!(notes(&metadata).contains("There is more in iptc"));
    // Every share is full, of bytes or of entries, and `of` finds the whole small enough.
    for (size, count) in [(3, 6000), (4000, 12), (400, 140)] {
        let value = "\"".repeat(size);
        let field = |number: u8| {
            let length = u16::try_from(size).unwrap().to_be_bytes();
            [&[0x1C, 2, number], &length[..], value.as_bytes()].concat()
        };
        let iptc = [25, 20, 122].map(|number| field(number).repeat(40_000 / 3 / (size + 5)));
        let xmp = packet(&joined(count, |n| format!("<p:n{n}>{value}</p:n{n}>")));
        let xmp = &xmp[..xmp.floor_char_boundary(65_000)];
        let segments = [
            full_exif.clone(),
            iptc_segment(&iptc.concat()),
            xmp_segment(xmp),
        ];
        let metadata = of(&jpeg(&segments));
        for name in ["exif", "xmp", "iptc"] {
            assert!(notes(&metadata).contains(&format!("There is more in {name}")));
        }
    }
    let cut_short = [IPTC, b"\x1C\x02\x19\x7F\xFFx"].concat();
    let metadata = of(&jpeg(&[iptc_segment(&cut_short)]));
    assert_eq!(metadata.found["iptc"]["ObjectName"], "Quays");
    assert!(notes(&metadata).contains("The IPTC is cut short"));
}

/// A packet of XMP with this in its description.
fn packet(inside: &str) -> String {
    format!(
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description>{inside}</rdf:Description></rdf:RDF>"
    )
}

fn of_packet(packet: impl AsRef<[u8]>) -> Metadata {
    let facts = facts(Cursor::new(load("made/gray-alpha.png")));
    read(Cursor::new(png_packet(0, packet.as_ref())), &facts)
}

#[test]
fn packets_made_to_harm_cost_little() {
    let laughs = format!(
        "<!DOCTYPE x [<!ENTITY a 'haha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]>{}",
        packet("<dc:title>1&b;2&c;3</dc:title><dc:rights xmp:x='&b;'>kept</dc:rights>")
    );
    let metadata = of_packet(laughs);
    assert_eq!(
        found(&metadata),
        json!({"xmp": {"dc:title": "123", "dc:rights": "kept"}})
    );

    let deep = packet(&format!(
        "<dc:rights>kept</dc:rights>{}",
        "<a:a>".repeat(200_000)
    ));
    let metadata = of_packet(deep);
    assert_eq!(metadata.found["xmp"], json!({"dc:rights": "kept"}));
    assert!(notes(&metadata).contains("nested too deep"));

    let broken = packet("<dc:rights>kept</dc:rights><dc:title>lost</dc:rights>");
    let metadata = of_packet(broken);
    assert_eq!(metadata.found["xmp"], json!({"dc:rights": "kept"}));
    assert!(notes(&metadata).contains("The XMP is damaged"));

    let mut invalid = packet("<dc:rights>k?pt\u{FFFE}&#0;&#7;</dc:rights>").into_bytes();
    let at = invalid.windows(4).position(|part| part == b"k?pt").unwrap();
    invalid[at + 1] = 0xFF;
    let metadata = of_packet(invalid);
    assert_eq!(metadata.found["xmp"], json!({"dc:rights": "k\u{FFFD}pt"}));

    let many = joined(100_000, |n| format!("<p:n{n}>{n}</p:n{n}>"));
    let metadata = of_packet(packet(&many));
    assert!(notes(&metadata).contains("There is more in xmp"));
    assert!(notes(&metadata).contains("only its beginning was read"));

    let attributes = joined(150_000, |n| format!(" p:n{n}='{n}'"));
    of_packet(packet(&format!("<dc:rights{attributes}>x</dc:rights>")));

    let long = packet(&format!(
        "<dc:title>{}</dc:title>",
        "\u{1F600}".repeat(400_000)
    ));
    let metadata = of_packet(long);
    assert_eq!(metadata.title.unwrap().len(), 511);
    // A packet that unpacks to 100 MB.
    let bomb = zlib(&vec![b' '; 100_000_000]);
    let facts = facts(Cursor::new(load("made/gray-alpha.png")));
    let metadata = read(Cursor::new(png_packet(1, &bomb)), &facts);
    assert!(notes(&metadata).contains("only its beginning was read"));
}

/// Kilobytes of memory of this process: now, or at most so far.
#[cfg(target_os = "linux")]
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_megabytes_of_metadata_take_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let plain = load("made/progressive.jpg");
    let repeat = |name: &str, (marker, mut body): (u8, Vec<u8>), times: usize| {
        body.resize(65_533, 0);
        let path = folder.path().join(name);
        let mut file = BufWriter::new(File::create(&path).unwrap());
        file.write_all(&plain[..2]).unwrap();
        for _ in 0..times {
            file.write_all(&[0xFF, marker, 0xFF, 0xFF]).unwrap();
            file.write_all(&body).unwrap();
        }
        file.write_all(&plain[2..]).unwrap();
        file.flush().unwrap();
        path
    };
    let more = (0xE1, b"http://ns.adobe.com/xmp/extension/\0".to_vec());
    let files = [
        (
            repeat("exif", exif_segment(&exif()), 920),
            "more than one block of EXIF",
        ),
        (
            repeat("xmp", xmp_segment(XMP), 920),
            "more than one packet of XMP",
        ),
        (repeat("more", more, 920), "goes on in an extension"),
        (
            repeat("iptc", iptc_segment(IPTC), 920),
            "more from Photoshop",
        ),
        (
            repeat("icc", (0xE2, b"ICC_PROFILE\0\x01\x01".to_vec()), 1600),
            "",
        ),
    ];
    let before = memory("VmRSS:");
    for (path, note) in files {
        let open = || BufReader::new(File::open(&path).unwrap());
        let metadata = read(open(), &facts(open()));
        assert!(notes(&metadata).contains(note), "{}", notes(&metadata));
    }
    let taken = memory("VmHWM:").saturating_sub(before);
    assert!(taken <= 64 * 1024, "{taken} KB");
}

/// Files that are mangled: all formats, and one with everything.
fn mangled() -> Vec<(Facts, Vec<u8>)> {
    let names = [
        "photos/flower.jpg",
        "photos/iptc.jpg",
        "photos/hopper.psd",
        "photos/flower.webp",
        "made/rotated.tif",
        "made/rotated.png",
        "made/still.heic",
        "made/alpha.avif",
        "made/tiny.mov",
        "made/page.pdf",
    ];
    let full = jpeg(&[exif_segment(&exif()), xmp_segment(XMP), iptc_segment(IPTC)]);
    let mut files: Vec<_> = names.iter().map(|name| load(name)).collect();
    files.extend([full, pdf(2, b"/Title (x)", XMP)]);
    files
        .into_iter()
        .map(|bytes| (facts(Cursor::new(&bytes)), bytes))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_files_stay_within_bounds(
        which in any::<prop::sample::Index>(),
        // Most of what is read stands at the beginning.
        flips in prop::collection::vec((0_usize..6000, any::<u8>()), 1..40),
        keep in prop::option::of(0_usize..8000),
    ) {
        static FILES: std::sync::LazyLock<Vec<(Facts, Vec<u8>)>> = std::sync::LazyLock::new(mangled);
        let (facts, bytes) = &FILES[which.index(FILES.len())];
        let mut bytes = bytes.clone();
        for (at, value) in flips {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        if let Some(keep) = keep {
            bytes.truncate(keep);
        }
        read(Cursor::new(bytes), facts);
    }
}
