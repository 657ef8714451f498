//! Opaque markers: where the next page of a list begins.
//!
//! A marker holds the key of the last item shown, so that a list may change between two pages
//! without any item being shown twice or left out.

use super::wire::hex;

/// The marker of the page that follows `key`.
#[must_use]
pub fn write(key: &str) -> String {
    hex::write(key.as_bytes())
}

/// The key in a marker; `None` when it is none of ours.
#[must_use]
pub fn read(marker: &str) -> Option<String> {
    String::from_utf8(hex::read(marker)?).ok()
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
