//! Endorsements: what someone outside the brand said, its proof, and its claims.

pub(crate) mod graphql;
