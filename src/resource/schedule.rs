//! A schedule of EventBridge Scheduler that starts a task of ECS.
//!
//! A schedule can't be tagged, only a group of them can (user guide, "Tagging"). The rule: it says in
//! its description whose it is, and is found by its name and that.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types::{
    AssignPublicIp, AwsVpcConfiguration, EcsParameters, FlexibleTimeWindow, FlexibleTimeWindowMode,
    LaunchType, NetworkConfiguration, RetryPolicy, ScheduleState, Target,
};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::cluster::ClusterArn;
use super::role::RoleArn;
use super::security_group::SecurityGroupId;
use super::subnet::SubnetId;
use super::task_definition::TaskDefinitionArn;
use super::{
    Change, Found, Identity, Input, Kind, Live, Naming, Place, Readiness, Replacement, Resource,
    Sought, Tagging, text,
};
use crate::aws::{
    Aws, AwsError, Operation, OwnershipTags, Patience, Tags, gone_is_done, unless_gone,
};

/// What is wanted of a schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// When: `rate(1 hour)`, `cron(…)` or `at(…)`, in UTC.
    pub expression: String,
    /// How that is to be understood.
    #[serde(default)]
    pub timing: Timing,
    /// Whether it is on.
    pub enabled: bool,
    /// The cluster that the task is started in.
    pub cluster: Input<ClusterArn>,
    /// What the task is made of.
    pub task_definition: Input<TaskDefinitionArn>,
    /// The role with which the task is started.
    pub role: Input<RoleArn>,
    /// The subnets that the task may be in.
    pub subnets: BTreeSet<Input<SubnetId>>,
    /// Who the task may talk to.
    pub security_groups: BTreeSet<Input<SecurityGroupId>>,
    /// What the task is told at its start, over what its definition says; empty for nothing.
    #[serde(default)]
    pub input: String,
    /// How often, and for how long, what did not start is tried again.
    pub retries: Retries,
}

/// How the times of a schedule are to be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// In which time zone they are.
    pub time_zone: String,
    /// Before when there are none, in UTC: `2027-01-31T06:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<String>,
    /// After when there are none any more, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// How late each may be, up to 1,440 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_minutes: Option<u32>,
}

impl Default for Timing {
    /// What holds where nothing is said (API reference, CreateSchedule).
    fn default() -> Self {
        Self { time_zone: UTC.into(), starts: None, ends: None, window_minutes: None }
    }
}

/// The time zone of those that name none.
const UTC: &str = "UTC";

/// How often what did not start is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// How often, up to 185.
    pub attempts: u32,
    /// For how long: 60 to 86,400 seconds.
    pub seconds: u32,
}

/// What is known of a schedule once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: String,
    /// Its name, in the default group.
    pub name: String,
}

/// The scheduler tries whether it may take the role on, and a role that was just made it may not yet
/// (as others do, aws-behaviour 9.c).
const ROLE_KNOWN: Patience = Patience::with(
    &["ValidationException"],
    Duration::from_mins(2),
    "the schedule's role was just made",
)
.saying("must allow");

/// Two changes of one schedule at once (API reference, ConflictException).
const BUSY: Patience = Patience::with(
    &["ConflictException"],
    Duration::from_mins(1),
    "another change of the schedule is under way",
)
.saying("being");

const CREATE: Operation = Operation::patient("scheduler:CreateSchedule", &[ROLE_KNOWN]);
const UPDATE: Operation = Operation::patient("scheduler:UpdateSchedule", &[ROLE_KNOWN, BUSY]);

impl Resource for Schedule {
    type Outputs = Outputs;

