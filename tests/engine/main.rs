//! The engine from configuration to cloud: planning, carrying out, and what it takes.

#[path = "../harness/mod.rs"]
mod harness;

mod changes;
mod configs;
mod cut_off;
mod egress;
mod network;
mod saved;
mod settled;
mod speed;
mod strangers;
mod traffic;
