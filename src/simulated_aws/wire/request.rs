//! A request as HTTP carries it.

use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

/// A request as HTTP carries it, whatever protocol is spoken in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// The headers; their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// All of the body.
    pub body: Bytes,
}

impl Request {
    /// A header by its name in lower case; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The path, decoded.
    #[must_use]
    pub fn path(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        percent_decode_str(path).decode_utf8_lossy().into_owned()
    }

    /// The query's parameters, decoded; one without a value has an empty one.
    #[must_use]
    pub fn query(&self) -> BTreeMap<String, String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}
