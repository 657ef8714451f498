//! Nothing is lost: runs that die anywhere, and the runs that go on after them.
//!
//! By default a sample of the deaths is tried; all of them with `PROVISION_MATRIX=full`.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]
#![expect(clippy::print_stderr, reason = "the number of cases is part of what is promised")]

mod bucket;
mod death;
mod inventory;
mod lost;
mod matrix;
mod pairs;
mod storage;
mod watch;
mod world;
