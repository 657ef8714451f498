//! The words of AWS, and what the rules make of them.

use super::super::evidence::{HealthCheck, Target, TaskFacts};
use super::super::finding::Outlook;
use super::*;

const IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1.4.2";

fn evidence() -> Evidence {
    Evidence {
        service: "shop-dev".into(),
        cluster: "shop-dev".into(),
        container: "web".into(),
        status: "ACTIVE".into(),
        desired: 2,
        port: 8000,
        task: TaskFacts {
            image: IMAGE.into(),
            architecture: "X86_64".into(),
            memory_mib: 512,
            log_group: "/ecs/shop-dev".into(),
            log_stream: "web/web/".into(),
            execution_role: "arn:aws:iam::123456789012:role/shop-dev-execution".into(),
            health_command: vec!["CMD-SHELL".into(), "curl -f localhost:8000".into()],
        },
        health_check: HealthCheck {
            path: "/health".into(),
            codes: "200".into(),
            timeout_seconds: 3,
        },
        ..Evidence::default()
    }
}

fn stopped(code: &str, reason: &str) -> StoppedTask {
    StoppedTask { id: "0f9a".into(), code: code.into(), reason: reason.into(), ..<_>::default() }
}

/// What one task is put down to that could not be started, for `reason`.
fn unstarted(reason: &str) -> Vec<Finding> {
    let stopped = vec![stopped("TaskFailedToStart", reason)];
    judge(&Evidence { stopped, ..evidence() })
}

fn causes(findings: &[Finding]) -> Vec<Cause> {
    findings.iter().map(|finding| finding.cause).collect()
}

#[track_caller]
fn is_put_down_to(cause: Cause, reasons: &[&str]) {
    for reason in reasons {
        assert_eq!(causes(&unstarted(reason)), [cause], "{reason}");
    }
}

fn exited(exit_code: i32, log: &[&str]) -> StoppedTask {
    let exited = stopped("EssentialContainerExited", "Essential container in task exited");
    let log = log.iter().map(|line| (*line).to_owned()).collect();
    StoppedTask { exit_code: Some(exit_code), log, ..exited }
}

#[test]
fn an_image_that_is_not_there_is_named() {
    is_put_down_to(
        Cause::ImageNotFound,
        &[
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1.4.2: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1.4.2: not found",
            "CannotPullContainerError: Error response from daemon: manifest for shop:1.4.2 not found: manifest unknown: Requested image not found",
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to resolve reference \"docker.io/acme/shop:9\": docker.io/acme/shop:9: not found",
            "CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref \"x\": RepositoryNotFoundException: The repository with name 'shop' does not exist in the registry with id '123456789012'",
        ],
    );
    let finding = unstarted("CannotPullContainerError: … failed to resolve ref x: x: not found");
    assert!(finding[0].title.contains(IMAGE) && finding[0].is_lasting());
    assert!(finding[0].remedies[1].contains("`services.web.image`"));
}

#[test]
fn an_image_that_is_not_given_is_no_missing_one() {
    is_put_down_to(
        Cause::ImageDenied,
        &[
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/acme/shop:1: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
            "CannotPullContainerError: failed to resolve ref ghcr.io/acme/shop:1: failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized",
            "CannotPullContainerError: failed to resolve ref x: pulling from host 123456789012.dkr.ecr.eu-west-1.amazonaws.com failed with status code [manifests 1]: 403 Forbidden",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/x/y is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
        ],
    );
}

#[test]
fn a_registry_that_wants_fewer_pulls_may_be_waited_for() {
    let reason = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1: failed to authorize: unexpected status: 429 Too Many Requests: toomanyrequests: You have reached your pull rate limit.";
    let findings = unstarted(reason);
    assert_eq!(causes(&findings), [Cause::ImageRateLimited]);
    assert_eq!(findings[0].outlook, Outlook::MayPass);
}

#[test]
fn no_way_to_the_registry_is_told_from_a_missing_secret() {
    is_put_down_to(
        Cause::NoRoute,
        &[
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 5 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3 from secrets manager: RequestCanceled: request context canceled caused by: context deadline exceeded",
            "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post \"https://api.ecr.eu-west-1.amazonaws.com/\": dial tcp 52.46.1.1:443: i/o timeout",
            "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref docker.io/library/nginx:1: failed to do request: Head \"https://registry-1.docker.io/v2/library/nginx/manifests/1\": dial tcp 3.219.239.5:443: i/o timeout",
            "CannotPullContainerError: Error response from daemon: Get https://registry-1.docker.io/v2/: net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
        ],
    );
    let reason = "CannotPullContainerError: failed to resolve ref x: dial tcp: i/o timeout";
    assert!(!unstarted(reason)[0].is_lasting(), "once may be a disturbance");
    let twice = vec![stopped("TaskFailedToStart", reason); 2];
    assert!(judge(&Evidence { stopped: twice, ..evidence() })[0].is_lasting());
}

