//! What a state makes of entries: in order, out of order, and any at all.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::resource::Kind;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn vpc() -> Address {
    address("vpc.main")
}

fn blank() -> State {
    let state = State::new("web", "dev", "000000000000", "eu-west-1");
    State { lineage: "lineage".into(), ..state }
}

fn intent(verb: Verb, generation: u32, spec: Value) -> Intent {
    let tags = [("Name".to_owned(), "web-dev".to_owned())].into();
    let identity = Identity { name: "web-dev".into(), token: "token".into(), tags };
    Intent {
        verb,
        generation,
        identity,
        spec,
        needs: BTreeSet::new(),
        unfound: false,
        applied: None,
    }
}

fn begin(verb: Verb, generation: u32, spec: Value) -> Entry {
    Entry::Begin { address: vpc(), intent: intent(verb, generation, spec) }
}

fn made(id: &str) -> Entry {
    Entry::Made { address: vpc(), outputs: json!({"id": id}), configured: true }
}

fn unresolved() -> Entry {
    Entry::Unresolved { address: vpc() }
}

fn after(entries: impl IntoIterator<Item = Entry>) -> State {
    let mut state = blank();
    entries.into_iter().for_each(|entry| state.apply(entry));
    state
}

fn create(generation: u32) -> Entry {
    begin(Verb::Create, generation, json!({"cidr": "10.0.0.0/16"}))
}

#[test]
fn what_is_begun_is_in_doubt_until_its_outcome_is_known() {
    let state = after([create(0)]);
    assert_eq!(state.in_doubt.keys().collect::<Vec<_>>(), [&vpc()]);
    assert!(state.resources.is_empty() && !state.is_empty());
    assert_eq!(state.outcomes_of(&vpc()), 0);
    for outcome in [made("vpc-1"), Entry::Untouched { address: vpc() }] {
        let state = after([create(0), outcome]);
        assert!(state.in_doubt.is_empty());
        assert_eq!(state.outcomes_of(&vpc()), 1, "another creation has another token");
    }
}

#[test]
fn a_creation_that_nobody_saw_keeps_its_generation_and_its_token() {
    let state = after([create(0), made("vpc-1"), create(1), unresolved()]);
    assert!(state.in_doubt[&vpc()].unfound);
    assert_eq!(state.next_generation(&vpc()), 1);
    assert_eq!(state.outcomes_of(&vpc()), 1, "it has no outcome yet");
    let again = after([create(0), made("vpc-1"), create(1), unresolved(), unresolved()]);
    assert!(again.in_doubt.is_empty(), "who has looked twice may make it");
    assert_eq!(again.outcomes_of(&vpc()), 1);
    assert_eq!(again.next_generation(&vpc()), 1);
}

#[test]
fn an_update_that_was_cut_off_leaves_the_rest_known() {
    let update = || begin(Verb::Update, 0, json!({"cidr": "10.0.0.0/16", "dns": true}));
    let mut state = after([create(0), made("vpc-1"), update(), unresolved()]);
    let known = state.known(&vpc(), &state.resources[&vpc()]);
    assert_eq!(known, Known::AllBut(BTreeSet::from(["dns".to_owned()])));
    state.apply(update());
    state.apply(made("vpc-1"));
    assert_eq!(state.known(&vpc(), &state.resources[&vpc()]), Known::All);
    assert!(state.unsure.is_empty());
}

#[test]
fn what_is_left_as_it_is_is_not_recorded_as_applied() {
    let (spec, applied) = (json!({"dns": true}), json!({"dns": false}));
    let intent = Intent { applied: Some(applied.clone()), ..intent(Verb::Update, 0, spec) };
    let update = Entry::Begin { address: vpc(), intent };
    let state = after([create(0), made("vpc-1"), update, made("vpc-1")]);
    assert_eq!(state.resources[&vpc()].applied, applied);
}

#[test]
fn what_stays_as_it_is_can_need_something_else() {
    let needing =
        |at: Address| Entry::Needing { address: at, needs: [address("nat_gateway.a")].into() };
    let before = after([create(0), made("vpc-1"), Entry::Ready { address: vpc() }]);
    let mut state = before.clone();
    state.apply(needing(vpc()));
    let needs = BTreeSet::from([address("nat_gateway.a")]);
    let expected = Record { needs, ..before.resources[&vpc()].clone() };
    assert_eq!(state.resources[&vpc()], expected);
    assert_eq!(state.outcomes, before.outcomes, "AWS was asked for nothing");
    let mut nothing = blank();
    nothing.apply(needing(vpc()));
    assert_eq!(nothing, blank());
}

#[test]
fn what_was_accepted_goes_where_its_resource_goes() {
    let over = std::collections::BTreeMap::from([("dns".to_owned(), json!(false))]);
    let applied = json!({"dns": true});
    let accepted = Entry::Accepted { address: vpc(), applied, tags: [].into(), over };
    let mut state = after([create(0), made("vpc-1"), accepted]);
    assert_eq!(state.resources[&vpc()].applied, json!({"dns": true}));
    let other = address("vpc.other");
    state.rename(&vpc(), &other).unwrap();
    assert_eq!(state.accepted_of(&other).count(), 1);
    state.apply(Entry::Unmade { address: other, generation: 0 });
    assert!(state.accepted.is_empty());
}

#[test]
fn a_doubt_that_was_looked_for_in_vain_is_nothing_that_has_to_be_removed() {
    assert!(!after([create(0)]).is_empty());
    let state = after([create(0), unresolved()]);
    assert!(state.is_empty() && state.is_blank());
}

