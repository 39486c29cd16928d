//! Who may do what: every mutation asks for its scope first, and a public token gets nothing internal.

mod mutations;
mod public;
mod tokens;
