//! The application under test, and what tests are made of.

mod app;
mod png;
mod things;

pub(crate) use app::{Answer, TestApp};
pub(crate) use png::{png, png_of_header};
