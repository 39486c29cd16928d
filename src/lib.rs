//! Accolade keeps marketing assets and endorsements through their whole life, and answers one question
//! above all: may this go out here, now?
#![recursion_limit = "512"]

pub mod accounts;
pub mod app;
pub mod assets;
pub mod audit;
pub mod care;
pub mod catalog;
pub mod channels;
pub mod cli;
pub mod config;
pub mod contents;
pub mod coverage;
pub mod demo;
mod desk;
pub mod endorsements;
pub mod error;
pub mod graphql;
pub mod http;
pub mod imports;
pub mod library;
pub mod media;
pub mod placements;
pub mod platform;
pub mod renditions;
pub mod requests;
pub mod reviews;
pub mod rights;
pub mod search;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod uploads;
pub mod usage;
