//! What there is to speak of: brands, products, outlets, audiences.
//!
//! Brands are the walls: a token reaches some brands, and nothing of any other exists for it. Outlets and
//! audiences are shared by all brands of an instance.

mod brands;
pub(crate) mod graphql;
mod loaders;
mod model;
pub(crate) mod resolve;

pub(crate) use brands::{NewBrand, create_brand, list_brands};
pub(crate) use loaders::BrandKey;
pub use model::{Brand, OutletKind};
