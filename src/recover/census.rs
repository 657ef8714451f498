//! What a stack's tags are on, whether or not its configuration declares it.
//!
//! The rule: only what may be the stack's own is listed, and it is taken only when its tags, read
//! with all the rest of it, say so. What can't carry tags is taken with what it hangs on.

use aws_sdk_applicationautoscaling::types::ServiceNamespace;
use aws_sdk_ec2::types::{Filter, ResourceType};
use aws_sdk_ecs::types::TaskDefinitionFamilyStatus;

use crate::aws::{Aws, AwsError, Operation, OwnershipTags, Tags, elb_tags, pages};
use crate::resource::Kind;
use crate::state::State;

/// How many of a name's characters are certain: a long name is cut and ends in a hash.
const CERTAIN: usize = 20;

/// The kinds of EC2, by what it calls them.
const OF_EC2: &[(ResourceType, Kind)] = &[
    (ResourceType::Vpc, Kind::Vpc),
    (ResourceType::InternetGateway, Kind::InternetGateway),
    (ResourceType::Subnet, Kind::Subnet),
    (ResourceType::ElasticIp, Kind::ElasticIp),
    (ResourceType::Natgateway, Kind::NatGateway),
    (ResourceType::RouteTable, Kind::RouteTable),
    (ResourceType::SecurityGroup, Kind::SecurityGroup),
];

/// Something that may be the stack's own: its kind, and what AWS calls it.
pub(super) type Candidate = (Kind, String);

/// Everything that may be the stack's own, but for what hangs on its services.
pub(super) async fn candidates(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    let found = futures::try_join!(
        of_ec2(aws, state),
        roles(aws, state),
        log_groups(aws, state),
        task_definitions(aws, state),
        balancing(aws, state),
        services(aws, state),
        topics(aws, state),
        alarms(aws, state),
        schedules(aws, state),
    )?;
    let (ec2, roles, logs, definitions, balancing, services, topics, alarms, schedules) = found;
    let own = [ec2, roles, logs, definitions, balancing, services, topics, alarms, schedules];
    Ok(own.concat())
}

/// What moves the counts of the services that `state` records. It has no tags that are read.
pub(super) async fn scaling(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    let services = state.resources.iter().filter(|(address, _)| address.kind() == Kind::Service);
    let mut found = Vec::new();
    for (_, record) in services {
        let Some(id) = record.outputs["scaling_id"].as_str() else { continue };
        found.extend(scaling_of(aws, id).await?);
    }
    Ok(found)
}

/// How the names of the stack's resources begin.
fn beginning(state: &State) -> String {
    format!("{}-{}", state.stack, state.environment).chars().take(CERTAIN).collect()
}

async fn of_ec2(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeTags");
    let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
    let tags = pages(async |token| {
        let send = || {
            let request = aws.ec2().describe_tags().max_results(1000);
            let request = request.filters(filter("key", OwnershipTags::STACK));
            request.filters(filter("value", &state.stack)).set_next_token(token.clone()).send()
        };
        let page = aws.call(DESCRIBE, send).await?;
        Ok((page.tags.unwrap_or_default(), page.next_token))
    })
    .await?;
    let of_kind = |of: Option<&ResourceType>| {
        OF_EC2.iter().find(|(known, _)| of == Some(known)).map(|(_, kind)| *kind)
    };
    let named = tags.iter().filter_map(|tag| Some((of_kind(tag.resource_type())?, tag)));
    Ok(named.filter_map(|(kind, tag)| Some((kind, tag.resource_id()?.to_owned()))).collect())
}

async fn roles(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const LIST: Operation = Operation::new("iam:ListRoles");
    let roles = pages(async |token| {
        let send = || aws.iam().list_roles().set_marker(token.clone()).send();
        let page = aws.call(LIST, send).await?;
        Ok((page.roles, page.marker))
    })
    .await?;
    let names = roles.into_iter().map(|role| role.role_name);
    let own = names.filter(|name| name.starts_with(&beginning(state)));
    Ok(own.map(|name| (Kind::Role, name)).collect())
}

