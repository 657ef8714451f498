use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_iam::config::{BehaviorVersion, Region};
use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_iam::types::{EntityType, Tag};
use serde_json::{Value, json};

use super::{allows, answer, ensure_service_linked_role, role_exists};
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::wire::{Answer, Parameters};
use crate::simulated_aws::{Clock, Cloud, Endpoint, clock::Moment};

const EXECUTION: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const READ_SECRET: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-a1b2c3"}]}"#;

fn cloud() -> Cloud {
    Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7)
}

fn ask(cloud: &mut Cloud, operation: &str, request: &Value) -> Answer {
    answer(cloud, operation, Parameters::new(request))
}

fn create(cloud: &mut Cloud, name: &str) -> Answer {
    ask(cloud, "CreateRole", &json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST}))
}

fn code(answer: Answer) -> (u16, String) {
    let error = answer.unwrap_err();
    (error.status, error.code)
}

#[test]
fn names_are_unique_ignoring_case_and_found_by_their_own() {
    let mut cloud = cloud();
    create(&mut cloud, "Task").unwrap();
    assert_eq!(code(create(&mut cloud, "tASK")), (409, "EntityAlreadyExists".to_owned()));
    let other_case = ask(&mut cloud, "GetRole", &json!({"RoleName": "task"}));
    assert_eq!(code(other_case), (404, "NoSuchEntity".to_owned()));
    assert!(role_exists(&cloud, "arn:aws:iam::123456789012:role/Task"));
}

#[test]
fn a_role_made_again_has_another_id() {
    let mut cloud = cloud();
    let first = create(&mut cloud, "task").unwrap();
    ask(&mut cloud, "DeleteRole", &json!({"RoleName": "task"})).unwrap();
    let second = create(&mut cloud, "task").unwrap();
    assert_ne!(first["Role"]["RoleId"], second["Role"]["RoleId"]);
}

#[test]
fn a_role_with_policies_is_not_deleted() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    let attachment = json!({"RoleName": "task", "PolicyArn": EXECUTION});
    let inline = json!({"RoleName": "task", "PolicyName": "read", "PolicyDocument": READ_SECRET});
    let steps = [
        ("AttachRolePolicy", "DetachRolePolicy", &attachment),
        ("PutRolePolicy", "DeleteRolePolicy", &inline),
    ];
    for (put, take, policy) in steps {
        ask(&mut cloud, put, policy).unwrap();
        let refused = ask(&mut cloud, "DeleteRole", &json!({"RoleName": "task"}));
        assert_eq!(code(refused), (409, "DeleteConflict".to_owned()));
        ask(&mut cloud, take, policy).unwrap();
        assert_eq!(code(ask(&mut cloud, take, policy)), (404, "NoSuchEntity".to_owned()));
    }
    ask(&mut cloud, "DeleteRole", &json!({"RoleName": "task"})).unwrap();
    assert!(!role_exists(&cloud, "arn:aws:iam::123456789012:role/task"));
}

#[test]
fn an_update_keeps_what_it_leaves_out() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    let first = json!({"RoleName": "task", "Description": "d", "MaxSessionDuration": "7200"});
    ask(&mut cloud, "UpdateRole", &first).unwrap();
    ask(&mut cloud, "UpdateRole", &json!({"RoleName": "task", "Description": ""})).unwrap();
    let role = ask(&mut cloud, "GetRole", &json!({"RoleName": "task"})).unwrap()["Role"].clone();
    assert_eq!(role["Description"], json!(""));
    assert_eq!(role["MaxSessionDuration"], json!(7200));
}

#[test]
fn trust_in_a_role_that_is_not_there_is_refused() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    let naming = |role: &str| {
        let principal = format!("arn:aws:iam::123456789012:role/{role}");
        let statement =
            json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
        json!({"RoleName": "task", "PolicyDocument": json!({"Statement": statement}).to_string()})
    };
    let refused = ask(&mut cloud, "UpdateAssumeRolePolicy", &naming("gone")).unwrap_err();
    assert_eq!(refused.code, "MalformedPolicyDocument");
    assert!(refused.message.starts_with("Invalid principal in policy"), "{}", refused.message);
    ask(&mut cloud, "UpdateAssumeRolePolicy", &naming("task")).unwrap();
}

