//! The short way to what pages ask for again and again. A rendition's bytes are answered from memory, and to look its
//! route up among all others, with everything a route may want to know of its request, costs about as much. So a plain
//! GET of one is known by the form of its address, before the routes are asked. Whatever is not quite of that form
//! takes its way through them, and comes to the same answers.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use futures::future::Either;
use tower::Service;

use super::request::{Around, Name};
use super::{Server, renditions};

/// Where every request comes in.
pub(super) struct Entrance {
    server: Arc<Server>,
    routes: Router,
}

/// An address that is known by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direct {
    Granted,
    Stable,
}

impl Entrance {
    /// The entrance to these routes, which stand in their own layer already.
    pub(super) fn new(server: Arc<Server>, routes: Router) -> Self {
        Self { server, routes }
    }

    pub(super) fn answer(
        &self,
        request: Request,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
        let Some(direct) = Direct::of(&request) else {
            return Either::Right(self.routes.clone().call(request));
        };
        let name = Name::Fixed(direct.route());
        let (around, request) = Around::new(&self.server, name, request);
        let server = Arc::clone(&self.server);
        Either::Left(around.run(direct.answer(server, request)))
    }
}

impl Direct {
    const ALL: [Self; 2] = [Self::Granted, Self::Stable];

    fn of(request: &Request) -> Option<Self> {
        let path = request.uri().path();
        let is_of = |direct: &Self| has_form(path, direct.route());
        Self::ALL
            .into_iter()
            .find(is_of)
            .filter(|_| *request.method() == Method::GET)
    }

    /// Its route, by which the others go.
    fn route(self) -> &'static str {
        match self {
            Self::Granted => renditions::GRANTED,
            Self::Stable => renditions::STABLE,
        }
    }

    async fn answer(self, server: Arc<Server>, request: Request) -> Response {
        let (parts, _) = request.into_parts();
        let mut segments = parts.uri.path().split('/').skip(2);
        let mut next = || segments.next().unwrap_or_default();
        let answer = match self {
            Self::Granted => {
                let address = (next(), next());
                renditions::send_granted(&server.app, address, &parts).await
            }
            Self::Stable => {
                let address = (next(), next(), next());
                renditions::send_stable(&server.app, address, &parts).await
            }
        };
        answer.into_response()
    }
}

/// Whether a path has the segments of a route, and nothing in them that stands for something else.
fn has_form(path: &str, route: &str) -> bool {
    let mut segments = path.split('/');
    let fits = route.split('/').all(|of_route| {
        let is_any = of_route.starts_with('{');
        let fits = |segment: &str| {
            if is_any {
                !segment.is_empty() && !segment.contains('%')
            } else {
                segment == of_route
            }
        };
        segments.next().is_some_and(fits)
    });
    fits && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn of(method: Method, path: &str) -> Option<Direct> {
        let request = Request::builder().method(method).uri(path);
        Direct::of(&request.body(Body::empty()).unwrap())
    }

    #[test]
    fn only_plain_addresses_take_the_short_way() {
        let get = |path| of(Method::GET, path);
        assert_eq!(get("/r/grant/key"), Some(Direct::Granted));
        assert_eq!(get("/r/grant/key?x=/y"), Some(Direct::Granted));
        assert_eq!(get("/d/asset/site/hero"), Some(Direct::Stable));
        for other in [
            "/",
            "/r",
            "/r/",
            "/r/a",
            "/r//b",
            "/r/a/",
            "/r/a/b/",
            "/r/a/b/c",
            "/d/a/b",
            "/d/a/b/c/d",
            "/r/a%2Fb/c",
            "/d/a/b/%63",
            "/files/a/b",
            "//r/a/b",
            "/R/a/b",
        ] {
            assert_eq!(get(other), None, "{other}");
        }
        assert_eq!(of(Method::HEAD, "/r/grant/key"), None);
        assert_eq!(of(Method::POST, "/r/grant/key"), None);
    }
}
