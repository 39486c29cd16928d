//! The application under test, and what tests are made of.

mod app;
mod binary;
pub(crate) mod pages;
mod png;
mod random;
mod schema;
mod things;

pub(crate) use app::{Answer, START, TestApp, mutation, upload_form};
pub(crate) use binary::{Home, Server};
pub(crate) use png::{noise, png, png_bytes, png_of_bad_pixels, png_of_header};
pub(crate) use random::{runner, runtime};
pub(crate) use schema::{Field, Input, Ref, Schema};
