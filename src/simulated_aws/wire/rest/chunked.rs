//! Bodies in the coding `aws-chunked`: chunks with their lengths before them, and trailers behind
//! ("Signature calculations … transferring payload in multiple chunks" in the API reference of S3).

use std::collections::BTreeMap;

/// The content, and the trailers by their names; `None` when it is not written so.
pub(super) fn read(body: &[u8]) -> Option<(Vec<u8>, BTreeMap<String, String>)> {
    let (mut content, mut rest) = (Vec::new(), body);
    loop {
        let (line, behind) = split_line(rest)?;
        // A signed chunk has its signature behind a semicolon.
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if length == 0 {
            return Some((content, trailers(behind)));
        }
        content.extend_from_slice(behind.get(..length)?);
        rest = behind.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

fn trailers(text: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(text);
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect()
}

fn split_line(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.windows(2).position(|two| two == b"\r\n")?;
    Some((std::str::from_utf8(&text[..end]).ok()?, &text[end + 2..]))
}