    const KIND: Kind = Kind::Schedule;
    const TYPE_NAME: &'static str = "AWS::Scheduler::Schedule";
    const MADE_BY: &'static str = "scheduler:CreateSchedule";
    const READS: &'static [&'static str] = &["scheduler:GetSchedule"];
    const WHOLE: &'static [&'static str] = &["timing", "retries"];
    const REPLACEMENT: Replacement = Replacement::OldFirst;
    const TAGGING: Tagging = Tagging::Never;
    const NAMING: Option<Naming> = Some(Naming { longest: 64, prefix: "" });

    async fn create(&self, aws: &Aws, identity: &Identity) -> Result<Outputs, AwsError> {
        let name = &identity.name;
        let description = owner(&identity.tags);
        let send = || {
            let request = aws.scheduler().create_schedule().name(name).description(&description);
            request
                .client_token(&identity.token)
                .schedule_expression(&self.expression)
                .schedule_expression_timezone(&self.timing.time_zone)
                .set_start_date(moment(self.timing.starts.as_deref()))
                .set_end_date(moment(self.timing.ends.as_deref()))
                .state(self.state())
                .flexible_time_window(self.window())
                .target(self.target())
                .send()
        };
        match aws.call(CREATE, send).await {
            Ok(made) => Ok(Outputs { arn: made.schedule_arn, name: name.clone() }),
            Err(error) if error.has_code("ConflictException") => {
                let there = get(aws, name).await?.ok_or(error)?;
                if there.description() != Some(description.as_str()) {
                    return Err(AwsError::foreign(CREATE, &format!("the schedule \"{name}\"")));
                }
                self.put(aws, name, &description).await
            }
            Err(error) => Err(error),
        }
    }

    /// By its name. It carries no tags: where it says that it is this stack's, it is found as if it
    /// carried those that it would.
    async fn find(
        &self,
        aws: &Aws,
        identity: &Identity,
    ) -> Result<Option<Found<Outputs>>, AwsError> {
        let Some(there) = get(aws, &identity.name).await? else { return Ok(None) };
        let is_own = there.description() == Some(owner(&identity.tags).as_str());
        let tags = if is_own { identity.tags.clone() } else { Tags::new() };
        let outputs = Outputs { arn: text(there.arn()), name: identity.name.clone() };
        Ok(Some(Found { outputs, tags }))
    }

    fn locate(id: &str, place: &Place) -> Option<Outputs> {
        // A name, or an ARN whose last part is the name.
        let name = id.rsplit('/').next().filter(|name| !name.is_empty())?.to_owned();
        let Place { partition, region, account } = place;
        let arn = format!("arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}");
        Some(Outputs { arn, name })
    }

    async fn read(aws: &Aws, sought: &[Sought<Self>]) -> Result<Vec<Option<Live<Self>>>, AwsError> {
        let one = |sought: &Sought<Self>| {
            let outputs = sought.outputs.clone();
            async move {
                Ok(get(aws, &outputs.name).await?.map(|there| Live {
                    spec: spec(&there),
                    outputs,
                    tags: there.description().map(owners_tags).unwrap_or_default(),
                    readiness: Readiness::Ready,
                }))
            }
        };
        try_join_all(sought.iter().map(one)).await
    }

    async fn update(
        &self,
        aws: &Aws,
        identity: &Identity,
        change: &Change<Self>,
    ) -> Result<Outputs, AwsError> {
        self.put(aws, &change.from.outputs.name, &owner(&identity.tags)).await
    }

    async fn delete(aws: &Aws, gone: &Sought<Self>) -> Result<(), AwsError> {
        const DELETE: Operation = Operation::patient("scheduler:DeleteSchedule", &[BUSY]);
        let send = || aws.scheduler().delete_schedule().name(&gone.outputs.name).send();
        gone_is_done(aws.call(DELETE, send).await.map(drop))
    }
}