#[test]
fn a_replacement_puts_the_old_one_aside_before_aws_hears_of_it() {
    let state = after([create(0), made("vpc-1"), create(1)]);
    assert!(state.resources.is_empty());
    assert_eq!(state.replaced[0].record.id, "vpc-1");
    assert_eq!(state.others_at(&vpc(), 1), BTreeSet::from(["vpc-1".to_owned()]));
    let state = after([create(0), made("vpc-1"), create(1), made("vpc-2")]);
    assert_eq!(state.resources[&vpc()].id, "vpc-2");
    let gone = Entry::Unmade { address: vpc(), generation: 0 };
    let state = after([create(0), made("vpc-1"), create(1), made("vpc-2"), gone]);
    assert!(state.replaced.is_empty());
    assert_eq!(state.resources[&vpc()].id, "vpc-2", "the newer one stays");
}

#[test]
fn a_removal_takes_the_generation_that_it_names_and_no_other() {
    let removal = |generation| {
        let begin = begin(Verb::Delete, generation, Value::Null);
        after([create(3), made("vpc-1"), begin, Entry::Unmade { address: vpc(), generation }])
    };
    assert!(removal(3).resources.is_empty());
    assert_eq!(removal(2).resources.len(), 1);
}

#[test]
fn an_update_that_was_cut_off_remembers_what_may_still_be_there() {
    let before = json!({"cidr": "10.0.0.0/16", "flow_logs": true});
    let update = begin(Verb::Update, 0, json!({"cidr": "10.0.0.0/16"}));
    let state =
        after([begin(Verb::Create, 0, before.clone()), made("vpc-1"), update, unresolved()]);
    let record = &state.resources[&vpc()];
    assert_eq!(record.applied, before, "what was to go may not have gone");
    assert!(!record.configured && !record.ready && state.in_doubt.is_empty());
}

#[test]
fn what_was_seen_is_what_counts_as_applied_and_not_as_working() {
    let seen =
        Entry::Seen { address: vpc(), spec: json!({"cidr": "x"}), outputs: json!({"id": "vpc-1"}) };
    let ready = Entry::Ready { address: vpc() };
    let state = after([create(0), made("vpc-1"), ready, seen]);
    assert_eq!(state.resources[&vpc()].applied, json!({"cidr": "x"}));
    assert!(!state.resources[&vpc()].ready);
}

/// Few addresses and generations, so that entries meet.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let address = (0..4_usize).prop_map(|at| Address::new(Kind::ALL[at % 2], ["a", "b"][at / 2]));
    let verb = prop::sample::select(vec![Verb::Create, Verb::Update, Verb::Delete, Verb::Await]);
    let value = prop::sample::select(vec![
        Value::Null,
        json!({}),
        json!([1, "x"]),
        json!({"id": "one", "field": {"deep": [null]}}),
        json!({"id": 7, "arn": "two"}),
    ]);
    let entry = (0..9, address, verb, 0..3_u32, value, any::<bool>()).prop_map(
        |(which, address, verb, generation, value, flag)| match which {
            0 | 1 => {
                let mut intent = intent(verb, generation, value);
                intent.unfound = flag;
                Entry::Begin { address, intent }
            }
            2 => Entry::Made { address, outputs: value, configured: flag },
            3 => Entry::Unmade { address, generation },
            4 => Entry::Untouched { address },
            5 => Entry::Unresolved { address },
            6 => Entry::Ready { address },
            7 => Entry::Needing { needs: [address.clone()].into(), address },
            _ if flag => Entry::Seen { address, spec: value.clone(), outputs: value },
            _ => Entry::Confirmed { address, spec: value.clone(), outputs: value },
        },
    );
    prop::collection::vec(entry, 0..30)
}

proptest! {
    /// Whatever is recorded is read back as it was, at whatever entry the run was cut off.
    #[test]
    fn replay_gives_what_recording_gave(entries in entries(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(entries.len() + 1);
        let header = journal::Header { lineage: "lineage".into(), serial: 1 };
        let lines = entries[..cut].iter().map(journal::write_line);
        let text: String = std::iter::once(journal::write_line(&header)).chain(lines).collect();
        let (_, read) = journal::read(text.as_bytes()).unwrap().unwrap();
        let recorded = after(entries[..cut].to_vec());
        prop_assert_eq!(&after(read), &recorded);
        // A snapshot in between changes nothing of what follows.
        let snapshot = serde_json::to_string(&recorded).unwrap();
        let mut resumed: State = serde_json::from_str(&snapshot).unwrap();
        entries[cut..].iter().cloned().for_each(|entry| resumed.apply(entry));
        prop_assert_eq!(resumed, after(entries));
    }

    /// No entry, fitting or not, lets a resource be forgotten other than by its removal.
    #[test]
    fn nothing_is_forgotten_but_what_was_removed(entries in entries()) {
        let mut state = blank();
        for entry in entries {
            let before: BTreeSet<(Address, u32)> = generations(&state);
            let removed = match &entry {
                Entry::Unmade { address, generation } => Some((address.clone(), *generation)),
                _ => None,
            };
            let is_made = matches!(entry, Entry::Made { .. });
            state.apply(entry);
            let gone: Vec<_> = before.difference(&generations(&state)).cloned().collect();
            // What is made stands at its address in place of what an entry that never comes
            // from a run has left there.
            prop_assert!(is_made || gone.iter().all(|gone| Some(gone) == removed.as_ref()), "{gone:?}");
        }
    }
}

fn generations(state: &State) -> BTreeSet<(Address, u32)> {
    let replaced = state.replaced.iter().map(|old| (&old.address, &old.record));
    let all = state.resources.iter().chain(replaced);
    all.map(|(address, record)| (address.clone(), record.generation)).collect()
}
