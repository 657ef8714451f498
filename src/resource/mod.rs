//! The kinds of resources: what each is made of, and how it is made, read, changed and removed.
//!
//! A kind is one file here that implements [`Resource`], and one row in the table of
//! [`kind`]. The rest of the program handles kinds through [`Kind`] alone, with specs, outputs
//! and live properties as JSON; the typed side is each kind's own business.
//!
//! The rule: a kind decides nothing. The plan says what is to be done; the kind translates it
//! into calls, and what AWS answers into a canonical form that equals what was declared exactly
//! when nothing differs.

pub mod alarm;
mod autoscaling;
pub mod blockers;
pub mod cluster;
mod ec2;
mod ecs;
pub mod elastic_ip;
mod elb;
mod inspection;
pub mod internet_gateway;
pub mod kind;
pub mod listener;
pub mod load_balancer;
pub mod log_group;
pub mod nat_gateway;
pub mod policy;
pub mod reference;
pub mod role;
pub mod route_table;
pub mod scalable_target;
pub mod scaling_policy;
pub mod schedule;
pub mod security_group;
pub mod service;
pub mod subnet;
pub mod target_group;
pub mod task_definition;
pub mod topic;
pub mod value;
pub mod vpc;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::{Aws, AwsError, Tags};

pub use blockers::Blocker;
pub use inspection::{Extra, Inspection, Member, Standing};
pub use kind::{Facts, Kind};
pub use reference::{Address, Handle, Input, Reference};

