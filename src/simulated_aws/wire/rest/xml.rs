//! XML as S3 writes and reads it: lists stand in it flat, each element by its own name.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;
use serde_json::{Map, Value};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// How deep a document of a request may nest: none that S3 knows comes near.
const DEEPEST: usize = 16;

/// A document in the namespace of S3.
pub(super) fn document(root: &str, content: &Value) -> String {
    written(&format!("<{root} xmlns=\"{NAMESPACE}\">"), root, content)
}

/// A document without a namespace, as errors are.
pub(super) fn bare_document(root: &str, content: &Value) -> String {
    written(&format!("<{root}>"), root, content)
}

fn written(opening: &str, root: &str, content: &Value) -> String {
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{opening}");
    members(&mut xml, content);
    xml.push_str(&format!("</{root}>"));
    xml
}

fn members(xml: &mut String, value: &Value) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, member)| element(xml, name, member));
        }
        Value::String(text) => xml.push_str(&escape(text.as_str())),
        Value::Bool(_) | Value::Number(_) => xml.push_str(&value.to_string()),
        Value::Null | Value::Array(_) => {}
    }
}

fn element(xml: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| element(xml, name, item)),
        one => {
            xml.push_str(&format!("<{name}>"));
            members(xml, one);
            xml.push_str(&format!("</{name}>"));
        }
    }
}

/// The content of a document's root: an element that comes again is a list; `None` when it is not
/// well-formed.
pub(super) fn read(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> = Vec::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() < DEEPEST => {
                open.push((start.local_name().as_ref().to_owned(), Map::new(), String::new()));
            }
            Event::Start(_) | Event::Eof => return None,
            Event::Empty(_) if open.is_empty() => return Some(Value::String(String::new())),
            Event::Empty(empty) => {
                let (_, members, _) = open.last_mut()?;
                add(members, empty.local_name().as_ref().to_owned(), Value::String(String::new()));
            }
            Event::Text(said) => {
                if let Some((_, _, text)) = open.last_mut() {
                    text.push_str(&said);
                }
            }
            Event::GeneralRef(reference) => {
                let (_, _, text) = open.last_mut()?;
                text.push(referenced(&reference)?);
            }
            Event::End(_) => {
                let (name, members, text) = open.pop()?;
                let value =
                    if members.is_empty() { Value::String(text) } else { Value::Object(members) };
                match open.last_mut() {
                    Some((_, members, _)) => add(members, name, value),
                    None => return Some(value),
                }
            }
            _ => {}
        }
    }
}

fn add(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        None => drop(members.insert(name, value)),
        Some(Value::Array(items)) => items.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
    }
}

/// The character that a reference such as `&amp;` or `&#10;` stands for.
fn referenced(name: &str) -> Option<char> {
    let code = |digits: &str, radix| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    match (name, name.strip_prefix('#')) {
        ("amp", _) => Some('&'),
        ("lt", _) => Some('<'),
        ("gt", _) => Some('>'),
        ("quot", _) => Some('"'),
        ("apos", _) => Some('\''),
        (_, Some(number)) => match number.strip_prefix('x') {
            Some(digits) => code(digits, 16),
            None => code(number, 10),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let content = json!({"Object": [{"Key": "a&b<c"}, {"Key": "d"}], "Quiet": "true"});
        assert_eq!(read(document("Delete", &content).as_bytes()), Some(content));
    }

    #[test]
    fn what_is_not_well_formed_is_nothing() {
        for text in ["", "<a>", "<a><b></a>", "text", "<a>&nothing;</a>"] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(read(b"<a/>"), Some("".into()));
        let deep = "<a>".repeat(100_000);
        assert_eq!(read(deep.as_bytes()), None);
    }
}
