//! A webhook: news is posted to an address, and posted again while whoever is there can't take it.
//!
//! The rules: the connection is the SDK's own, there is no second TLS stack; an address may be a
//! secret, so nothing tells more of it than its host; and every attempt and all of them together
//! have an end, since the next check tells what this one could not.

use std::fmt;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::Uri;
use tokio::time::timeout;

use super::Listener;
use super::message::Message;
use crate::config::{WebhookFormat, is_webhook};

/// How often news is posted at most.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt; each further one is three times as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that an answer may ask for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);

/// Posts a body, and gives what was answered.
type Post = Operation<String, Answer, std::io::Error>;

/// What was answered.
#[derive(Clone, Copy, Debug)]
struct Answer {
    status: u16,
    /// The pause that it asks for.
    retry_after: Option<Duration>,
}

/// An address that news is posted to.
pub struct Webhook {
    host: String,
    format: WebhookFormat,
    post: Post,
}

/// Something that nothing can be posted to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's address is not one such as `https://example.com/hook`")]
pub struct NoAddress;

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Webhook").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Webhook {
    /// A webhook at an address, through the SDK's own HTTPS client, or through `client`.
    ///
    /// # Errors
    ///
    /// [`NoAddress`].
    pub fn new<C: HttpClient + 'static>(
        address: &str,
        format: WebhookFormat,
        client: Option<C>,
    ) -> Result<Self, NoAddress> {
        let uri: Uri = address.parse().map_err(|_| NoAddress)?;
        if !is_webhook(&uri) {
            return Err(NoAddress);
        }
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(NoAddress);
        };
        let host = authority.host().to_owned();
        let endpoint = format!("{scheme}://{authority}");
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let mut operation = Operation::builder()
            .service_name("webhook")
            .operation_name("Post")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .no_auth()
            .no_retry();
        if let Some(client) = client {
            operation = operation.http_client(client);
        }
        let post = operation
            .serializer(move |body: String| request(&path, body))
            .deserializer(|response: &HttpResponse| Ok::<_, OrchestratorError<_>>(answer(response)))
            .build();
        Ok(Self { host, format, post })
    }

    async fn send(&self, message: &Message) -> Result<(), String> {
        let body = self.format_body(message);
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let refusal = match self.try_once(&body).await {
                Ok(answer) if (200..300).contains(&answer.status) => return Ok(()),
                Ok(answer) => Refusal::from(answer),
                Err(why) => Refusal { why, passes: true, pause: None },
            };
            if !refusal.passes || attempt == ATTEMPTS {
                return Err(format!("{} {}", self.host, refusal.why));
            }
            tracing::debug!(host = self.host, attempt, why = refusal.why, "posting again");
            tokio::time::sleep(refusal.pause.unwrap_or(pause)).await;
            pause *= 3;
            attempt += 1;
        }
    }

    fn format_body(&self, message: &Message) -> String {
        message.body(self.format).to_string()
    }

    async fn try_once(&self, body: &str) -> Result<Answer, String> {
        match timeout(ANSWER, self.post.invoke(body.to_owned())).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("did not answer: {}", last_cause(&error))),
            Err(_) => Err(format!("did not answer within {} s", ANSWER.as_secs())),
        }
    }
}

impl Listener for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn hear<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), String>> {
        self.send(message).boxed()
    }
}

/// Why news was not taken, and whether that may pass.
struct Refusal {
    why: String,
    passes: bool,
    pause: Option<Duration>,
}

impl From<Answer> for Refusal {
    fn from(Answer { status, retry_after }: Answer) -> Self {
        let passes = matches!(status, 408 | 425 | 429) || status >= 500;
        let pause = retry_after.map(|pause| pause.min(LONGEST_PAUSE));
        Self { why: format!("answered {status}"), passes, pause }
    }
}

fn request(
    path: &str,
    body: String,
) -> Result<HttpRequest, Box<dyn std::error::Error + Send + Sync>> {
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri(path.to_owned())?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/json");
    headers.insert("content-length", length);
    headers.insert("user-agent", concat!("provision/", env!("CARGO_PKG_VERSION")));
    Ok(request)
}

fn answer(response: &HttpResponse) -> Answer {
    let seconds = response.headers().get("retry-after").and_then(|after| after.parse().ok());
    Answer { status: response.status().as_u16(), retry_after: seconds.map(Duration::from_secs) }
}

