//! SVG: reads the XML from end to end, element by element. Scripts and references are let through:
//! what is kept is the original, which nobody's browser is given to run.

use quick_xml::errors::Error;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};
use quick_xml::reader::Reader;

use crate::limits::check;
use crate::sniff;
use crate::source::Source;
use crate::{Facts, Limits, Refusal};

/// The namespace that makes an element called `svg` a drawing.
const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// Attributes of the root element that are looked at.
const MAX_ROOT_ATTRIBUTES: usize = 1000;

/// Tags, texts, comments and references for every element that a drawing may have, on average: a
/// start, an end, the space around them, and some to spare.
const PARTS_PER_ELEMENT: u64 = 6;

/// A longer edge, in CSS pixels, is no size that anybody meant.
const MAX_EDGE: f64 = 1_000_000.0;

/// What has been learnt on the way through the elements.
#[derive(Default)]
struct Drawing {
    /// Elements that are open here.
    depth: u32,
    elements: u32,
    /// Whatever was read: tags, texts, comments, references.
    parts: u64,
    /// Set once the root element has been seen.
    root: Option<Root>,
}

/// The attributes of the root element that matter. Lengths are in CSS pixels.
#[derive(Debug, Default, PartialEq)]
struct Root {
    width: Option<f64>,
    height: Option<f64>,
    view_box: Option<(f64, f64)>,
}

/// Measures an SVG. `head` is the beginning of the file if it is not known to be one yet: it then
/// serves to name what it is instead.
pub(crate) fn probe(
    source: &mut Source<'_>,
    limits: &Limits,
    head: &[u8],
) -> Result<Facts, Refusal> {
    check("bytes", source.len(), limits.max_svg_bytes)?;
    let mut reader = Reader::from_reader(source.input());
    let mut drawing = Drawing::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(_) if drawing.root.is_none() && !head.is_empty() => {
                return Err(Refusal::Unsupported {
                    found: sniff::describe(head),
                });
            }
            Err(error) => return Err(refuse(&error, reader.error_position())),
        };
        if matches!(event, Event::Eof) {
            return drawing.facts();
        }
        drawing.read(&event, limits, head)?;
    }
}

impl Drawing {
    fn read(&mut self, event: &Event<'_>, limits: &Limits, head: &[u8]) -> Result<(), Refusal> {
        self.parts += 1;
        let most = PARTS_PER_ELEMENT.saturating_mul(u64::from(limits.max_svg_elements));
        check("parts", self.parts, most)?;
        match event {
            Event::Start(element) => {
                self.element(element, limits, head)?;
                self.depth += 1;
                check(
                    "levels of elements",
                    u64::from(self.depth),
                    u64::from(limits.max_svg_depth),
                )
            }
            Event::Empty(element) => self.element(element, limits, head),
            Event::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Event::Text(text) if self.depth == 0 && !text.trim().is_empty() => {
                Err(Refusal::damaged("there is text outside of the drawing"))
            }
            Event::DocType(doctype) => check_doctype(doctype),
            Event::Decl(declaration) => check_encoding(declaration),
            Event::GeneralRef(entity) if !is_known(entity) => Err(Refusal::damaged(format!(
                "it uses `&{};`, which stands for nothing",
                short(entity)
            ))),
            _ => Ok(()),
        }
    }

    fn element(
        &mut self,
        element: &BytesStart<'_>,
        limits: &Limits,
        head: &[u8],
    ) -> Result<(), Refusal> {
        self.elements += 1;
        check(
            "elements",
            u64::from(self.elements),
            u64::from(limits.max_svg_elements),
        )?;
        if self.depth > 0 {
            return Ok(());
        }
        if self.root.is_some() {
            return Err(Refusal::damaged("a second drawing follows the first"));
        }
        if element.local_name().as_ref() != "svg" {
            return Err(Refusal::Unsupported {
                found: sniff::describe(head),
            });
        }
        self.root = Some(Root::read(element)?);
        Ok(())
    }

    fn facts(self) -> Result<Facts, Refusal> {
        if self.depth > 0 {
            return Err(Refusal::truncated());
        }
        let root = self
            .root
            .ok_or_else(|| Refusal::damaged("there is no drawing in it"))?;
        let size = root.size();
        Ok(Facts {
            width: size.map(|size| size.0),
            height: size.map(|size| size.1),
            color_space: Some("sRGB"),
            ..Facts::of("image/svg+xml")
        })
    }
}

impl Root {
    /// Reads the attributes of the root element, which must bind its own namespace.
    fn read(element: &BytesStart<'_>) -> Result<Self, Refusal> {
        let binding = match element.name().prefix() {
            Some(prefix) => format!("xmlns:{}", prefix.as_ref()),
            None => "xmlns".to_owned(),
        };
        let mut root = Self::default();
        let mut is_svg = false;
        // To look for doubles takes a time that grows with their square.
        for attribute in element
            .attributes()
            .with_checks(false)
            .take(MAX_ROOT_ATTRIBUTES)
        {
            let attribute =
                attribute.map_err(|_| Refusal::damaged("its first element is no XML"))?;
            let value = attribute.value.as_ref();
            match attribute.key.as_ref() {
                "width" => root.width = length(value),
                "height" => root.height = length(value),
                "viewBox" => root.view_box = view_box(value),
                name if name == binding => is_svg = value == NAMESPACE,
                _ => {}
            }
        }
        if is_svg {
            Ok(root)
        } else {
            Err(Refusal::damaged(format!(
                "its first element lacks {binding}=\"{NAMESPACE}\""
            )))
        }
    }

