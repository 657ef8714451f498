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

/// The key after which the page that is asked for begins: the first without a marker; `None` where
/// the marker is none of ours.
#[must_use]
pub fn place(marker: Option<&str>) -> Option<String> {
    marker.map_or(Some(String::new()), read)
}

/// The page of so many items, which come in the order of their keys, that follows a key; and the
/// marker of the page after it.
pub fn page<'a, T>(
    items: impl Iterator<Item = (&'a String, T)>,
    after: &str,
    size: usize,
) -> (Vec<(&'a String, T)>, Option<String>) {
    let mut rest = items.filter(|(key, _)| key.as_str() > after).peekable();
    let page: Vec<(&String, T)> = rest.by_ref().take(size).collect();
    let next = rest.peek().and(page.last()).map(|(key, _)| write(key));
    (page, next)
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
