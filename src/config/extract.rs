//! From merged layers to types, with everything that does not fit found at once.
//!
//! serde stops at the first fault. What is at fault is therefore reported, taken away, and the rest
//! read again; paths that were taken away are remembered, so that no check complains of their
//! defaults.

use serde_path_to_error::Segment;

use super::error::ConfigError;
use super::model::Config;
use super::schema::tables_with;
use super::suggest::nearest;
use super::tree::{Node, Path, Place, Value};
use super::typed::Fault;

/// The keys at the top of the file that are not the stack's own.
pub(super) const ENVIRONMENTS: &str = "env";

/// What was read, and what was wrong with it.
pub(super) struct Extract {
    /// The configuration; what was wrong is at its default. `None` if it can't be read at all.
    pub config: Option<Config>,
    /// What was wrong.
    pub errors: Vec<ConfigError>,
    /// Paths whose values say nothing of what the user wants.
    pub poisoned: Vec<Path>,
}

/// Reads the types out of the merged layers.
pub(super) fn extract(tree: &Node) -> Extract {
    let mut rest = tree.clone();
    let mut extract = Extract { config: None, errors: Vec::new(), poisoned: Vec::new() };
    loop {
        match serde_path_to_error::deserialize::<_, Config>(&rest) {
            Ok(config) => return Extract { config: Some(config), ..extract },
            Err(error) => {
                let path = path_of(error.path());
                if !extract.step_over(tree, &mut rest, path, error.into_inner()) {
                    return extract;
                }
            }
        }
    }
}

impl Extract {
    /// Reports a fault and takes it out of `rest`. Says whether that was possible.
    fn step_over(&mut self, tree: &Node, rest: &mut Node, path: Path, fault: Fault) -> bool {
        if let Fault::MissingKey { key } = fault {
            return self.fill(tree, rest, path, key);
        }
        self.errors.push(explain(tree, &path, fault));
        let removed = rest.remove(&path);
        self.poisoned.push(path);
        removed
    }

    /// Puts something in the place of a key that is missing, or was taken away.
    fn fill(&mut self, tree: &Node, rest: &mut Node, mut path: Path, key: &'static str) -> bool {
        let around = tree.around(&path);
        path.push(key.into());
        if !self.poisoned.contains(&path) {
            self.errors.push(missing(around, key));
            self.poisoned.push(path.clone());
        }
        rest.at(&path).is_none() && rest.insert(&path, placeholder(key))
    }
}

/// A value that the key's type accepts.
fn placeholder(key: &str) -> Value {
    match key {
        "min" | "max" => Value::Integer(1),
        _ => Value::Text("placeholder".into()),
    }
}

fn path_of(path: &serde_path_to_error::Path) -> Path {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    keys.collect()
}

fn missing(around: Place, key: &str) -> ConfigError {
    let advice = match key {
        "name" => "add a line such as `name = \"shop\"` at the top of the file",
        "region" => {
            "add a line such as `region = \"eu-west-1\"` at the top of the file, or give --region"
        }
        "min" => "the fewest tasks that may run: `min = 2`",
        "max" => "the most tasks that may run: `max = 10`",
        "command" => {
            "what to run in the container: `command = \"curl -f http://localhost:8000/health\"`"
        }
        _ => "add it",
    };
    ConfigError::at(around, "missing here", format!("`{key}` is missing")).advise(advice)
}

fn explain(tree: &Node, path: &[String], fault: Fault) -> ConfigError {
    let shown = path.join(".");
    let place = tree.at(path).map_or_else(|| tree.around(path), |node| node.place.clone());
    match fault {
        Fault::UnknownKey { known } => unknown_key(tree, path, known),
        Fault::UnknownWord { word, known } => unknown_word(place, &shown, &word, known),
        Fault::Mismatch { found, expected } => {
            let message = format!("`{shown}` should be {expected}, not {found}");
            let advice = tree.at(path).and_then(|node| rewrite(path.last()?, node, &expected));
            let error = ConfigError::at(place, &format!("expected {expected}"), message);
            advice.into_iter().fold(error, ConfigError::advise)
        }
        Fault::MissingKey { key } => missing(place, key),
        Fault::Other(text) => {
            let (message, advice) = text.split_once('\n').unwrap_or((&text, ""));
            let error = ConfigError::at(place, "here", format!("`{shown}`: {message}"));
            if advice.is_empty() { error } else { error.advise(advice) }
        }
    }
}

