//! XMP: the properties of a packet, tag by tag, so that what stands before a fault is kept and memory does
//! not grow. Layout: ISO 16684-1.
//!
//! A property keeps the name that it has in XMP (`dc:creator`). Lists are lists; of what is said in several
//! languages the one for all has the bare name and the others theirs with the language
//! (`dc:title[de-DE]`); a field of a structure stands behind its structure's name
//! (`Iptc4xmpCore:CreatorContactInfo/Iptc4xmpCore:CiAdrCity`).

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::Notes;
use super::group::{Group, MAX_TEXT_BYTES};
use super::places::XMP_TOO_LONG;

/// Elements that may be open at once; a property of a structure in a list has nine.
const MAX_DEPTH: usize = 24;

/// Tags and texts that are read.
const MAX_PARTS: u32 = 50_000;

/// Attributes of an element that are read.
const MAX_ATTRIBUTES: usize = 400;

/// Bytes of the name of a property with its structures.
const MAX_NAME_BYTES: usize = 160;

/// Names that stand for others: what a file may call as it likes, by the name everyone uses.
const NAMESPACES: &[(&str, &str)] = &[
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://ns.adobe.com/xap/1.0/", "xmp"),
    ("http://ns.adobe.com/xap/1.0/rights/", "xmpRights"),
    ("http://ns.adobe.com/xap/1.0/mm/", "xmpMM"),
    ("http://ns.adobe.com/photoshop/1.0/", "photoshop"),
    ("http://ns.adobe.com/exif/1.0/", "exif"),
    ("http://ns.adobe.com/tiff/1.0/", "tiff"),
    ("http://ns.adobe.com/pdf/1.3/", "pdf"),
    (
        "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
        "Iptc4xmpCore",
    ),
    ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt"),
    ("http://ns.useplus.org/ldf/xmp/1.0/", "plus"),
];

/// Properties that hold pictures, or the history of a file by the thousand.
const LEFT_OUT: &[&str] = &[
    "xmp:Thumbnails",
    "xmpGImg:image",
    "GImage:Data",
    "GAudio:Data",
    "GDepth:Data",
    "photoshop:DocumentAncestors",
];

/// What an open element is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Outside of the description.
    Around,
    /// `rdf:Description`, whose children are properties or fields.
    Description,
    /// A property or a field of a structure.
    Property,
    /// `rdf:Bag`, `rdf:Seq`.
    List,
    /// `rdf:Alt`.
    Languages,
    /// `rdf:li`.
    Item,
    /// Something that is left out with all that is in it.
    LeftOut,
}

/// An element that is open.
struct Open {
    kind: Kind,
    /// The name of the property, with the structures around it.
    path: String,
    /// Whether it is in a list.
    is_listed: bool,
    /// Whether there were elements in it: space around them is no value then.
    has_children: bool,
}

/// Reads a packet, or what there is of it, into the group.
pub(super) fn read(packet: &[u8], group: &mut Group, notes: &mut Notes) {
    if packet.is_empty() {
        return;
    }
    let packet = String::from_utf8_lossy(packet);
    let mut reader = Reader::from_str(packet.trim_start_matches('\u{FEFF}'));
    let mut walk = Walk::default();
    for _ in 0..MAX_PARTS {
        let goes_on = match reader.read_event() {
            Ok(Event::Start(element)) => walk.open(&element, group, notes),
            Ok(Event::Empty(element)) => walk.open(&element, group, notes) && walk.close(group),
            Ok(Event::End(_)) => walk.close(group),
            Ok(Event::Text(text)) => walk.text(&text.xml10_content()),
            Ok(Event::CData(text)) => walk.text(&text.xml10_content()),
            // What a document type declares is not looked at, so such an entity stands for nothing.
            Ok(Event::GeneralRef(entity)) => match entity.resolve_char_ref() {
                Ok(Some(letter)) => walk.text(letter.encode_utf8(&mut [0; 4])),
                _ => walk.text(
                    quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or_default(),
                ),
            },
            Ok(Event::Eof) if walk.stack.is_empty() => return,
            Ok(Event::Eof) | Err(_) => {
                notes.add("The XMP is damaged; what stands before the fault was read.");
                return;
            }
            Ok(_) => true,
        };
        if !goes_on {
            return;
        }
    }
    notes.add(XMP_TOO_LONG);
}

