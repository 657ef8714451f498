//! One scenario a cause.

use std::collections::BTreeMap;
use std::time::Duration;

use provision::diagnose::Cause;
use provision::event::Event;
use provision::execute::Failure;
use provision::simulated_aws::ecs::workload::{Pull, Reply, Run as Process, Workload};
use serde_json::json;

use super::failing::{
    Fault, IMAGE, all_is_well, behave, causes, fails_and_is_mended, findings, waited,
};
use super::harness::{World, ask, config};

/// A fault of the image alone.
fn workload(breaks: fn(&mut provision::simulated_aws::cloud::Cloud)) -> Fault {
    Fault { changes: "", breaks, mends: all_is_well }
}

fn pull(pull: Pull) -> Workload {
    Workload { pull, ..Workload::default() }
}

fn reply(reply: Reply) -> Workload {
    Workload { reply, ..Workload::default() }
}

#[tokio::test(start_paused = true)]
async fn an_image_that_is_not_there() {
    let fault = workload(|cloud| behave(cloud, pull(Pull::NotFound)));
    let (run, _) = fails_and_is_mended(fault, Cause::ImageNotFound).await;
    assert!(findings(&run)[0].title.contains(IMAGE));
    assert!(waited(&run) < Duration::from_mins(1), "{:?}", waited(&run));
}

