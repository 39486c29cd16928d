//! A group of what was found, which keeps to its share of the whole.

use serde_json::{Map, Value};

use super::Notes;

/// Bytes of a text.
pub(super) const MAX_TEXT_BYTES: usize = 4096;

/// Bytes of a name.
const MAX_KEY_BYTES: usize = 160;

/// Items of a list.
const MAX_ITEMS: usize = 100;

/// How much of the whole a group may take: together 61 KiB and some 470 entries, which leaves room for the
/// title, the notes and the names of the groups.
pub(super) struct Share {
    /// Bytes as JSON.
    bytes: usize,
    /// Keys, and items of lists.
    entries: usize,
}

impl Share {
    pub(super) const EXIF: Self = Self::of(14, 130);
    pub(super) const IPTC: Self = Self::of(14, 120);
    pub(super) const XMP: Self = Self::of(24, 190);
    pub(super) const PDF: Self = Self::of(8, 16);
    pub(super) const MEDIA: Self = Self::of(1, 12);

    const fn of(kibibytes: usize, entries: usize) -> Self {
        Self {
            bytes: kibibytes * 1024,
            entries,
        }
    }
}

/// What one group has so far.
pub(super) struct Group {
    values: Map<String, Value>,
    left: Share,
    /// A value was cut short.
    is_cut: bool,
    /// A value was left out.
    is_full: bool,
}

impl Group {
    pub(super) fn new(share: Share) -> Self {
        Self {
            values: Map::new(),
            left: share,
            is_cut: false,
            is_full: false,
        }
    }

    /// Adds a text, unless it is empty; makes a list where the name is there already.
    pub(super) fn add_text(&mut self, key: &str, text: &str) {
        let mut text = clean(text);
        self.is_cut |= cut(&mut text, MAX_TEXT_BYTES);
        if !text.is_empty() {
            self.add(key, text.into());
        }
    }

    /// Adds a string or number; makes a list where the name is there already.
    pub(super) fn add(&mut self, key: &str, value: Value) {
        let Some(key) = self.take_room(key, &value) else {
            return;
        };
        match self.values.get_mut(&key) {
            None => {
                self.values.insert(key, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }

    /// Adds to what is a list even if it has but one item.
    pub(super) fn add_item(&mut self, key: &str, text: &str) {
        self.add_text(key, text);
        let key = shown(key);
        if let Some(value) = self.values.get_mut(&key)
            && !value.is_array()
        {
            *value = Value::Array(vec![value.take()]);
            self.left.entries = self.left.entries.saturating_sub(1);
        }
    }

    /// Adds a list of texts.
    pub(super) fn list(&mut self, key: &str, texts: &[String]) {
        for text in texts {
            self.add_item(key, text);
        }
    }

    /// The text of that name.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        first_text(self.values.get(key)?)
    }

    /// The first text whose name is wanted.
    pub(super) fn text_where(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let (_, value) = self.values.iter().find(|(key, _)| wanted(key))?;
        first_text(value)
    }

    /// Puts the group where all groups are, and says if it had to be cut.
    pub(super) fn finish(self, name: &str, found: &mut Map<String, Value>, notes: &mut Notes) {
        if self.is_cut {
            notes.add(format!("Long texts in {name} were cut."));
        }
        if self.is_full {
            notes.add(format!(
                "There is more in {name} than is kept; the rest was left out."
            ));
        }
        if !self.values.is_empty() {
            found.insert(name.to_owned(), Value::Object(self.values));
        }
    }

    /// Takes the room that the value needs, and gives the name under which it fits.
    fn take_room(&mut self, key: &str, value: &Value) -> Option<String> {
        let key = shown(key);
        let items = match self.values.get(&key) {
            Some(Value::Array(items)) => items.len(),
            Some(_) => 1,
            None => 0,
        };
        // The name, quotes, colon, comma and the brackets of a list.
        let bytes = json_bytes(&Value::from(key.as_str())) + json_bytes(value) + 4;
        // What becomes a list counts as its first item as well.
        let entries = 1 + usize::from(items == 1);
        let left = (
            self.left.bytes.checked_sub(bytes),
            self.left.entries.checked_sub(entries),
        );
        let (Some(bytes), Some(entries), true) = (left.0, left.1, items < MAX_ITEMS) else {
            self.is_full = true;
            return None;
        };
        self.left = Share { bytes, entries };
        Some(key)
    }
}

/// A value as text; of a list its first.
fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => items.first()?.as_str(),
        value => value.as_str(),
    }
    .map(str::to_owned)
}

/// A name from a file as it is shown.
fn shown(key: &str) -> String {
    let mut key = clean(key);
    cut(&mut key, MAX_KEY_BYTES);
    key
}

fn json_bytes(value: &Value) -> usize {
    value.to_string().len()
}

/// The text without control characters and what Unicode has set aside, and without space around it. Lines
/// remain.
pub(super) fn clean(text: &str) -> String {
    let kept = |c: &char| {
        let number = u32::from(*c);
        (*c == '\n' || !c.is_control())
            && number & 0xFFFE != 0xFFFE
            && !(0xFDD0..=0xFDEF).contains(&number)
    };
    let lines = text.replace("\r\n", "\n").replace(['\r'], "\n");
    let text: String = lines.replace('\t', " ").chars().filter(kept).collect();
    text.trim().to_owned()
}

/// Cuts a text to so many bytes, the last of which then are an ellipsis; says whether it was longer.
pub(super) fn cut(text: &mut String, most: usize) -> bool {
    const ELLIPSIS: char = '…';
    if text.len() <= most {
        return false;
    }
    let end = text.floor_char_boundary(most.saturating_sub(ELLIPSIS.len_utf8()));
    text.truncate(end);
    text.push(ELLIPSIS);
    true
}
