//! The one door: takes a request in any protocol, finds its service, counts it, answers it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use super::clock::{Clock, Moment};
use super::cloud::Cloud;
use super::wire::{self, Answer, ApiError, Parameters, Protocol, Service, WireAnswer};

/// How long AWS takes to answer a call: a round figure for a call from the same continent.
const LATENCY: Duration = Duration::from_millis(80);

/// A call that was made, for tests and benches to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub service: Service,
    /// `CreateVpc`.
    pub operation: String,
    /// What was asked, in the service's own member names.
    pub request: Value,
    /// When the request arrived.
    pub arrived: Moment,
}

impl Call {
    /// Whether the call may change anything.
    #[must_use]
    pub fn is_mutating(&self) -> bool {
        !["Describe", "Get", "List"].iter().any(|verb| self.operation.starts_with(verb))
    }
}

/// What someone standing between caller and cloud makes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Lets it pass.
    Pass,
    /// Answers with an error instead.
    Refuse(ApiError),
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
    pub answer: WireAnswer,
    pub request_id: String,
}

/// A cloud that answers requests.
#[derive(Debug)]
pub struct Endpoint {
    cloud: Mutex<Cloud>,
    clock: Clock,
    latency: Duration,
    calls: Mutex<Vec<Call>>,
    interference: Mutex<Option<Box<dyn Interference>>>,
    keeper: Option<Box<dyn Keeper>>,
}

/// Keeps the cloud between two runs of the program.
pub trait Keeper: Send + Sync + std::fmt::Debug {
    /// Stores the cloud; called after every call that may have changed it.
    fn keep(&self, cloud: &Cloud);
}

impl Endpoint {
    /// An endpoint for a cloud whose time `clock` tells.
    #[must_use]
    pub fn new(cloud: Cloud, clock: Clock) -> Self {
        let latency = clock.scaled(LATENCY);
        Self {
            cloud: Mutex::new(cloud),
            clock,
            latency,
            calls: Mutex::default(),
            interference: Mutex::default(),
            keeper: None,
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

    /// All calls so far, in the order in which they arrived.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// Looks at the cloud, or changes it behind the caller's back, at the present moment.
    pub fn with_cloud<T>(&self, look: impl FnOnce(&mut Cloud) -> T) -> T {
        let mut cloud = lock(&self.cloud);
        cloud.settle(self.clock.now());
        let result = look(&mut cloud);
        self.keep(&cloud);
        result
    }

    /// Answers one request.
    ///
    /// `authorization` and `target` are the headers `Authorization` and `X-Amz-Target`.
    ///
    /// # Errors
    ///
    /// [`Disconnected`] when an interference says so.
    pub async fn answer(
        &self,
        authorization: &str,
        target: &str,
        body: &[u8],
    ) -> Result<Reply, Disconnected> {
        let request_id = uuid::Uuid::from_u128(u128::from(fastrand::u64(..)) << 32).to_string();
        let call = match self.read(authorization, target, body) {
            Ok(call) => call,
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
            Verdict::Disconnect => return Err(Disconnected),
            Verdict::Silence => std::future::pending().await,
        };
        tokio::time::sleep(self.latency / 2).await;
        let answer = match self.verdict(|interference| interference.after(number, &call, &answer)) {
            Verdict::Pass => answer,
            Verdict::Refuse(error) => Err(error),
            Verdict::Disconnect => return Err(Disconnected),
            Verdict::Silence => std::future::pending().await,
        };
        let answer = wire::write(call.service.protocol(), &call.operation, &answer, &request_id);
        Ok(Reply { answer, request_id })
    }

    /// Lets the cloud carry out a call at the present moment.
    fn perform(&self, call: &Call) -> Answer {
        let mut cloud = lock(&self.cloud);
        cloud.settle(self.clock.now());
        let parameters = Parameters::new(&call.request);
        let answer = match call.service {
            Service::Ec2 => super::ec2::answer(&mut cloud, &call.operation, parameters),
            Service::Iam => super::iam::answer(&mut cloud, &call.operation, parameters),
            Service::Sts => super::sts::answer(&mut cloud, &call.operation, parameters),
            Service::Elb => super::elb::answer(&mut cloud, &call.operation, parameters),
            Service::Ecs => super::ecs::answer(&mut cloud, &call.operation, parameters),
            Service::Logs => super::logs::answer(&mut cloud, &call.operation, parameters),
            Service::Autoscaling => {
                super::autoscaling::answer(&mut cloud, &call.operation, parameters)
            }
        };
        if call.is_mutating() {
            self.keep(&cloud);
        }
        answer
    }

    fn keep(&self, cloud: &Cloud) {
        if let Some(keeper) = &self.keeper {
            keeper.keep(cloud);
        }
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
    fn read(
        &self,
        authorization: &str,
        target: &str,
        body: &[u8],
    ) -> Result<Call, (Protocol, ApiError)> {
        let scope = signing_scope(authorization).ok_or_else(|| (Protocol::Json, not_signed()))?;
        let service = Service::from_signing_name(scope.service)
            .ok_or_else(|| (Protocol::Json, unknown_service(scope.service)))?;
        let request = match service.protocol() {
            Protocol::Json => serde_json::from_slice(body).unwrap_or_else(|_| json!({})),
            Protocol::Ec2Query | Protocol::Query(_) => wire::parse_form(body),
        };
        let operation = match service.protocol() {
            Protocol::Json => target.rsplit('.').next().unwrap_or_default().to_owned(),
            Protocol::Ec2Query | Protocol::Query(_) => {
                request["Action"].as_str().unwrap_or_default().to_owned()
            }
        };
        Ok(Call { service, operation, request, arrived: self.clock.now() })
    }
}

/// The answer to an operation that the simulated AWS does not know.
#[must_use]
pub fn unknown_operation(operation: &str) -> ApiError {
    ApiError::new("InvalidAction", format!("The simulated AWS does not answer {operation}."))
}

struct Scope<'a> {
    service: &'a str,
}

/// Reads the credential scope of a signature: `Credential=AKID/20260101/eu-west-1/ec2/aws4_request`.
fn signing_scope(authorization: &str) -> Option<Scope<'_>> {
    let credential = authorization.split("Credential=").nth(1)?.split(',').next()?;
    let service = credential.split('/').nth(3)?;
    Some(Scope { service })
}

fn not_signed() -> ApiError {
    ApiError::new("MissingAuthenticationToken", "Request is missing Authentication Token")
        .with_status(403)
}

fn unknown_service(name: &str) -> ApiError {
    ApiError::new("UnknownService", format!("The simulated AWS has no service {name}."))
        .with_status(404)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
