//! Who changed what a check found, and when, by CloudTrail.
//!
//! The rule: this is a courtesy. It is asked a bounded number of times for a bounded time, the worst
//! finding first; what it does not tell, or nobody may read, is said and is no error; and nobody is
//! named who has only touched the same resource, or whose change was since undone.
//!
//! A check knows what provision applied last, and so does CloudTrail: the newest call that provision
//! itself made on a resource. Calls before it say nothing of how the resource is now.

mod event;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_cloudtrail::types::{LookupAttribute, LookupAttributeKey};
use tokio::time::Instant;

use crate::aws::{Aws, AwsError, Class, Operation};
use crate::drift::{Drift, Finding, Who};
use crate::state::{Record, State};

use event::Event;
use writes::writes_of;

pub use writes::writes;

/// How often CloudTrail is asked at most. It answers two calls a second ("LookupEvents" in its API
/// reference), so this takes about ten seconds.
pub const MOST_CALLS: usize = 20;

/// How long it is asked at most, at AWS's own pace: others may use up what it answers.
pub const LONGEST: Duration = Duration::from_secs(45);

/// How many pages of one question are read at most; a page has 50 events.
const MOST_PAGES: usize = 3;

/// How many calls are told of one finding.
const MOST_TOLD: usize = 3;

const LOOK_UP: Operation = Operation::new("cloudtrail:LookupEvents");

/// Services whose events name the resources that they are about, so that they are found by those.
const LISTING: &[&str] = &["ec2", "elasticloadbalancing", "iam"];

/// Adds to each finding that is drift who made it and when; gives what is to be said once for all.
pub async fn tell(aws: &Aws, state: &State, drift: &mut Drift) -> Option<String> {
    let mut inquiry = Inquiry {
        aws,
        answers: BTreeMap::new(),
        calls: 0,
        ends: Instant::now() + aws.pace().scaled(LONGEST),
        stopped: None,
    };
    for finding in drift.findings.iter_mut().filter(|finding| finding.class.is_drift()) {
        let question = Question::of(finding, state);
        finding.who = Some(inquiry.who(&question).await);
    }
    let unasked = drift.findings.iter().filter(|finding| finding.who == Some(Who::NotAsked));
    let unasked = unasked.count();
    inquiry.stopped.map(|stop| stop.words(unasked))
}

/// Why CloudTrail is asked no more.
enum Stop {
    /// It was asked for as much, or as long, as it may be.
    Spent,
    /// It did not answer.
    Refused(AwsError),
}

impl Stop {
    fn words(&self, unasked: usize) -> String {
        match self {
            Self::Spent => format!(
                "who made {unasked} of the changes was not asked any more: CloudTrail answers only \
                 two calls a second, and a check leaves most of them to others"
            ),
            Self::Refused(error) if error.class() == Class::Denied => format!(
                "who made the changes is not told, since these credentials may not read \
                 CloudTrail's history: {error}"
            ),
            Self::Refused(error) => {
                format!("who made the changes is not told, since CloudTrail did not say: {error}")
            }
        }
    }
}

/// What is looked for, for one finding.
struct Question {
    /// What AWS calls the thing that differs, where that is not the resource itself.
    member: Option<String>,
    /// All that the resource is called.
    names: BTreeSet<String>,
    /// The calls that can have made the difference.
    writes: &'static [&'static str],
    /// Where to look, one after the other.
    queries: Vec<Query>,
}

/// One question to CloudTrail: events by an attribute, in one of two regions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Query {
    /// Whether it is in the region that has the events of services without one.
    is_global: bool,
    /// Whether it is by a resource's name, and not by the call's.
    is_name: bool,
    value: String,
}

/// What CloudTrail has answered so far.
#[derive(Default)]
struct Answered {
    events: Vec<Event>,
    pages: usize,
    next: Option<String>,
}

impl Answered {
    fn has_more(&self) -> bool {
        self.pages == 0 || (self.next.is_some() && self.pages < MOST_PAGES)
    }
}

impl Question {
    fn of(finding: &Finding, state: &State) -> Self {
        let facts = finding.address.kind().facts();
        let service = Operation::new(facts.made_by).service();
        let is_global = service == "iam";
        let record = state.resources.get(&finding.address);
        let id = record.map(|record| record.id.clone()).unwrap_or_default();
        let member = Some(finding.physical_id.clone()).filter(|own| *own != id && !own.is_empty());
        let names =
            record.map(|record| names_of(record, facts.naming.is_some())).unwrap_or_default();
        let writes = writes_of(finding);
        let listed = LISTING.contains(&service);
        let by_name = member.iter().chain(&names).filter(|_| listed);
        let by_name = by_name.map(|name| Query { is_global, is_name: true, value: name.clone() });
        let by_event =
            writes.iter().map(|write| Query { is_global, is_name: false, value: (*write).into() });
        let queries = by_name.chain(by_event).collect();
        Self { member, names, writes, queries }
    }

