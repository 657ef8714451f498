//! What a request asks for, whatever protocol it came in.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ApiError;

/// A request's members, or those of a structure inside it.
///
/// Numbers and booleans are read from JSON values and from the strings of a form alike.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a>(&'a Value);

impl<'a> Parameters<'a> {
    /// Those of a JSON object; any other value has no members.
    #[must_use]
    pub fn new(members: &'a Value) -> Self {
        Self(members)
    }

    /// All members as they came.
    #[must_use]
    pub fn whole(&self) -> &'a Value {
        self.0
    }

    /// The member as it came; `None` when it is absent or null.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|member| !member.is_null())
    }

    /// A text member.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    /// A text member that must be there.
    ///
    /// # Errors
    ///
    /// `MissingParameter`, as EC2 answers.
    pub fn required(&self, name: &str) -> Result<&'a str, ApiError> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// A whole number.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        }
    }

    /// A number with a fraction.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.value(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        }
    }

    /// A boolean.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_bool(),
        }
    }

    /// A structure; an empty one when it is absent.
    #[must_use]
    pub fn structure(&self, name: &str) -> Parameters<'a> {
        Parameters(self.value(name).unwrap_or(&Value::Null))
    }

    /// Whether the member is there at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The structures of a list; none when it is absent.
    pub fn structures(&self, name: &str) -> impl Iterator<Item = Parameters<'a>> + use<'a> {
        self.items(name).iter().map(Parameters)
    }

    /// The texts of a list; none when it is absent.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.items(name).iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// Tags from a list of key and value pairs, whichever case their member names have.
    #[must_use]
    pub fn tags(&self, name: &str) -> BTreeMap<String, String> {
        self.structures(name)
            .filter_map(|tag| {
                let key = tag.text("Key").or_else(|| tag.text("key"))?;
                let value = tag.text("Value").or_else(|| tag.text("value")).unwrap_or_default();
                Some((key.to_owned(), value.to_owned()))
            })
            .collect()
    }

    fn items(self, name: &str) -> &'a [Value] {
        self.value(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

fn missing(name: &str) -> ApiError {
    ApiError::new("MissingParameter", format!("The request must contain the parameter {name}"))
}
