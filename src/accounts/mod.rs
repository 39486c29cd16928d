//! Who asks, and what they may do: access tokens, their scopes, brands and channels.
//!
//! A [`Viewer`] is made from the token that came with a request, read in one statement unless it was read a
//! moment ago, and goes with everything the request does. A token never makes another that can do more than itself.

mod callers;
mod context;
pub(crate) mod graphql;
mod loaders;
mod model;
mod service;
mod store;

pub use callers::{Caller, Callers};
pub use context::OpContext;
pub use model::{Reach, Scope, Token, Viewer};
pub use service::{authenticate, create_operator_token};
pub(crate) use service::{bearer_lives, seen_token, viewer_of};
pub(crate) use store::any_token_exists;
