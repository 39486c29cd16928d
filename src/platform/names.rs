//! Enums are stored under the names that the API shows.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::{Error, Result};

/// An enum from its name. A name that it does not know is our fault: the database holds only those.
pub fn named<T: DeserializeOwned>(name: &str) -> Result<T> {
    serde_json::from_value(Json::String(name.to_owned())).map_err(Error::internal)
}

/// An enum's name.
pub fn name_of<T: Serialize>(value: T) -> Result<String> {
    match serde_json::to_value(value).map_err(Error::internal)? {
        Json::String(name) => Ok(name),
        other => Err(Error::internal(format!("{other} is no name"))),
    }
}
