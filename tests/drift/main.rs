//! Checks for drift against the simulated AWS: what is found, what is not, and what puts it back.

#[path = "../engine/configs.rs"]
mod configs;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../served/mod.rs"]
mod served;

mod binary;
mod calm;
mod changes;
mod deciding;
mod external;
mod extras;
mod fleet;
mod formats;
mod job;
mod schedule;
mod who;
mod world;