#[test]
fn malformed_permissions_are_refused() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    let statements = [
        json!([]),
        json!([{"Effect": "Permit", "Action": "s3:Get*", "Resource": "*"}]),
        json!([{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}]),
        json!([{"Effect": "Allow", "Action": "s3:GetObject"}]),
        json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "my-bucket"}]),
        json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": "*"}]),
        json!([{"Effect": "Allow", "Actions": "s3:GetObject", "Resource": "*"}]),
        json!([{"Sid": "two words", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]),
    ];
    for statement in statements {
        let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let request = json!({"RoleName": "task", "PolicyName": "p", "PolicyDocument": document});
        let refused = ask(&mut cloud, "PutRolePolicy", &request).expect_err(&document);
        assert_eq!((refused.status, refused.code.as_str()), (400, "MalformedPolicyDocument"));
    }
}

#[test]
fn policies_that_do_not_exist_are_not_attached() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    let unknown = json!({"RoleName": "task", "PolicyArn": "arn:aws:iam::aws:policy/NoSuchPolicy"});
    assert_eq!(
        code(ask(&mut cloud, "AttachRolePolicy", &unknown)),
        (404, "NoSuchEntity".to_owned())
    );
}

#[test]
fn pages_show_every_role_once_even_when_one_goes_in_between() {
    let mut cloud = cloud();
    for number in 0..5 {
        create(&mut cloud, &format!("role-{number}")).unwrap();
    }
    let first = ask(&mut cloud, "ListRoles", &json!({"MaxItems": "2"})).unwrap();
    assert_eq!(first["IsTruncated"], json!(true));
    ask(&mut cloud, "DeleteRole", &json!({"RoleName": "role-1"})).unwrap();
    let rest = json!({"MaxItems": "3", "Marker": first["Marker"]});
    let rest = ask(&mut cloud, "ListRoles", &rest).unwrap();
    let names: Vec<&str> = rest["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["RoleName"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["role-2", "role-3", "role-4"]);
    assert_eq!((&rest["IsTruncated"], &rest["Marker"]), (&json!(false), &Value::Null));
}

#[test]
fn a_service_linked_role_is_made_once_and_changed_by_nobody() {
    let mut cloud = cloud();
    ensure_service_linked_role(&mut cloud, "ecs.amazonaws.com");
    ensure_service_linked_role(&mut cloud, "ecs.amazonaws.com");
    let request = json!({"AWSServiceName": "ecs.amazonaws.com"});
    let refused = ask(&mut cloud, "CreateServiceLinkedRole", &request).unwrap_err();
    assert_eq!(refused.code, "InvalidInput");
    assert!(refused.message.contains("has been taken"), "{}", refused.message);
    let tag = json!({"RoleName": "AWSServiceRoleForECS", "Tags": [{"Key": "a", "Value": "b"}]});
    assert_eq!(code(ask(&mut cloud, "TagRole", &tag)), (400, "UnmodifiableEntity".to_owned()));
}

#[test]
fn a_tag_in_another_case_takes_the_place_of_the_first() {
    let mut cloud = cloud();
    create(&mut cloud, "task").unwrap();
    for key in ["Team", "team"] {
        let tag = json!({"RoleName": "task", "Tags": [{"Key": key, "Value": key}]});
        ask(&mut cloud, "TagRole", &tag).unwrap();
    }
    let tags = ask(&mut cloud, "ListRoleTags", &json!({"RoleName": "task"})).unwrap();
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "team"}]));
}

#[test]
fn a_managed_policy_allows_what_it_is_for() {
    let (secret, parameter) = ("secretsmanager:GetSecretValue", "ssm:GetParameters");
    for (policy, allowed) in [
        ("AdministratorAccess", &[secret, parameter][..]),
        ("PowerUserAccess", &[secret, parameter]),
        ("SecretsManagerReadWrite", &[secret]),
        ("AmazonSSMReadOnlyAccess", &[parameter]),
        ("ReadOnlyAccess", &[parameter]),
        ("AmazonS3FullAccess", &[]),
        ("service-role/AmazonECSTaskExecutionRolePolicy", &[]),
    ] {
        let mut cloud = cloud();
        create(&mut cloud, "task").unwrap();
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        let request = json!({"RoleName": "task", "PolicyArn": arn});
        ask(&mut cloud, "AttachRolePolicy", &request).unwrap();
        let role = "arn:aws:iam::123456789012:role/task";
        let may = |action: &&str| allows(&cloud, role, action, "arn:aws:x:::y", &[]);
        let actual: Vec<&str> = [secret, parameter].into_iter().filter(may).collect();
        assert_eq!(actual, allowed, "{policy}");
    }
}

