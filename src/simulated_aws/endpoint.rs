//! The one door: takes a request in any protocol, finds its service, counts it, answers it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::clock::{Clock, Moment};
use super::cloud::Cloud;
pub use super::wire::refusal::unknown_operation;
use super::wire::refusal::{in_words_of, not_signed, unknown_service};
use super::wire::{self, Answer, ApiError, Parameters, Protocol, Request, Service, WireAnswer};

/// How long AWS takes to answer a call: a round figure for a call from the same continent.
const LATENCY: Duration = Duration::from_millis(80);

/// A call that was made, for tests and benches to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Whose operation it is.
    pub service: Service,
    /// `CreateVpc`.
    pub operation: String,
    /// What was asked, in the service's own member names.
    pub request: Value,
    /// When the request arrived.
    pub arrived: Moment,
    /// The id of the key that signed it.
    pub access_key: String,
    /// The region that it is signed for.
    pub region: String,
    /// What made it, in its own words.
    pub user_agent: String,
}

impl Call {
    /// Whether the call may change anything.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        !["Describe", "Get", "Head", "List", "Lookup"]
            .iter()
            .any(|verb| self.operation.starts_with(verb))
    }
}

/// What someone standing between caller and cloud makes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lets it pass.
    Pass,
    /// Answers with an error instead.
    Refuse(ApiError),
    /// Answers with this instead.
    Answer(Value),
    /// Breaks the connection.
    Disconnect,
    /// Never answers.
    Silence,
}

/// Someone standing between caller and cloud: a fault, or the death of the caller.
pub trait Interference: Send + Sync + std::fmt::Debug {
    /// Judges a call before it takes effect. `number` counts all calls from 1.
    fn before(&self, number: usize, call: &Call) -> Verdict;
    /// Judges a call that has taken effect, before its answer is given.
    fn after(&self, number: usize, call: &Call, answer: &Answer) -> Verdict;
}

/// The caller lost the connection, or never had one.
#[derive(Clone, Copy, Debug, Error)]
#[error("the connection was closed")]
pub struct Disconnected;

/// An answer on its way to the caller.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The answer in the bytes of its protocol.
    pub answer: WireAnswer,
    /// What its header carries too.
    pub request_id: String,
}

/// A cloud that answers requests.
#[derive(Debug)]
pub struct Endpoint {
    cloud: Mutex<Cloud>,
    clock: Mutex<Clock>,
    latency: Duration,
    calls: Mutex<Vec<Call>>,
    interference: Mutex<Option<Box<dyn Interference>>>,
    past: Mutex<Past>,
    keeper: Option<Box<dyn Keeper>>,
    /// Whether the cloud is as it was when it was last settled.
    untouched: AtomicBool,
}

/// What the cloud has been, for reads that lag behind.
#[derive(Debug, Default)]
struct Past {
    lag: Duration,
    /// The cloud after each change, the oldest first; none when nothing lags.
    clouds: VecDeque<Cloud>,
}

impl Past {
    /// The cloud that a call sees at `now` instead of the present one.
    fn seen_by(&mut self, call: &Call, now: Moment) -> Option<Cloud> {
        // S3 is strongly consistent: what was put is what is read.
        if call.is_mutating() || self.lag.is_zero() || call.service == Service::S3 {
            return None;
        }
        let seen = Moment(now.0.saturating_sub(Moment(0).after(self.lag).0));
        while self.clouds.get(1).is_some_and(|next| next.now <= seen) {
            self.clouds.pop_front();
        }
        let mut cloud = self.clouds.front()?.clone();
        cloud.settle(seen);
        Some(cloud)
    }

    fn remember(&mut self, cloud: &Cloud) {
        if !self.lag.is_zero() {
            self.clouds.push_back(cloud.clone());
        }
    }
}

/// Keeps the cloud between two runs of the program, and for several programs at once.
pub trait Keeper: Send + Sync + std::fmt::Debug {
    /// Keeps everyone else out until the hold is dropped.
    ///
    /// # Errors
    ///
    /// Whatever stands between the program and the place where the cloud is kept.
    fn hold(&self) -> Result<Box<dyn Hold + '_>, KeepError>;
}

/// The cloud in its keeper's place, while nobody else may touch it.
pub trait Hold {
    /// The cloud as somebody else has left it since it was held here; `None` when nobody has.
    ///
    /// # Errors
    ///
    /// As [`Keeper::hold`].
    fn newer(&mut self) -> Result<Option<Kept>, KeepError>;

    /// Puts the cloud there.
    ///
    /// # Errors
    ///
    /// As [`Keeper::hold`]; what was there before is still there then.
    fn keep(&mut self, cloud: &Cloud) -> Result<(), KeepError>;
}

/// A cloud as its keeper gives it back.
#[derive(Debug)]
pub struct Kept {
    /// The cloud as it was put there.
    pub cloud: Cloud,
    /// The time that it has become since.
    pub now: Moment,
}

