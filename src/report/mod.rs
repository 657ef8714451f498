//! What people and machines read: drawings of values and events, which know nothing of AWS.
//!
//! The rule: data goes to standard output, everything else to standard error, and nothing that
//! comes from AWS can write control codes to a terminal.

pub mod findings;
pub mod human;
pub mod json;
pub mod live;
pub mod state;
pub mod status;
mod text;

pub use text::clean;
