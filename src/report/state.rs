//! States for people and machines: what is recorded, what was found again, what can be had of a
//! damaged one.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::clean;
use super::human::Values;
use crate::recover::Recovery;
use crate::resource::Address;
use crate::state::store::{Copy, Salvage};
use crate::state::{Record, State};

/// One recorded resource, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where it stands.
    pub address: Address,
    /// CloudFormation's name of its kind.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// What AWS calls it; empty when a run was interrupted while it was made.
    pub id: String,
    /// What is not as usual with it.
    pub remark: Option<&'static str>,
}

/// Everything that is recorded: what is there, what was replaced, what is in doubt.
pub fn rows(state: &State) -> Vec<Row> {
    let row = |address: &Address, id: &str, remark| Row {
        address: address.clone(),
        type_name: address.kind().facts().type_name,
        id: id.to_owned(),
        remark,
    };
    let recorded = state.resources.iter().map(|(address, record)| {
        let in_doubt = state.in_doubt.contains_key(address).then_some("in doubt");
        row(address, &record.id, in_doubt)
    });
    let replaced = state.replaced.iter();
    let replaced =
        replaced.map(|old| row(&old.address, &old.record.id, Some("replaced, to be removed")));
    let doubts = state.in_doubt.keys().filter(|address| !state.resources.contains_key(*address));
    let doubts = doubts.map(|address| row(address, "", Some("in doubt")));
    recorded.chain(replaced).chain(doubts).collect()
}

/// Draws what is recorded, a line each.
pub fn list(rows: &[Row]) -> String {
    let widest = rows.iter().map(|row| row.address.to_string().len()).max().unwrap_or_default();
    rows.iter().fold(String::new(), |mut text, row| {
        let remark = row.remark.map(|remark| format!("  ({remark})")).unwrap_or_default();
        let line = format!("{:widest$}  {}{remark}", row.address, clean(&row.id));
        let _ = writeln!(text, "{}", line.trim_end());
        text
    })
}

/// All that is recorded at an address; `None` when nothing is.
pub fn details(state: &State, address: &Address, values: Values) -> Option<Value> {
    let show = |value: Value| if values == Values::Shown { value } else { masked(value, address) };
    let mut shown = json!({"address": address});
    if let Some(record) = state.resources.get(address) {
        shown["record"] = record_value(record, &show);
    }
    let replaced = state.replaced.iter().filter(|old| old.address == *address);
    let replaced: Vec<Value> = replaced.map(|old| record_value(&old.record, &show)).collect();
    if !replaced.is_empty() {
        shown["replaced"] = replaced.into();
    }
    if let Some(intent) = state.in_doubt.get(address) {
        let mut intent = serde_json::to_value(intent).unwrap_or_default();
        intent["spec"] = show(intent["spec"].take());
        shown["in_doubt"] = intent;
    }
    (shown.as_object().is_some_and(|members| members.len() > 1)).then_some(shown)
}

fn record_value(record: &Record, show: &impl Fn(Value) -> Value) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or_default();
    value["applied"] = show(value["applied"].take());
    value
}

/// The spec without the values that are not for every eye.
fn masked(mut spec: Value, address: &Address) -> Value {
    for path in address.kind().facts().hidden {
        let hidden = path.split('.').try_fold(&mut spec, |value, name| value.get_mut(name));
        match hidden {
            Some(Value::Object(members)) => {
                members.values_mut().for_each(|value| *value = json!("(hidden)"));
            }
            Some(value) if !value.is_null() => *value = json!("(hidden)"),
            _ => {}
        }
    }
    spec
}

/// What is about to be forgotten.
pub fn forgetting(address: &Address, forgotten: &[Record]) -> String {
    let ids: Vec<String> = forgotten.iter().map(|record| clean(&record.id).into_owned()).collect();
    let what = if ids.is_empty() { "what a run had begun".to_owned() } else { ids.join(", ") };
    format!(
        "{address} ({what}) is forgotten: it goes on existing, and costs what it costs, and neither \
         `up` nor `down` touches it any more. `up` will not make another beside it while it \
         carries the stack's tags."
    )
}

