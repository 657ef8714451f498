//! What the real AWS does to its callers, and an obliging simulation does not.
//!
//! Each fault is a small thing of its own, named after the section of `aws-behaviour.md` that
//! tells of it. [`Faults`] puts any of them together and stands between caller and cloud as an
//! [`Interference`]. The rule: equal seeds and equal calls at equal moments meet equal faults.
//!
//! | fault | section |
//! |---|---|
//! | [`Refusals`]: one operation refused, so many times | 24, 31 |
//! | [`LaggingReplica`]: what was just done is not seen everywhere | 0.1, 24.3, 31.1, 31.2 |
//! | [`Throttles`]: calls refused at random as too many | 24.1, 31.15 |
//! | [`Buckets`]: calls refused when there are too many | 27 |
//! | [`LostAnswers`]: errors and silence, before the deed and after | 24.2, 31.4 |
//! | [`ExpiredCredentials`]: a key that holds only for a while | 24.8, 31.21 |
//! | [`FailingGateways`]: NAT gateways that fail once they are made | 5.d, 31.3 |
//! | [`ReturningLogGroups`]: groups that come back after their deletion | 11.e, 31.16 |
//! | [`UnresolvedRoles`]: roles without their ARN | 9.c, 31.7 |
//! | [`EmptyPages`]: lists whose first page is empty | 31.20 |
//! | [`OtherWriter`]: somebody else who changes things | 0.1.9, 26 |

mod buckets;
mod credentials;
mod lost;
mod others;
mod pages;
mod refusals;
mod replica;
mod roles;
mod throttles;

use std::sync::{Arc, Mutex, PoisonError, Weak};

pub use buckets::Buckets;
pub use credentials::ExpiredCredentials;
pub use lost::LostAnswers;
pub use others::{Deed, FailingGateways, OtherWriter, ReturningLogGroups};
pub use pages::EmptyPages;
pub use refusals::Refusals;
pub use replica::LaggingReplica;
pub use roles::UnresolvedRoles;
pub use throttles::{Throttles, throttle};

use super::cloud::Cloud;
use super::endpoint::{Call, Endpoint, Interference, Verdict};
use super::wire::Answer;

/// One thing that goes wrong.
pub trait Fault: Send + std::fmt::Debug {
    /// Whether it may change the cloud.
    fn touches(&self) -> bool {
        true
    }

    /// Judges a call before it takes effect.
    fn before(&mut self, _scene: &mut Scene<'_>) -> Verdict {
        Verdict::Pass
    }

    /// Judges a call that has taken effect, before its answer is given.
    fn after(&mut self, _scene: &mut Scene<'_>, _answer: &Answer) -> Verdict {
        Verdict::Pass
    }
}

/// What a fault has before it.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The call.
    pub call: &'a Call,
    /// The cloud, at the present moment.
    pub cloud: &'a mut Cloud,
    /// What chance says.
    pub random: &'a mut fastrand::Rng,
}

/// Faults, put together: the first that does not let a call pass decides.
#[derive(Debug)]
pub struct Faults {
    endpoint: Weak<Endpoint>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    faults: Vec<Box<dyn Fault>>,
    random: fastrand::Rng,
}

impl Faults {
    /// No faults yet, for the cloud behind `endpoint`.
    #[must_use]
    pub fn new(endpoint: &Arc<Endpoint>, seed: u64) -> Self {
        let inner = Inner { faults: Vec::new(), random: fastrand::Rng::with_seed(seed) };
        Self { endpoint: Arc::downgrade(endpoint), inner: Mutex::new(inner) }
    }

    /// The same, with one more.
    #[must_use]
    pub fn with(self, fault: impl Fault + 'static) -> Self {
        let mut inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        inner.faults.push(Box::new(fault));
        Self { endpoint: self.endpoint, inner: Mutex::new(inner) }
    }

    /// Puts them between the cloud and its callers.
    pub fn begin(self) {
        if let Some(endpoint) = self.endpoint.upgrade() {
            endpoint.interfere(Some(Box::new(self)));
        }
    }

    /// Asks every fault in turn until one does not let the call pass.
    fn ask(
        &self,
        call: &Call,
        judge: impl Fn(&mut dyn Fault, &mut Scene<'_>) -> Verdict,
    ) -> Verdict {
        let Some(endpoint) = self.endpoint.upgrade() else { return Verdict::Pass };
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { faults, random } = &mut *inner;
        let touches = faults.iter().any(|fault| fault.touches());
        let ask = |cloud: &mut Cloud| {
            let mut scene = Scene { call, cloud, random };
            let mut verdicts = faults.iter_mut().map(|fault| judge(fault.as_mut(), &mut scene));
            verdicts.find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass)
        };
        if touches { endpoint.with_cloud(ask) } else { endpoint.with_cloud_as_it_is(ask) }
    }
}

impl Interference for Faults {
    fn before(&self, _number: usize, call: &Call) -> Verdict {
        self.ask(call, |fault, scene| fault.before(scene))
    }

    fn after(&self, _number: usize, call: &Call, answer: &Answer) -> Verdict {
        self.ask(call, |fault, scene| fault.after(scene, answer))
    }
}
