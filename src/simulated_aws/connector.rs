//! The endpoint behind the SDK's HTTP client.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;

use super::endpoint::{Endpoint, Reply};
use super::wire::Request;

/// An HTTP client for the SDK that answers from a simulated cloud.
#[derive(Clone, Debug)]
pub struct Connector(Arc<Endpoint>);

impl Connector {
    /// A client whose every request is answered by `endpoint`.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        Self(endpoint)
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let endpoint = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = received(request).await?;
            let reply = endpoint
                .answer(&request)
                .await
                .map_err(|error| ConnectorError::io(Box::new(error)))?;
            into_response(reply)
        })
    }
}

/// The request as a server gets it.
async fn received(mut request: HttpRequest) -> Result<Request, ConnectorError> {
    let body = std::mem::replace(request.body_mut(), SdkBody::taken());
    let body = body.collect().await.map_err(ConnectorError::user)?.to_bytes();
    let url = request.uri();
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, target) =
        behind_scheme.split_at(behind_scheme.find('/').unwrap_or(behind_scheme.len()));
    let mut headers = BTreeMap::from([("host".to_owned(), host.to_owned())]);
    headers.extend(
        request.headers().iter().map(|(name, value)| (name.to_lowercase(), value.to_owned())),
    );
    Ok(Request {
        method: request.method().to_owned(),
        target: if target.is_empty() { "/".to_owned() } else { target.to_owned() },
        headers,
        body,
    })
}

fn into_response(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let status = reply.answer.status.try_into().map_err(|error| user(Box::new(error)))?;
    let mut response = HttpResponse::new(status, SdkBody::from(reply.answer.body));
    response.headers_mut().insert("content-type", reply.answer.content_type);
    for (name, value) in reply.answer.headers {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}