/// A state that needs no mending, and the copies that one can go back to.
pub fn sound(copies: &[(Copy, State)]) -> String {
    let mut text = String::from(
        "The state is whole. The copies that `provision state restore SERIAL` goes back to:\n",
    );
    for (copy, state) in copies {
        let (serial, count, path) = (copy.serial, state.resources.len(), copy.path.display());
        let _ = writeln!(text, "  {serial}  {count} resources  {path}");
    }
    text
}

/// What can be had of a damaged state.
pub fn salvage(salvage: &Salvage) -> String {
    let Salvage { state, from, entries, is_whole } = salvage;
    let mut text = format!(
        "Serial {} from {}, with {entries} entries of the journal: {} resources.\n",
        from.serial,
        from.path.display(),
        state.resources.len()
    );
    text.push_str(if *is_whole {
        "That is all of it."
    } else {
        "What happened afterwards is not in it: `provision recover` finds what was made by its tags."
    });
    text
}

/// What was found of a stack.
pub fn recovery(recovery: &Recovery) -> String {
    let Recovery { found, missing, foreign, .. } = recovery;
    let mut text = String::new();
    for (address, id) in found {
        let _ = writeln!(text, "+ {address}  {}", clean(id));
    }
    for address in missing {
        let _ = writeln!(text, "  {address} was not found");
    }
    for (address, id) in foreign {
        let _ = writeln!(
            text,
            "! {} has the name of {address}, but not this stack's tags: it is left alone",
            clean(id)
        );
    }
    let _ = match found.len() {
        0 => writeln!(text, "Nothing was found that is not recorded."),
        count => writeln!(text, "{count} found, {} not found.", missing.len()),
    };
    text
}

/// What was found of a stack, as a value.
pub fn recovery_value(recovery: &Recovery) -> Value {
    let pairs = |pairs: &[(Address, String)]| -> Vec<Value> {
        pairs.iter().map(|(address, id)| json!({"address": address, "id": id})).collect()
    };
    json!({
        "found": pairs(&recovery.found),
        "missing": recovery.missing,
        "foreign": pairs(&recovery.foreign),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::event::Verb;
    use crate::resource::Identity;
    use crate::state::{Entry, Intent};

    fn state(id: &str) -> State {
        let mut state = State::new("web", "dev", "000000000000", "eu-west-1");
        let address: Address = "task_definition.app".parse().unwrap();
        let identity = Identity { name: "web".into(), token: "t".into(), tags: [].into() };
        let spec = json!({"container": {"environment": {"KEY": "s3cret"}, "image": "x"}});
        let needs = BTreeSet::new();
        let (verb, generation) = (Verb::Create, 0);
        let intent =
            Intent { verb, generation, identity, spec, needs, unfound: false, applied: None };
        state.apply(Entry::Begin { address: address.clone(), intent });
        state.apply(Entry::Made { address, outputs: json!({"arn": id}), configured: true });
        state
    }

    #[test]
    fn values_are_hidden_until_they_are_asked_for() {
        let (state, address) = (state("arn"), "task_definition.app".parse().unwrap());
        let hidden = details(&state, &address, Values::Hidden).unwrap().to_string();
        assert!(!hidden.contains("s3cret") && hidden.contains("KEY"), "{hidden}");
        let shown = details(&state, &address, Values::Shown).unwrap().to_string();
        assert!(shown.contains("s3cret"));
        assert_eq!(details(&state, &"vpc.main".parse().unwrap(), Values::Shown), None);
    }

    #[test]
    fn nothing_that_aws_says_moves_the_cursor() {
        let state = state("arn\u{1b}[2J\u{9b}31m");
        let drawn = list(&rows(&state));
        assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
        let address: Address = "vpc.main".parse().unwrap();
        let odd = vec![(address.clone(), "vpc-\u{1b}]0;title\u{7}".to_owned())];
        let recovery = Recovery { state, found: odd.clone(), missing: vec![address], foreign: odd };
        let drawn = super::recovery(&recovery);
        assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
    }
}
