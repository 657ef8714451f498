//! What puts back what has drifted: what is taken away, what is changed, and what can't be.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::clean;
use super::human::{self, Look};
use super::paint::Paint;
use super::text::wrapped;
use crate::drift::Repair;
use crate::execute::extras::Removed;

/// What stands before everything but the first line of what can't be put back.
const INDENT: &str = "          ";

/// Draws a repair.
pub fn draw(repair: &Repair, look: Look) -> String {
    let mut text = String::new();
    for removal in &repair.removals {
        let sign = look.paint.red("- remove ");
        let (address, extra) = (&removal.of.address, &removal.extra);
        let _ = writeln!(text, "{sign} {address}  {} ({})", clean(&extra.what), clean(&extra.id));
    }
    if !repair.plan.is_empty() {
        text.push_str(&human::plan(&repair.plan, look));
    }
    text.push_str(&left(repair, look));
    text
}

/// Draws what can't be put back, and why.
pub fn left(repair: &Repair, look: Look) -> String {
    let mut text = String::new();
    for stays in &repair.left {
        let head = format!("left      {} {}", stays.address, clean(&stays.property));
        let _ = writeln!(text, "{}", look.paint.dim(head));
        text.push_str(&wrapped(stays.why, INDENT, INDENT, look.width));
    }
    text
}

/// What came of something that was to be taken away, in a line.
pub fn removed(removed: &Removed, paint: Paint) -> String {
    let (address, extra) = (&removed.removal.of.address, &removed.removal.extra);
    let what = format!("{address}: {} ({})", clean(&extra.what), clean(&extra.id));
    match &removed.error {
        None => format!("{} {what} taken away", paint.green("✓")),
        Some(error) => format!("{} {what}: {}", paint.red("✗"), clean(&error.to_string())),
    }
}

/// The same for machines.
pub fn removed_event(removed: &Removed) -> Value {
    let extra = &removed.removal.extra;
    json!({
        "event": "taken_away",
        "address": removed.removal.of.address,
        "collection": extra.collection,
        "id": extra.id,
        "error": removed.error.as_ref().map(ToString::to_string),
    })
}

/// What is to be taken away, for machines.
pub fn removals_document(repair: &Repair) -> Value {
    let one = |removal: &crate::drift::Removal| json!({"address": removal.of.address, "extra": removal.extra});
    repair.removals.iter().map(one).collect()
}