    /// What events say: the calls of others since provision's own last one, the newest first.
    /// `None` when they say nothing of the finding.
    fn answer(&self, events: &[Event]) -> Option<Who> {
        let mut about = events.iter().filter(|event| self.concerns(event)).peekable();
        about.peek()?;
        let others: Vec<&Event> = about.take_while(|event| !event.is_own).collect();
        let of_member = |event: &&&Event| self.names_member(event);
        let mut meant: Vec<&&Event> = others.iter().filter(of_member).collect();
        if meant.is_empty() {
            meant = others.iter().collect();
        }
        let calls: Vec<_> =
            meant.into_iter().take(MOST_TOLD).map(|event| event.deed.clone()).collect();
        Some(if calls.is_empty() { Who::NotKnownYet } else { Who::Known { calls } })
    }

    fn concerns(&self, event: &Event) -> bool {
        let is_write = self.writes.contains(&event.deed.event.as_str());
        let is_about = || self.names.iter().any(|name| event.is_about(name));
        self.names_member(event) || (is_write && is_about())
    }

    fn names_member(&self, event: &Event) -> bool {
        self.member.as_ref().is_some_and(|member| event.is_about(member))
    }
}

/// All by which calls name a resource, and no other of its kind.
fn names_of(record: &Record, has_name: bool) -> BTreeSet<String> {
    let output = |name: &str| record.outputs[name].as_str().map(str::to_owned);
    let mut names: BTreeSet<String> =
        ["id", "allocation", "arn", "name"].into_iter().filter_map(output).collect();
    names.insert(record.id.clone());
    if has_name {
        names.insert(record.identity.name.clone());
    } else if record.outputs["name"].is_null() {
        // What has no name goes by that of the service which it scales.
        names.extend(output("service"));
    }
    names.remove("");
    names
}

/// All that is asked for one check.
struct Inquiry<'a> {
    aws: &'a Aws,
    answers: BTreeMap<Query, Answered>,
    calls: usize,
    ends: Instant,
    stopped: Option<Stop>,
}

impl Inquiry<'_> {
    async fn who(&mut self, question: &Question) -> Who {
        for query in &question.queries {
            loop {
                let answered = self.answers.entry(query.clone()).or_default();
                if let Some(who) = question.answer(&answered.events) {
                    return who;
                }
                if !answered.has_more() {
                    break;
                }
                if !self.ask(query).await {
                    return match self.stopped {
                        Some(Stop::Refused(_)) => Who::NotReadable,
                        Some(Stop::Spent) | None => Who::NotAsked,
                    };
                }
            }
        }
        Who::NotKnownYet
    }

    /// Reads the next page of an answer. False when CloudTrail is asked no more.
    async fn ask(&mut self, query: &Query) -> bool {
        if self.stopped.is_none() && self.calls == MOST_CALLS {
            self.stopped = Some(Stop::Spent);
        }
        if self.stopped.is_some() {
            return false;
        }
        self.calls += 1;
        let token = self.answers.get(query).and_then(|answered| answered.next.clone());
        match tokio::time::timeout_at(self.ends, page(self.aws, query, token)).await {
            Ok(Ok((events, next))) => {
                let answered = self.answers.entry(query.clone()).or_default();
                answered.events.extend(events);
                answered.pages += 1;
                answered.next = next;
            }
            Ok(Err(error)) => self.stopped = Some(Stop::Refused(error)),
            Err(_) => self.stopped = Some(Stop::Spent),
        }
        self.stopped.is_none()
    }
}

/// A page of the events that a query asks for, and the token of the next.
async fn page(
    aws: &Aws,
    query: &Query,
    token: Option<String>,
) -> Result<(Vec<Event>, Option<String>), AwsError> {
    let client = if query.is_global { aws.cloudtrail_at_home() } else { aws.cloudtrail() };
    let key = if query.is_name {
        LookupAttributeKey::ResourceName
    } else {
        LookupAttributeKey::EventName
    };
    let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(&query.value);
    let attribute = attribute.build().map_err(|_| AwsError::incomplete(LOOK_UP, "attribute"))?;
    let send = || {
        let request = client.lookup_events().lookup_attributes(attribute.clone());
        request.set_next_token(token.clone()).send()
    };
    let output = aws.call(LOOK_UP, send).await?;
    Ok((output.events().iter().filter_map(Event::read).collect(), output.next_token))
}