/// Why a cloud was not kept or not given back.
pub type KeepError = Box<dyn std::error::Error + Send + Sync>;

impl Endpoint {
    /// An endpoint for a cloud whose time `clock` tells.
    #[must_use]
    pub fn new(cloud: Cloud, clock: Clock) -> Self {
        let latency = clock.scaled(LATENCY);
        Self {
            cloud: Mutex::new(cloud),
            clock: Mutex::new(clock),
            latency,
            calls: Mutex::default(),
            interference: Mutex::default(),
            past: Mutex::default(),
            keeper: None,
            untouched: AtomicBool::new(false),
        }
    }

    /// The same endpoint, whose cloud is kept by `keeper`.
    #[must_use]
    pub fn kept_by(mut self, keeper: impl Keeper + 'static) -> Self {
        self.keeper = Some(Box::new(keeper));
        self
    }

    /// Lets `interference` judge every call from now on; `None` lets all pass.
    pub fn interfere(&self, interference: Option<Box<dyn Interference>>) {
        *lock(&self.interference) = interference;
    }

    /// Lets every read answer from now on as the cloud was `lag` ago: what was just made is not
    /// seen yet, and what was just removed still is (aws-behaviour 22).
    pub fn lag_behind(&self, lag: Duration) {
        let clouds = VecDeque::from([self.with_cloud(|cloud| cloud.clone())]);
        *lock(&self.past) = Past { lag, clouds };
    }

    /// All calls so far, in the order in which they arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// Looks at the cloud, or changes it behind the caller's back, at the present moment.
    ///
    /// When the keeper fails, the cloud of this program is looked at, and the failure logged.
    pub fn with_cloud<T>(&self, look: impl FnOnce(&mut Cloud) -> T) -> T {
        self.with_cloud_as_it_is(|cloud| {
            self.untouched.store(false, Ordering::Relaxed);
            look(cloud)
        })
    }

    /// The same for whoever changes nothing about it.
    pub(super) fn with_cloud_as_it_is<T>(&self, look: impl FnOnce(&mut Cloud) -> T) -> T {
        let failed = |error: KeepError| {
            tracing::error!("the simulated AWS is not kept: {}", with_causes(&error));
        };
        let mut cloud = lock(&self.cloud);
        let hold = self.hold(&mut cloud).map_err(failed).ok().flatten();
        self.settle(&mut cloud);
        let result = look(&mut cloud);
        if let Some(mut hold) = hold {
            let _logged = hold.keep(&cloud).map_err(failed);
        }
        result
    }

    /// Answers one request.
    ///
    /// # Errors
    ///
    /// [`Disconnected`] when an interference says so.
    pub async fn answer(&self, request: &Request) -> Result<Reply, Disconnected> {
        let request_id = uuid::Uuid::from_u128(u128::from(fastrand::u64(..)) << 32).to_string();
        let (protocol, call) = match self.read(request) {
            Ok(read) => read,
            Err((protocol, error)) => {
                let answer = wire::write(protocol, "Unknown", &Err(error), &request_id);
                return Ok(Reply { answer, request_id });
            }
        };
        let number = self.record(call.clone());
        tokio::time::sleep(self.latency / 2).await;
        let answer = match self.verdict(|interference| interference.before(number, &call)) {
            Verdict::Pass => self.perform(&call),
            Verdict::Refuse(error) => Err(error),
            Verdict::Answer(other) => Ok(other),
            Verdict::Disconnect => return Err(Disconnected),
            Verdict::Silence => std::future::pending().await,
        };
        tokio::time::sleep(self.latency / 2).await;
        let answer = match self.verdict(|interference| interference.after(number, &call, &answer)) {
            Verdict::Pass => answer,
            Verdict::Refuse(error) => Err(error),
            Verdict::Answer(other) => Ok(other),
            Verdict::Disconnect => return Err(Disconnected),
            Verdict::Silence => std::future::pending().await,
        };
        let answer = answer.map_err(|error| in_words_of(protocol, error));
        let answer = wire::write(protocol, &call.operation, &answer, &request_id);
        Ok(Reply { answer, request_id })
    }

    /// Lets the cloud carry out a call at the present moment.
    fn perform(&self, call: &Call) -> Answer {
        let mut cloud = lock(&self.cloud);
        let hold = self.hold(&mut cloud).map_err(|error| not_kept(&error))?;
        self.settle(&mut cloud);
        if call.is_mutating() {
            self.untouched.store(false, Ordering::Relaxed);
        }
        let mut past = lock(&self.past);
        if let Some(mut seen) = past.seen_by(call, cloud.now) {
            return dispatch(&mut seen, call);
        }
        let answer = dispatch(&mut cloud, call);
        past.remember(&cloud);
        drop(past);
        if let Some(mut hold) = hold.filter(|_| call.is_mutating()) {
            hold.keep(&cloud).map_err(|error| not_kept(&error))?;
        }
        answer
    }

