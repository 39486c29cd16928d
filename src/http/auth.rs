//! Who asks: the bearer of an access token. A token is never taken from an address: those are logged,
//! shared and cached.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::accounts::{self, Caller};
use crate::app::App;
use crate::error::{Error, Result};

/// The caller; UNAUTHENTICATED without one valid bearer token.
pub(super) async fn bearer(app: &Arc<App>, headers: &HeaderMap) -> Result<Caller> {
    let secret = secret(headers).ok_or(Error::Unauthenticated)?;
    accounts::authenticate(app, secret).await
}

fn secret(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else {
        return None;
    };
    let (scheme, secret) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn one_bearer_token_is_taken_and_nothing_else() {
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            secret(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["bearer acl_1"]), Some("acl_1".to_owned()));
        for none in [
            &[][..],
            &["acl_1"],
            &["Basic acl_1"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }
}
