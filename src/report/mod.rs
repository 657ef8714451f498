//! What people and machines read: drawings of values and events, which know nothing of AWS.
//!
//! The rule: data goes to standard output, everything else to standard error, and nothing that
//! comes from AWS can write control codes to a terminal.

pub mod board;
mod brief;
pub mod drift;
pub mod ending;
pub mod findings;
pub mod fleet;
pub mod human;
pub mod json;
pub mod live;
pub mod outside;
mod paint;
pub mod preflight;
pub mod repair;
pub mod state;
pub mod status;
mod text;
mod words;

pub use paint::Paint;
pub use text::{clean, duration, listed};