/// Where the reader stands.
#[derive(Default)]
struct Walk {
    stack: Vec<Open>,
    /// The text of the innermost element so far.
    text: String,
    /// Names of namespaces in this file, and how they are shown.
    names: Vec<(String, &'static str)>,
}

impl Walk {
    /// Goes into an element; says whether to go on.
    fn open(&mut self, element: &BytesStart<'_>, group: &mut Group, notes: &mut Notes) -> bool {
        if self.stack.len() >= MAX_DEPTH {
            notes.add("The XMP is nested too deep; what stands before was read.");
            return false;
        }
        self.text.clear();
        if self.names.len() < NAMESPACES.len() {
            self.learn(element);
        }
        let name = self.name(element.name().as_ref());
        let around = self.stack.last_mut();
        let (kind, path, is_listed) = around.map_or((Kind::Around, String::new(), false), |open| {
            open.has_children = true;
            (open.kind, open.path.clone(), open.is_listed)
        });
        let open = |kind, path| Open {
            kind,
            path,
            is_listed,
            has_children: false,
        };
        let mut open = match (kind, name.as_str()) {
            (Kind::LeftOut, _) => open(Kind::LeftOut, path),
            (_, "rdf:Description") => open(Kind::Description, path),
            (Kind::Around, _) => open(Kind::Around, path),
            (Kind::Property | Kind::Item, "rdf:Bag" | "rdf:Seq") => open(Kind::List, path),
            (Kind::Property | Kind::Item, "rdf:Alt") => open(Kind::Languages, path),
            (Kind::List | Kind::Languages, "rdf:li") => open(Kind::Item, path),
            (_, name) if LEFT_OUT.contains(&name) => open(Kind::LeftOut, path),
            (_, name) => {
                let path = if path.is_empty() {
                    name.to_owned()
                } else {
                    format!("{path}/{name}")
                };
                // What is in a name that is too long is named no better.
                if path.len() > MAX_NAME_BYTES {
                    open(Kind::LeftOut, path)
                } else {
                    open(Kind::Property, path)
                }
            }
        };
        open.is_listed |= kind == Kind::List;
        if !matches!(open.kind, Kind::Around | Kind::LeftOut) {
            let is_language = kind == Kind::Languages;
            self.attributes(element, &mut open, is_language, group);
        }
        self.stack.push(open);
        true
    }

    /// Adds the attributes that are properties or fields.
    fn attributes(
        &self,
        element: &BytesStart<'_>,
        open: &mut Open,
        is_language: bool,
        group: &mut Group,
    ) {
        // To look for doubles takes a time that grows with their square.
        let mut attributes = element.attributes();
        for attribute in attributes.with_checks(false).take(MAX_ATTRIBUTES).flatten() {
            let key = attribute.key.as_ref();
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .unwrap_or_default();
            let name = self.name(key);
            match name.as_str() {
                "xml:lang" if is_language && value != "x-default" => {
                    let language: String = value.chars().take(16).collect();
                    open.path = format!("{}[{language}]", open.path);
                }
                "rdf:resource" => add(group, &open.path, open.is_listed, &value),
                name if name.starts_with("xml") && !name.starts_with("xmp") => {}
                name if name.starts_with("rdf:") || !name.contains(':') => {}
                name if LEFT_OUT.contains(&name) => {}
                name => {
                    let path = if open.path.is_empty() {
                        name.to_owned()
                    } else {
                        format!("{}/{name}", open.path)
                    };
                    add(group, &path, open.is_listed, &value);
                }
            }
        }
    }

    /// Goes out of the innermost element, whose text is a value if there was nothing else in it; says
    /// whether to go on.
    fn close(&mut self, group: &mut Group) -> bool {
        let Some(open) = self.stack.pop() else {
            return false;
        };
        if matches!(open.kind, Kind::Property | Kind::Item) && !open.has_children {
            add(group, &open.path, open.is_listed, &self.text);
        }
        self.text.clear();
        // What follows the packet is none of its business.
        !self.stack.is_empty()
    }

    /// Takes a piece of text.
    fn text(&mut self, piece: &str) -> bool {
        // One byte more than is kept, so that the cut is noticed.
        if self.text.len() <= MAX_TEXT_BYTES {
            self.text.push_str(piece);
        }
        true
    }

    /// Learns what the file calls the namespaces that have a name here.
    fn learn(&mut self, element: &BytesStart<'_>) {
        let mut attributes = element.attributes();
        for attribute in attributes.with_checks(false).take(MAX_ATTRIBUTES).flatten() {
            let Some(prefix) = attribute.key.as_ref().strip_prefix("xmlns:") else {
                continue;
            };
            let uri = attribute.value.as_ref();
            let known = NAMESPACES.iter().find(|(known, _)| *known == uri);
            if let Some((_, name)) = known
                && prefix != *name
                && self.names.len() < NAMESPACES.len()
                && self.names.iter().all(|(known, _)| known != prefix)
            {
                self.names.push((prefix.to_owned(), name));
            }
        }
    }

    /// The name of an element or attribute as it is shown.
    fn name(&self, name: &str) -> String {
        // A longer one is left out anyway.
        let name = name
            .get(..name.floor_char_boundary(MAX_NAME_BYTES + 1))
            .unwrap_or_default();
        match name.split_once(':') {
            Some((prefix, rest)) => {
                let known = self.names.iter().find(|(known, _)| known == prefix);
                format!("{}:{rest}", known.map_or(prefix, |(_, name)| name))
            }
            None => name.to_owned(),
        }
    }
}

fn add(group: &mut Group, path: &str, is_listed: bool, text: &str) {
    if path.is_empty() {
        return;
    }
    if is_listed {
        group.add_item(path, text);
    } else {
        group.add_text(path, text);
    }
}
