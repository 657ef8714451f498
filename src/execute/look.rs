//! Looking for what a creation may have made, when nothing says whether it has.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::aws::{Aws, is_owned};
use crate::resource::kind::KindError;
use crate::resource::{Address, Identity};
use crate::state::physical_id;

/// What was seen where a creation may have made something.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// What it was to make, with these outputs.
    Own(Value),
    /// Something of that name which does not carry the stack's tags.
    Foreign(String),
    /// Nothing of the kind.
    Nothing,
}

/// Looks once. `others` are what AWS calls the other generations at the address: they carry the
/// same tags, and are not meant.
///
/// # Errors
///
/// When AWS refuses the look.
pub async fn look_for(
    aws: &Aws,
    address: &Address,
    spec: &Value,
    identity: &Identity,
    others: &BTreeSet<String>,
) -> Result<Seen, KindError> {
    let Some(found) = address.kind().find(aws, spec, identity).await? else {
        return Ok(Seen::Nothing);
    };
    let id = physical_id(&found.outputs);
    Ok(if others.contains(&id) {
        Seen::Nothing
    } else if is_owned(&found.tags, &identity.tags) {
        Seen::Own(found.outputs)
    } else {
        Seen::Foreign(id)
    })
}
