use std::sync::Arc;

use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, Compatibility, ContainerDefinition,
    DeploymentRolloutState, DesiredStatus, KeyValuePair, LaunchType, LoadBalancer,
    NetworkConfiguration, NetworkMode, PortMapping, ServiceField, Tag, TaskStopCode,
};
use aws_sdk_ecs::{Client, Config};

use super::*;
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::{Clock, Endpoint};

fn client(world: World) -> Client {
    let clock = Clock::starting_at(world.cloud.now, 1.0);
    let endpoint = Arc::new(Endpoint::new(world.cloud, clock));
    let credentials =
        aws_credential_types::Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
    let config = Config::builder()
        .behavior_version(aws_sdk_ecs::config::BehaviorVersion::latest())
        .region(aws_sdk_ecs::config::Region::new("eu-west-1"))
        .credentials_provider(credentials)
        .http_client(Connector::new(endpoint))
        .build();
    Client::from_conf(config)
}

fn container() -> ContainerDefinition {
    ContainerDefinition::builder()
        .name("app")
        .image(IMAGE)
        .environment(KeyValuePair::builder().name("MODE").value("test").build())
        .port_mappings(PortMapping::builder().container_port(8000).build())
        .build()
}

fn network_of(world: &World) -> NetworkConfiguration {
    let configuration = AwsVpcConfiguration::builder()
        .set_subnets(Some(world.subnets.clone()))
        .security_groups(&world.group)
        .assign_public_ip(AssignPublicIp::Enabled)
        .build()
        .unwrap();
    NetworkConfiguration::builder().awsvpc_configuration(configuration).build()
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_the_life_of_a_service() {
    let mut world = World::new();
    world.wait(200);
    let network = network_of(&world);
    let balancer = LoadBalancer::builder()
        .target_group_arn(&world.target_group)
        .container_name("app")
        .container_port(8000)
        .build();
    let ecs = client(world);
    let tag = Tag::builder().key("owner").value("me").build();

    let made = ecs.create_cluster().cluster_name("life").tags(tag.clone()).send().await.unwrap();
    let cluster = made.cluster.unwrap();
    assert_eq!((cluster.status(), cluster.tags()), (Some("ACTIVE"), std::slice::from_ref(&tag)));

    let registered = ecs
        .register_task_definition()
        .family("life")
        .requires_compatibilities(Compatibility::Fargate)
        .network_mode(NetworkMode::Awsvpc)
        .cpu("256")
        .memory("512")
        .container_definitions(container())
        .tags(tag.clone())
        .send()
        .await
        .unwrap();
    let definition = registered.task_definition.unwrap();
    assert_eq!(definition.revision, 1);
    assert_eq!(definition.container_definitions()[0].port_mappings()[0].host_port, Some(8000));
    assert!(definition.registered_at.is_some());

    let created = ecs
        .create_service()
        .cluster("life")
        .service_name("app")
        .task_definition("life")
        .desired_count(2)
        .launch_type(LaunchType::Fargate)
        .network_configuration(network)
        .load_balancers(balancer)
        .tags(tag)
        .client_token("token")
        .send()
        .await
        .unwrap();
    let service = created.service.unwrap();
    let deployment = &service.deployments()[0];
    assert_eq!(deployment.rollout_state, Some(DeploymentRolloutState::InProgress));
    assert!(deployment.id().unwrap().starts_with("ecs-svc/"));

    tokio::time::sleep(Duration::from_mins(5)).await;
    let described =
        ecs.describe_services().cluster("life").services("app").include(ServiceField::Tags);
    let service = described.clone().send().await.unwrap().services.unwrap().remove(0);
    assert_eq!((service.running_count, service.pending_count), (2, 0));
    let deployment = &service.deployments()[0];
    assert_eq!(deployment.rollout_state, Some(DeploymentRolloutState::Completed));
    assert_eq!(deployment.platform_version(), Some("1.4.0"));
    assert_eq!(service.platform_version(), Some("LATEST"));
    assert_eq!(service.tags().len(), 1);
    assert_eq!(service.load_balancers()[0].container_port, Some(8000));
    let configuration = service.network_configuration.as_ref().unwrap();
    assert_eq!(configuration.awsvpc_configuration().unwrap().subnets().len(), 2);
    let limits = service.deployment_configuration.as_ref().unwrap();
    assert_eq!((limits.maximum_percent, limits.minimum_healthy_percent), (Some(200), Some(100)));
    assert!(service.events()[0].created_at.is_some());

    let listed = ecs.list_tasks().cluster("life").service_name("app").send().await.unwrap();
    let arns = listed.task_arns.unwrap();
    let tasks = ecs.describe_tasks().cluster("life").set_tasks(Some(arns)).send().await.unwrap();
    let task = &tasks.tasks()[0];
    assert_eq!(task.last_status(), Some("RUNNING"));
    let details = task.attachments()[0].details();
    let interface = details.iter().find(|detail| detail.name() == Some("networkInterfaceId"));
    assert!(interface.unwrap().value().unwrap().starts_with("eni-"));
    assert_eq!(task.containers()[0].image(), Some(IMAGE));

    ecs.delete_service().cluster("life").service("app").force(true).send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(400)).await;
    let gone = described.send().await.unwrap().services.unwrap().remove(0);
    assert_eq!(gone.status(), Some("INACTIVE"));
    let stopped = ecs.list_tasks().cluster("life").desired_status(DesiredStatus::Stopped);
    let arns = stopped.send().await.unwrap().task_arns.unwrap();
    let tasks = ecs.describe_tasks().cluster("life").set_tasks(Some(arns)).send().await.unwrap();
    assert_eq!(tasks.tasks()[0].stop_code, Some(TaskStopCode::ServiceSchedulerInitiated));
    assert!(tasks.tasks()[0].stopped_at.is_some());
    let refusal = ecs.describe_services().cluster("none").services("app").send().await.unwrap_err();
    assert!(refusal.into_service_error().is_cluster_not_found_exception());
    let answer = ecs.delete_cluster().cluster("life").send().await.unwrap();
    assert_eq!(answer.cluster.unwrap().status(), Some("INACTIVE"));
}
