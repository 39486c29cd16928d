//! The addresses on a page: what it shows and where it leads, as far as its HTML says.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind::{Rawtext, ScriptData};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

/// Most addresses that are taken from a page.
const MOST: usize = 2_000;

/// The addresses on a page, each once, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Links {
    /// All of them.
    pub all: Vec<Url>,
    /// Those of pictures.
    pub pictures: Vec<Url>,
}

/// Reads the addresses of a page that lies at `base`.
pub(super) fn links(html: &str, base: &Url) -> Links {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let sink = Sink(RefCell::new(State {
        base: base.clone(),
        links: Links::default(),
    }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner().links
}

struct Sink(RefCell<State>);

struct State {
    base: Url,
    links: Links,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else {
            return TokenSinkResult::Continue;
        };
        if tag.kind != TagKind::StartTag {
            return TokenSinkResult::Continue;
        }
        self.0.borrow_mut().tag(&tag);
        match &*tag.name {
            "script" => TokenSinkResult::RawData(ScriptData),
            "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                TokenSinkResult::RawData(Rawtext)
            }
            _ => TokenSinkResult::Continue,
        }
    }
}

impl State {
    fn tag(&mut self, tag: &Tag) {
        let value = |name: &str| {
            let found = tag.attrs.iter().find(|a| &*a.name.local == name);
            found.map(|a| a.value.trim().to_owned())
        };
        let take = |state: &mut Self, name: &str, is_picture: bool| {
            if let Some(text) = value(name) {
                state.add(&text, is_picture);
            }
        };
        match &*tag.name {
            "base" => {
                if let Some(base) = value("href").and_then(|href| self.base.join(&href).ok()) {
                    self.base = base;
                }
            }
            "img" | "source" => {
                for name in ["src", "data-src"] {
                    take(self, name, true);
                }
                // Candidates stand between commas, each with its width or density behind it.
                for name in ["srcset", "data-srcset"] {
                    let candidates = value(name).unwrap_or_default();
                    for candidate in candidates.split(", ") {
                        let address = candidate.split_whitespace().next();
                        self.add(address.unwrap_or_default().trim_end_matches(','), true);
                    }
                }
            }
            "image" => {
                take(self, "href", true);
                take(self, "xlink:href", true);
            }
            "video" => take(self, "poster", true),
            "meta" => {
                let says = value("property").or_else(|| value("name"));
                let shows = [
                    "og:image",
                    "og:image:url",
                    "og:image:secure_url",
                    "twitter:image",
                ];
                if says.is_some_and(|says| shows.contains(&says.as_str())) {
                    take(self, "content", true);
                }
            }
            "link" => {
                let is_picture = value("as").as_deref() == Some("image")
                    || value("rel").as_deref() == Some("image_src");
                take(self, "href", is_picture);
            }
            "a" => take(self, "href", false),
            "audio" | "embed" => take(self, "src", false),
            "object" => take(self, "data", false),
            _ => {}
        }
    }

    fn add(&mut self, text: &str, is_picture: bool) {
        if text.is_empty() || self.links.all.len() >= MOST {
            return;
        }
        let Ok(url) = self.base.join(text) else {
            return;
        };
        if !matches!(url.scheme(), "http" | "https") {
            return;
        }
        if is_picture && !self.links.pictures.contains(&url) {
            self.links.pictures.push(url.clone());
        }
        if !self.links.all.contains(&url) {
            self.links.all.push(url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_wherever_html_names_them() {
        let html = r#"<head><base href="/shop/"><meta property="og:image" content="https://cdn.example/og.jpg">
            <link rel="stylesheet" href="a.css"><script>var a = '<img src="no.png">'</script></head>
            <picture><source srcset="a.webp 1x, b.webp 2x"><img data-src="lazy.png" src="data:image/png;base64,AA"></picture>
            <video poster="still.jpg"></video><a href="../about">x</a><img src="javascript:alert(1)"><img src="a.webp">"#;
        let base = Url::parse("https://shop.example/page").unwrap();
        let found = links(html, &base);
        let pictures: Vec<&str> = found.pictures.iter().map(Url::as_str).collect();
        assert_eq!(
            pictures,
            [
                "https://cdn.example/og.jpg",
                "https://shop.example/shop/a.webp",
                "https://shop.example/shop/b.webp",
                "https://shop.example/shop/lazy.png",
                "https://shop.example/shop/still.jpg",
            ]
        );
        let all: Vec<&str> = found.all.iter().map(Url::as_str).collect();
        assert!(all.contains(&"https://shop.example/about"));
        assert!(all.contains(&"https://shop.example/shop/a.css"));
        assert_eq!(all.len(), 7);
    }
}