#[test]
fn secrets_that_are_missing_or_not_what_is_asked_for_are_named() {
    is_put_down_to(
        Cause::SecretMissing,
        &[
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3 from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret x from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: retrieved secret from Secrets Manager did not contain json key password",
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /shop/db",
        ],
    );
    let reason = "ResourceInitializationError: unable to retrieve secret from asm: failed to fetch secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3: ResourceNotFoundException: Secrets Manager can't find the specified secret.";
    let title =
        "the secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3 does not exist";
    assert_eq!(unstarted(reason)[0].title, title);
}

#[test]
fn a_secret_that_may_not_be_read_is_named_and_not_the_role() {
    let reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret from secrets manager: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/shop-dev-execution/0f9a is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3 because no identity-based policy allows the secretsmanager:GetSecretValue action";
    is_put_down_to(Cause::SecretDenied, &[reason]);
    let title = "tasks may not read the secret arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3";
    assert_eq!(unstarted(reason)[0].title, title);
}

#[test]
fn a_missing_log_group_is_named() {
    let reason = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist.: exit status 1";
    is_put_down_to(Cause::LogGroupMissing, &[reason]);
    assert_eq!(unstarted(reason)[0].title, "the log group /ecs/shop-dev does not exist");
}

#[test]
fn a_command_that_is_not_in_the_image_cannot_be_started() {
    is_put_down_to(
        Cause::CannotStart,
        &[
            "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"/app\": stat /app: no such file or directory: unknown",
        ],
    );
}

#[test]
fn the_wrong_processors_are_seen_in_manifest_and_log() {
    is_put_down_to(
        Cause::WrongArchitecture,
        &[
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching platform 'linux/amd64'",
            "CannotPullContainerError: failed to resolve ref x: no match for platform in manifest: not found",
        ],
    );
    let task = exited(255, &["exec /usr/local/bin/app: exec format error"]);
    let findings = judge(&Evidence { stopped: vec![task], ..evidence() });
    assert_eq!(causes(&findings), [Cause::WrongArchitecture]);
    assert!(findings[0].remedies[0].contains("--platform linux/amd64"));
}

#[test]
fn a_process_killed_for_want_of_memory_did_not_merely_exit() {
    for reason in [
        "OutOfMemoryError: container killed due to memory usage",
        "OutOfMemory: Container killed due to high memory usage",
    ] {
        let task = StoppedTask { container_reasons: vec![reason.into()], ..exited(137, &[]) };
        let findings = judge(&Evidence { stopped: vec![task.clone(), task], ..evidence() });
        assert_eq!(causes(&findings), [Cause::OutOfMemory]);
        assert!(findings[0].is_lasting());
        assert!(findings[0].remedies[0].contains("`services.web.memory`, for example to 1024"));
    }
}

#[test]
fn a_process_that_exits_shows_its_last_lines_and_lasts_when_it_does_so_again() {
    let task = exited(1, &["KeyError: 'DATABASE_URL'"]);
    let once = judge(&Evidence { stopped: vec![task.clone()], ..evidence() });
    assert_eq!(causes(&once), [Cause::Exited]);
    assert!(!once[0].is_lasting());
    assert!(once[0].evidence.contains(&"log: KeyError: 'DATABASE_URL'".to_owned()));
    let again = judge(&Evidence { stopped: vec![task.clone(), task], ..evidence() });
    assert!(again[0].is_lasting());
}

fn unhealthy(reason: &str, description: &str) -> Evidence {
    let target = Target {
        address: "10.0.1.7".into(),
        state: "unhealthy".into(),
        reason: reason.into(),
        description: description.into(),
    };
    Evidence { targets: vec![target], ..evidence() }
}

#[test]
fn what_the_health_check_met_is_told_apart() {
    for (reason, description, cause) in [
        (
            "Target.ResponseCodeMismatch",
            "Health checks failed with these codes: [404]",
            Cause::UnhealthyAnswer,
        ),
        ("Target.FailedHealthChecks", "Health checks failed", Cause::ConnectionRefused),
        ("Target.Timeout", "Request timed out", Cause::HealthCheckTimeout),
    ] {
        let seen = unhealthy(reason, description);
        let findings = judge(&seen);
        assert_eq!(causes(&findings), [cause], "{reason}");
        assert!(!findings[0].is_lasting(), "the grace period is not over");
        let said = "Task failed ELB health checks in (target-group arn:aws:…)";
        let stopped = vec![stopped("ServiceSchedulerInitiated", said); 2];
        assert!(judge(&Evidence { stopped, ..seen })[0].is_lasting());
    }
}