impl Schedule {
    /// Gives the one of that name this whole configuration: AWS changes none in part.
    async fn put(&self, aws: &Aws, name: &str, description: &str) -> Result<Outputs, AwsError> {
        let send = || {
            let request = aws.scheduler().update_schedule().name(name).description(description);
            request
                .schedule_expression(&self.expression)
                .schedule_expression_timezone(&self.timing.time_zone)
                .set_start_date(moment(self.timing.starts.as_deref()))
                .set_end_date(moment(self.timing.ends.as_deref()))
                .state(self.state())
                .flexible_time_window(self.window())
                .target(self.target())
                .send()
        };
        let arn = aws.call(UPDATE, send).await?.schedule_arn;
        Ok(Outputs { arn, name: name.to_owned() })
    }

    fn state(&self) -> ScheduleState {
        if self.enabled { ScheduleState::Enabled } else { ScheduleState::Disabled }
    }

    fn window(&self) -> FlexibleTimeWindow {
        let minutes = self.timing.window_minutes.and_then(|minutes| minutes.try_into().ok());
        let mode = match minutes {
            Some(_) => FlexibleTimeWindowMode::Flexible,
            None => FlexibleTimeWindowMode::Off,
        };
        let window = FlexibleTimeWindow::builder().mode(mode);
        let window = window.set_maximum_window_in_minutes(minutes).build();
        window.expect("a window needs its mode alone, and that is set")
    }

    fn target(&self) -> Target {
        // A list of groups may be left out, but not empty (API reference, AwsVpcConfiguration).
        let groups: Vec<String> =
            self.security_groups.iter().map(|one| one.get().0.clone()).collect();
        let vpc = AwsVpcConfiguration::builder()
            .set_subnets(Some(self.subnets.iter().map(|one| one.get().0.clone()).collect()))
            .set_security_groups(Some(groups).filter(|groups| !groups.is_empty()))
            .assign_public_ip(AssignPublicIp::Disabled)
            .build()
            .expect("a network configuration needs its subnets alone, and those are set");
        let ecs = EcsParameters::builder()
            .task_definition_arn(self.task_definition.get().as_str())
            .task_count(1)
            .launch_type(LaunchType::Fargate)
            .network_configuration(
                NetworkConfiguration::builder().awsvpc_configuration(vpc).build(),
            )
            .build()
            .expect("parameters of ECS need their task definition alone, and that is set");
        let retries = RetryPolicy::builder()
            .maximum_retry_attempts(i32::try_from(self.retries.attempts).unwrap_or(i32::MAX))
            .maximum_event_age_in_seconds(i32::try_from(self.retries.seconds).unwrap_or(i32::MAX))
            .build();
        Target::builder()
            .arn(self.cluster.get().as_str())
            .role_arn(self.role.get().as_str())
            .ecs_parameters(ecs)
            .retry_policy(retries)
            .set_input(Some(self.input.clone()).filter(|input| !input.is_empty()))
            .build()
            .expect("a target needs its ARN and its role, and those are set")
    }
}

/// A moment as the SDK has it.
fn moment(text: Option<&str>) -> Option<DateTime> {
    DateTime::from_str(text?, Format::DateTime).ok()
}

fn written(moment: &DateTime) -> Option<String> {
    moment.fmt(Format::DateTime).ok()
}

/// What the description of a schedule says in the place of tags, which it can't carry.
const OWNER: [&str; 3] = [OwnershipTags::STACK, OwnershipTags::ENVIRONMENT, OwnershipTags::ADDRESS];

/// Whose a schedule is, as its description says: `provision shop/dev/schedule.drift`.
fn owner(tags: &Tags) -> String {
    let parts = OWNER.map(|key| tags.get(key).map_or("", String::as_str));
    format!("provision {}", parts.join("/"))
}

/// The tags that a description stands for; none where somebody else wrote it.
fn owners_tags(description: &str) -> Tags {
    let parts: Option<Vec<&str>> =
        description.strip_prefix("provision ").map(|owner| owner.split('/').collect());
    let parts = parts.filter(|parts| parts.len() == OWNER.len()).unwrap_or_default();
    OWNER.into_iter().zip(parts).map(|(key, part)| (key.to_owned(), part.to_owned())).collect()
}