fn client(cloud: Cloud) -> aws_sdk_iam::Client {
    let endpoint = Endpoint::new(cloud, Clock::starting_at(Moment::default(), 1.0));
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIASIMULATED", "secret", None, None, "simulated"))
        .http_client(Connector::new(Arc::new(endpoint)))
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document).decode_utf8().unwrap().into_owned()
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_the_life_of_a_role() {
    let iam = client(cloud());
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let made = iam
        .create_role()
        .role_name("shop-task")
        .path("/shop/")
        .assume_role_policy_document(TRUST)
        .description("runs <shop> & more")
        .permissions_boundary("arn:aws:iam::aws:policy/PowerUserAccess")
        .tags(tag("provision:stack", "shop"))
        .send()
        .await
        .unwrap();
    let made = made.role().unwrap();
    assert_eq!(made.arn(), "arn:aws:iam::123456789012:role/shop/shop-task");
    assert!(made.role_id().starts_with("AROA"));

    iam.attach_role_policy().role_name("shop-task").policy_arn(EXECUTION).send().await.unwrap();
    iam.put_role_policy()
        .role_name("shop-task")
        .policy_name("read")
        .policy_document(READ_SECRET)
        .send()
        .await
        .unwrap();
    iam.tag_role().role_name("shop-task").tags(tag("team", "orders")).send().await.unwrap();

    let read = iam.get_role().role_name("shop-task").send().await.unwrap();
    let read = read.role().unwrap();
    assert_eq!(decoded(read.assume_role_policy_document().unwrap()), TRUST);
    assert_eq!(read.description(), Some("runs <shop> & more"));
    assert_eq!(read.max_session_duration(), Some(3600));
    assert_eq!(read.tags(), [tag("provision:stack", "shop"), tag("team", "orders")]);
    let boundary = read.permissions_boundary().and_then(|set| set.permissions_boundary_arn());
    assert_eq!(boundary, Some("arn:aws:iam::aws:policy/PowerUserAccess"));
    assert_eq!(read.create_date().secs(), 1_767_225_600);

    let attached = iam.list_attached_role_policies().role_name("shop-task").send().await.unwrap();
    assert_eq!(attached.attached_policies()[0].policy_arn(), Some(EXECUTION));
    assert!(!attached.is_truncated());
    let names = iam.list_role_policies().role_name("shop-task").send().await.unwrap();
    assert_eq!(names.policy_names(), ["read"]);
    let inline =
        iam.get_role_policy().role_name("shop-task").policy_name("read").send().await.unwrap();
    assert_eq!(decoded(inline.policy_document()), READ_SECRET);
    let policy = iam.get_policy().policy_arn(EXECUTION).send().await.unwrap();
    assert_eq!(policy.policy().unwrap().attachment_count(), Some(1));

    let all =
        iam.get_account_authorization_details().filter(EntityType::Role).send().await.unwrap();
    let detail = &all.role_detail_list()[0];
    assert_eq!(detail.role_name(), Some("shop-task"));
    assert_eq!(decoded(detail.role_policy_list()[0].policy_document().unwrap()), READ_SECRET);
    assert_eq!(detail.attached_managed_policies()[0].policy_arn(), Some(EXECUTION));
    assert_eq!(detail.tags().len(), 2);

    let early = iam.delete_role().role_name("shop-task").send().await.unwrap_err();
    assert!(early.as_service_error().unwrap().is_delete_conflict_exception());
    iam.detach_role_policy().role_name("shop-task").policy_arn(EXECUTION).send().await.unwrap();
    iam.delete_role_policy().role_name("shop-task").policy_name("read").send().await.unwrap();
    iam.delete_role().role_name("shop-task").send().await.unwrap();
    let gone = iam.get_role().role_name("shop-task").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchEntity"));
}
