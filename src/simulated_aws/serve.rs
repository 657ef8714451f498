//! The endpoint behind a socket, for the SDKs and command lines of others.
//!
//! One port serves all services, on any path and for any host name: which service is meant is
//! read from the signature, as it is of requests inside the program.

pub mod losing;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::endpoint::{Disconnected, Endpoint, Reply};
use super::wire;

/// The largest request that is read. S3 takes far larger objects in one put, but those above 8 MB come
/// in parts by the defaults of the AWS CLI, which are refused here.
const LARGEST_BODY: usize = 16 << 20;

/// How long requests that are being answered may take once the server is to end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// How long to wait when the system has no socket to give.
const BREATH: Duration = Duration::from_millis(50);

const ABOUT: &str = "\
A simulated AWS: EC2, ECS, Elastic Load Balancing, IAM, STS, CloudWatch Logs,
Application Auto Scaling, Secrets Manager, SSM parameters, Service Quotas, S3, EventBridge
Scheduler, SNS, CloudWatch alarms and metrics, and CloudTrail's event history, as far as a
load-balanced Fargate service, its state and the checks of both need them.

Point an SDK or the AWS CLI here, with any credentials:

    AWS_ENDPOINT_URL=<this address> AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any aws ecs list-clusters
";

/// Serves requests that come to `listener` until `shutdown` is ready.
///
/// Requests that are being answered then get a short while to end.
pub async fn serve(
    listener: TcpListener,
    endpoint: Arc<Endpoint>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopping) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&endpoint), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!("can't accept a connection: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(stop);
    let all_end = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_ANSWERS, all_end).await.is_err() {
        tracing::debug!("closed connections that still waited for an answer");
    }
}

/// Answers the requests of one connection, until either side ends it.
async fn converse(stream: TcpStream, endpoint: Arc<Endpoint>, mut stopping: watch::Receiver<()>) {
    let service = service_fn(|request| respond(request, &endpoint));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection broke: {error}");
    }
}

/// Answers one request. An error closes the connection without an answer.
async fn respond(
    request: Request<Incoming>,
    endpoint: &Endpoint,
) -> Result<Response<Full<Bytes>>, Disconnected> {
    let (head, body) = request.into_parts();
    if is_of_a_browser(&head) {
        return Ok(text(StatusCode::OK, ABOUT));
    }
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large or broke off.\n"));
    };
    let reply = endpoint.answer(&received(&head, body.to_bytes())).await?;
    Ok(response(reply))
}

/// Whether somebody looks who knows no service: what else is not signed is refused, as by AWS.
fn is_of_a_browser(head: &Parts) -> bool {
    let asks_nothing = head.uri.path() == "/" && head.uri.query().is_none();
    let is_signed = head.headers.contains_key(header::AUTHORIZATION);
    head.method == Method::GET && asks_nothing && !is_signed
}

fn received(head: &Parts, body: Bytes) -> wire::Request {
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    wire::Request {
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers.collect(),
        body,
    }
}

