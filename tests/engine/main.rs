//! The engine from configuration to cloud: planning, carrying out, and what it takes.

#[path = "../harness/mod.rs"]
mod harness;

mod configs;
mod settled;
mod speed;
