//! The schema, and the documentation that must agree with it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::schema::resolved;
use super::*;

const DOCUMENTATION: &str = include_str!("../../../docs/configuration.md");

/// Every key of the schema by its path, where `NAME` stands for a name of the user's, with its
/// default.
fn keys(schema: &Value) -> BTreeMap<String, Option<Value>> {
    let mut found = BTreeMap::new();
    collect(schema, schema, "", &Value::Null, &mut found);
    found.retain(|path, _| !path.starts_with("env."));
    found
}

fn collect(
    root: &Value,
    schema: &Value,
    path: &str,
    defaults: &Value,
    found: &mut BTreeMap<String, Option<Value>>,
) {
    let schema = resolved(root, schema);
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let default = defaults.get(key).or(property.get("default")).cloned();
        let inner = default.clone().unwrap_or_default();
        found.insert(join(key), default);
        collect(root, property, &join(key), &inner, found);
    }
    if schema["items"].is_object() {
        collect(root, &schema["items"], path, &Value::Null, found);
    }
    if schema["additionalProperties"].is_object()
        && !schema["additionalProperties"]["anyOf"].is_array()
    {
        collect(root, &schema["additionalProperties"], &join("NAME"), &Value::Null, found);
    }
}

/// The rows of the documentation's tables: key, and what is said of its default.
fn documented() -> BTreeMap<String, String> {
    let rows = DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| {
        let (key, rest) = row.split_once('`')?;
        Some((key.to_owned(), rest.split('|').nth(1)?.trim().to_owned()))
    });
    cells.collect()
}

#[test]
fn every_key_is_documented_and_no_other() {
    let known: Vec<String> = keys(&schema()).into_keys().collect();
    let documented: Vec<String> = documented().into_keys().collect();
    assert_eq!(documented, known);
}

#[test]
fn documented_defaults_are_the_real_ones() {
    let documented = documented();
    for (key, default) in keys(&schema()) {
        let Some(default) = default else { continue };
        if default.is_object() {
            continue;
        }
        let expected =
            toml::Value::try_from(&default).map_or(String::new(), |value| format!("`{value}`"));
        if default.is_null() {
            assert!(!documented[&key].starts_with('`'), "{key} has no default");
        } else {
            assert_eq!(documented[&key], expected, "{key}");
        }
    }
}

#[test]
fn every_key_has_a_description_for_editors() {
    fn described(schema: &Value) -> bool {
        let own = schema["properties"].as_object().into_iter().flatten();
        own.into_iter().all(|(_, property)| property["description"].is_string())
    }
    let schema = schema();
    assert!(described(&schema));
    assert!(schema["$defs"].as_object().unwrap().values().all(described));
}

#[test]
fn the_examples_in_the_documentation_load() {
    let examples: Vec<&str> = DOCUMENTATION.split("```toml\n").skip(1).collect();
    assert!(!examples.is_empty());
    for example in examples {
        let text = example.split("```").next().unwrap();
        let whole =
            if text.contains("name = ") { text.to_owned() } else { format!("{SMALLEST}{text}") };
        if let Err(wrong) = load_with(&whole, &overrides()) {
            panic!("{whole}\n{wrong:?}");
        }
    }
}

#[test]
fn the_schema_asks_for_what_has_no_default_except_within_an_environment() {
    let schema = schema();
    assert_eq!(schema["required"], serde_json::json!(["name", "services"]));
    assert_eq!(schema["$defs"]["Service"]["required"], serde_json::json!(["image"]));
    assert!(schema["$defs"]["PartialService"].get("required").is_none());
    assert!(schema["properties"]["env"]["additionalProperties"]["properties"]["name"].is_object());
}