async fn log_groups(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const DESCRIBE: Operation = Operation::new("logs:DescribeLogGroups");
    let prefix = Kind::LogGroup.facts().naming.map_or("", |naming| naming.prefix);
    let beginning = format!("{prefix}{}", beginning(state));
    let groups = pages(async |token| {
        let send = || {
            let request = aws.logs().describe_log_groups().log_group_name_prefix(&beginning);
            request.set_next_token(token.clone()).send()
        };
        let page = aws.call(DESCRIBE, send).await?;
        Ok((page.log_groups.unwrap_or_default(), page.next_token))
    })
    .await?;
    let names = groups.into_iter().filter_map(|group| group.log_group_name);
    Ok(names.map(|name| (Kind::LogGroup, name)).collect())
}

/// The newest revision of each family that may be the stack's.
async fn task_definitions(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const LIST: Operation = Operation::new("ecs:ListTaskDefinitionFamilies");
    const DESCRIBE: Operation = Operation::new("ecs:DescribeTaskDefinition");
    let beginning = beginning(state);
    let families = pages(async |token| {
        let send = || {
            let request = aws.ecs().list_task_definition_families().family_prefix(&beginning);
            let request = request.status(TaskDefinitionFamilyStatus::Active);
            request.set_next_token(token.clone()).send()
        };
        let page = aws.call(LIST, send).await?;
        Ok((page.families.unwrap_or_default(), page.next_token))
    })
    .await?;
    let mut found = Vec::new();
    for family in families {
        let send = || aws.ecs().describe_task_definition().task_definition(&family).send();
        let newest = aws.call(DESCRIBE, send).await?.task_definition;
        let arn = newest.and_then(|newest| newest.task_definition_arn);
        found.extend(arn.map(|arn| (Kind::TaskDefinition, arn)));
    }
    Ok(found)
}

/// Load balancers, target groups and listeners. AWS has no way to list those of a tag, so the tags
/// of all are read before anything else of them is.
async fn balancing(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const BALANCERS: Operation = Operation::new("elasticloadbalancing:DescribeLoadBalancers");
    const GROUPS: Operation = Operation::new("elasticloadbalancing:DescribeTargetGroups");
    let balancers = pages(async |token| {
        let send = || aws.elb().describe_load_balancers().set_marker(token.clone()).send();
        let page = aws.call(BALANCERS, send).await?;
        let all = page.load_balancers.unwrap_or_default().into_iter();
        Ok((all.filter_map(|one| one.load_balancer_arn).collect(), page.next_marker))
    });
    let groups = pages(async |token| {
        let send = || aws.elb().describe_target_groups().set_marker(token.clone()).send();
        let page = aws.call(GROUPS, send).await?;
        let all = page.target_groups.unwrap_or_default().into_iter();
        Ok((all.filter_map(|one| one.target_group_arn).collect(), page.next_marker))
    });
    let (balancers, groups) = futures::try_join!(balancers, groups)?;
    let balancers = tagged(aws, state, balancers).await?;
    let mut found = Vec::new();
    for balancer in &balancers {
        found.extend(listeners(aws, balancer).await?);
    }
    found.extend(balancers.into_iter().map(|arn| (Kind::LoadBalancer, arn)));
    let groups = tagged(aws, state, groups).await?;
    found.extend(groups.into_iter().map(|arn| (Kind::TargetGroup, arn)));
    Ok(found)
}

/// Those of some ARNs that carry the stack's name.
async fn tagged(aws: &Aws, state: &State, arns: Vec<String>) -> Result<Vec<String>, AwsError> {
    let is_own = |tags: &Tags| tags.get(OwnershipTags::STACK) == Some(&state.stack);
    let tags = elb_tags(aws, &arns).await?;
    Ok(tags.into_iter().filter(|(_, tags)| is_own(tags)).map(|(arn, _)| arn).collect())
}

async fn listeners(aws: &Aws, balancer: &str) -> Result<Vec<Candidate>, AwsError> {
    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeListeners");
    pages(async |token| {
        let send = || {
            let request = aws.elb().describe_listeners().load_balancer_arn(balancer);
            request.set_marker(token.clone()).send()
        };
        let page = aws.call(DESCRIBE, send).await?;
        let all = page.listeners.unwrap_or_default().into_iter();
        let arns = all.filter_map(|one| one.listener_arn).map(|arn| (Kind::Listener, arn));
        Ok((arns.collect(), page.next_marker))
    })
    .await
}