#[test]
fn the_events_tell_what_targets_met_that_are_gone() {
    let event = "(service shop-dev) (port 8000) is unhealthy in (target-group arn:aws:…) due to (reason Health checks failed with these codes: [502])";
    let findings = judge(&Evidence { events: vec![event.into()], ..evidence() });
    assert_eq!(findings[0].title, "the health check GET /health is answered with 502");
}

#[test]
fn the_log_of_a_task_says_where_it_listens_instead() {
    let mut seen = unhealthy("Target.FailedHealthChecks", "Health checks failed");
    seen.running_log = vec!["Server listening on port 3000".into()];
    let title = "the container listens on port 3000, and is asked on port 8000";
    assert_eq!(judge(&seen)[0].title, title);
    seen.running_log = vec!["Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C)".into()];
    assert!(judge(&seen)[0].title.contains("localhost only"));
}

#[test]
fn a_failing_check_of_the_container_s_own_names_its_command() {
    let reason = "Task failed container health checks";
    let stopped = vec![stopped("ServiceSchedulerInitiated", reason); 2];
    let findings = judge(&Evidence { stopped, ..evidence() });
    assert_eq!(causes(&findings), [Cause::ContainerUnhealthy]);
    assert!(findings[0].title.ends_with("CMD-SHELL curl -f localhost:8000"));
}

#[test]
fn events_tell_what_keeps_tasks_from_being_placed() {
    for (event, cause, lasts) in [
        (
            "(service shop-dev) failed to launch a task with (error ECS was unable to assume the role 'arn:aws:iam::123456789012:role/shop-dev-execution' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions.).",
            Cause::RoleNotAssumable,
            true,
        ),
        (
            "(service shop-dev) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
            Cause::QuotaReached,
            true,
        ),
        (
            "(service shop-dev) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
            Cause::NoCapacity,
            false,
        ),
        (
            "(service shop-dev) failed to launch a task with (error InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request.).",
            Cause::NoFreeAddress,
            true,
        ),
    ] {
        let once = judge(&Evidence { events: vec![event.into()], ..evidence() });
        assert_eq!(causes(&once), [cause], "{event}");
        assert!(!once[0].is_lasting(), "{event}");
        let twice = judge(&Evidence { events: vec![event.into(); 2], ..evidence() });
        assert_eq!(twice[0].is_lasting(), lasts, "{event}");
    }
}

#[test]
fn spare_capacity_that_is_taken_back_is_replaced() {
    let task = stopped("SpotInterruption", "Your Spot Task was interrupted.");
    let findings = judge(&Evidence { stopped: vec![task], ..evidence() });
    assert_eq!(causes(&findings), [Cause::SpotInterrupted]);
    assert!(!findings[0].is_lasting());
}

#[test]
fn a_service_that_is_being_deleted_is_not_waited_for() {
    let findings = judge(&Evidence { status: "DRAINING".into(), ..evidence() });
    assert_eq!(causes(&findings), [Cause::ServiceGone]);
    assert!(findings[0].is_lasting());
}

#[test]
fn tasks_that_are_not_needed_any_more_are_no_failures() {
    let reason = "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)";
    let stopped = vec![stopped("ServiceSchedulerInitiated", reason)];
    assert_eq!(judge(&Evidence { stopped, ..evidence() }), []);
    assert_eq!(judge(&evidence()), []);
}

#[test]
fn what_no_rule_knows_is_told_as_aws_tells_it() {
    let stopped = vec![stopped("TaskFailedToStart", "Something new: the moon is full")];
    let findings = judge(&Evidence { stopped, ..evidence() });
    assert_eq!(causes(&findings), [Cause::Other]);
    assert_eq!(findings[0].evidence, ["Something new: the moon is full"]);
}

#[test]
fn independent_causes_are_all_found_the_most_fundamental_first() {
    let missing = "CannotPullContainerError: failed to resolve ref x: x: not found";
    let stopped = vec![exited(1, &[]), stopped("TaskFailedToStart", missing)];
    let findings = judge(&Evidence { stopped, ..evidence() });
    assert_eq!(causes(&findings), [Cause::ImageNotFound, Cause::Exited]);
}
