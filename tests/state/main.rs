//! What is recorded of a stack: lost and found again, mended, protected, fought over.

mod binary;
mod bucket;
mod import;
mod in_bucket;
mod protection;
mod recover;
mod refusing;
#[path = "../served/mod.rs"]
mod served;
mod world;
