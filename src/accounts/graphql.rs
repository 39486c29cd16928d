//! Access tokens in GraphQL.
