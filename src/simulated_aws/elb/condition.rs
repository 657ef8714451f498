//! When a rule is for a request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::wire::{ApiError, Parameters};
use super::validate::{invalid, missing, one_of};

/// How many values all conditions of a rule may have together.
const MOST_VALUES: usize = 5;

/// The part of a request that a condition looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    HostHeader,
    PathPattern,
    HttpRequestMethod,
    SourceIp,
}

impl Field {
    const ALL: [Self; 4] =
        [Self::HostHeader, Self::PathPattern, Self::HttpRequestMethod, Self::SourceIp];

    fn name(self) -> &'static str {
        match self {
            Self::HostHeader => "host-header",
            Self::PathPattern => "path-pattern",
            Self::HttpRequestMethod => "http-request-method",
            Self::SourceIp => "source-ip",
        }
    }

    fn member(self) -> &'static str {
        match self {
            Self::HostHeader => "HostHeaderConfig",
            Self::PathPattern => "PathPatternConfig",
            Self::HttpRequestMethod => "HttpRequestMethodConfig",
            Self::SourceIp => "SourceIpConfig",
        }
    }
}

/// One condition: any of its values must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    field: Field,
    values: Vec<String>,
}

impl Condition {
    /// Whether it holds for a plain GET of `path` at `host` by someone outside.
    pub fn holds(&self, host: &str, path: &str) -> bool {
        self.values.iter().any(|value| match self.field {
            Field::HostHeader => fits(&value.to_ascii_lowercase(), &host.to_ascii_lowercase()),
            Field::PathPattern => fits(value, path),
            Field::HttpRequestMethod => value == "GET",
            Field::SourceIp => value == "0.0.0.0/0",
        })
    }

    /// The condition as the answers show it.
    pub fn shown(&self) -> Value {
        let plain = matches!(self.field, Field::HostHeader | Field::PathPattern);
        let mut shown = Map::from_iter([
            ("Field".to_owned(), json!(self.field.name())),
            (self.field.member().to_owned(), json!({"Values": self.values})),
        ]);
        if plain {
            shown.insert("Values".to_owned(), json!(self.values));
        }
        Value::Object(shown)
    }
}

/// Reads the conditions of a rule; there must be one at least.
pub fn read(request: Parameters<'_>) -> Result<Vec<Condition>, ApiError> {
    let conditions =
        request.structures("Conditions").map(read_one).collect::<Result<Vec<_>, _>>()?;
    if conditions.is_empty() {
        return Err(missing("Conditions"));
    }
    if conditions.iter().map(|condition| condition.values.len()).sum::<usize>() > MOST_VALUES {
        let message = format!("A rule can have {MOST_VALUES} condition values");
        return Err(ApiError::new("TooManyConditionValues", message));
    }
    Ok(conditions)
}

fn read_one(condition: Parameters<'_>) -> Result<Condition, ApiError> {
    let names = Field::ALL.map(Field::name);
    let name = one_of(condition, "Field", &names)?.ok_or_else(|| missing("Field"))?;
    let field = Field::ALL.into_iter().find(|field| field.name() == name);
    let field = field.ok_or_else(|| missing("Field"))?;
    let mut values = condition.structure(field.member()).texts("Values");
    if values.is_empty() {
        values = condition.texts("Values");
    }
    if values.is_empty() || values.iter().any(|value| value.is_empty() || value.len() > 128) {
        return Err(invalid(format!(
            "A condition on '{name}' must have values that are not empty"
        )));
    }
    Ok(Condition { field, values })
}

/// Whether `text` fits a pattern in which `*` stands for anything and `?` for one character.
fn fits(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => text
            .char_indices()
            .map(|(index, _)| index)
            .chain([text.len()])
            .any(|index| fits(rest, &text[index..])),
        _ => text.chars().next().is_some_and(|character| {
            (first == '?' || first == character) && fits(rest, &text[character.len_utf8()..])
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        assert!(fits("/api/*", "/api/"));
        assert!(fits("/api/*", "/api/v1/things"));
        assert!(fits("*.example.?om", "www.example.com"));
        assert!(!fits("/api/*", "/ap"));
        assert!(!fits("/api", "/api/"));
    }
}
