//! What there is to speak of: brands, products, outlets, audiences.
//!
//! Brands are the walls: a token reaches some brands, and nothing of any other exists for it. Outlets and
//! audiences are shared by all brands of an instance.

mod audiences;
mod brands;
pub(crate) mod graphql;
mod loaders;
mod model;
mod outlets;
pub(crate) mod patch;
mod products;
pub(crate) mod resolve;

pub(crate) use audiences::{create_audience, list_audiences};
pub(crate) use brands::{BrandChange, NewBrand, create_brand, is_color, list_brands, update_brand};
pub(crate) use loaders::{
    AudienceKey, BrandKey, OutletKey, ProductChannelsKey, ProductKey, ProductNameKey,
};
pub use model::{Audience, Brand, Outlet, OutletKind, Product};
pub(crate) use outlets::{
    NewOutlet, OutletChange, count_outlets, create_outlet, list_outlets, update_outlet,
};
pub(crate) use products::{
    NewProduct, ProductChange, SoldIn, count_products, create_product, list_products,
    update_product,
};
