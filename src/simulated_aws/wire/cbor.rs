//! RPC v2 with CBOR, which CloudWatch is spoken to in: the operation is at the end of the path,
//! members are a map (RFC 8949; Smithy's specification of the protocol).
//!
//! Texts, numbers, lists and maps become JSON and back. A moment, which CBOR marks with tag 1, is
//! its seconds since 1970 when it comes in, and `{"Seconds": …}` when it is to go out.

use serde_json::{Map, Number, Value, json};

use super::{Answer, ApiError, Request, WireAnswer};

/// How deep a request may be: deeper than any of these services'.
const DEEPEST: u8 = 32;

/// Which break ends what was begun without a length.
const BREAK: u8 = 0xff;

/// Reads an operation and its members out of a request.
///
/// # Errors
///
/// `SerializationException` for what is no CBOR.
pub(super) fn read(request: &Request) -> Result<(String, Value), ApiError> {
    let path = request.path();
    let operation = path.rsplit('/').next().unwrap_or_default().to_owned();
    if request.body.is_empty() {
        return Ok((operation, json!({})));
    }
    let mut reader = Reader { rest: &request.body };
    let members = reader.value(0).ok_or_else(|| {
        ApiError::new("SerializationException", "The request is no CBOR that is known here.")
    })?;
    Ok((operation, members))
}