    /// Width and height in pixels at which the drawing is shown when nothing else is said.
    fn size(&self) -> Option<(u32, u32)> {
        let (width, height) = match (self.width, self.height, self.view_box) {
            (Some(width), Some(height), _) => (width, height),
            (Some(width), None, Some((w, h))) => (width, width * h / w),
            (None, Some(height), Some((w, h))) => (height * w / h, height),
            (None, None, Some(view_box)) => view_box,
            _ => return None,
        };
        Some((pixels(width)?, pixels(height)?))
    }
}

/// A length in CSS pixels; `None` if it depends on what is around the drawing, or is none.
fn length(value: &str) -> Option<f64> {
    let value = value.trim();
    let unit_at = value
        .trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%')
        .len();
    let (number, unit) = value.split_at_checked(unit_at)?;
    let scale = match unit {
        "" | "px" => 1.0,
        "pt" => 96.0 / 72.0,
        "pc" => 16.0,
        "in" => 96.0,
        "cm" => 96.0 / 2.54,
        "mm" => 96.0 / 25.4,
        "Q" => 96.0 / 101.6,
        _ => return None,
    };
    positive(number).map(|number| number * scale)
}

/// Width and height of a view box: four numbers with spaces or commas between them.
fn view_box(value: &str) -> Option<(f64, f64)> {
    let mut numbers = value
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|n| !n.is_empty());
    Some((positive(numbers.nth(2)?)?, positive(numbers.next()?)?))
}

/// A finite number above zero.
fn positive(number: &str) -> Option<f64> {
    number
        .trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// A length as a whole number of pixels; `None` if it is out of all proportion.
fn pixels(length: f64) -> Option<u32> {
    let rounded = length.round().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range"
    )]
    (rounded <= MAX_EDGE).then_some(rounded as u32)
}

/// Refuses declarations of entities, which can be made to grow without bound or to read files.
fn check_doctype(doctype: &BytesText<'_>) -> Result<(), Refusal> {
    if doctype
        .as_bytes()
        .windows(8)
        .any(|window| window.eq_ignore_ascii_case(b"<!ENTITY"))
    {
        return Err(Refusal::harmful(
            "it declares entities (<!ENTITY …>) in its document type",
        ));
    }
    Ok(())
}

/// Refuses encodings other than UTF-8: what they hide would be found by others only.
fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), Refusal> {
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(name))
            if ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|n| name.eq_ignore_ascii_case(n)) =>
        {
            Ok(())
        }
        Some(Ok(name)) => {
            let name = short(&name);
            Err(Refusal::unsupported(format!(
                "an SVG in the encoding {name} instead of UTF-8"
            )))
        }
        Some(Err(_)) => Err(Refusal::damaged("its first line is no XML")),
    }
}

/// Whether an entity stands for a character without having been declared.
fn is_known(entity: &str) -> bool {
    entity.starts_with('#') || matches!(entity, "amp" | "lt" | "gt" | "apos" | "quot")
}

/// The beginning of a text from the file, fit for a message.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(32).collect()
}

/// Says of an error of the library whose fault it is; it was found at the byte `position`.
fn refuse(error: &Error, position: u64) -> Refusal {
    match error {
        Error::Io(error) => Refusal::Unreadable(std::io::Error::new(error.kind(), error.clone())),
        Error::Encoding(_) => Refusal::unsupported("an SVG in another encoding than UTF-8"),
        error => Refusal::damaged(format!(
            "it is no XML at byte {position} ({})",
            short(&error.to_string())
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_css_pixels() {
        for (value, expected) in [
            ("120", Some(120.0)),
            (" 12.5px ", Some(12.5)),
            ("1in", Some(96.0)),
            ("2.54cm", Some(96.0)),
            ("3pt", Some(4.0)),
            ("1e2", Some(100.0)),
            ("100%", None),
            ("2em", None),
            ("-3", None),
            ("0", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(length(value), expected, "{value}");
        }
    }

    #[test]
    fn the_view_box_stands_in_for_a_missing_edge() {
        let view_box = Some((200.0, 100.0));
        for (width, height, view_box, expected) in [
            (Some(50.0), Some(60.0), view_box, Some((50, 60))),
            (Some(50.0), None, view_box, Some((50, 25))),
            (None, Some(50.0), view_box, Some((100, 50))),
            (None, None, view_box, Some((200, 100))),
            (Some(50.0), None, None, None),
            (None, None, None, None),
            (Some(2e6), Some(1.0), None, None),
            (Some(0.2), Some(1.0), None, Some((1, 1))),
        ] {
            assert_eq!(
                Root {
                    width,
                    height,
                    view_box
                }
                .size(),
                expected
            );
        }
        assert_eq!(super::view_box("0 0 24,12"), Some((24.0, 12.0)));
        assert_eq!(super::view_box("0 0 24"), None);
    }
}
