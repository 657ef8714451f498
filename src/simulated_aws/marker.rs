//! Opaque markers: where the next page of a list begins.
//!
//! A marker holds the key of the last item shown, so that a list may change between two pages
//! without any item being shown twice or left out.

use std::fmt::Write;

/// The marker of the page that follows `key`.
#[must_use]
pub fn write(key: &str) -> String {
    key.bytes().fold(String::new(), |mut marker, byte| {
        write!(marker, "{byte:02x}").expect("a string takes all that is written to it");
        marker
    })
}

/// The key in a marker; `None` when it is none of ours.
#[must_use]
pub fn read(marker: &str) -> Option<String> {
    if !marker.is_ascii() || !marker.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> = (0..marker.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&marker[at..at + 2], 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_gives_its_key_back_and_anything_else_none() {
        assert_eq!(read(&write("/ecs/größe")), Some("/ecs/größe".to_owned()));
        assert_eq!(read("abc"), None);
        assert_eq!(read("zz"), None);
        assert_eq!(read("ff"), None);
    }
}
