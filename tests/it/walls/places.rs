//! Where ids stand in the inputs of mutations, as the schema says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::text;
use crate::support::TestApp;

/// What names no brand's thing: the whole instance shares it.
const SHARED: [&str; 10] = [
    "channel",
    "channels",
    "addChannels",
    "removeChannels",
    "parent",
    "audience",
    "audiences",
    "addAudiences",
    "removeAudiences",
    "outlet",
];

/// Every place of type ID in the inputs of all mutations, by `mutation.path`, but those of what is shared.
pub(super) async fn id_places(app: &TestApp) -> BTreeSet<String> {
    let ty = "type { name kind ofType { name kind ofType { name kind ofType { name kind } } } }";
    let query = format!(
        "{{ __schema {{ mutationType {{ fields {{ name args {{ {ty} }} }} }} types {{ name inputFields {{ name {ty} }} }} }} }}"
    );
    let schema = app.query(&query).await["__schema"].clone();
    let inputs: BTreeMap<String, Vec<(String, String)>> = schema["types"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|ty| {
            let fields = ty["inputFields"].as_array()?;
            let fields = fields
                .iter()
                .map(|f| (text(&f["name"]), named_type(&f["type"])))
                .collect();
            Some((text(&ty["name"]), fields))
        })
        .collect();
    let mut places = BTreeSet::new();
    for mutation in schema["mutationType"]["fields"].as_array().unwrap() {
        let input = named_type(&mutation["args"][0]["type"]);
        walk(&inputs, &input, text(&mutation["name"]), &mut places);
    }
    // An event's own id is its sender's word; a beacon's key is no ID but names a placement.
    places.remove("recordUsage.events.id");
    places.insert("recordUsage.events.beaconKey".to_owned());
    places
}

fn named_type(ty: &Json) -> String {
    if ty["ofType"].is_null() {
        text(&ty["name"])
    } else {
        named_type(&ty["ofType"])
    }
}

fn walk(
    inputs: &BTreeMap<String, Vec<(String, String)>>,
    ty: &str,
    path: String,
    places: &mut BTreeSet<String>,
) {
    for (name, of) in inputs.get(ty).into_iter().flatten() {
        let path = format!("{path}.{name}");
        if of == "ID" && !SHARED.contains(&name.as_str()) {
            places.insert(path);
        } else {
            walk(inputs, of, path, places);
        }
    }
}
