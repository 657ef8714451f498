//! The last word on a deployment: a request through the load balancer, answered by the service.
//!
//! All else is AWS's own account of itself. A request says what a user will meet.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use crate::aws::Pace;
use crate::resource::Kind;
use crate::state::State;

/// How long a load balancer that was just made may take to answer: its name has to become known,
/// and its nodes have to hear of their targets.
const BOUND: Duration = Duration::from_mins(2);
/// From one request to the next.
const PAUSE: Duration = Duration::from_secs(3);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Answers a request for `name:port` and a path with a status, or not at all.
pub type Inside = Arc<dyn Fn(&str, &str) -> Option<u16> + Send + Sync>;

/// How a request gets to the load balancer.
#[derive(Clone)]
pub enum Way {
    /// Over the network.
    Internet,
    /// To the AWS inside the program.
    Inside(Inside),
}

impl fmt::Debug for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Internet => "Internet",
            Self::Inside(_) => "Inside",
        })
    }
}

/// Where a stack is asked, and what counts as an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// The load balancer's name.
    pub host: String,
    /// The port that it listens on.
    pub port: u16,
    /// The path of the health check.
    pub path: String,
    /// The statuses of a healthy answer: `200`, `200,204` or `200-299`.
    pub codes: String,
    /// Whether everybody may ask.
    pub is_open: bool,
}

/// What became of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was answered as it should be, with this status.
    Answered(u16),
    /// It did not get through, and perhaps was not meant to: not everybody may ask.
    OutOfReach(String),
    /// It was answered otherwise, or not at all; what the last attempt met.
    Unanswered(String),
}

impl Front {
    /// Where the stack of a state is asked; `None` while it has no load balancer to ask.
    pub fn of(state: &State) -> Option<Self> {
        let record = |kind: Kind| {
            let mut records = state.resources.iter();
            records.find(|(address, _)| address.kind() == kind).map(|(_, record)| record)
        };
        let check = record(Kind::TargetGroup)?.applied.get("health_check")?;
        let port = record(Kind::Listener)?.applied.get("port")?.as_u64()?;
        Some(Self {
            host: record(Kind::LoadBalancer)?.outputs.get("dns_name")?.as_str()?.to_owned(),
            port: port.try_into().ok()?,
            path: check.get("path")?.as_str()?.to_owned(),
            codes: check.get("codes")?.as_str()?.to_owned(),
            is_open: lets_everybody_in(state),
        })
    }

    /// What is asked for.
    pub fn url(&self) -> String {
        match self.port {
            80 => format!("http://{}{}", self.host, self.path),
            port => format!("http://{}:{port}{}", self.host, self.path),
        }
    }
}

/// Whether a rule of some security group of the load balancer lets all addresses in.
fn lets_everybody_in(state: &State) -> bool {
    let groups = state.resources.iter().filter(|(address, _)| {
        address.kind() == Kind::SecurityGroup && address.name() == "balancer"
    });
    let mut rules = groups.filter_map(|(_, record)| record.applied.get("ingress")?.as_array());
    rules.any(|rules| rules.iter().any(|rule| rule.to_string().contains("\"0.0.0.0/0\"")))
}

/// Asks until the answer is good, for as long as a good one may take to come.
pub async fn verify(way: &Way, front: &Front, pace: Pace) -> Verdict {
    let started = Instant::now();
    loop {
        let met = match ask(way, front, pace).await {
            Ok(status) if is_among(status, &front.codes) => return Verdict::Answered(status),
            Ok(status) => Verdict::Unanswered(format!("the answer was {status}")),
            Err(why) if front.is_open => Verdict::Unanswered(why),
            Err(why) => Verdict::OutOfReach(why),
        };
        if started.elapsed() >= pace.scaled(BOUND) {
            return met;
        }
        tracing::debug!(url = front.url(), ?met, "asking again");
        pace.sleep(PAUSE).await;
    }
}

async fn ask(way: &Way, front: &Front, pace: Pace) -> Result<u16, String> {
    match way {
        Way::Inside(answer) => {
            let authority = format!("{}:{}", front.host, front.port);
            answer(&authority, &front.path).ok_or_else(|| "nothing answered".to_owned())
        }
        Way::Internet => match timeout(pace.scaled(ANSWER).max(ANSWER), get(&front.url())).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", ANSWER.as_secs())),
        },
    }
}

async fn get(url: &str) -> Result<u16, String> {
    let uri: http::Uri = url.parse().map_err(|error| format!("{url} is no address: {error}"))?;
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.get(uri).await.map_err(|error| with_cause(&error))?;
    Ok(answer.status().as_u16())
}

/// The error and the last thing behind it, which says what it was.
fn with_cause(error: &dyn std::error::Error) -> String {
    let last = std::iter::successors(error.source(), |cause| cause.source()).last();
    last.map_or_else(|| error.to_string(), |last| format!("{error}: {last}"))
}

/// Whether a status is among `200`, `200,204` or `200-299`.
fn is_among(status: u16, codes: &str) -> bool {
    codes.split(',').map(str::trim).any(|code| match code.split_once('-') {
        Some((first, last)) => {
            let bound = |text: &str| text.trim().parse::<u16>().ok();
            bound(first).is_some_and(|first| first <= status)
                && bound(last).is_some_and(|last| status <= last)
        }
        None => code.parse() == Ok(status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU16, Ordering};

    fn front(is_open: bool) -> Front {
        Front {
            host: "lb.example".into(),
            port: 8080,
            path: "/health".into(),
            codes: "200-204,301".into(),
            is_open,
        }
    }

    fn inside(answer: impl Fn() -> Option<u16> + Send + Sync + 'static) -> Way {
        Way::Inside(Arc::new(move |authority, path| {
            assert_eq!((authority, path), ("lb.example:8080", "/health"));
            answer()
        }))
    }

    #[test]
    fn statuses_are_listed_or_in_ranges() {
        for (status, expected) in
            [(200, true), (204, true), (205, false), (301, true), (302, false)]
        {
            assert_eq!(is_among(status, "200-204, 301"), expected, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_late_is_waited_for() {
        let asked = AtomicU16::new(0);
        let way = inside(move || match asked.fetch_add(1, Ordering::Relaxed) {
            0 => None,
            1 => Some(503),
            _ => Some(200),
        });
        let started = Instant::now();
        assert_eq!(verify(&way, &front(true), Pace::REAL).await, Verdict::Answered(200));
        assert_eq!(started.elapsed(), PAUSE * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_stays_wrong_is_told() {
        let verdict = verify(&inside(|| Some(502)), &front(true), Pace::REAL).await;
        assert_eq!(verdict, Verdict::Unanswered("the answer was 502".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_door_that_is_not_open_to_everybody_may_be_closed_to_us() {
        let verdict = verify(&inside(|| None), &front(false), Pace::REAL).await;
        assert_eq!(verdict, Verdict::OutOfReach("nothing answered".into()));
    }

    #[tokio::test]
    async fn a_real_server_is_asked_over_the_network() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /health HTTP/1.1"));
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        let front = Front { host: "127.0.0.1".into(), port, ..front(true) };
        assert_eq!(verify(&Way::Internet, &front, Pace::REAL).await, Verdict::Answered(204));
    }
}
