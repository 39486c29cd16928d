//! Which of GraphQL's two media types the answer has.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

pub(super) const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

/// How a client reads answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The status tells whether the request could be executed.
    GraphqlResponse,
    /// The older way: 200 whatever GraphQL has to say.
    Json,
}

impl Answer {
    /// What the client accepts best; plain JSON where it says nothing; none where it takes neither.
    pub(super) fn negotiate(headers: &HeaderMap) -> Option<Self> {
        let mut graphql = Quality::default();
        let mut json = Quality::default();
        let mut said = false;
        for value in headers.get_all(ACCEPT) {
            for range in value.to_str().unwrap_or("").split(',') {
                let (name, quality) = read(range);
                if name.is_empty() {
                    continue;
                }
                said = true;
                match name.as_str() {
                    // Only who names it knows it.
                    GRAPHQL_RESPONSE => graphql.say(3, quality),
                    JSON => json.say(3, quality),
                    "application/*" => json.say(2, quality),
                    "*/*" => json.say(1, quality),
                    _ => {}
                }
            }
        }
        if !said {
            return Some(Self::Json);
        }
        match (graphql.value, json.value) {
            (0, 0) => None,
            (graphql, json) if graphql >= json => Some(Self::GraphqlResponse),
            _ => Some(Self::Json),
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// The quality that the most specific range gives, in thousandths.
#[derive(Default)]
struct Quality {
    specific: u8,
    value: u16,
}

impl Quality {
    fn say(&mut self, specific: u8, value: u16) {
        if specific > self.specific {
            *self = Self { specific, value };
        } else if specific == self.specific {
            self.value = self.value.max(value);
        }
    }
}

/// A media range's name and its quality in thousandths.
fn read(range: &str) -> (String, u16) {
    let mut parts = range.split(';');
    let name = parts.next().unwrap_or("").trim().to_ascii_lowercase();
    let quality = parts
        .filter_map(|p| p.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .map_or(1000, |(_, value)| thousandths(value.trim()));
    (name, quality)
}

/// `0.25` is 250; what is no quality counts as none.
fn thousandths(text: &str) -> u16 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{rest:0<3}");
    match (whole, fraction.get(..3).and_then(|f| f.parse::<u16>().ok())) {
        ("0", Some(fraction)) => fraction,
        ("1", _) => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_answer_is_what_the_client_accepts_best() {
        use Answer::{GraphqlResponse, Json};
        let table = [
            (&[][..], Some(Json)),
            (&[""], Some(Json)),
            (&["*/*"], Some(Json)),
            (&["application/*"], Some(Json)),
            (&["application/json"], Some(Json)),
            (&["application/json; charset=utf-8"], Some(Json)),
            (
                &["application/graphql-response+json"],
                Some(GraphqlResponse),
            ),
            (
                &["Application/GraphQL-Response+JSON;charset=utf-8"],
                Some(GraphqlResponse),
            ),
            (
                &["application/graphql-response+json, application/json;q=0.9"],
                Some(GraphqlResponse),
            ),
            (
                &["application/json", "application/graphql-response+json"],
                Some(GraphqlResponse),
            ),
            (
                &["application/graphql-response+json;q=0.5, application/json"],
                Some(Json),
            ),
            (&["application/graphql-response+json;q=0, */*"], Some(Json)),
            (&["application/json;q=0, */*"], None),
            (&["text/html,application/xhtml+xml,*/*;q=0.8"], Some(Json)),
            (&["text/html"], None),
            (&["multipart/mixed"], None),
        ];
        for (accept, expected) in table {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(Answer::negotiate(&headers), expected, "{accept:?}");
        }
    }
}
