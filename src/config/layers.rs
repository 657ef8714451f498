//! The layers, and which comes over which.

use std::collections::BTreeMap;
use std::sync::Arc;

use miette::NamedSource;

use super::error::ConfigError;
use super::extract::ENVIRONMENTS;
use super::suggest::{misspelt, nearest};
use super::tree::{self, Entry, Node, Text, Value};
use super::{ImageOverride, Overrides};

/// The layers merged, for each environment that the file names and the one at hand.
pub(super) struct Layers {
    /// For the environment at hand.
    pub chosen: Node,
    /// For the others that the file names.
    pub others: Vec<Node>,
}

/// Merges the layers. What can't be merged is reported and left out.
pub(super) fn merge(
    mut file: Node,
    overrides: &Overrides,
    errors: &mut Vec<ConfigError>,
) -> Layers {
    let mut environments = take_environments(&mut file, errors);
    check_environment(&overrides.environment, &environments, errors);
    let chosen = environments.remove(&overrides.environment);
    let mut unsaid = Vec::new();
    let others = environments.into_values();
    let others = others.map(|entry| overlaid(&file, Some(entry.node), overrides, &mut unsaid));
    let others = others.collect();
    let chosen = overlaid(&file, chosen.map(|entry| entry.node), overrides, errors);
    Layers { chosen, others }
}

fn take_environments(file: &mut Node, errors: &mut Vec<ConfigError>) -> BTreeMap<String, Entry> {
    let Some(entry) = file.table_mut().and_then(|table| table.remove(ENVIRONMENTS)) else {
        return BTreeMap::new();
    };
    let Value::Table(mut environments) = entry.node.value else {
        errors.push(not_a_table(entry.key, ENVIRONMENTS));
        return BTreeMap::new();
    };
    environments.retain(|name, entry| {
        let is_table = entry.node.table().is_some();
        if !is_table {
            errors.push(not_a_table(entry.key.clone(), &format!("{ENVIRONMENTS}.{name}")));
        }
        is_table
    });
    environments
}

fn not_a_table(place: tree::Place, path: &str) -> ConfigError {
    ConfigError::at(place, "expected a table", format!("`{path}` should be a table"))
        .advise("an environment's own values stand under a header such as `[env.prod]`")
}

/// Refuses a slip of an environment that the file names. One that it does not name at all is new,
/// and has nothing of its own.
fn check_environment(
    name: &str,
    environments: &BTreeMap<String, Entry>,
    errors: &mut Vec<ConfigError>,
) {
    // That none may be empty is said of every name.
    if name.is_empty() || environments.contains_key(name) {
        return;
    }
    let known = environments.keys().map(String::as_str);
    let Some(meant) = misspelt(name, known) else { return };
    let Some(entry) = environments.get(meant) else { return };
    let message = format!("the environment `{name}` looks like a slip of `{meant}`");
    errors.push(ConfigError::at(entry.key.clone(), "did you mean this?", message).advise(format!(
        "give `-e {meant}`; if `{name}` is another one, add an empty table `[env.{name}]`"
    )));
}

fn overlaid(
    file: &Node,
    environment: Option<Node>,
    overrides: &Overrides,
    errors: &mut Vec<ConfigError>,
) -> Node {
    let mut merged = file.clone();
    if let Some(environment) = environment {
        merged.overlay(environment);
    }
    if let Some(region) = &overrides.region {
        merged.overlay(argument("--region", region).under(&["region"]));
    }
    for (path, value) in &overrides.set {
        match tree::assignment(path, value) {
            Ok(layer) if layer.at(&[ENVIRONMENTS]).is_some() => {
                errors.push(set_environment(&layer));
            }
            Ok(layer) => merged.overlay(layer),
            Err(error) => errors.push(error),
        }
    }
    for image in &overrides.images {
        match service_of(image, &merged) {
            Ok(name) => merged.overlay(image_layer(image, &name)),
            Err(error) => errors.push(error),
        }
    }
    merged
}

/// What is set comes over all environments' tables, of which one was chosen already.
fn set_environment(layer: &Node) -> ConfigError {
    let message = "`--set` takes the keys of a stack, not those of one environment's table";
    ConfigError::at(layer.around(&[ENVIRONMENTS]), "an environment's table", message)
        .advise("leave out `env.NAME.`, and choose the environment with `-e NAME`")
}

fn argument(name: &str, value: &str) -> Node {
    let text: Text = Arc::new(NamedSource::new(name, value.to_owned()));
    Node::whole(Value::Text(value.into()), &text)
}

fn image_layer(image: &ImageOverride, service: &str) -> Node {
    argument("--image", &image.image).under(&["services", service, "image"])
}

/// The service that an image is for.
fn service_of(image: &ImageOverride, merged: &Node) -> Result<String, ConfigError> {
    let services = merged.at(&["services"]).and_then(Node::table);
    let known: Vec<&str> =
        services.into_iter().flat_map(|s| s.keys().map(String::as_str)).collect();
    match (&image.service, &known[..]) {
        (Some(name), _) if known.contains(&name.as_str()) => Ok(name.clone()),
        (None, [only]) => Ok((*only).to_owned()),
        (Some(name), _) => Err(unknown_service(image, name, &known)),
        (None, []) => Err(image_error(
            image,
            "there is no service for the image",
            "add a table such as `[services.app]` to the file",
        )),
        (None, _) => Err(image_error(
            image,
            "there is more than one service that the image could be for",
            &format!("say which: `--image {}={}`", known.join("|"), image.image),
        )),
    }
}

fn unknown_service(image: &ImageOverride, name: &str, known: &[&str]) -> ConfigError {
    let meant = nearest(name, known.iter().copied());
    let meant = meant.map_or(String::new(), |meant| format!("did you mean `{meant}`? "));
    let advice = match known {
        [] => "add a table such as `[services.app]` to the file".into(),
        _ => format!("{meant}The file has {}", known.join(", ")),
    };
    image_error(image, &format!("there is no service `{name}`"), &advice)
}

fn image_error(image: &ImageOverride, message: &str, advice: &str) -> ConfigError {
    let node = argument("--image", &image.image);
    ConfigError::at(node.place, "for this image", message).advise(advice)
}