/// The services of the stack's cluster.
async fn services(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const LIST: Operation = Operation::new("ecs:ListServices");
    let clusters = state.resources.iter().filter(|(address, _)| address.kind() == Kind::Cluster);
    let mut found = Vec::new();
    for (_, cluster) in clusters {
        let services = pages(async |token| {
            let send = || {
                let request = aws.ecs().list_services().cluster(&cluster.id);
                request.set_next_token(token.clone()).send()
            };
            let page = aws.call(LIST, send).await?;
            Ok((page.service_arns.unwrap_or_default(), page.next_token))
        })
        .await?;
        found.extend(services.into_iter().map(|arn| (Kind::Service, arn)));
    }
    Ok(found)
}

/// The topics whose names may be the stack's: their ARNs end in them.
async fn topics(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const LIST: Operation = Operation::new("sns:ListTopics");
    let topics = pages(async |token| {
        let send = || aws.sns().list_topics().set_next_token(token.clone()).send();
        let page = aws.call(LIST, send).await?;
        Ok((page.topics.unwrap_or_default(), page.next_token))
    })
    .await?;
    let beginning = beginning(state);
    let is_own = |arn: &String| {
        arn.rsplit(':').next().is_some_and(|name| name.starts_with(beginning.as_str()))
    };
    let arns = topics.into_iter().filter_map(|topic| topic.topic_arn).filter(is_own);
    Ok(arns.map(|arn| (Kind::Topic, arn)).collect())
}

async fn alarms(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const DESCRIBE: Operation = Operation::new("cloudwatch:DescribeAlarms");
    let beginning = beginning(state);
    let alarms = pages(async |token| {
        let send = || {
            let request = aws.cloudwatch().describe_alarms().alarm_name_prefix(&beginning);
            request.set_next_token(token.clone()).send()
        };
        let page = aws.call(DESCRIBE, send).await?;
        Ok((page.metric_alarms.unwrap_or_default(), page.next_token))
    })
    .await?;
    let names = alarms.into_iter().filter_map(|alarm| alarm.alarm_name);
    Ok(names.map(|name| (Kind::Alarm, name)).collect())
}

async fn schedules(aws: &Aws, state: &State) -> Result<Vec<Candidate>, AwsError> {
    const LIST: Operation = Operation::new("scheduler:ListSchedules");
    let beginning = beginning(state);
    let schedules = pages(async |token| {
        let send = || {
            let request = aws.scheduler().list_schedules().name_prefix(&beginning);
            request.set_next_token(token.clone()).send()
        };
        let page = aws.call(LIST, send).await?;
        Ok((page.schedules, page.next_token))
    })
    .await?;
    let names = schedules.into_iter().filter_map(|schedule| schedule.name);
    Ok(names.map(|name| (Kind::Schedule, name)).collect())
}

async fn scaling_of(aws: &Aws, service: &str) -> Result<Vec<Candidate>, AwsError> {
    const TARGETS: Operation = Operation::new("application-autoscaling:DescribeScalableTargets");
    const POLICIES: Operation = Operation::new("application-autoscaling:DescribeScalingPolicies");
    let targets = async {
        let send = || {
            let request = aws.autoscaling().describe_scalable_targets().resource_ids(service);
            request.service_namespace(ServiceNamespace::Ecs).send()
        };
        let page = aws.call(TARGETS, send).await?;
        let all = page.scalable_targets.unwrap_or_default().into_iter();
        Ok(all.map(|one| (Kind::ScalableTarget, one.resource_id)).collect::<Vec<_>>())
    };
    let policies = pages(async |token| {
        let send = || {
            let request = aws.autoscaling().describe_scaling_policies().resource_id(service);
            let request = request.service_namespace(ServiceNamespace::Ecs);
            request.set_next_token(token.clone()).send()
        };
        let page = aws.call(POLICIES, send).await?;
        let all = page.scaling_policies.unwrap_or_default().into_iter();
        let arns = all.map(|one| (Kind::ScalingPolicy, one.policy_arn));
        Ok((arns.collect(), page.next_token))
    });
    let (targets, policies) = futures::try_join!(targets, policies)?;
    Ok([targets, policies].concat())
}
