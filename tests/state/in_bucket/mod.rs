//! States in the simulated AWS's S3: written, fought over, cut off, damaged.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

mod failures;
mod moving;
mod safety;
mod watching;
mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;
use provision::aws::{Aws, Pace};
use provision::event::Verb;
use provision::resource::{Address, Identity};
use provision::simulated_aws::clock::{Clock, Moment};
use provision::simulated_aws::cloud::Cloud;
use provision::simulated_aws::connector::Connector;
use provision::simulated_aws::endpoint::{Call, Endpoint, Interference, Verdict};
use provision::simulated_aws::s3;
use provision::simulated_aws::wire::{Answer, Parameters};
use provision::state::store::{
    Bucket, BucketLock, BucketPlace, BucketWriter, Caution, Exposure, Holder, Recorder as _,
    StoreError,
};
use provision::state::{Entry, Intent, State};
use serde_json::{Value, json};

const BUCKET: &str = "acme-state";
const STACK: &str = "web";
const ENVIRONMENT: &str = "dev";

/// A bucket in a cloud of its own. Time is tokio's.
struct World {
    endpoint: Arc<Endpoint>,
}

impl World {
    fn new() -> Self {
        let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut cloud = Cloud::new("eu-west-1", epoch, 7);
        cloud.s3.furnish(BUCKET);
        let clock = Clock::starting_at(Moment::default(), 1.0);
        Self { endpoint: Arc::new(Endpoint::new(cloud, clock)) }
    }

    /// The store as some machine has it.
    fn store(&self) -> Bucket {
        self.store_of("MACHINE")
    }

    /// The store as a machine has it, which is known by its key.
    fn store_of(&self, machine: &str) -> Bucket {
        let place = BucketPlace { bucket: BUCKET.into(), prefix: "team".into(), kms_key: None };
        Bucket::new(self.aws(machine), place)
    }

    fn aws(&self, machine: &str) -> Aws {
        self.aws_of(machine, "eu-west-1")
    }

    fn aws_of(&self, machine: &str, region: &'static str) -> Aws {
        let credentials = Credentials::new(machine, "secret", None, None, "simulated");
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .http_client(Connector::new(Arc::clone(&self.endpoint)))
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
            .build();
        Aws::new(&config, Pace::REAL).unwrap()
    }

    /// What lies in the bucket, without the prefix of all of it.
    fn objects(&self) -> BTreeMap<String, String> {
        let all = self.endpoint.with_cloud(|cloud| cloud.s3.texts(BUCKET));
        let bare = |key: String| key.strip_prefix("team/web-dev.").unwrap_or(&key).to_owned();
        all.into_iter().map(|(key, text)| (bare(key), text)).collect()
    }

    fn keys(&self) -> Vec<String> {
        self.objects().into_keys().collect()
    }

    /// Does something in the bucket behind everybody's back.
    fn ask(&self, operation: &str, mut request: Value) {
        request["Bucket"] = BUCKET.into();
        let answer = |cloud: &mut Cloud| s3::answer(cloud, operation, Parameters::new(&request));
        self.endpoint.with_cloud(answer).unwrap();
    }

    fn put(&self, key: &str, body: &str) {
        self.ask("PutObject", json!({"Key": format!("team/web-dev.{key}"), "Body": body}));
    }

    fn delete(&self, key: &str) {
        self.ask("DeleteObject", json!({"Key": format!("team/web-dev.{key}")}));
    }
}

fn holder(process: u32) -> Holder {
    Holder {
        host: "machine".into(),
        process,
        user: "somebody".into(),
        since: jiff::Timestamp::UNIX_EPOCH,
        command: "up".into(),
    }
}

fn new_state() -> State {
    State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1")
}

fn address(name: &str) -> Address {
    format!("subnet.{name}").parse().unwrap()
}

fn begin(name: &str) -> Entry {
    let identity = Identity { name: name.into(), token: "token".into(), tags: BTreeMap::new() };
    let (spec, needs) = (json!({"zone": "eu-west-1a"}), BTreeSet::new());
    let intent = Intent {
        verb: Verb::Create,
        generation: 0,
        identity,
        spec,
        needs,
        unfound: false,
        applied: None,
    };
    Entry::Begin { address: address(name), intent }
}

fn made(name: &str) -> Entry {
    let outputs = json!({"id": format!("subnet-{name}")});
    Entry::Made { address: address(name), outputs, configured: true }
}

async fn lock(store: &Bucket) -> BucketLock {
    store.lock(STACK, ENVIRONMENT, &holder(1)).await.unwrap()
}

async fn load(store: &Bucket) -> Option<State> {
    store.load(STACK, ENVIRONMENT).await.unwrap()
}

/// A store in which a run died: it has a snapshot and a journal. Gives what was recorded.
async fn killed(world: &World) -> State {
    let store = world.store();
    let mut writer = lock(&store).await.begin(new_state()).await.unwrap();
    writer.record_all(vec![begin("a"), begin("b")]).await.unwrap();
    writer.record(made("a")).await.unwrap();
    writer.state().clone()
}

/// How long after its death a holder's lease has run out.
const MOURNING: Duration = Duration::from_secs(130);
