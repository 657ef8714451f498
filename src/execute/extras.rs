//! Takes away what others have hung on resources of the stack.
//!
//! The rule: one after the other and all of them, whatever becomes of the first: none needs another.
//! Nothing of it is recorded, since none of it was ever the stack's.

use crate::aws::Aws;
use crate::drift::Removal;
use crate::resource::kind::KindError;

/// What came of one of them.
#[derive(Debug)]
pub struct Removed {
    /// What was to be taken away.
    pub removal: Removal,
    /// Why it was not, if it was not.
    pub error: Option<KindError>,
}

/// Takes all of it away, and tells each as it is done.
pub async fn remove_extras(
    aws: &Aws,
    removals: &[Removal],
    mut tell: impl FnMut(&Removed),
) -> Vec<Removed> {
    let mut all = Vec::new();
    for removal in removals {
        let kind = removal.of.address.kind();
        let answer = kind.remove_extra(aws, &removal.of, &removal.extra).await;
        let removed = Removed { removal: removal.clone(), error: answer.err() };
        tell(&removed);
        all.push(removed);
    }
    all
}
