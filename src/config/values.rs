//! Values that TOML writes in more than one way, or in a way of their own.
//!
//! The rule: an error's first line says what is wrong, its further lines what to do.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use ipnet::Ipv4Net;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::model::Zones;

/// The days that CloudWatch Logs can keep logs for (aws-behaviour 11.f; the list in full is that
/// of PutRetentionPolicy).
pub const RETENTION_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// A block of IPv4 addresses in canonical form: `10.0.0.0/16`, without host bits.
pub fn cidr<'de, D: Deserializer<'de>>(from: D) -> Result<Ipv4Net, D::Error> {
    Ok(Cidr::deserialize(from)?.0)
}

/// A list of such blocks.
pub fn cidrs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Ipv4Net>, D::Error> {
    let blocks = Vec::<Cidr>::deserialize(from)?;
    Ok(blocks.into_iter().map(|block| block.0).collect())
}

struct Cidr(Ipv4Net);

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_cidr(&text).map(Self).map_err(D::Error::custom)
    }
}

fn parse_cidr(text: &str) -> Result<Ipv4Net, String> {
    let block: Ipv4Net = text.parse().map_err(|_| malformed_cidr(text))?;
    if block.addr() == block.network() {
        return Ok(block);
    }
    let meant = block.trunc();
    Err(format!("`{text}` is an address within a block, not a block\nwrite `{meant}`"))
}

fn malformed_cidr(text: &str) -> String {
    let advice = if text.parse::<std::net::Ipv4Addr>().is_ok() {
        format!("say how many of its bits are fixed: `{text}/32` is that one address")
    } else if text.contains(':') {
        "IPv6 is not supported yet: give an IPv4 block, such as `10.0.0.0/16`".into()
    } else {
        "four numbers up to 255, and how many bits are fixed: `10.0.0.0/16`".into()
    };
    format!("`{text}` is not a CIDR block\n{advice}")
}

/// A table, or `false` for none: so that an environment can switch off what the file switches on.
pub fn off_or<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(OffOr(PhantomData))
}

struct OffOr<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OffOr<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table, or false")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Option<T>, E> {
        if on { Err(E::invalid_value(Unexpected::Bool(true), &self)) } else { Ok(None) }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

/// The schema of [`off_or`].
pub fn off_or_schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let on = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [on, { "const": false }] })
}

/// Days of retention, where `"never"` means that nothing expires.
pub mod retention {
    use serde::Serializer;

    use super::{
        Deserialize, Deserializer, Error, RETENTION_DAYS, Schema, SchemaGenerator, Serialize,
        Visitor, fmt, json_schema,
    };

    const NEVER: &str = "never";

    /// Writes the days, or the word.
    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature is serde's"
    )]
    pub fn serialize<S: Serializer>(days: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
        match days {
            Some(days) => days.serialize(to),
            None => to.serialize_str(NEVER),
        }
    }

    /// Reads the days, or the word.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
        Ok(Retention::deserialize(from)?.0)
    }

    /// The schema: one of the numbers of days, or `"never"`.
    pub fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": RETENTION_DAYS }, { "const": NEVER }] })
    }

    struct Retention(Option<u32>);

    impl<'de> Deserialize<'de> for Retention {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            from.deserialize_any(RetentionVisitor).map(Self)
        }
    }

    struct RetentionVisitor;

    impl Visitor<'_> for RetentionVisitor {
        type Value = Option<u32>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a number of days, or \"never\"")
        }

        fn visit_i64<E: Error>(self, days: i64) -> Result<Self::Value, E> {
            let known = u32::try_from(days).ok().filter(|days| RETENTION_DAYS.contains(days));
            known.map(Some).ok_or_else(|| E::custom(unknown_retention(days)))
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Self::Value, E> {
            if word == NEVER {
                return Ok(None);
            }
            Err(E::custom(format!(
                "`{word}` is not a number of days\nwrite a number, such as 30, or \"never\""
            )))
        }
    }

    fn unknown_retention(days: i64) -> String {
        let nearest = RETENTION_DAYS.iter().min_by_key(|known| days.abs_diff(i64::from(**known)));
        let all: Vec<String> = RETENTION_DAYS.iter().map(u32::to_string).collect();
        format!(
            "CloudWatch Logs can't keep logs for {days} days\nthe nearest is {}; it takes {}, or \"never\"",
            nearest.copied().unwrap_or_default(),
            all.join(", ")
        )
    }
}

/// A command line for the shell, or a list as ECS wants it.
pub fn health_command<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(HealthCommand)
}

struct HealthCommand;

impl<'de> Visitor<'de> for HealthCommand {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a command line, or a list that begins with \"CMD\" or \"CMD-SHELL\"")
    }

    fn visit_str<E: Error>(self, line: &str) -> Result<Self::Value, E> {
        Ok(vec!["CMD-SHELL".into(), line.into()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(words))
    }
}

/// The schema of [`health_command`].
pub fn text_or_list_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
    })
}

/// The policy language's version in force since 2012, given to policies that name none: IAM would
/// take such a policy for the version before, which lacks policy variables.
const POLICY_VERSION: &str = "2012-10-17";

/// Policies by name, each a table or JSON as text, with their version filled in.
pub fn policies<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Value>, D::Error> {
    let policies = BTreeMap::<String, Policy>::deserialize(from)?;
    Ok(policies.into_iter().map(|(name, policy)| (name, policy.0)).collect())
}

struct Policy(Value);

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        policy(Value::deserialize(from)?).map(Self).map_err(D::Error::custom)
    }
}

fn policy(written: Value) -> Result<Value, String> {
    let parsed = match written {
        Value::String(text) => serde_json::from_str(&text)
            .map_err(|error| format!("the policy is not JSON: {error}\nwrite it as a table, or as JSON within ''' and '''"))?,
        other => other,
    };
    let Value::Object(mut document) = parsed else {
        return Err("a policy is a table, or JSON as text\nit holds at least a `Statement`".into());
    };
    if !document.contains_key("Statement") {
        return Err("the policy has no `Statement`\nsay what it allows: Statement = [{ Effect = \"Allow\", Action = \"s3:GetObject\", Resource = \"…\" }]".into());
    }
    document.entry("Version").or_insert_with(|| POLICY_VERSION.into());
    Ok(Value::Object(document))
}

/// The schema of [`policies`].
pub fn policies_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "additionalProperties": {
            "anyOf": [{ "type": "string" }, { "type": "object", "required": ["Statement"] }],
        },
    })
}

impl<'de> Deserialize<'de> for Zones {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ZonesVisitor)
    }
}

struct ZonesVisitor;

impl<'de> Visitor<'de> for ZonesVisitor {
    type Value = Zones;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of zones, or a list of their names")
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Zones, E> {
        let known = u8::try_from(count).map(Zones::Count);
        known.map_err(|_| E::invalid_value(Unexpected::Signed(count), &"a number from 2 to 6"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<Zones, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(Zones::Named)
    }
}