fn response(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(reply.answer.status)
        .header(header::CONTENT_TYPE, reply.answer.content_type)
        .body(Full::from(reply.answer.body))
        .expect("status and headers of an answer are valid");
    for (name, value) in reply.answer.headers {
        let name = HeaderName::try_from(name).expect("the name of a header is valid");
        // What somebody put into an object's metadata may be no header.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn text(status: StatusCode, content: &'static str) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::from(content))
        .expect("a constant header is valid")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;
    use serde_json::Value;
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::simulated_aws::clock::{Clock, Moment};
    use crate::simulated_aws::cloud::Cloud;
    use crate::simulated_aws::endpoint::{Call, Interference, Verdict};
    use crate::simulated_aws::wire::Answer;

    struct Server {
        address: SocketAddr,
        endpoint: Arc<Endpoint>,
        stop: oneshot::Sender<()>,
        ended: JoinHandle<()>,
    }

    impl Server {
        async fn start() -> Self {
            let epoch = "2026-01-01T00:00:00Z".parse().unwrap();
            let clock = Clock::starting_at(Moment::default(), 1000.0);
            let endpoint = Arc::new(Endpoint::new(Cloud::new("eu-west-1", epoch, 7), clock));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (stop, stopped) = oneshot::channel();
            let shutdown = async move { stopped.await.unwrap_or_default() };
            let ended = tokio::spawn(serve(listener, Arc::clone(&endpoint), shutdown));
            Self { address, endpoint, stop, ended }
        }

        async fn send(&self, request: Request<Full<Bytes>>) -> Option<Response<String>> {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let (head, body) = client.request(request).await.ok()?.into_parts();
            let body = body.collect().await.ok()?.to_bytes();
            Some(Response::from_parts(head, String::from_utf8(body.to_vec()).unwrap()))
        }

        async fn create_group(&self, path: &str) -> Option<Response<String>> {
            let credential = "Credential=AKIASIMULATED/20260101/eu-west-1/logs/aws4_request";
            let request = Request::post(format!("http://{}{path}", self.address))
                .header("host", "logs.eu-west-1.amazonaws.com")
                .header("authorization", format!("AWS4-HMAC-SHA256 {credential}, Signature=0"))
                .header("x-amz-target", "Logs_20140328.CreateLogGroup")
                .body(Full::from("{\"logGroupName\": \"g\"}"));
            self.send(request.unwrap()).await
        }
    }

    #[derive(Debug)]
    struct Always(Verdict);

    impl Interference for Always {
        fn before(&self, _: usize, _: &Call) -> Verdict {
            self.0.clone()
        }

        fn after(&self, _: usize, _: &Call, _: &Answer) -> Verdict {
            Verdict::Pass
        }
    }

    #[tokio::test]
    async fn requests_are_answered_for_any_host_and_path() {
        let server = Server::start().await;
        let made = server.create_group("/").await.unwrap();
        assert_eq!((made.status(), made.body().as_str()), (StatusCode::OK, "{}"));
        assert!(made.headers().contains_key("x-amzn-requestid"));
        let again = server.create_group("/some/where").await.unwrap();
        assert_eq!(again.status(), StatusCode::BAD_REQUEST);
        let error: Value = serde_json::from_str(again.body()).unwrap();
        assert_eq!(error["__type"], "ResourceAlreadyExistsException");
    }

    #[tokio::test]
    async fn who_looks_with_a_browser_is_told_what_this_is() {
        let server = Server::start().await;
        let request = Request::get(format!("http://{}/", server.address)).body(Full::default());
        let shown = server.send(request.unwrap()).await.unwrap();
        assert_eq!(shown.status(), StatusCode::OK);
        assert!(shown.body().contains("simulated AWS"), "{}", shown.body());
    }

    #[tokio::test]
    async fn what_is_not_signed_is_refused_on_every_other_path() {
        let server = Server::start().await;
        for path in ["/acme/key", "/?list-type=2", "/acme?X-Amz-Signature=0"] {
            let request = Request::get(format!("http://{}{path}", server.address));
            let refused = server.send(request.body(Full::default()).unwrap()).await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
            assert!(refused.body().contains("<Code>AccessDenied</Code>"), "{}", refused.body());
        }
    }

    #[tokio::test]
    async fn a_broken_connection_brings_no_answer() {
        let server = Server::start().await;
        server.endpoint.interfere(Some(Box::new(Always(Verdict::Disconnect))));
        assert!(server.create_group("/").await.is_none());
        server.endpoint.interfere(None);
        assert!(server.create_group("/").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_end_does_not_keep_the_server() {
        let server = Server::start().await;
        server.endpoint.interfere(Some(Box::new(Always(Verdict::Silence))));
        let request = server.create_group("/");
        let stop = async {
            while server.endpoint.calls().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answer = request => panic!("answered {answer:?}"),
            () = stop => {}
        }
        server.stop.send(()).unwrap();
        server.ended.await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_told_to_end_ends() {
        let server = Server::start().await;
        server.create_group("/").await.unwrap();
        server.stop.send(()).unwrap();
        server.ended.await.unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