#[tokio::test(start_paused = true)]
async fn an_image_that_may_not_be_pulled() {
    let fault = workload(|cloud| behave(cloud, pull(Pull::Denied)));
    fails_and_is_mended(fault, Cause::ImageDenied).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_for_other_processors() {
    let fault = workload(|cloud| behave(cloud, pull(Pull::NoSuchPlatform)));
    fails_and_is_mended(fault, Cause::WrongArchitecture).await;
}

#[tokio::test(start_paused = true)]
async fn a_program_for_other_processors() {
    let fault = workload(|cloud| {
        let run = Process::WrongArchitecture;
        behave(cloud, Workload { run, ..Workload::default() });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::WrongArchitecture).await;
    assert!(findings(&run)[0].evidence.iter().any(|said| said.contains("exec format error")));
}

#[tokio::test(start_paused = true)]
async fn no_way_to_the_registry() {
    let mut world = World::new();
    let closed = config("network.nat = none");
    let run = world.try_up(&closed).await.unwrap();
    assert_eq!(causes(&run), [Cause::NoRoute], "{:#?}", findings(&run));
    assert!(waited(&run) < Duration::from_mins(4), "{:?}", waited(&run));
    let open = config("network.nat = single");
    world.up(&open).await;
    world.assert_settled(&open).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_there() {
    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3";
    let fault = Fault {
        changes: "services.app.secrets.DB = arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3",
        breaks: |cloud| {
            cloud.ecs.unreadable_secrets.insert(SECRET.to_owned());
        },
        mends: |cloud| cloud.ecs.unreadable_secrets.clear(),
    };
    let (run, _) = fails_and_is_mended(fault, Cause::SecretMissing).await;
    assert!(findings(&run)[0].title.contains(SECRET), "{}", findings(&run)[0].title);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_may_not_be_read() {
    const KEYED: &str =
        "services.app.secrets.DB = arn:aws:ssm:us-east-1:123456789012:parameter/key";
    let (mut world, run) = redeployed_after(KEYED, |cloud| {
        let role = json!({"RoleName": "shop-dev-execution"});
        let names = ask(cloud, "iam", "ListRolePolicies", &role).unwrap();
        for name in names["PolicyNames"].as_array().unwrap() {
            let request = json!({"RoleName": "shop-dev-execution", "PolicyName": name});
            ask(cloud, "iam", "DeleteRolePolicy", &request).unwrap();
        }
    })
    .await;
    assert_eq!(causes(&run).first(), Some(&Cause::SecretDenied), "{:#?}", findings(&run));
    assert!(findings(&run)[0].title.contains("parameter/key"), "{:#?}", findings(&run));
    let mended = config(&format!("{KEYED}\nservices.app.image = ghcr.io/acme/shop:2"));
    world.up(&mended).await;
    world.assert_settled(&mended).await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up() {
    let fault = Fault {
        changes: "",
        breaks: |cloud| cloud.ecs.quotas.on_demand_vcpus = 0.25,
        mends: |cloud| cloud.ecs.quotas.on_demand_vcpus = 6.0,
    };
    let (run, _) = fails_and_is_mended(fault, Cause::QuotaReached).await;
    assert!(findings(&run)[0].evidence.iter().any(|said| said.contains("limit on the number")));
}

#[tokio::test(start_paused = true)]
async fn too_little_memory() {
    let fault = workload(|cloud| {
        let run = Process::RunsOutOfMemory { after_seconds: 4 };
        behave(cloud, Workload { run, ..Workload::default() });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::OutOfMemory).await;
    assert!(findings(&run)[0].title.contains("512 MiB"));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends() {
    let fault = workload(|cloud| {
        let lines = vec!["no database at db:5432".to_owned()];
        let run = Process::Exits { code: 3, after_seconds: 2, lines };
        behave(cloud, Workload { run, ..Workload::default() });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::Exited).await;
    let finding = &findings(&run)[0];
    assert!(finding.title.contains("code 3"), "{finding:#?}");
    assert!(finding.evidence.iter().any(|said| said == "log: no database at db:5432"));
}

#[tokio::test(start_paused = true)]
async fn a_path_that_is_not_answered_well() {
    let fault = workload(|cloud| {
        let paths = BTreeMap::from([("/health".to_owned(), 404)]);
        behave(cloud, Workload { paths, ..Workload::default() });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::UnhealthyAnswer).await;
    assert!(findings(&run)[0].title.contains("GET /health is answered with 404"));
}

#[tokio::test(start_paused = true)]
async fn a_port_that_nobody_listens_on() {
    let fault = workload(|cloud| {
        let lines = vec!["Listening at: http://0.0.0.0:5000 (1)".to_owned()];
        behave(cloud, Workload { lines, ..reply(Reply::Refused) });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::ConnectionRefused).await;
    let title = "the container listens on port 5000, and is asked on port 8000";
    assert_eq!(findings(&run)[0].title, title);
}

#[tokio::test(start_paused = true)]
async fn a_server_on_localhost() {
    let fault = workload(|cloud| {
        let lines = vec!["Uvicorn running on http://127.0.0.1:8000".to_owned()];
        behave(cloud, Workload { lines, ..reply(Reply::Refused) });
    });
    let (run, _) = fails_and_is_mended(fault, Cause::ConnectionRefused).await;
    assert!(findings(&run)[0].title.contains("localhost only"), "{:#?}", findings(&run));
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_is_not_answered() {
    let fault = workload(|cloud| behave(cloud, reply(Reply::TimesOut)));
    fails_and_is_mended(fault, Cause::HealthCheckTimeout).await;
}

#[tokio::test(start_paused = true)]
async fn a_check_of_the_container_s_own_that_fails() {
    let fault = Fault {
        changes: "services.app.container_health_check.command = curl -f localhost:8000
                  services.app.container_health_check.interval_seconds = 5",
        breaks: |cloud| {
            behave(cloud, Workload { fails_own_check: true, ..Workload::default() });
        },
        mends: all_is_well,
    };
    fails_and_is_mended(fault, Cause::ContainerUnhealthy).await;
}

/// Breaks a running stack behind its back and deploys another image onto it.
async fn redeployed_after(
    changes: &str,
    breaks: impl FnOnce(&mut provision::simulated_aws::cloud::Cloud),
) -> (World, super::harness::Run) {
    let mut world = World::new();
    world.up(&config(changes)).await;
    let next = format!("{changes}\nservices.app.image = ghcr.io/acme/shop:2");
    let mut plan = world.plan(&config(&next)).await;
    world.endpoint.with_cloud(breaks);
    let before = world.endpoint.calls().len();
    plan.resources.sort_by_key(|planned| planned.address.to_string() == "service.app");
    let run = world.carry_out(plan, before).await;
    (world, run)
}

#[tokio::test(start_paused = true)]
async fn a_log_group_that_somebody_deleted() {
    let (mut world, run) = redeployed_after("", |cloud| {
        let request = json!({"logGroupName": "/ecs/shop-dev"});
        ask(cloud, "logs", "DeleteLogGroup", &request).unwrap();
    })
    .await;
    assert_eq!(causes(&run).first(), Some(&Cause::LogGroupMissing), "{:#?}", findings(&run));
    assert!(findings(&run)[0].title.contains("/ecs/shop-dev"));
    let mended = config("services.app.image = ghcr.io/acme/shop:2");
    world.up(&mended).await;
    world.assert_settled(&mended).await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_somebody_deleted() {
    let (mut world, run) = redeployed_after("", |cloud| {
        let roles = ask(cloud, "iam", "ListRoles", &json!({})).unwrap();
        let roles = roles["Roles"].as_array().cloned().unwrap_or_default();
        for role in roles.iter().filter(|role| role["RoleName"].to_string().contains("execution")) {
            let name = json!({"RoleName": role["RoleName"]});
            let inline = ask(cloud, "iam", "ListRolePolicies", &name).unwrap();
            for policy in inline["PolicyNames"].as_array().into_iter().flatten() {
                let request = json!({"RoleName": role["RoleName"], "PolicyName": policy});
                ask(cloud, "iam", "DeleteRolePolicy", &request).unwrap();
            }
            let attached = ask(cloud, "iam", "ListAttachedRolePolicies", &name).unwrap();
            for policy in attached["AttachedPolicies"].as_array().into_iter().flatten() {
                let request =
                    json!({"RoleName": role["RoleName"], "PolicyArn": policy["PolicyArn"]});
                ask(cloud, "iam", "DetachRolePolicy", &request).unwrap();
            }
            ask(cloud, "iam", "DeleteRole", &name).unwrap();
        }
    })
    .await;
    assert_eq!(causes(&run).first(), Some(&Cause::RoleNotAssumable), "{:#?}", findings(&run));
    let mended = config("services.app.image = ghcr.io/acme/shop:2");
    world.up(&mended).await;
    world.assert_settled(&mended).await;
}

#[tokio::test(start_paused = true)]
async fn a_security_group_that_somebody_shut() {
    let (mut world, run) = redeployed_after("", |cloud| {
        let groups = ask(cloud, "ec2", "DescribeSecurityGroups", &json!({})).unwrap();
        let groups = groups["securityGroupInfo"].as_array().cloned().unwrap_or_default();
        let own = groups.iter().find(|group| group["groupName"] == "shop-dev-service").unwrap();
        let request = json!({"GroupId": own["groupId"], "IpPermissions": [{
            "IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000,
            "Groups": [{"GroupId": own["ipPermissions"][0]["groups"][0]["groupId"]}],
        }]});
        ask(cloud, "ec2", "RevokeSecurityGroupIngress", &request).unwrap();
    })
    .await;
    assert_eq!(causes(&run).first(), Some(&Cause::HealthCheckTimeout), "{:#?}", findings(&run));
    assert!(findings(&run)[0].explanation.contains("a security group"), "{:#?}", findings(&run));
    let mended = config("services.app.image = ghcr.io/acme/shop:2");
    let plan = world.plan(&mended).await;
    let drift = plan.changes().find(|planned| planned.address.to_string() == "security_group.app");
    assert!(drift.unwrap().reason.contains("outside of provision"), "{drift:#?}");
    world.up(&mended).await;
    world.assert_settled(&mended).await;
}

/// What failed of a way out that the run itself puts back is no reason to give up on the service.
#[tokio::test(start_paused = true)]
async fn a_route_that_the_same_run_puts_back() {
    let mut world = World::new();
    world.up(&config("")).await;
    world.endpoint.with_cloud(|cloud| {
        let tables = ask(cloud, "ec2", "DescribeRouteTables", &json!({})).unwrap();
        for table in tables["routeTableSet"].as_array().unwrap() {
            let routes = table["routeSet"].as_array().unwrap();
            if routes.iter().any(|route| route["natGatewayId"].is_string()) {
                let request = json!({
                    "RouteTableId": table["routeTableId"], "DestinationCidrBlock": "0.0.0.0/0",
                });
                ask(cloud, "ec2", "DeleteRoute", &request).unwrap();
            }
        }
        let request = json!({"cluster": "shop-dev", "serviceName": "shop-dev"});
        let listed = ask(cloud, "ecs", "ListTasks", &request).unwrap();
        for task in listed["taskArns"].as_array().unwrap() {
            let request = json!({"cluster": "shop-dev", "task": task});
            ask(cloud, "ecs", "StopTask", &request).unwrap();
        }
    });
    // Until every start has failed several times of having no way to the registry.
    tokio::time::sleep(Duration::from_mins(30)).await;
    let failed = world
        .endpoint
        .with_cloud(|cloud| cloud.ecs.tasks.values().filter(|task| task.stop.is_some()).count());
    assert!(failed > 5, "{failed} tasks failed");
    world.up(&config("")).await;
    world.assert_settled(&config("")).await;
}

/// Capacity may come back, so the wait goes on; the cause is told all the same.
#[tokio::test(start_paused = true)]
async fn spot_capacity_that_is_sold_out() {
    let mut world = World::new();
    world.endpoint.with_cloud(|cloud| cloud.ecs.spot_is_sold_out = true);
    let spot = config(
        "services.app.spot.base = 0
         services.app.spot.on_demand_weight = 0
         services.app.spot.spot_weight = 1",
    );
    let run = world.try_up(&spot).await.unwrap();
    assert_eq!(causes(&run), [Cause::NoCapacity]);
    assert!(!findings(&run)[0].is_lasting());
    let (_, _, failure) = &run.summary.failed[0];
    assert!(matches!(failure, Failure::Deployment { reason, .. } if reason.contains("failed")));
    world.endpoint.with_cloud(|cloud| cloud.ecs.spot_is_sold_out = false);
    world.up(&spot).await;
    world.assert_settled(&spot).await;
}

#[tokio::test(start_paused = true)]
async fn all_causes_are_shown_the_most_fundamental_first() {
    let mut world = World::new();
    world.hopeless = provision::execute::Hopeless::WaitOn;
    world.endpoint.with_cloud(|cloud| behave(cloud, pull(Pull::RateLimited)));
    let handle = std::sync::Arc::clone(&world.endpoint);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let failed = handle.with_cloud(|cloud| {
                cloud.ecs.tasks.values().filter(|task| task.stop.is_some()).count()
            });
            if failed > 0 {
                let run = Process::Exits { code: 1, after_seconds: 1, lines: vec![] };
                let workload = Workload { run, ..Workload::default() };
                handle.with_cloud(|cloud| behave(cloud, workload));
                break;
            }
        }
    });
    let run = world.try_up(&config("services.app.count = 1")).await.unwrap();
    assert_eq!(causes(&run), [Cause::ImageRateLimited, Cause::Exited], "{:#?}", findings(&run));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_is_told_while_it_goes_on() {
    let mut world = World::new();
    let run = world.up(&config("")).await;
    let rollouts: Vec<_> = run
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Rollout { rollout, .. } => Some(rollout),
            _ => None,
        })
        .collect();
    assert!(rollouts.len() > 3);
    assert!(rollouts.iter().all(|rollout| rollout.revision == "shop-dev:1"));
    assert!(rollouts.iter().any(|rollout| rollout.pending == 2));
    assert!(rollouts.iter().any(|rollout| rollout.running == 2 && !rollout.events.is_empty()));
    assert!(!run.events.iter().any(|(_, event)| matches!(event, Event::Cause { .. })));
}
