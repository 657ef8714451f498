//! How one resource names another: addresses, typed inputs, and what stands behind them.
//!
//! The rule: an [`Input`] is either a value or an output of a resource that is in the graph. A
//! [`Handle`] comes from adding a resource and from nowhere else, so no reference dangles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Kind;

/// The member that marks an unresolved output in a serialized spec.
const OUTPUT: &str = "$output";

/// Where a resource stands in its stack: `subnet.public-a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    kind: Kind,
    name: String,
}

impl Address {
    /// The address of the resource of `kind` that the stack calls `name`.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// What kind of resource it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What the stack calls it among its kind.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}.{}", self.kind.name(), self.name))
    }
}

/// Not an address: it has no dot, or what stands before it is no kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address such as `subnet.public-a`")]
pub struct NotAnAddress(pub String);

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = text.split_once('.').ok_or_else(|| NotAnAddress(text.into()))?;
        let kind = Kind::from_name(kind).ok_or_else(|| NotAnAddress(text.into()))?;
        if name.is_empty() {
            return Err(NotAnAddress(text.into()));
        }
        Ok(Self::new(kind, name))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One output of one resource: `vpc.main:id`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Whose output it is.
    pub address: Address,
    /// Which of its outputs: the name of a field of the kind's `Outputs`.
    pub output: String,
}

impl Reference {
    /// The reference as it stands in a serialized spec.
    pub fn as_value(&self) -> Value {
        Value::Object([(OUTPUT.to_owned(), self.to_string().into())].into_iter().collect())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.address, self.output)
    }
}

impl FromStr for Reference {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, output) = text.rsplit_once(':').ok_or_else(|| NotAnAddress(text.into()))?;
        Ok(Self { address: address.parse()?, output: output.into() })
    }
}

/// A value that is known now, or an output that will be known once its resource exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input<T> {
    /// The value itself.
    Known(T),
    /// To be taken from another resource.
    Pending(Reference),
}

impl<T> Input<T> {
    /// The value.
    ///
    /// # Panics
    ///
    /// When it is pending: a kind is only ever handed specs whose inputs have been resolved.
    pub fn get(&self) -> &T {
        match self {
            Self::Known(value) => value,
            Self::Pending(reference) => {
                panic!("a spec is resolved before it is carried out, but {reference} is pending")
            }
        }
    }
}

impl<T> Input<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Pending(_) => None,
        }
    }
}

impl<T> From<T> for Input<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: Serialize> Serialize for Input<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Pending(reference) => {
                BTreeMap::from([(OUTPUT, reference.to_string())]).serialize(serializer)
            }
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Input<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match reference_in(&value) {
            Some(reference) => Ok(Self::Pending(reference)),
            None => T::deserialize(value).map(Self::Known).map_err(D::Error::custom),
        }
    }
}

/// Stands for a resource that has been added to the graph.
#[derive(Debug)]
pub struct Handle<R> {
    address: Address,
    kind: PhantomData<fn() -> R>,
}

impl<R> Clone for Handle<R> {
    fn clone(&self) -> Self {
        Self { address: self.address.clone(), kind: PhantomData }
    }
}

impl<R> Handle<R> {
    /// A handle to the resource at `address`, which the graph has just taken in.
    pub(crate) fn to(address: Address) -> Self {
        Self { address, kind: PhantomData }
    }

    /// Where the resource stands.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// An output of the resource. Kinds wrap this in methods with a name and a type.
    pub(crate) fn output<T>(&self, name: &str) -> Input<T> {
        Input::Pending(Reference { address: self.address.clone(), output: name.into() })
    }
}

/// The reference that a serialized value is, if it is one.
pub fn reference_in(value: &Value) -> Option<Reference> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get(OUTPUT)?.as_str()?.parse().ok()
}

/// All references in a serialized spec.
pub fn references(spec: &Value) -> BTreeSet<Reference> {
    let mut found = BTreeSet::new();
    collect(spec, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<Reference>) {
    if let Some(reference) = reference_in(value) {
        found.insert(reference);
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        _ => {}
    }
}

/// The spec with every reference that `known` answers replaced by its value.
pub fn resolve(spec: &Value, known: &impl Fn(&Reference) -> Option<Value>) -> Value {
    if let Some(reference) = reference_in(spec) {
        return known(&reference).unwrap_or_else(|| spec.clone());
    }
    match spec {
        Value::Array(items) => items.iter().map(|item| resolve(item, known)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), resolve(member, known))).collect()
        }
        other => other.clone(),
    }
}

/// Makes a newtype of text for each name: ids and ARNs that must not be mixed up.
macro_rules! text_newtypes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )+};
}
pub(crate) use text_newtypes;
