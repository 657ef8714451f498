//! How long each kind is waited for: as long as the real AWS takes at its slowest
//! (aws-behaviour 22), unless the user says otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Timeout;
use crate::config::timeouts::Wait;
use crate::event::Verb;
use crate::plan::Plan;
use crate::resource::Kind;

/// The longest waits that are other than usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Until a resource of the kind works.
    pub ready: BTreeMap<Kind, Duration>,
    /// Until one is gone, and until nothing uses it any more that keeps it from going.
    pub gone: BTreeMap<Kind, Duration>,
}

impl Limits {
    /// Those that a configuration sets, which names nothing but kinds.
    pub fn of(timeouts: &BTreeMap<String, Timeout>) -> Self {
        let kinds =
            || timeouts.iter().filter_map(|(name, set)| Some((Kind::from_name(name)?, set)));
        let set = |(kind, wait): (Kind, Option<Wait>)| Some((kind, wait?.0));
        Self {
            ready: kinds().map(|(kind, timeout)| (kind, timeout.ready)).filter_map(set).collect(),
            gone: kinds().map(|(kind, timeout)| (kind, timeout.gone)).filter_map(set).collect(),
        }
    }

    /// How long a resource is waited for once AWS has been asked.
    ///
    /// What converges is given what its old tasks may take to end their work, `draining`, on top.
    pub(super) fn within(&self, kind: Kind, verb: Verb, draining: Duration) -> Duration {
        let facts = kind.facts();
        let draining = if facts.converges { draining } else { Duration::ZERO };
        let (set, usual) = match verb {
            Verb::Delete => (&self.gone, facts.gone_within),
            Verb::Create | Verb::Update | Verb::Widen | Verb::Await => {
                (&self.ready, facts.ready_within)
            }
        };
        set.get(&kind).copied().unwrap_or(usual + draining)
    }

    /// How long a removal is asked for again while the resource is in use, where that is set.
    pub(super) fn removal(&self, kind: Kind, verb: Verb) -> Option<Duration> {
        self.gone.get(&kind).copied().filter(|_| verb == Verb::Delete)
    }
}

/// The longest that anything of a plan lets what it no longer sends to work on.
pub(super) fn draining(plan: &Plan) -> Duration {
    let seconds = plan.resources.iter().filter_map(|planned| {
        let field = planned.address.kind().facts().drains?;
        let declared = planned.desired.as_ref().map(|desired| &desired.spec);
        let applied = planned.present.as_ref().map(|present| &present.record.applied);
        [declared, applied].into_iter().flatten().filter_map(|spec| spec[field].as_u64()).max()
    });
    Duration::from_secs(seconds.max().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::timeouts::KINDS;

    #[test]
    fn every_kind_has_a_name_in_the_configuration() {
        let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(KINDS.to_vec(), kinds);
    }

    #[test]
    fn what_is_not_set_is_waited_for_as_long_as_usual() {
        let wait = |minutes| Some(Wait(Duration::from_mins(minutes)));
        let timeout = Timeout { ready: wait(1), gone: None };
        let limits = Limits::of(&[("nat_gateway".to_owned(), timeout)].into());
        let within = |verb| limits.within(Kind::NatGateway, verb, Duration::from_hours(1));
        assert_eq!(within(Verb::Create), Duration::from_mins(1));
        assert_eq!(within(Verb::Delete), Kind::NatGateway.facts().gone_within);
        assert_eq!(limits.removal(Kind::NatGateway, Verb::Delete), None);
    }

    #[test]
    fn a_service_is_waited_for_until_its_old_tasks_have_ended_their_work() {
        let (usual, draining) = (Kind::Service.facts().ready_within, Duration::from_mins(30));
        let within = |limits: Limits| limits.within(Kind::Service, Verb::Update, draining);
        assert_eq!(within(Limits::default()), usual + draining);
        let minute = Duration::from_mins(1);
        let set = Limits { ready: [(Kind::Service, minute)].into(), ..Limits::default() };
        assert_eq!(within(set), minute, "what the user says counts as it is");
    }
}