/// Writes an operation's answer.
pub(super) fn write(answer: &Answer, mut headers: Vec<(String, String)>) -> WireAnswer {
    headers.push(("smithy-protocol".into(), "rpc-v2-cbor".into()));
    let (status, members) = match answer {
        Ok(output) => (200, output.clone()),
        Err(error) => {
            headers.push(super::query_error(error));
            (error.status, json!({"__type": error.code, "message": error.message}))
        }
    };
    let mut body = Vec::new();
    put(&mut body, &members);
    WireAnswer { status, content_type: "application/cbor", headers, body }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// The next value; `None` for what is cut off, too deep, or of a kind that is not known.
    fn value(&mut self, depth: u8) -> Option<Value> {
        if depth > DEEPEST {
            return None;
        }
        let first = self.byte()?;
        let (kind, detail) = (first >> 5, first & 0x1f);
        if kind == 7 {
            return self.simple(detail);
        }
        let length = self.length(detail)?;
        match kind {
            0 => Some(length?.into()),
            1 => Some(Value::from(-1 - i64::try_from(length?).ok()?)),
            2 | 3 => self.text(length),
            4 => self.list(length, depth),
            5 => self.map(length, depth),
            _ => self.value(depth + 1),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, count: usize) -> Option<&[u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn number(&mut self, count: usize) -> Option<u64> {
        Some(self.bytes(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The length or number that a first byte announces; `Some(None)` for none, up to a break.
    #[expect(clippy::option_option, reason = "cut off, without a length, or with one")]
    fn length(&mut self, detail: u8) -> Option<Option<u64>> {
        Some(Some(match detail {
            0..=23 => detail.into(),
            24 => self.number(1)?,
            25 => self.number(2)?,
            26 => self.number(4)?,
            27 => self.number(8)?,
            31 => return Some(None),
            _ => return None,
        }))
    }

    fn is_over(&mut self) -> bool {
        let is_over = self.rest.first() == Some(&BREAK);
        if is_over {
            self.rest = &self.rest[1..];
        }
        is_over
    }

    fn text(&mut self, length: Option<u64>) -> Option<Value> {
        if let Some(length) = length {
            let bytes = self.bytes(usize::try_from(length).ok()?)?;
            return Some(String::from_utf8_lossy(bytes).into_owned().into());
        }
        let mut whole = String::new();
        while !self.is_over() {
            whole.push_str(self.value(DEEPEST)?.as_str()?);
        }
        Some(whole.into())
    }

    fn list(&mut self, length: Option<u64>, depth: u8) -> Option<Value> {
        let mut items = Vec::new();
        while !self.is_at_end(length, items.len()) {
            items.push(self.value(depth + 1)?);
        }
        Some(items.into())
    }

    fn map(&mut self, length: Option<u64>, depth: u8) -> Option<Value> {
        let mut members = Map::new();
        let mut count = 0;
        while !self.is_at_end(length, count) {
            let name = self.value(depth + 1)?.as_str()?.to_owned();
            members.insert(name, self.value(depth + 1)?);
            count += 1;
        }
        Some(members.into())
    }

    fn is_at_end(&mut self, length: Option<u64>, count: usize) -> bool {
        match length {
            Some(length) => count as u64 >= length,
            None => self.is_over(),
        }
    }

    fn simple(&mut self, detail: u8) -> Option<Value> {
        let number = match detail {
            20 => return Some(false.into()),
            21 => return Some(true.into()),
            22 | 23 => return Some(Value::Null),
            26 => f64::from(f32::from_bits(u32::try_from(self.number(4)?).ok()?)),
            27 => f64::from_bits(self.number(8)?),
            _ => return None,
        };
        Number::from_f64(number).map(Value::Number)
    }
}

fn put(body: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => body.push(0xf6),
        Value::Bool(false) => body.push(0xf4),
        Value::Bool(true) => body.push(0xf5),
        Value::Number(number) => put_number(body, number),
        Value::String(text) => {
            head(body, 3, text.len() as u64);
            body.extend_from_slice(text.as_bytes());
        }
        Value::Array(items) => {
            head(body, 4, items.len() as u64);
            for item in items {
                put(body, item);
            }
        }
        Value::Object(members) => match (members.len(), members.get(super::MOMENT)) {
            (1, Some(Value::Number(seconds))) => {
                head(body, 6, 1);
                put_float(body, seconds.as_f64().unwrap_or_default());
            }
            _ => put_map(body, members),
        },
    }
}

fn put_map(body: &mut Vec<u8>, members: &Map<String, Value>) {
    let there = members.iter().filter(|(_, member)| !member.is_null());
    head(body, 5, there.clone().count() as u64);
    for (name, member) in there {
        put(body, &Value::from(name.as_str()));
        put(body, member);
    }
}

fn put_number(body: &mut Vec<u8>, number: &Number) {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), ..) => head(body, 0, number),
        (_, Some(number), _) => head(body, 1, number.unsigned_abs() - 1),
        (.., number) => put_float(body, number.unwrap_or_default()),
    }
}

fn put_float(body: &mut Vec<u8>, number: f64) {
    body.push(0xfb);
    body.extend_from_slice(&number.to_bits().to_be_bytes());
}

/// The first byte of a value, with its length or number behind it where that is large.
fn head(body: &mut Vec<u8>, kind: u8, number: u64) {
    let kind = kind << 5;
    let bytes = number.to_be_bytes();
    match number {
        0..=23 => body.push(kind | bytes[7]),
        24..=0xff => body.extend_from_slice(&[kind | 0x18, bytes[7]]),
        0x100..=0xffff => {
            body.push(kind | 0x19);
            body.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            body.push(kind | 0x1a);
            body.extend_from_slice(&bytes[4..]);
        }
        _ => {
            body.push(kind | 0x1b);
            body.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_back(value: &Value) -> Option<Value> {
        let mut body = Vec::new();
        put(&mut body, value);
        Reader { rest: &body }.value(0)
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({
            "Text": "näh", "Long": "x".repeat(300), "Whole": 7, "Large": 70_000, "Larger": 5_000_000_000_u64,
            "Below": -300, "Part": 0.5, "Zero": 0.0, "Yes": true, "No": false,
            "List": [1, "two", {"three": 3}], "Empty": {},
        });
        assert_eq!(read_back(&value), Some(value));
        assert_eq!(
            read_back(&json!({"At": {"Seconds": 1.5}, "Null": null})),
            Some(json!({"At": 1.5}))
        );
    }

    #[test]
    fn what_has_no_length_ends_with_a_break() {
        // {_ "a": [_ 1, 2], "b": (_ "x", "y")}
        let body = [
            0xbf, 0x61, b'a', 0x9f, 1, 2, 0xff, 0x61, b'b', 0x7f, 0x61, b'x', 0x61, b'y', 0xff,
            0xff,
        ];
        let value = Reader { rest: &body }.value(0);
        assert_eq!(value, Some(json!({"a": [1, 2], "b": "xy"})));
    }

    #[test]
    fn what_is_cut_off_or_too_deep_is_refused() {
        assert_eq!(Reader { rest: &[0xa1, 0x61] }.value(0), None);
        assert_eq!(Reader { rest: &[0x9f; 100] }.value(0), None);
        assert_eq!(
            Reader { rest: &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] }.value(0),
            None
        );
    }
}
