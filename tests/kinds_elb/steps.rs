//! Single steps in the life of a resource, and what balancers and tasks stand in.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use provision::aws::{AwsError, OwnershipTags};
use provision::resource::internet_gateway::InternetGateway;
use provision::resource::security_group::{SecurityGroup, SecurityGroupId};
use provision::resource::subnet::{Subnet, SubnetId};
use provision::resource::vpc::{Vpc, VpcId};
use provision::resource::{Identity, Live, Resource, Sought};

use crate::common::{World, identity, sought};

/// What balancers and tasks stand in.
pub struct Network {
    pub vpc: VpcId,
    /// In three zones, with a way to the internet.
    pub subnets: [SubnetId; 3],
    pub groups: [SecurityGroupId; 2],
}

impl World {
    /// Makes a resource and does not wait for it.
    pub async fn make<R: Resource>(&self, spec: &R, name: &str) -> Result<Sought<R>, AwsError> {
        let outputs = spec.create(&self.aws, &identity::<R>(name)).await?;
        Ok(sought(name, spec, &outputs))
    }

    pub async fn read<R: Resource>(&self, sought: &Sought<R>) -> Option<Live<R>> {
        R::read(&self.aws, std::slice::from_ref(sought)).await.unwrap().remove(0)
    }

    /// Changes `fields` of a resource into what `wanted` says.
    pub async fn change<R: Resource>(&self, made: &Sought<R>, wanted: &R, fields: &[&str]) {
        let from = self.read(made).await.expect("what is changed is there");
        self.updated(wanted, &identity::<R>(made.address.name()), from, fields).await;
    }

    /// The result of `work`, and the names of the calls that it makes.
    pub async fn calls_of<T>(&self, work: impl Future<Output = T>) -> (T, Vec<String>) {
        let since = self.endpoint.calls().len();
        let result = work.await;
        (result, self.calls(since))
    }

    pub async fn network(&self) -> Network {
        let spec =
            Vpc { cidr: "10.0.0.0/16".parse().unwrap(), dns_support: true, dns_hostnames: true };
        let vpc = self.made("main", &spec).await.id;
        self.made("main", &InternetGateway { vpc: vpc.clone().into() }).await;
        let [a, b, c] = ["a", "b", "c"].map(|zone| Box::pin(self.subnet(&vpc, zone)));
        let [one, two] = ["one", "two"].map(|name| Box::pin(self.group(&vpc, name)));
        let (a, b, c, one, two) = tokio::join!(a, b, c, one, two);
        Network { vpc, subnets: [a, b, c], groups: [one, two] }
    }

    async fn subnet(&self, vpc: &VpcId, zone: &str) -> SubnetId {
        let spec = Subnet {
            vpc: vpc.clone().into(),
            cidr: format!("10.0.{}.0/24", zone.as_bytes()[0]).parse().unwrap(),
            zone: format!("eu-west-1{zone}"),
            public_addresses: true,
        };
        self.made(zone, &spec).await.id
    }

    async fn group(&self, vpc: &VpcId, name: &str) -> SecurityGroupId {
        let spec = SecurityGroup {
            vpc: vpc.clone().into(),
            description: name.into(),
            ingress: [].into(),
            egress: [].into(),
        };
        self.made(name, &spec).await.id
    }
}

/// The identity that another stack would give a resource of that name.
pub fn stranger<R: Resource>(name: &str) -> Identity {
    let mut identity = identity::<R>(name);
    identity.tags.insert(OwnershipTags::STACK.into(), "another".into());
    identity
}
