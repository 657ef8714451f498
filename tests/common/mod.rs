//! A simulated account, and the life that every kind of resource must be able to live in it.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, AwsError, OwnershipTags, Pace, Tags};
use provision::resource::Tagging;
use provision::resource::{Address, Change, Found, Identity, Live, Readiness, Resource, Sought};
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::endpoint::Endpoint;

/// An empty account, and clients for it. Time is tokio's.
pub struct World {
    pub endpoint: Arc<Endpoint>,
    pub aws: Aws,
}

impl World {
    pub fn new() -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let cloud = Cloud::new("eu-west-1", epoch, 7);
        let clock = Clock::starting_at(Moment::default(), 1.0);
        let endpoint = Arc::new(Endpoint::new(cloud, clock));
        let credentials = Credentials::new("AKIASIMULATED", "secret", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Connector::new(Arc::clone(&endpoint)))
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .build();
        let aws = Aws::new(&config, Pace::REAL).unwrap();
        Self { endpoint, aws }
    }

    /// The names of the calls that have been made since `since` calls had been.
    pub fn calls(&self, since: usize) -> Vec<String> {
        self.endpoint.calls().split_off(since).into_iter().map(|call| call.operation).collect()
    }

    /// Makes a resource and waits until it works.
    pub async fn made<R: Resource>(&self, name: &str, spec: &R) -> R::Outputs {
        let outputs = spec.create(&self.aws, &identity::<R>(name)).await.unwrap();
        let readiness = self.waited_for(name, spec, &outputs).await;
        assert_eq!(readiness, Readiness::Ready, "{name}");
        outputs
    }

    /// What has become of a resource once it is no longer on its way.
    pub async fn waited_for<R: Resource>(
        &self,
        name: &str,
        spec: &R,
        outputs: &R::Outputs,
    ) -> Readiness {
        for _ in 0..1000 {
            let sought = [sought(name, spec, outputs)];
            let readiness = R::poll(&self.aws, &sought).await.unwrap().remove(0);
            if !matches!(readiness, Readiness::Pending(_) | Readiness::Leaving(_)) {
                return readiness;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        panic!("{name} is on its way for ever");
    }

    pub async fn live<R: Resource>(
        &self,
        name: &str,
        spec: &R,
        outputs: &R::Outputs,
    ) -> Option<Live<R>> {
        R::read(&self.aws, &[sought(name, spec, outputs)]).await.unwrap().remove(0)
    }

    pub async fn found<R: Resource>(&self, name: &str, spec: &R) -> Option<Found<R::Outputs>> {
        spec.find(&self.aws, &identity::<R>(name)).await.unwrap()
    }

    /// Changes `fields` of a live resource into what `spec` says.
    pub async fn updated<R: Resource>(
        &self,
        spec: &R,
        identity: &Identity,
        from: Live<R>,
        fields: &[&str],
    ) -> R::Outputs {
        let fields: BTreeSet<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        spec.update(&self.aws, identity, &Change { from, fields }).await.unwrap()
    }

    pub async fn delete<R: Resource>(
        &self,
        name: &str,
        spec: &R,
        outputs: &R::Outputs,
    ) -> Result<(), AwsError> {
        R::delete(&self.aws, &sought(name, spec, outputs)).await
    }

    /// Leads a resource through its whole life: made, read, found, changed into each of `others`
    /// in turn (with the field that differs), given other tags, removed, and removed again.
    pub async fn lives<R: Resource + PartialEq>(&self, name: &str, first: R, others: &[(&str, R)]) {
        let mut outputs = self.made(name, &first).await;
        let mut spec = first;
        self.is_as_declared(name, &spec, &outputs).await;
        let found = self.found(name, &spec).await.expect("what exists is found");
        assert_eq!(json(&found.outputs), json(&outputs));
        for (field, other) in others {
            let from = self.live(name, &spec, &outputs).await.unwrap();
            outputs = self.updated(other, &identity::<R>(name), from, &[field]).await;
            spec = other.clone();
            assert_eq!(self.waited_for(name, &spec, &outputs).await, Readiness::Ready);
            self.is_as_declared(name, &spec, &outputs).await;
        }
        self.takes_tags(name, &spec, &outputs).await;
        self.goes(name, &spec, &outputs).await;
    }

    async fn is_as_declared<R: Resource + PartialEq>(
        &self,
        name: &str,
        spec: &R,
        outputs: &R::Outputs,
    ) {
        let live = self.live(name, spec, outputs).await.expect("what was made is there");
        assert_eq!(live.spec, *spec);
        assert_eq!(json(&live.outputs), json(outputs));
        if R::TAGGING == Tagging::Always {
            assert_eq!(live.tags, identity::<R>(name).tags);
        }
    }

    async fn takes_tags<R: Resource>(&self, name: &str, spec: &R, outputs: &R::Outputs) {
        if R::TAGGING != Tagging::Always {
            return;
        }
        let mut wanted = identity::<R>(name);
        wanted.tags.remove("Name");
        wanted.tags.insert("team".into(), "blue".into());
        let from = self.live(name, spec, outputs).await.unwrap();
        self.updated(spec, &wanted, from, &["tags"]).await;
        let live = self.live(name, spec, outputs).await.unwrap();
        assert_eq!(live.tags, wanted.tags);
    }

    async fn goes<R: Resource>(&self, name: &str, spec: &R, outputs: &R::Outputs) {
        for _ in 0..2 {
            self.delete(name, spec, outputs).await.unwrap();
            assert_eq!(self.waited_for(name, spec, outputs).await, Readiness::Absent);
        }
        assert!(self.live(name, spec, outputs).await.is_none());
        assert!(self.found(name, spec).await.is_none());
    }
}

/// The identity that a plan would give a resource of that name.
pub fn identity<R: Resource>(name: &str) -> Identity {
    let address = Address::new(R::KIND, name).to_string();
    let tags = Tags::from([
        (OwnershipTags::STACK.to_owned(), "web".to_owned()),
        (OwnershipTags::ENVIRONMENT.to_owned(), "dev".to_owned()),
        (OwnershipTags::ADDRESS.to_owned(), address.clone()),
        ("Name".to_owned(), format!("web-dev-{name}")),
    ]);
    Identity { name: format!("web-dev-{name}"), token: address.replace('.', "-"), tags }
}

pub fn sought<R: Resource>(name: &str, spec: &R, outputs: &R::Outputs) -> Sought<R> {
    Sought {
        address: Address::new(R::KIND, name),
        outputs: outputs.clone(),
        applied: Some(spec.clone()),
    }
}

fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap()
}