/// The last thing behind an error, which says what it was.
fn last_cause(error: &dyn std::error::Error) -> String {
    let last = std::iter::successors(Some(error), |error| error.source()).last();
    last.map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;
    use crate::drift::Severity;
    use crate::watch::memory::Memory;

    /// A status and the pause that it asks for; `None` for no answer.
    type Scripted = Option<(u16, Option<&'static str>)>;

    /// Answers with one status after the other, and writes down what was asked.
    #[derive(Clone, Debug)]
    struct Script {
        answers: Arc<Mutex<Vec<Scripted>>>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl Script {
        fn new(answers: &[Scripted]) -> Self {
            let answers = answers.iter().rev().copied().collect();
            Self { answers: Arc::new(Mutex::new(answers)), asked: Arc::default() }
        }

        fn asked(&self) -> Vec<String> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl HttpClient for Script {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Script {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = String::from_utf8_lossy(request.body().bytes().unwrap()).into_owned();
            self.asked.lock().unwrap().push(format!(
                "{} {} {body}",
                request.method(),
                request.uri()
            ));
            let answer = self.answers.lock().unwrap().pop();
            HttpConnectorFuture::new(async move {
                let Some(Some((status, after))) = answer else {
                    return std::future::pending().await;
                };
                let mut response =
                    HttpResponse::new(status.try_into().unwrap(), SdkBody::from("thanks"));
                if let Some(after) = after {
                    response.headers_mut().insert("retry-after", after);
                }
                Ok(response)
            })
        }
    }

    fn message() -> Message {
        let now = jiff::Timestamp::from_second(1_767_225_600).unwrap();
        let mut memory = Memory::new("shop", "dev");
        memory.take_in(&Err("no".into()), ["webhook"], Severity::Low, now);
        Message::of(&memory, "webhook", now).unwrap()
    }

    async fn post(script: &Script) -> Result<(), String> {
        let address = "https://hooks.example/T0/secret?sig=a%2Fb";
        let client = Some(script.clone());
        let webhook = Webhook::new(address, WebhookFormat::Slack, client).unwrap();
        assert!(!format!("{webhook:?}").contains("secret"));
        webhook.hear(&message()).await
    }

    #[tokio::test(start_paused = true)]
    async fn news_is_posted_once_where_it_is_taken() {
        let script = Script::new(&[Some((200, None))]);
        post(&script).await.unwrap();
        let asked = script.asked();
        assert_eq!(asked.len(), 1);
        let start = "POST https://hooks.example/T0/secret?sig=a%2Fb {\"text\":\"shop-dev: 1 high";
        assert!(asked[0].starts_with(start), "{}", asked[0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_waited_for_as_long_as_it_is_asked() {
        let script =
            Script::new(&[Some((429, Some("7"))), Some((503, None)), None, Some((204, None))]);
        let started = Instant::now();
        post(&script).await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(7 + 3) + ANSWER + Duration::from_secs(9));
        assert_eq!(script.asked().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_at_once_and_without_the_secret() {
        let script = Script::new(&[Some((404, None))]);
        assert_eq!(post(&script).await, Err("hooks.example answered 404".into()));
        assert_eq!(script.asked().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn posting_has_an_end() {
        let script = Script::new(&[]);
        let why = post(&script).await.unwrap_err();
        assert_eq!(why, "hooks.example did not answer within 10 s");
        assert_eq!(script.asked().len(), 5);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let others =
            ["http://hooks.example/x", "http://localhost.example/", "http://127.0.0.1.example/"];
        for address in
            ["", "hooks.example/x", "/x", "https://", "ftp://localhost/"].iter().chain(&others)
        {
            let webhook = Webhook::new(address, WebhookFormat::Json, None::<Script>);
            assert_eq!(webhook.err(), Some(NoAddress), "{address}");
        }
    }

    #[tokio::test]
    async fn a_real_server_is_posted_to_through_the_sdks_own_client() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook?k=v", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = String::new();
            while !heard.contains("\"still_there\":0") {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).await.unwrap();
                heard.push_str(std::str::from_utf8(&part[..length]).unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            heard
        });
        let webhook = Webhook::new(&address, WebhookFormat::Json, None::<Script>).unwrap();
        webhook.hear(&message()).await.unwrap();
        let heard = server.await.unwrap();
        assert!(heard.starts_with("POST /hook?k=v HTTP/1.1\r\n"), "{heard}");
        assert!(heard.to_lowercase().contains("content-type: application/json\r\n"), "{heard}");
    }
}