    /// Lets the cloud's time pass.
    fn settle(&self, cloud: &mut Cloud) {
        if self.untouched.swap(true, Ordering::Relaxed) {
            cloud.settle_untouched(self.now());
        } else {
            cloud.settle(self.now());
        }
    }

    /// Keeps other programs out, and takes over what they have changed.
    fn hold(&self, cloud: &mut Cloud) -> Result<Option<Box<dyn Hold + '_>>, KeepError> {
        let Some(keeper) = &self.keeper else { return Ok(None) };
        let mut hold = keeper.hold()?;
        if let Some(newer) = hold.newer()? {
            *cloud = newer.cloud;
            self.untouched.store(false, Ordering::Relaxed);
            lock(&self.clock).advance_to(newer.now);
        }
        Ok(Some(hold))
    }

    fn now(&self) -> Moment {
        lock(&self.clock).now()
    }

    fn record(&self, call: Call) -> usize {
        let mut calls = lock(&self.calls);
        calls.push(call);
        calls.len()
    }

    fn verdict(&self, judge: impl FnOnce(&dyn Interference) -> Verdict) -> Verdict {
        lock(&self.interference).as_deref().map_or(Verdict::Pass, judge)
    }

    /// Finds out which operation of which service a request asks for.
    fn read(&self, request: &Request) -> Result<(Protocol, Call), (Protocol, ApiError)> {
        let guessed = wire::refusal::guessed(request);
        let scope = signing_scope(request.header("authorization"));
        let scope = scope.ok_or_else(|| (guessed, not_signed(guessed)))?;
        let service = Service::from_signing_name(scope.service)
            .ok_or_else(|| (guessed, unknown_service(scope.service)))?;
        let protocol = service.protocol_of(request);
        let read = wire::read(protocol, request);
        let (operation, members) = read.map_err(|error| (protocol, error))?;
        let call = Call {
            service,
            operation,
            request: members,
            arrived: self.now(),
            access_key: scope.access_key.to_owned(),
            region: scope.region.to_owned(),
            user_agent: request.header("user-agent").to_owned(),
        };
        Ok((protocol, call))
    }
}

/// Leaves the cloud's time with its keeper, so that no moment that was shown comes again.
impl Drop for Endpoint {
    fn drop(&mut self) {
        if self.keeper.is_some() {
            self.with_cloud(|_| ());
        }
    }
}

/// Hands a call to the room of its service, and has it recorded.
pub fn dispatch(cloud: &mut Cloud, call: &Call) -> Answer {
    let answer = hand_over(cloud, call);
    super::cloudtrail::record(cloud, call, &answer);
    answer
}

fn hand_over(cloud: &mut Cloud, call: &Call) -> Answer {
    let parameters = Parameters::new(&call.request);
    let answer = match call.service {
        Service::Ec2 => super::ec2::answer,
        Service::Iam => super::iam::answer,
        // Both answer by who asks, or from where.
        Service::Sts => return super::sts::answer(cloud, call),
        Service::CloudTrail => return super::cloudtrail::answer(cloud, call),
        Service::Elb => super::elb::answer,
        Service::Ecs => super::ecs::answer,
        Service::Logs => super::logs::answer,
        Service::Autoscaling => super::autoscaling::answer,
        Service::SecretsManager => super::secretsmanager::answer,
        Service::ServiceQuotas => super::servicequotas::answer,
        Service::Ssm => super::ssm::answer,
        Service::S3 => super::s3::answer,
        Service::Scheduler => super::scheduler::answer,
        Service::Sns => super::sns::answer,
        Service::CloudWatch => super::cloudwatch::answer,
    };
    answer(cloud, &call.operation, parameters)
}

fn not_kept(error: &KeepError) -> ApiError {
    let message = format!("The simulated AWS could not keep its cloud: {}.", with_causes(error));
    ApiError::new("InternalFailure", message).with_status(500)
}

/// An error and what lies behind it, in one line.
fn with_causes(error: &KeepError) -> String {
    let first: &dyn std::error::Error = error.as_ref();
    let causes = std::iter::successors(Some(first), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

struct Scope<'a> {
    access_key: &'a str,
    region: &'a str,
    service: &'a str,
}

/// Reads the credential scope of a signature: `Credential=AKID/20260101/eu-west-1/ec2/aws4_request`.
fn signing_scope(authorization: &str) -> Option<Scope<'_>> {
    let credential = authorization.split("Credential=").nth(1)?.split(',').next()?;
    let mut parts = credential.split('/');
    let access_key = parts.next()?;
    let region = parts.nth(1)?;
    let service = parts.next()?;
    Some(Scope { access_key, region, service })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
