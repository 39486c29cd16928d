//! The one place where our errors become GraphQL's.

use async_graphql::{Error as GqlError, ErrorExtensions, SimpleObject};

use crate::error::{Error, NO_ROOM, UserError as Problem, UserErrorCode, is_no_room};

pub(crate) type GqlResult<T> = async_graphql::Result<T>;

/// What the user can mend: what is wrong, where, and what to do.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(name = "UserError")]
pub(crate) struct UserErrorObject {
    /// What kind of mistake it is, for programs.
    code: UserErrorCode,
    /// The path of the input field it is about.
    field: Option<Vec<String>>,
    /// What to do, for people.
    message: String,
}

impl From<Problem> for UserErrorObject {
    fn from(error: Problem) -> Self {
        Self {
            code: error.code,
            field: Some(error.field),
            message: error.message,
        }
    }
}

/// Turns an error into a top-level GraphQL error with its code. Causes are logged here, once.
pub(crate) fn fail(error: Error) -> GqlError {
    let (code, message) = match error {
        Error::BadRequest(text) => ("BAD_REQUEST", text),
        // A query argument that the user typed: no payload to put a userError in.
        Error::User(errors) => {
            let texts: Vec<_> = errors.into_iter().map(|e| e.message).collect();
            ("BAD_REQUEST", texts.join(" "))
        }
        Error::Unauthenticated => (
            "UNAUTHENTICATED",
            "Send a valid access token: `Authorization: Bearer …`.".to_owned(),
        ),
        Error::Forbidden(text) => ("FORBIDDEN", text),
        Error::NotFound => (
            "NOT_FOUND",
            "Nothing with this id is visible to you.".to_owned(),
        ),
        Error::Unavailable(cause) => {
            tracing::warn!(
                error = format!("{cause:#}"),
                "something we depend on is away"
            );
            let text = if is_no_room(&cause) {
                NO_ROOM
            } else {
                "The server cannot do this right now. Try again in a moment."
            };
            ("UNAVAILABLE", text.to_owned())
        }
        Error::Internal(cause) => {
            tracing::error!(error = format!("{cause:#}"), "internal error");
            let text = "Something went wrong on our side. Quote the request id when you report it.";
            ("INTERNAL", text.to_owned())
        }
    };
    GqlError::new(message).extend_with(|_, e| e.set("code", code))
}

/// `?` on our results in a resolver.
pub(crate) trait OrFail<T> {
    fn or_fail(self) -> GqlResult<T>;
}

impl<T, E: Into<Error>> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> GqlResult<T> {
        self.map_err(|e| fail(e.into()))
    }
}

/// A mutation's payload: the changed thing, or what the user must mend.
pub(crate) trait Payload: Default {
    fn close(&mut self, errors: Vec<UserErrorObject>, client_mutation_id: Option<String>);
}

/// Makes a payload of a service's result: `fill` puts in what was made; user errors go beside it;
/// anything else is a top-level error.
pub(crate) fn respond<T, P: Payload>(
    client_mutation_id: Option<String>,
    result: Result<T, Error>,
    fill: impl FnOnce(T, &mut P),
) -> GqlResult<P> {
    let mut payload = P::default();
    let errors = match result {
        Ok(value) => {
            fill(value, &mut payload);
            Vec::new()
        }
        Err(Error::User(errors)) => errors.into_iter().map(UserErrorObject::from).collect(),
        Err(error) => return Err(fail(error)),
    };
    payload.close(errors, client_mutation_id);
    Ok(payload)
}

/// Declares a payload: its own fields, `userErrors` and `clientMutationId`.
macro_rules! payload {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
            user_errors: Vec<$crate::graphql::error::UserErrorObject>,
            client_mutation_id: Option<String>,
        }

        $(#[$doc])*
        #[async_graphql::Object]
        impl $name {
            $($(#[$field_doc])*
            async fn $field(&self) -> &$type {
                &self.$field
            })*

            /// What must be mended before the call can succeed; then nothing was changed.
            async fn user_errors(&self) -> &[$crate::graphql::error::UserErrorObject] {
                &self.user_errors
            }

            /// The id that came with the input.
            async fn client_mutation_id(&self) -> Option<&str> {
                self.client_mutation_id.as_deref()
            }
        }

        impl $crate::graphql::error::Payload for $name {
            fn close(
                &mut self,
                errors: Vec<$crate::graphql::error::UserErrorObject>,
                client_mutation_id: Option<String>,
            ) {
                self.user_errors = errors;
                self.client_mutation_id = client_mutation_id;
            }
        }
    };
}
pub(crate) use payload;