/// One kind of resource. The value itself is what a user wants of it: its spec.
///
/// Specs are canonical: sets are `BTreeSet`s, documents are parsed, names are AWS's own. Optional
/// fields that are `None` are left out when serialized, which means "not declared".
pub trait Resource:
    Serialize + DeserializeOwned + std::fmt::Debug + Clone + Send + Sync + 'static
{
    /// What is known once it exists: ids, ARNs, addresses. Its fields are what others refer to.
    type Outputs: Serialize + DeserializeOwned + std::fmt::Debug + Clone + Send + Sync + 'static;

    /// The row of the table.
    const KIND: Kind;
    /// The name that CloudFormation gives the kind, `AWS::EC2::VPC`.
    const TYPE_NAME: &'static str;
    /// The one operation that makes it; what else its creation calls only sets it up.
    const MADE_BY: &'static str;
    /// The fields that AWS can't change: another value means another resource.
    const FIXED: &'static [&'static str] = &[];
    /// The fields that count only while it is made: another value later is no change of it.
    const INITIAL: &'static [&'static str] = &[];
    /// The outputs that an update renews, such as a task definition's revision.
    const RENEWED: &'static [&'static str] = &[];
    /// The fields that hold a collection whole: what is in it and not declared does not belong.
    const OWNED: &'static [&'static str] = &[];
    /// The properties whose values are one thing, however they are made up: a document, the target
    /// of a route. `*` stands for the name of a map's member.
    const WHOLE: &'static [&'static str] = &[];
    /// The fields whose values are not for every eye.
    const HIDDEN: &'static [&'static str] = &[];
    /// The operations that a check for drift calls to read it, to look around it, and to find what an
    /// interrupted run has made, by their IAM names: what whoever makes checks has to be allowed.
    const READS: &'static [&'static str];
    /// Whether the new one is made before the old one goes.
    const REPLACEMENT: Replacement = Replacement::NewFirst;
    /// Whether its tags are given one resource at a time, so that [`Resource::glance`] goes without.
    const TAGS_APART: bool = false;
    /// What becomes of its tags.
    const TAGGING: Tagging = Tagging::Always;
    /// How its name is made; `None` where AWS gives an id and nothing else tells it apart.
    const NAMING: Option<Naming> = None;
    /// The fields of a spec by which AWS tells it apart where it has no name: there is one with each
    /// value of them.
    const KEY: &'static [&'static str] = &[];
    /// Whether a create that meets an equal one answers with that one: it must be looked for first
    /// (aws-behaviour 23).
    const ADOPTS: bool = false;
    /// Whether it is still there for a while after its delete was accepted.
    const LINGERS: bool = false;
    /// Whether it works only when what runs in it does, which a run may choose not to wait for.
    const CONVERGES: bool = false;
    /// Whether it may come back by itself, bare, after it was removed.
    const RETURNS: bool = false;
    /// Whether one that has failed can only be replaced.
    const DIES: bool = false;
    /// Whether one that has failed is tried again by an update, even if nothing else changes.
    const REVIVES: bool = false;
    /// What is lost with it that can't be made again: `"its addresses"`. For warnings.
    const LOSES: Option<&'static str> = None;
    /// The field that says for how many seconds what it no longer sends to still works on: for as
    /// long, what converges behind it keeps its old tasks.
    const DRAINS: Option<&'static str> = None;
    /// How long creating it usually takes until others can refer to it; orders the work.
    const TYPICAL: Duration = Duration::from_secs(1);
    /// How long it may take to be ready (aws-behaviour 22).
    const READY_WITHIN: Duration = Duration::from_mins(10);
    /// How long it may take to be gone (aws-behaviour 22).
    const GONE_WITHIN: Duration = Duration::from_mins(10);

    /// Makes it, and returns as soon as others can refer to it; readiness is [`Resource::poll`]'s.
    ///
    /// It must be safe to do again after [`Resource::find`] has found nothing.
    fn create(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> impl Future<Output = Result<Self::Outputs, AwsError>> + Send;

    /// Looks for one that was made with this spec and identity, when its id is not known: after a
    /// crash, or before a name is taken.
    ///
    /// By name where it has one, by ownership tags otherwise. Dead ones (a deleted gateway, an
    /// inactive service) are not found. Inputs may still be pending: what can't be looked for
    /// without them is not found.
    fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> impl Future<Output = Result<Option<Found<Self::Outputs>>, AwsError>> + Send;

    /// As much of the outputs of the one that AWS calls `id` as [`Resource::read`] needs; the read
    /// gives the rest. `None` when nothing of the kind is called like that.
    fn locate(id: &str, place: &Place) -> Option<Self::Outputs>;

    /// Reads many at once, in the order in which they are sought; `None` for what is not there.
    ///
    /// As few calls as AWS allows, whatever the number. Ids that are missing must not fail the
    /// whole read: filters rather than ids where a missing id is an error (aws-behaviour 21).
    fn read(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> impl Future<Output = Result<Vec<Option<Live<Self>>>, AwsError>> + Send;

    /// As [`Resource::read`], for many stacks at once: what takes a call for each resource and can be
    /// gone without is left out. That may be tags alone, and [`Resource::TAGS_APART`] says so.
    ///
    /// The default is what [`Resource::read`] says.
    fn glance(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> impl Future<Output = Result<Vec<Option<Live<Self>>>, AwsError>> + Send {
        Self::read(aws, sought)
    }

    /// How far it is from working; asked again and again for all that wait.
    ///
    /// The default is what [`Resource::read`] says.
    fn poll(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> impl Future<Output = Result<Vec<Readiness>, AwsError>> + Send {
        async move {
            let live = Self::read(aws, sought).await?;
            Ok(live
                .into_iter()
                .map(|live| live.map_or(Readiness::Absent, |l| l.readiness))
                .collect())
        }
    }

    /// Looks at what its properties do not say: what hangs on each, or lies in it, and what AWS
    /// calls the members of its collections. Asked by checks for drift alone, in calls that many
    /// share; in the order in which they are sought, and empty for what is not there.
    fn inspect(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> impl Future<Output = Result<Vec<Inspection>, AwsError>> + Send {
        let _ = aws;
        std::future::ready(Ok(vec![Inspection::default(); sought.len()]))
    }

    /// Takes away what [`Resource::inspect`] found as a part of it and nobody declared. What is
    /// already gone counts as taken away. A kind on which nothing is found has nothing to do.
    fn remove_extra(
        aws: &Aws,
        of: &Sought<Self>,
        extra: &Extra,
    ) -> impl Future<Output = Result<(), AwsError>> + Send {
        let _ = (aws, of, extra);
        std::future::ready(Ok(()))
    }

    /// As [`Resource::inspect`]: what AWS gives one resource at a time. A check of many stacks goes
    /// without it.
    fn inspect_each(
        aws: &Aws,
        sought: &[Sought<Self>],
    ) -> impl Future<Output = Result<Vec<Inspection>, AwsError>> + Send {
        let _ = aws;
        std::future::ready(Ok(vec![Inspection::default(); sought.len()]))
    }

    /// When it was made and by whom, in words; `None` where AWS does not say. Asked of what somebody
    /// else has made in the place of one of the stack's.
    fn origin(
        aws: &Aws,
        sought: &Sought<Self>,
    ) -> impl Future<Output = Result<Option<String>, AwsError>> + Send {
        let _ = (aws, sought);
        std::future::ready(Ok(None))
    }

    /// Changes the live one into this spec, in place: exactly the fields that `change` names.
    fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> impl Future<Output = Result<Self::Outputs, AwsError>> + Send;

    /// This spec, and with it what others of the stack may still use: what was `applied`, is `live`
    /// and has no place in this spec any more. Its inputs may be pending.
    ///
    /// A change that takes something away passes through it: first to this, and to the spec itself
    /// once nothing needs the rest any more. A kind whose updates make something anew has none.
    #[must_use]
    fn widened(&self, applied: &Self, live: &Self) -> Self {
        let _ = (applied, live);
        self.clone()
    }

    /// What keeps it from being removed, as far as AWS tells; asked only after AWS refused.
    fn blockers(
        aws: &Aws,
        gone: &Sought<Self>,
    ) -> impl Future<Output = Result<Vec<Blocker>, AwsError>> + Send {
        let _ = (aws, gone);
        std::future::ready(Ok(Vec::new()))
    }

    /// Removes it. What is already gone counts as removed.
    fn delete(aws: &Aws, gone: &Sought<Self>) -> impl Future<Output = Result<(), AwsError>> + Send;
}

/// By what a resource is known to AWS, chosen by the plan and written down before AWS hears of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name, within the kind's limits; for kinds without one, what the console shows (`Name`).
    pub name: String,
    /// An idempotency token for this one creation: 36 characters of `[0-9a-f-]`.
    pub token: String,
    /// All the tags that it is to carry: those of ownership, `Name`, and the user's.
    pub tags: Tags,
}

/// Where a stack is: what ARNs are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What stands second in ARNs: `aws`, `aws-cn`.
    pub partition: &'static str,
    /// `eu-west-1`.
    pub region: String,
    /// The twelve digits of the account.
    pub account: String,
}

/// A resource that is to be read, changed or removed.
#[derive(Clone, Debug)]
pub struct Sought<R: Resource> {
    /// Where it stands in the stack.
    pub address: Address,
    /// What was recorded when it was made.
    pub outputs: R::Outputs,
    /// What was last applied; `None` when the record no longer says.
    pub applied: Option<R>,
}

/// What was found where nothing was recorded.
#[derive(Clone, Debug)]
pub struct Found<O> {
    /// What would have been recorded.
    pub outputs: O,
    /// Its tags, which say whose it is.
    pub tags: Tags,
}

/// What AWS says of a resource now.
#[derive(Clone, Debug)]
pub struct Live<R: Resource> {
    /// Its properties in the form in which they are declared.
    pub spec: R,
    /// Its ids as they are now.
    pub outputs: R::Outputs,
    /// Its tags, without AWS's own (`aws:…`).
    pub tags: Tags,
    /// Whether it works.
    pub readiness: Readiness,
}

/// What is to be changed about a live resource.
#[derive(Clone, Debug)]
pub struct Change<R: Resource> {
    /// The resource as it was read for the plan.
    pub from: Live<R>,
    /// The fields of the spec that differ, and `tags` if they do.
    pub fields: BTreeSet<String>,
}

impl<R: Resource> Change<R> {
    /// Whether a field is to be changed.
    pub fn touches(&self, field: &str) -> bool {
        self.fields.contains(field)
    }

    /// The tags to set and the keys to remove so that the live tags become `wanted`.
    ///
    /// Nothing when the plan found no difference in them.
    pub fn tags(&self, wanted: &Tags) -> (Tags, Vec<String>) {
        if self.touches("tags") { tag_changes(&self.from.tags, wanted) } else { Default::default() }
    }
}

/// The tags to set so that `live` becomes `wanted`, and the keys to remove.
///
/// The plan hands over as live only the keys that count; a stranger's tags are never among them.
fn tag_changes(live: &Tags, wanted: &Tags) -> (Tags, Vec<String>) {
    let set = wanted.iter().filter(|(key, value)| live.get(*key) != Some(value));
    let removed = live.keys().filter(|key| !wanted.contains_key(*key));
    (set.map(|(key, value)| (key.clone(), value.clone())).collect(), removed.cloned().collect())
}

/// Whether a resource works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", content = "detail", rename_all = "snake_case")]
pub enum Readiness {
    /// It works.
    Ready,
    /// It will, by itself; with AWS's word for what it is doing.
    Pending(String),
    /// It works no more and will be gone by itself: somebody has deleted it.
    Leaving(String),
    /// It won't; with the reason.
    Failed(String),
    /// It is not there.
    Absent,
}

/// Whether a replacement is made before or after the old one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The new one is made, what refers to the old one is moved, the old one goes.
    NewFirst,
    /// The old one goes first: both can't be at once.
    OldFirst,
    /// Two can't share what this field names: the old one goes first where that stays, and the new
    /// one is made first where it is another.
    Sharing(&'static str),
}

/// What becomes of a kind's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagging {
    /// Written on create, read back, and updated.
    Always,
    /// Written on create and updated, and not read with the rest: what was written last is taken for
    /// what is there.
    Recorded,
    /// It can't carry any.
    Never,
}

/// How AWS wants a kind's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The most characters that AWS takes (aws-behaviour 29).
    pub longest: usize,
    /// What stands before the stack's name: `/ecs/`.
    pub prefix: &'static str,
}

/// A kind's way to say that its answer lacks something which AWS always gives.
pub(crate) fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// What the erased side knows of a live resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveValue {
    /// Its properties, serialized.
    pub spec: Value,
    /// Its outputs, serialized.
    pub outputs: Value,
    /// Its tags.
    pub tags: Tags,
    /// Whether it works.
    pub readiness: Readiness,
}

/// What the erased side knows of a resource that is to be read, changed or removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoughtValue {
    /// Where it stands.
    pub address: Address,
    /// Its outputs, serialized.
    pub outputs: Value,
    /// What was last applied, serialized.
    pub applied: Value,
}
