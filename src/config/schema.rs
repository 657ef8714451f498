//! The JSON Schema of `provision.toml`, by which editors complete and check it.
//!
//! The rule: it is made from the types; only what the layers add is added here.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::extract::ENVIRONMENTS;
use super::model::Config;

/// Where the schema keeps its parts.
const PARTS: &str = "$defs";

/// What marks the parts in which nothing is required: an environment's table holds only what is
/// other than in the file.
const PARTIAL: &str = "Partial";

/// The JSON Schema of `provision.toml`.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut root = generator.into_root_schema_for::<Config>().to_value();
    root["title"] = "provision.toml".into();
    root["required"] = json!(["name", "services"]);
    root["properties"]["services"]["minProperties"] = 1.into();
    require_image(&mut root);
    add_environments(&mut root);
    root
}

/// The tables in which a key is known, the root's as an empty text; `NAME` stands for a name of the
/// user's.
pub(super) fn tables_with(key: &str) -> Vec<String> {
    let root = schema();
    let mut found = Vec::new();
    find_tables(&root, &root, key, "", &mut found);
    found
}

fn find_tables(root: &Value, part: &Value, key: &str, table: &str, found: &mut Vec<String>) {
    let part = resolved(root, part);
    let under = |name: &str| if table.is_empty() { name.into() } else { format!("{table}.{name}") };
    for (name, property) in part["properties"].as_object().into_iter().flatten() {
        if name == key {
            found.push(table.into());
        }
        if name != ENVIRONMENTS {
            find_tables(root, property, key, &under(name), found);
        }
    }
    if part["additionalProperties"].is_object() {
        find_tables(root, &part["additionalProperties"], key, &under("NAME"), found);
    }
}

/// Follows references, and takes the first of alternatives: the one that is a table.
pub(super) fn resolved<'a>(root: &'a Value, part: &'a Value) -> &'a Value {
    let reference = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    let target = reference.and_then(|pointer| root.pointer(pointer));
    let target = target.or_else(|| part["anyOf"].get(0)).or_else(|| part["allOf"].get(0));
    target.map_or(part, |target| resolved(root, target))
}

/// A service's image has no default, though the type that serde fills in has to hold something.
fn require_image(root: &mut Value) {
    let service = &mut root[PARTS]["Service"];
    service["required"] = json!(["image"]);
    if let Some(image) = service["properties"]["image"].as_object_mut() {
        image.remove("default");
    }
}

fn add_environments(root: &mut Value) {
    let mut environment = partial(&json!({
        "type": "object",
        "properties": root["properties"],
        "additionalProperties": false,
    }));
    environment["description"] = "What is other than in the file for one environment.".into();
    let parts: BTreeMap<String, Value> = match &root[PARTS] {
        Value::Object(parts) => {
            parts.iter().map(|(name, part)| (format!("{PARTIAL}{name}"), partial(part))).collect()
        }
        _ => BTreeMap::new(),
    };
    for (name, part) in parts {
        root[PARTS][name] = part;
    }
    root["properties"][ENVIRONMENTS] = json!({
        "description": "What is other than in the file, by environment.",
        "type": "object",
        "additionalProperties": environment,
    });
}

/// A schema of which nothing is required, and no default is given, since the file's value is.
fn partial(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, value)| !is_demand(key, value));
            let members: Map<_, _> =
                kept.map(|(key, value)| (key.clone(), partial_member(key, value))).collect();
            members.into()
        }
        Value::Array(list) => list.iter().map(partial).collect(),
        other => other.clone(),
    }
}

/// Whether a member demands something; a property of such a name is a schema, not a demand.
fn is_demand(key: &str, value: &Value) -> bool {
    match key {
        "required" => value.is_array(),
        "default" => true,
        "minProperties" => value.is_number(),
        _ => false,
    }
}

fn partial_member(key: &str, value: &Value) -> Value {
    match (key, value.as_str().and_then(|part| part.strip_prefix("#/$defs/"))) {
        ("$ref", Some(part)) => format!("#/$defs/{PARTIAL}{part}").into(),
        _ => partial(value),
    }
}
