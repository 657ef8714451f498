//! Who the tasks are: the role that ECS starts them with, and the role that they have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::aws::partition_of;
use crate::config::{SHELL_POLICY, Service};
use crate::graph::Graph;
use crate::resource::Handle;
use crate::resource::role::Role;

/// The roles of one service.
pub(super) struct Identity {
    pub execution: Handle<Role>,
    pub task: Handle<Role>,
}

pub(super) fn add(graph: &mut Graph, name: &str, service: &Service, region: &str) -> Identity {
    let execution = graph.add(&format!("{name}-execution"), execution_role(service, region));
    graph.name_with(&execution, "execution");
    let task = graph.add(&format!("{name}-task"), task_role(service));
    graph.name_with(&task, "task");
    Identity { execution, task }
}

fn execution_role(service: &Service, region: &str) -> Role {
    let managed = execution_policy(partition_of(region));
    let secrets =
        secrets_policy(service.secrets.values()).map(|policy| ("secrets".to_owned(), policy));
    Role {
        trust: trust(TASKS, Value::Null),
        managed_policies: BTreeSet::from([managed]),
        inline_policies: secrets.into_iter().collect(),
        description: "Fetches the image and the secrets, and writes the logs".into(),
    }
}

fn task_role(service: &Service) -> Role {
    let mut inline_policies = service.task_policies.inline.clone();
    if service.execute_command {
        inline_policies.insert(SHELL_POLICY.into(), shell_policy());
    }
    Role {
        trust: trust(TASKS, Value::Null),
        managed_policies: service.task_policies.managed.clone(),
        inline_policies,
        description: "What the program in the container may do".into(),
    }
}

/// The right to let a shell in: the agent that ECS puts beside the program has the task's own role
/// ("Task IAM role permissions for ECS Exec" in the ECS developer guide).
fn shell_policy() -> Value {
    let actions = [
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    ];
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// What runs tasks.
pub(super) const TASKS: &str = "ecs-tasks.amazonaws.com";

/// AWS's own policy for fetching an image and writing a log.
pub(super) fn execution_policy(partition: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
}

/// Only one service of AWS may take the role on, under a condition if there is one.
pub(super) fn trust(service: &str, condition: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

/// The right to read exactly these secrets; none where there are none.
pub(super) fn secrets_policy<'a>(arns: impl Iterator<Item = &'a String>) -> Option<Value> {
    let mut by_action: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for arn in arns {
        let (action, resource) = if arn.contains(":ssm:") {
            ("ssm:GetParameters", arn.clone())
        } else {
            ("secretsmanager:GetSecretValue", secret_arn(arn))
        };
        by_action.entry(action).or_default().insert(resource);
    }
    let statement = |(action, resources): (&str, BTreeSet<String>)| json!({"Effect": "Allow", "Action": action, "Resource": resources});
    let statements: Vec<Value> = by_action.into_iter().map(statement).collect();
    (!statements.is_empty()).then(|| json!({"Version": "2012-10-17", "Statement": statements}))
}

/// The secret's own ARN: what names one of its keys or versions has more parts behind it.
fn secret_arn(arn: &str) -> String {
    arn.split(':').take(7).collect::<Vec<_>>().join(":")
}