async fn get(aws: &Aws, name: &str) -> Result<Option<GetScheduleOutput>, AwsError> {
    const GET: Operation = Operation::new("scheduler:GetSchedule");
    unless_gone(aws.call(GET, || aws.scheduler().get_schedule().name(name).send()).await)
}

/// A schedule that starts no task of ECS reads as one that starts none of ours.
fn spec(there: &GetScheduleOutput) -> Schedule {
    let target = there.target();
    let ecs = target.and_then(Target::ecs_parameters);
    let network = ecs.and_then(EcsParameters::network_configuration);
    let vpc = network.and_then(NetworkConfiguration::awsvpc_configuration);
    let retries = target.and_then(Target::retry_policy);
    let number = |number: Option<i32>| number.and_then(|number| number.try_into().ok());
    Schedule {
        expression: text(there.schedule_expression()),
        timing: timing(there),
        enabled: there.state() == Some(&ScheduleState::Enabled),
        cluster: Input::Known(target.map_or("", Target::arn).into()),
        task_definition: Input::Known(ecs.map_or("", EcsParameters::task_definition_arn).into()),
        role: Input::Known(target.map_or("", Target::role_arn).into()),
        subnets: vpc.iter().flat_map(|vpc| vpc.subnets()).map(|id| known(id)).collect(),
        security_groups: vpc
            .iter()
            .flat_map(|vpc| vpc.security_groups())
            .map(|id| known(id))
            .collect(),
        input: text(target.and_then(Target::input)),
        retries: Retries {
            attempts: retries.and_then(|one| number(one.maximum_retry_attempts())).unwrap_or(185),
            seconds: retries
                .and_then(|one| number(one.maximum_event_age_in_seconds()))
                .unwrap_or(86_400),
        },
    }
}

fn timing(there: &GetScheduleOutput) -> Timing {
    let window = there.flexible_time_window();
    let minutes = window.and_then(FlexibleTimeWindow::maximum_window_in_minutes);
    Timing {
        time_zone: there.schedule_expression_timezone().unwrap_or(UTC).to_owned(),
        starts: there.start_date().and_then(written),
        ends: there.end_date().and_then(written),
        window_minutes: minutes.and_then(|minutes| minutes.try_into().ok()),
    }
}

fn known<T: From<String>>(id: &str) -> Input<T> {
    Input::Known(T::from(id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_says_whose_it_is() {
        let tags = Tags::from([
            (OwnershipTags::STACK.to_owned(), "shop".to_owned()),
            (OwnershipTags::ENVIRONMENT.to_owned(), "dev".to_owned()),
            (OwnershipTags::ADDRESS.to_owned(), "schedule.drift".to_owned()),
        ]);
        assert_eq!(owner(&tags), "provision shop/dev/schedule.drift");
    }

    #[test]
    fn when_it_ends_and_what_else_it_says_of_its_times_is_read() {
        let usual = GetScheduleOutput::builder().schedule_expression("rate(1 hour)").build();
        assert_eq!((spec(&usual).timing, spec(&usual).input), (Timing::default(), String::new()));
        let end = "2027-01-31T06:00:00Z";
        let other = GetScheduleOutput::builder()
            .schedule_expression_timezone("Europe/Berlin")
            .set_end_date(moment(Some(end)))
            .build();
        let timing = spec(&other).timing;
        assert_eq!(timing.ends.as_deref(), Some(end));
        assert_eq!(timing.time_zone, "Europe/Berlin");
    }

    #[test]
    fn one_that_starts_something_else_reads_as_none_of_ours() {
        let other = GetScheduleOutput::builder().schedule_expression("rate(1 hour)").build();
        let spec = spec(&other);
        assert_eq!((spec.cluster, spec.enabled), (Input::Known("".into()), false));
        assert_eq!(spec.retries, Retries { attempts: 185, seconds: 86_400 });
    }
}
