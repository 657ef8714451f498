//! A simulated account for the tests of kinds, and the life of a resource in it through its kind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::config::{BehaviorVersion, Region};
use aws_types::SdkConfig;
use serde_json::Value;

use super::{Address, Change, Identity, Live, Readiness, Resource, Sought};
use crate::aws::{Aws, AwsError, OwnershipTags, Pace};
use crate::simulated_aws::clock::{Clock, Moment};
use crate::simulated_aws::cloud::Cloud;
use crate::simulated_aws::connector::Connector;
use crate::simulated_aws::ec2;
use crate::simulated_aws::endpoint::Endpoint;
use crate::simulated_aws::wire::{Parameters, parse_form};

/// An account of the simulated AWS, and the way to it.
pub struct Account {
    pub aws: Aws,
    pub endpoint: Arc<Endpoint>,
}

/// What balancers and tasks stand in: ids of a network with a way to the internet.
pub struct Network {
    pub vpc: String,
    /// In three zones.
    pub subnets: [String; 3],
    pub groups: [String; 2],
}

impl Account {
    pub fn new() -> Self {
        let cloud = Cloud::new("eu-west-1", "2026-01-01T00:00:00Z".parse().unwrap(), 7);
        let endpoint = Arc::new(Endpoint::new(cloud, Clock::starting_at(Moment(0), 1.0)));
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Connector::new(Arc::clone(&endpoint)))
            .build();
        Self { aws: Aws::new(&config, Pace::REAL).unwrap(), endpoint }
    }

    pub fn network(&self) -> Network {
        let vpc = self.ec2("CreateVpc", "CidrBlock=10.0.0.0/16", "/vpc/vpcId");
        let gateway = self.ec2("CreateInternetGateway", "", "/internetGateway/internetGatewayId");
        let attachment = format!("VpcId={vpc}&InternetGatewayId={gateway}");
        self.ec2("AttachInternetGateway", &attachment, "");
        let subnets = ["a", "b", "c"].map(|zone| {
            let cidr = format!("10.0.{}.0/24", zone.as_bytes()[0]);
            let zone = format!("eu-west-1{zone}");
            let form = format!("VpcId={vpc}&CidrBlock={cidr}&AvailabilityZone={zone}");
            self.ec2("CreateSubnet", &form, "/subnet/subnetId")
        });
        let groups = ["one", "two"].map(|name| {
            let form = format!("VpcId={vpc}&GroupName={name}&GroupDescription={name}");
            self.ec2("CreateSecurityGroup", &form, "/groupId")
        });
        Network { vpc, subnets, groups }
    }

    /// Has EC2 do something, behind the program's back; gives what stands at a path in its answer.
    fn ec2(&self, operation: &str, form: &str, path: &str) -> String {
        let request = parse_form(form.as_bytes());
        let answer = self
            .endpoint
            .with_cloud(|cloud| ec2::answer(cloud, operation, Parameters::new(&request)))
            .unwrap_or_else(|error| panic!("{operation} {form}: {error:?}"));
        answer.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Makes a resource.
    pub async fn make<R: Resource>(&self, spec: &R, name: &str) -> Result<Sought<R>, AwsError> {
        let outputs = spec.create(&self.aws, &identity::<R>(name)).await?;
        Ok(Sought { address: address::<R>(name), outputs, applied: Some(spec.clone()) })
    }

    /// Reads a resource.
    pub async fn read<R: Resource>(&self, sought: &Sought<R>) -> Option<Live<R>> {
        R::read(&self.aws, std::slice::from_ref(sought)).await.unwrap().remove(0)
    }

    /// Asks until a resource works; gives how long that took.
    pub async fn until_ready<R: Resource>(&self, sought: &Sought<R>) -> Duration {
        let started = tokio::time::Instant::now();
        loop {
            match R::poll(&self.aws, std::slice::from_ref(sought)).await.unwrap().remove(0) {
                Readiness::Ready => return started.elapsed(),
                Readiness::Pending(_) if started.elapsed() < R::READY_WITHIN => {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
                other => panic!("{} is {other:?}", sought.address),
            }
        }
    }

    /// Changes the live resource into `wanted`; `fields` are those that differ.
    pub async fn change<R: Resource>(
        &self,
        sought: &Sought<R>,
        wanted: &R,
        fields: &[&str],
    ) -> Sought<R> {
        let from = self.read(sought).await.unwrap();
        let fields: BTreeSet<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        let change = Change { from, fields };
        let identity = identity::<R>(sought.address.name());
        let outputs = wanted.update(&self.aws, &identity, &change).await.unwrap();
        Sought { outputs, applied: Some(wanted.clone()), ..sought.clone() }
    }

    /// The names of the calls that `work` makes, in their order.
    pub async fn calls_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        let before = self.endpoint.calls().len();
        let result = work.await;
        let calls = self.endpoint.calls().into_iter().skip(before);
        (result, calls.map(|call| call.operation).collect())
    }
}

/// Where the resource that a test calls `name` stands.
pub fn address<R: Resource>(name: &str) -> Address {
    Address::new(R::KIND, name)
}

/// By what the resource that a test calls `name` is known.
pub fn identity<R: Resource>(name: &str) -> Identity {
    let tags = [
        (OwnershipTags::STACK, "shop".to_owned()),
        (OwnershipTags::ENVIRONMENT, "test".to_owned()),
        (OwnershipTags::ADDRESS, address::<R>(name).to_string()),
        ("Name", format!("shop-test-{name}")),
    ];
    Identity {
        name: format!("shop-test-{name}"),
        token: "01234567-89ab-cdef-0123-456789abcdef".into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
    }
}

/// Puts a stranger in the place of whom the resource belongs to.
pub fn stranger<R: Resource>(name: &str) -> Identity {
    let mut identity = identity::<R>(name);
    identity.tags.insert(OwnershipTags::STACK.into(), "another".into());
    identity
}
