//! Takes a deployment back that is under way.

use std::fmt;

use aws_sdk_ecs::types::{ServiceDeploymentStatus, StopServiceDeploymentStopType};
use serde::Serialize;
use serde_json::Value;

use crate::aws::{Aws, AwsError, Operation};

/// What became of the wish to go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// ECS goes back to what ran before.
    Begun,
    /// Nothing ran before: there is nothing to go back to.
    Nowhere,
    /// No deployment is under way any more.
    Over,
}

impl fmt::Display for Rollback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Begun => "ECS is rolling the deployment back",
            Self::Nowhere => "this is its first deployment: there is nothing to roll back to",
            Self::Over => "its deployment was over already",
        })
    }
}

/// Has ECS go back to what the service ran before its present deployment (aws-behaviour 17.a).
///
/// `outputs` are those that were recorded of the service.
///
/// # Errors
///
/// The first call that fails.
pub async fn roll_back(aws: &Aws, outputs: &Value) -> Result<Rollback, AwsError> {
    const STOP: Operation = Operation::new("ecs:StopServiceDeployment");
    let Some(deployment) = under_way(aws, outputs).await? else { return Ok(Rollback::Over) };
    if !has_source(aws, &deployment).await? {
        return Ok(Rollback::Nowhere);
    }
    let send = || {
        let request = aws.ecs().stop_service_deployment().service_deployment_arn(&deployment);
        request.stop_type(StopServiceDeploymentStopType::Rollback).send()
    };
    match aws.call(STOP, send).await {
        Ok(_) => Ok(Rollback::Begun),
        // It ended between the two calls.
        Err(error) if error.has_code("ConflictException") => Ok(Rollback::Over),
        Err(error) => Err(error),
    }
}

/// The ARN of the deployment that is under way.
async fn under_way(aws: &Aws, outputs: &Value) -> Result<Option<String>, AwsError> {
    const LIST: Operation = Operation::new("ecs:ListServiceDeployments");
    let text = |name: &str| outputs[name].as_str().unwrap_or_default();
    let send = || {
        let request = aws.ecs().list_service_deployments();
        request
            .cluster(text("cluster"))
            .service(text("arn"))
            .status(ServiceDeploymentStatus::Pending)
            .status(ServiceDeploymentStatus::InProgress)
            .send()
    };
    let output = aws.call(LIST, send).await?;
    let mut deployments = output.service_deployments.unwrap_or_default().into_iter();
    Ok(deployments.find_map(|deployment| deployment.service_deployment_arn))
}

/// Whether something ran before the deployment.
async fn has_source(aws: &Aws, deployment: &str) -> Result<bool, AwsError> {
    const DESCRIBE: Operation = Operation::new("ecs:DescribeServiceDeployments");
    let send =
        || aws.ecs().describe_service_deployments().service_deployment_arns(deployment).send();
    let output = aws.call(DESCRIBE, send).await?;
    let deployments = output.service_deployments.unwrap_or_default();
    Ok(deployments.iter().any(|one| !one.source_service_revisions().is_empty()))
}
