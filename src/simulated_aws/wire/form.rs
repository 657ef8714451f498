//! Form-encoded requests: flat names with dots become a tree.

use serde_json::{Map, Value};

/// How deep a name may reach: none that AWS knows comes near.
const DEEPEST: usize = 32;

/// Reads a form into a tree: `Filter.1.Value.2=x` is the second value of the first filter, and
/// `Subnets.member.1=x` the first subnet.
///
/// All leaves are strings. Lists that name every index come out in its order.
/// A name that reaches deeper than any of AWS's is one that AWS does not know, and passed over.
#[must_use]
pub fn parse_form(body: &[u8]) -> Value {
    let mut root = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let path: Vec<&str> = name.split('.').filter(|part| *part != "member").collect();
        if path.len() <= DEEPEST {
            insert(&mut root, &path, value.into_owned());
        }
    }
    gather(Value::Object(root))
}

fn insert(node: &mut Map<String, Value>, path: &[&str], value: String) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        node.insert((*first).to_owned(), Value::String(value));
        return;
    }
    let child = node.entry(*first).or_insert_with(|| Value::Object(Map::new()));
    if !child.is_object() {
        *child = Value::Object(Map::new());
    }
    if let Value::Object(child) = child {
        insert(child, rest, value);
    }
}

/// Turns every object whose names are all numbers into a list.
fn gather(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let indexed: Option<Vec<(u32, &Value)>> =
        members.iter().map(|(name, member)| Some((name.parse().ok()?, member))).collect();
    match indexed {
        Some(mut items) if !items.is_empty() => {
            items.sort_by_key(|(index, _)| *index);
            items.into_iter().map(|(_, item)| gather(item.clone())).collect()
        }
        _ => members.into_iter().map(|(name, member)| (name, gather(member))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_both_query_protocols_become_arrays() {
        let form = b"Action=X&Filter.1.Name=vpc-id&Filter.1.Value.1=a&Filter.1.Value.2=b\
            &Subnets.member.2=s2&Subnets.member.1=s1";
        assert_eq!(
            parse_form(form),
            json!({
                "Action": "X",
                "Filter": [{"Name": "vpc-id", "Value": ["a", "b"]}],
                "Subnets": ["s1", "s2"],
            })
        );
    }

    #[test]
    fn eleven_items_stay_in_the_order_of_their_numbers() {
        let pairs: Vec<_> = (1..=11).map(|i| format!("Id.{i}={i}")).collect();
        let form = pairs.join("&");
        let ids = parse_form(form.as_bytes())["Id"].clone();
        assert_eq!(ids[10], json!("11"));
    }

    #[test]
    fn a_name_that_reaches_too_deep_is_passed_over() {
        let form = format!("Action=X&{}a=1", "a.".repeat(2_000_000));
        assert_eq!(parse_form(form.as_bytes()), json!({"Action": "X"}));
    }
}
