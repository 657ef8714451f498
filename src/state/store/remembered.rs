//! What checks for drift remember, as it was read.

/// What checks of a stack remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// As it was written.
    pub text: Vec<u8>,
    /// Which writing of it this is.
    pub edition: Edition,
}

/// Tells one writing from another: an ETag in a bucket, in a directory the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition(pub(super) Vec<u8>);
