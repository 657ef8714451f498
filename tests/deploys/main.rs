//! Deployments that fail: the right cause is named first, the wait ends early, the state tells
//! what runs, and the next `up` with the fault mended works.

#[path = "../harness/mod.rs"]
mod harness;

mod causes;
mod failing;
mod rollbacks;