/// How a value is written as what was expected of it, where that is plain.
fn rewrite(key: &str, node: &Node, expected: &str) -> Option<String> {
    // An item of a list has no key.
    let is_item = key.bytes().all(|digit| digit.is_ascii_digit());
    let sets = if is_item { String::new() } else { format!("{key} = ") };
    let written = match (&node.value, expected) {
        (Value::Text(text), "a list") => {
            format!("{sets}{}", serde_json::json!(text.split_whitespace().collect::<Vec<_>>()))
        }
        (Value::Text(text), _) if is_bare(text) => format!("{sets}{text}"),
        (Value::Integer(_) | Value::Float(_) | Value::Boolean(_), "text in quotes") => {
            format!("{sets}\"{}\"", node.written())
        }
        (Value::Integer(0 | 1), "`true` or `false`") => {
            format!("{sets}{}", node.written() == "1")
        }
        (Value::Boolean(_), "a table, or false") => {
            return Some(format!(
                "leave `{key}` out or give it a table of its own: below a header that ends in `.{key}]`"
            ));
        }
        _ => return None,
    };
    Some(format!("write `{written}`"))
}

/// Whether a text within quotes is a number or a truth value without them.
fn is_bare(text: &str) -> bool {
    text.parse::<f64>().is_ok() || matches!(text, "true" | "false")
}

fn unknown_word(
    place: Place,
    shown: &str,
    word: &str,
    known: &'static [&'static str],
) -> ConfigError {
    let all = known.iter().map(|known| format!("\"{known}\"")).collect::<Vec<_>>().join(", ");
    let meant = nearest(word, known.iter().copied());
    let meant = meant.map_or(String::new(), |meant| format!("did you mean \"{meant}\"? "));
    let message = format!("`{shown}` can't be \"{word}\"");
    ConfigError::at(place, "not one of those known", message)
        .advise(format!("{meant}It is one of {all}"))
}

fn unknown_key(tree: &Node, path: &[String], known: &'static [&'static str]) -> ConfigError {
    let Some((key, parents)) = path.split_last() else {
        return ConfigError::at(tree.place.clone(), "here", "unknown key");
    };
    let mut known: Vec<&str> = known.to_vec();
    if parents.is_empty() {
        known.push(ENVIRONMENTS);
    }
    known.sort_unstable();
    let place = tree.key_at(path).cloned().unwrap_or_else(|| tree.around(path));
    let message = match parents {
        [] => format!("unknown key `{key}`"),
        _ => format!("unknown key `{key}` in `{}`", parents.join(".")),
    };
    // The tables of environments are taken out of the file before it is read.
    if parents.is_empty() && key == ENVIRONMENTS {
        let advice = "put its table beside the others: `[env.NAME]` at the top of the file";
        let message = "an environment can't hold another";
        return ConfigError::at(place, "not known here", message).advise(advice);
    }
    let known_keys = known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let hint = match nearest(key, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`? "),
        None => elsewhere(key),
    };
    ConfigError::at(place, "not known here", message)
        .advise(format!("{hint}The keys known here are {known_keys}"))
}

/// Where a key is known that is not known where it stands. TOML puts whatever follows a header
/// into its table, which is easily forgotten.
fn elsewhere(key: &str) -> String {
    let mut tables = tables_with(key);
    tables.sort_by_key(String::len);
    if tables.iter().any(String::is_empty) {
        return format!(
            "`{key}` belongs at the top of the file, before the first table's header. "
        );
    }
    let named: Vec<String> = tables.iter().map(|table| format!("`[{table}]`")).collect();
    match &named[..] {
        [] => String::new(),
        named => format!("`{key}` belongs in {}. ", named.join(" or ")),
    }
}
